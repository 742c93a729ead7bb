import { expect, test } from 'vitest'
import { NeverRetry, RetryLater } from '../errors.ts'
import { DEFAULT_RETRY, MAX_WAITS, retryAfter } from './retry.ts'

const { max_attempts: MAX_ATTEMPTS } = DEFAULT_RETRY

const error = new Error('model down')

test('pauses double from two seconds', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryAfter(attempt, error, null, () => 1))
  expect(longest).toEqual([2, 4, 8, 16, 32, 64, 128])
  expect(retryAfter(1, error, null, () => 0)).toBe(0)
})

test('the last attempt has no successor', () => {
  expect(retryAfter(MAX_ATTEMPTS, error)).toBeNull()
  expect(retryAfter(MAX_ATTEMPTS, new RetryLater(1, 'busy'))).not.toBeNull()
  expect(retryAfter(MAX_WAITS, new RetryLater(1, 'busy'))).toBeNull()
})

test('a handler says when, or never, by throwing the word', () => {
  expect(retryAfter(1, new RetryLater(90, 'busy'), null, () => 0)).toBe(90)
  expect(retryAfter(1, new NeverRetry('unreadable'))).toBeNull()
})

test('a hook may say how often, how long and how evenly', () => {
  const policy = { max_attempts: 3, initial_seconds: 1, factor: 10, max_seconds: 5, jitter: 'none' as const }
  expect([1, 2, 3].map((attempt) => retryAfter(attempt, error, policy, () => 0))).toEqual([1, 5, null])
  expect(retryAfter(8, error, { max_attempts: 9 }, () => 1)).toBe(256)
})
