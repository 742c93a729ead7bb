import { expect, test } from 'vitest'
import { NeverRetry, RetryLater } from '../errors.ts'
import { MAX_ATTEMPTS, MAX_WAITS, retryAfter } from './retry.ts'

const error = new Error('model down')

test('pauses double from two seconds', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryAfter(attempt, error, () => 1))
  expect(longest).toEqual([2, 4, 8, 16, 32, 64, 128])
  expect(retryAfter(1, error, () => 0)).toBe(0)
})

test('the last attempt has no successor', () => {
  expect(retryAfter(MAX_ATTEMPTS, error)).toBeNull()
  expect(retryAfter(MAX_ATTEMPTS, new RetryLater(1, 'busy'))).not.toBeNull()
  expect(retryAfter(MAX_WAITS, new RetryLater(1, 'busy'))).toBeNull()
})

test('a handler says when, or never, by throwing the word', () => {
  expect(retryAfter(1, new RetryLater(90, 'busy'), () => 0)).toBe(90)
  expect(retryAfter(1, new NeverRetry('unreadable'))).toBeNull()
})
