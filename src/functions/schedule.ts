import { Cron } from 'croner'
import { ZeroError } from '../errors.ts'
import type { Tick } from '../store/automation/schedules.ts'

/** A tick later than this counts as missed; until then it is only late. */
const LATE_MS = 60_000
/** Maximum number of missed ticks of one schedule that are run at once. */
const MAX_TICKS = 100

type When = { cron: string; timezone: string }

/** Parses a cron expression of five fields, or six with seconds first. Handles daylight saving time as crontab(5) does. */
function patternOf({ cron, timezone }: When): Cron {
  return new Cron(cron, { timezone, mode: '5-or-6-parts', paused: true })
}

interface CronFault {
  field: 'cron' | 'timezone'
  message: string
  cause: unknown
}

/** Returns why an expression or its time zone is invalid, or that no time matches; null for a valid one. */
export function cronFault(when: When): CronFault | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: when.timezone })
  } catch (cause) {
    return {
      field: 'timezone',
      message: `"${when.timezone}" is not a valid time zone: use one like "Europe/Berlin"`,
      cause,
    }
  }
  try {
    if (patternOf(when).nextRun() === null) throw new Error('no time matches it')
  } catch (cause) {
    const reason = (cause as Error).message.replace(/^CronPattern: /, '')
    return { field: 'cron', message: `"${when.cron}" is not a valid cron expression: ${reason}`, cause }
  }
  return null
}

/** Throws `invalid` for an invalid expression or time zone of a function, and for an expression that never matches. */
export function checkCron(when: When): void {
  const fault = cronFault(when)
  if (fault) throw new ZeroError('invalid', `schedule: ${fault.message}`, { cause: fault.cause })
}

/** Returns the first tick after `after`, or null if there is none. */
export function nextTick(when: When, after: Date): string | null {
  return patternOf(when).nextRun(after)?.toISOString() ?? null
}

/** Returns the next `count` ticks after `after`. */
export function nextTicks(when: When, after: Date, count: number): string[] {
  return patternOf(when)
    .nextRuns(count, after)
    .map((tick) => tick.toISOString())
}

/**
 * Returns the ticks that are due at `now`, and the next tick after `now`, for a schedule whose `next_at` has passed. A tick of more than a
 * minute ago is missed. The policy `missed` decides whether none, the last one or all missed ticks (up to 100) are run.
 */
export function dueTicks(
  schedule: When & { missed: 'skip' | 'run_once' | 'run_all'; next_at: string },
  now: Date,
): { ticks: string[]; next: string | null } {
  const pattern = patternOf(schedule)
  const first = new Date(schedule.next_at)
  const second = pattern.nextRun(first)
  // Search backwards from `now`: after a long downtime there are too many ticks to enumerate forwards.
  const passed =
    second === null || second > now
      ? [first]
      : pattern
          .previousRuns(MAX_TICKS, new Date(now.getTime() + 1))
          .filter((tick) => tick >= first)
          .sort((a, b) => a.getTime() - b.getTime())
  const late = passed.filter((tick) => now.getTime() - tick.getTime() <= LATE_MS)
  const missed = passed.filter((tick) => now.getTime() - tick.getTime() > LATE_MS)
  const madeUp =
    schedule.missed === 'run_all' ? missed : schedule.missed === 'run_once' && late.length === 0 ? missed.slice(-1) : []
  return {
    ticks: [...madeUp, ...late].map((tick) => tick.toISOString()),
    next: pattern.nextRun(now)?.toISOString() ?? null,
  }
}

/** Builds a tick of a schedule, with the event envelope for its function. */
export function tickEvent(schedule: { id: string; cron: string; timezone: string }, at: string, now: string): Tick {
  const { id: schedule_id, cron, timezone } = schedule
  const data = { schedule_id, cron, timezone, scheduled_at: at }
  const id = `tick_${schedule_id}_${Date.parse(at)}`
  return { at, input: { id, event: 'cron.tick', channel: 'functions', timestamp: now, data } }
}
