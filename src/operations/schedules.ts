import { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { nextTick, nextTicks, tickEvent } from '../functions/schedule.ts'
import { run } from '../schema/run.ts'
import { type Schedule, schedule, scheduleKey, scheduleList, scheduleUpdate } from '../schema/schedule.ts'
import type { StoredSchedule } from '../store/automation/schedules.ts'
import { defineJson } from './operation.ts'

const TICKS_SHOWN = 5

export const schedulesList = defineJson({
  name: 'schedules.list',
  summary: 'List schedules',
  description: 'Returns the schedules of the functions of a project, each with its next ticks.',
  route: 'GET /api/v1/schedules',
  permission: 'functions:read',
  idempotent: true,
  input: scheduleList,
  output: z.array(schedule).describe('The schedules, with their next ticks'),
  async run(app, caller, { project_id }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return (await app.store.schedules.list(scope)).map((stored) => withTicks(app, stored))
  },
})

export const schedulesGet = defineJson({
  name: 'schedules.get',
  summary: 'Get a schedule',
  description: 'Returns one schedule with its next ticks.',
  route: 'GET /api/v1/schedules/:schedule_id',
  permission: 'functions:read',
  idempotent: true,
  input: scheduleKey,
  output: schedule,
  run: async (app, caller, { schedule_id }) =>
    withTicks(app, await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)),
})

export const schedulesUpdate = defineJson({
  name: 'schedules.update',
  summary: 'Pause or continue a schedule',
  description: 'A paused schedule has no ticks. When it continues, ticks that passed in the pause are not made up for.',
  route: 'PATCH /api/v1/schedules/:schedule_id',
  permission: 'functions:write',
  idempotent: false,
  input: scheduleUpdate,
  output: schedule,
  async run(app, caller, { schedule_id, paused }) {
    const stored = await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)
    const now = new Date(await app.store.schedules.clock())
    await app.store.schedules.pause(stored.id, paused, nextTick(stored, now))
    return withTicks(app, await app.store.schedules.get(caller.user_id, caller.bound, schedule_id))
  },
})

export const schedulesRun = defineJson({
  name: 'schedules.run',
  summary: 'Run a schedule now',
  description:
    'Queues a run of the function with the event of a tick that is due now. The ticks of the schedule do not change.',
  route: 'POST /api/v1/schedules/:schedule_id/run',
  permission: 'functions:invoke',
  idempotent: false,
  input: scheduleKey,
  errors: ['function_disabled'],
  output: run,
  status: 201,
  async run(app, caller, { schedule_id }) {
    const stored = await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)
    const now = await app.store.schedules.clock()
    const id = await app.store.schedules.runNow(stored, tickEvent(stored, now, now).input)
    app.runs.queued()
    return app.store.runs.get(caller.user_id, caller.bound, id)
  },
})

function withTicks({ clock }: App, stored: StoredSchedule): Schedule {
  return { ...stored, next_runs: stored.paused ? [] : nextTicks(stored, new Date(clock.now()), TICKS_SHOWN) }
}
