import type { FastifyReply } from 'fastify'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'

/** Size of a bucket in seconds of requests, which allows short bursts. */
const BURST_SECONDS = 10
const MAX_BUCKETS = 50_000

interface Bucket {
  tokens: number
  /** When `tokens` was updated, in milliseconds. */
  at: number
}

/** Takes a token from the bucket of `name` and sets the `RateLimit-*` headers. Throws `rate_limited` if the bucket is empty. */
export type RateLimiter = (reply: FastifyReply, name: string) => void

/** Creates a rate limiter with token buckets in the memory of this process. */
export function createRateLimiter({ config, clock }: Pick<App, 'config' | 'clock'>): RateLimiter {
  const perSecond = config.rateLimit
  if (perSecond === 0) return () => {}
  const size = perSecond * BURST_SECONDS
  const buckets = new Map<string, Bucket>()

  return (reply, name) => {
    const now = clock.now()
    const bucket = buckets.get(name) ?? { tokens: size, at: now }
    bucket.tokens = Math.min(size, bucket.tokens + (Math.max(0, now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    // Inserted again to keep the map in order of use: the first bucket is the least recently used.
    buckets.delete(name)
    if (buckets.size >= MAX_BUCKETS) buckets.delete(buckets.keys().next().value!)
    buckets.set(name, bucket)
    const isAllowed = bucket.tokens >= 1
    if (isAllowed) bucket.tokens--
    void reply
      .header('ratelimit-limit', String(size))
      .header('ratelimit-remaining', String(Math.floor(bucket.tokens)))
      .header('ratelimit-reset', String(Math.ceil((size - bucket.tokens) / perSecond)))
    if (isAllowed) return
    const seconds = Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond))
    throw new ZeroError(
      'rate_limited',
      `Rate limit reached: ${perSecond} requests per second (ZERODB_RATE_LIMIT). Retry in ${seconds} s`,
      { retryAfter: seconds },
    )
  }
}
