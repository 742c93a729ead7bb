import type { App } from '../../app.ts'
import { ZeroError } from '../../errors.ts'
import { type DueTime, delaySeconds, MAX_DELAY_SECONDS } from '../../schema/due-time.ts'
import type { DueOnce } from '../../store/data/published.ts'

/**
 * Returns the number of seconds until the time that a request asks for; null if it asks for none. Throws `validation_failed` for a time that
 * is too far away, and for two times. `at` is the position of the fields in the body.
 */
export function secondsUntilDue(
  app: App,
  { delay, run_at }: DueTime,
  at: readonly (string | number)[] = [],
): number | null {
  const invalid = (field: string, msg: string) =>
    new ZeroError('validation_failed', undefined, {
      fields: [{ type: 'value_error', loc: ['body', ...at, field], msg }],
    })
  if (delay !== undefined && run_at !== undefined) throw invalid('run_at', 'Must not be given together with delay')
  if (delay !== undefined) {
    const seconds = delaySeconds(delay)
    if (seconds >= 0 && seconds <= MAX_DELAY_SECONDS) return seconds
    throw invalid('delay', `Must be 0 to ${MAX_DELAY_SECONDS} seconds, which is a year`)
  }
  if (run_at === undefined) return null
  const seconds = (Date.parse(run_at) - app.clock.now()) / 1000
  if (seconds > MAX_DELAY_SECONDS) throw invalid('run_at', 'Must be at most a year from now')
  return Math.max(0, seconds)
}

/** Returns the later time at which an event is to be published; null for now. Throws as `secondsUntilDue` does. */
export function dueOnce(app: App, time: DueTime, at: readonly (string | number)[] = []): DueOnce | null {
  const due_in = secondsUntilDue(app, time, at)
  return due_in === null || due_in === 0 ? null : { due_in, run_at: time.run_at ?? null }
}
