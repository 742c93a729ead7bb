import { Cron } from 'croner'
import { ZeroError } from '../errors.ts'
import type { Tick } from '../store/automation/schedules.ts'

/** What passed longer ago than this has been missed; until then a tick is only late. */
const LATE_MS = 60_000
/** Ticks of one schedule that are made up for at once. */
const MAX_TICKS = 100

type When = { cron: string; timezone: string }

/** Five fields, or six with seconds before them; a day that daylight saving cuts or doubles is as crontab(5) users expect. */
function patternOf({ cron, timezone }: When): Cron {
  return new Cron(cron, { timezone, mode: '5-or-6-parts', paused: true })
}

/** Throws `invalid` for an expression or a time zone that is none, or one that no time ever matches. */
export function checkCron(when: When): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: when.timezone })
  } catch (error) {
    throw new ZeroError('invalid', `schedule: "${when.timezone}" is no time zone; write one like "Europe/Berlin"`, {
      cause: error,
    })
  }
  try {
    if (patternOf(when).nextRun() === null) throw new Error('no time matches it')
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, '')
    throw new ZeroError('invalid', `schedule: "${when.cron}" is no cron expression: ${reason}`, { cause: error })
  }
}

/** The first tick after `after`; null when none comes. */
export function nextTick(when: When, after: Date): string | null {
  return patternOf(when).nextRun(after)?.toISOString() ?? null
}

/** The next `count` ticks after `after`. */
export function nextTicks(when: When, after: Date, count: number): string[] {
  return patternOf(when)
    .nextRuns(count, after)
    .map((tick) => tick.toISOString())
}

/**
 * The ticks for which runs are to be made at `now`, of a schedule whose tick `nextAt` has come, and the one that comes after `now`. Of ticks
 * that have been missed (more than a minute ago) none, the last or, up to 100, each is made up for, as `missed` says.
 */
export function dueTicks(
  schedule: When & { missed: 'skip' | 'run_once' | 'run_all'; next_at: string },
  now: Date,
): { ticks: string[]; next: string | null } {
  const pattern = patternOf(schedule)
  const first = new Date(schedule.next_at)
  const second = pattern.nextRun(first)
  // From `now` backwards: after years of standing still there is no end of ticks forwards.
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

/** A tick of a schedule with the envelope that its function is given. */
export function tickEvent(schedule: { id: string; cron: string; timezone: string }, at: string, now: string): Tick {
  const { id: schedule_id, cron, timezone } = schedule
  const data = { schedule_id, cron, timezone, scheduled_at: at }
  const id = `tick_${schedule_id}_${Date.parse(at)}`
  return { at, input: { id, event: 'cron.tick', channel: 'functions', timestamp: now, data } }
}
