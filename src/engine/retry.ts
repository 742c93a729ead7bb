import { NeverRetry, RetryLater } from '../errors.ts'
import type { RetryPolicy } from '../schema/hook.ts'

/** A provider that asks for a later retry may be down for hours, which must not use up the attempts of the run. */
export const MAX_WAITS = 100

type FullPolicy = { [Key in keyof RetryPolicy]-?: Exclude<RetryPolicy[Key], undefined> }

/** How a hook's runs are tried again, where it does not say. */
export const DEFAULT_RETRY = {
  max_attempts: 8,
  initial_seconds: 2,
  factor: 2,
  max_seconds: 300,
  jitter: 'full',
} as const satisfies FullPolicy

/**
 * Seconds until the next attempt after the `attempt`-th (from 1) failed with `error`, or null when there is none.
 * The pause grows by the policy's factor up to its longest, with full jitter if not said otherwise; `RetryLater` is obeyed up to 100 times
 * (and a fifth longer at most, so that not all come back at once), `NeverRetry` ends it.
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
