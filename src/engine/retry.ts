import { NeverRetry, RetryLater } from '../errors.ts'

export const MAX_ATTEMPTS = 8
const FIRST_PAUSE_SECONDS = 2
const LONGEST_PAUSE_SECONDS = 300

/**
 * Seconds until the next attempt after the `attempt`-th (from 1) failed with `error`, or null when there is none.
 * Doubles from 2 to 300 seconds, with full jitter; `RetryLater` is obeyed, `NeverRetry` ends it.
 * Source of the jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function retryAfter(attempt: number, error: unknown, random: () => number = Math.random): number | null {
  if (error instanceof NeverRetry || attempt >= MAX_ATTEMPTS) return null
  if (error instanceof RetryLater) return error.seconds
  return random() * Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
}
