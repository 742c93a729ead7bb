import { NeverRetry, RetryLater } from '../errors.ts'

export const MAX_ATTEMPTS = 8
/** A provider that says "later" may be down for hours: that is no fault of the run. */
export const MAX_WAITS = 100
const FIRST_PAUSE_SECONDS = 2
const LONGEST_PAUSE_SECONDS = 300

/**
 * Seconds until the next attempt after the `attempt`-th (from 1) failed with `error`, or null when there is none.
 * Doubles from 2 to 300 seconds, with full jitter; `RetryLater` is obeyed up to 100 times
 * (and a fifth longer at most, so that not all come back at once), `NeverRetry` ends it.
 * Source of the jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function retryAfter(attempt: number, error: unknown, random: () => number = Math.random): number | null {
  if (error instanceof NeverRetry) return null
  if (error instanceof RetryLater) return attempt >= MAX_WAITS ? null : error.seconds * (1 + random() / 5)
  if (attempt >= MAX_ATTEMPTS) return null
  return random() * Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
}
