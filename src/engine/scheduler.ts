import type { App } from '../app.ts'
import { dueTicks, tickEvent } from '../functions/schedule.ts'
import type { DueSchedule } from '../store/automation/schedules.ts'

const BATCH = 100

/**
 * Creates the runs of all due ticks. One statement advances a schedule and creates its runs, so that concurrent processes neither repeat
 * nor lose a tick. Returns true if runs were created.
 */
export async function runSchedules(app: App): Promise<boolean> {
  let any = false
  for (;;) {
    const due = await app.store.schedules.due(BATCH)
    for (const schedule of due) any = (await advance(app, schedule)) || any
    if (due.length < BATCH) return any
  }
}

async function advance(app: App, schedule: DueSchedule): Promise<boolean> {
  const { ticks, next } = dueTicks(schedule, new Date(schedule.now))
  const runs = ticks.map((at) => tickEvent(schedule, at, schedule.now))
  if (Date.parse(schedule.now) - Date.parse(schedule.next_at) > 60_000)
    app.log.warn(
      { schedule: schedule.id, since: schedule.next_at, made_up: ticks.length },
      'ticks of a schedule were missed',
    )
  return (await app.store.schedules.advance(schedule, next, runs)) && ticks.length > 0
}
