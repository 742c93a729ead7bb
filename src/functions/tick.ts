import type { Tick } from '../store/schedules.ts'

/** A tick of a schedule with the envelope that its function is given. */
export function tickEvent(schedule: { id: string; cron: string; timezone: string }, at: string, now: string): Tick {
  const { id: schedule_id, cron, timezone } = schedule
  const data = { schedule_id, cron, timezone, scheduled_at: at }
  const id = `tick_${schedule_id}_${Date.parse(at)}`
  return { at, input: { id, event: 'cron.tick', channel: 'functions', timestamp: now, data } }
}
