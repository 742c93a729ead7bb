import { NeverRetry, RetryLater } from '../errors.ts'
import type { RetryPolicy } from '../schema/hook.ts'

/** A provider that asks for a later retry may be down for hours, which must not use up the attempts of the run. */
export const MAX_WAITS = 100

type FullPolicy = { [Key in keyof RetryPolicy]-?: Exclude<RetryPolicy[Key], undefined> }

/** The retry policy of hooks without their own policy, and the defaults for its missing fields. */
export const DEFAULT_RETRY = {
  max_attempts: 8,
  initial_seconds: 2,
  factor: 2,
  max_seconds: 300,
  jitter: 'full',
} as const satisfies FullPolicy

/**
 * Returns the seconds until the next attempt after attempt number `attempt` (from 1) failed with `error`; null if the run ends.
 * The pause grows by the policy's factor up to its maximum, with full jitter by default.
 * `RetryLater` is followed up to 100 times, with up to a fifth added so that not all runs come back at once.
 * Source of the jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function retryAfter(
  attempt: number,
  error: unknown,
  policy: RetryPolicy | null = null,
  random: () => number = Math.random,
): number | null {
  if (error instanceof NeverRetry) return null
  if (error instanceof RetryLater) return attempt >= MAX_WAITS ? null : error.seconds * (1 + random() / 5)
  const { max_attempts, initial_seconds, factor, max_seconds, jitter } = { ...DEFAULT_RETRY, ...policy } as FullPolicy
  if (attempt >= max_attempts) return null
  const longest = Math.min(max_seconds, initial_seconds * factor ** (attempt - 1))
  return jitter === 'none' ? longest : random() * longest
}
