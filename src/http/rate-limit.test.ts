import type { FastifyReply } from 'fastify'
import { expect, test } from 'vitest'
import type { Config } from '../config.ts'
import { createRateLimiter } from './rate-limit.ts'

function limiterOf(rateLimit: number) {
  let now = 0
  const limit = createRateLimiter({
    config: { rateLimit } as Config,
    clock: { now: () => now, skewSeconds: () => 0 },
  })
  const reply = { header: () => reply } as unknown as FastifyReply
  return {
    advance(ms: number) {
      now += ms
    },
    passes(name: string): boolean {
      try {
        limit(reply, name)
        return true
      } catch {
        return false
      }
    },
  }
}

test('a bucket holds ten seconds of requests and is refilled steadily', () => {
  const limiter = limiterOf(2)
  for (let n = 0; n < 20; n++) expect(limiter.passes('a')).toBe(true)
  expect(limiter.passes('a')).toBe(false)
  limiter.advance(499)
  expect(limiter.passes('a')).toBe(false)
  limiter.advance(1)
  expect(limiter.passes('a')).toBe(true)
  expect(limiter.passes('a')).toBe(false)
  expect(limiter.passes('b')).toBe(true)
  limiter.advance(3_600_000)
  for (let n = 0; n < 20; n++) expect(limiter.passes('a')).toBe(true)
  expect(limiter.passes('a')).toBe(false)
})

test('a flood of other names does not reset a bucket in use', () => {
  const limiter = limiterOf(1)
  for (let n = 0; n < 10; n++) expect(limiter.passes('busy')).toBe(true)
  for (let n = 0; n < 120_000; n++) {
    limiter.passes(`flood ${n}`)
    if (n % 10_000 === 0) expect(limiter.passes('busy')).toBe(false)
  }
})
