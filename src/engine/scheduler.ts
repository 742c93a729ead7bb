import type { App } from '../app.ts'
import { dueTicks, tickEvent } from '../functions/schedule.ts'
import type { DueSchedule } from '../store/automation/schedules.ts'

const BATCH = 100

/**
 * Creates the runs, and publishes the events, of all due schedules. One statement advances a schedule and creates its runs or events, so
 * that concurrent processes neither repeat nor lose a tick. Returns true if runs or events were created.
 */
export async function runSchedules(app: App): Promise<boolean> {
  let any = await publishPending(app)
  for (;;) {
    const due = await app.store.schedules.due(BATCH)
    for (const schedule of due) any = (await advance(app, schedule)) || any
    if (due.length < BATCH) return any
  }
}

/** Publishes the due events of schedules that fire once. */
async function publishPending(app: App): Promise<boolean> {
  for (let any = false; ; any = true) {
    const published = await app.store.schedules.publishOnce(BATCH)
    if (published < BATCH) return any || published > 0
  }
}

async function advance(app: App, schedule: DueSchedule): Promise<boolean> {
  const { schedules } = app.store
  const { ticks, next } = dueTicks(schedule, new Date(schedule.now))
  if (Date.parse(schedule.now) - Date.parse(schedule.next_at) > 60_000)
    app.log.warn(
      { schedule: schedule.id, since: schedule.next_at, made_up: ticks.length },
      'ticks of a schedule were missed',
    )
  if (schedule.function_id === null) {
    await schedules.publish(schedule, next, ticks)
    return ticks.length > 0
  }
  const runs = ticks.map((at) => tickEvent(schedule, at, schedule.now))
  return (await schedules.advance(schedule, next, runs)) && ticks.length > 0
}
