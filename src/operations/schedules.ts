import { z } from 'zod'
import type { App } from '../app.ts'
import { require as requirePermission, scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { type FieldError, ZeroError } from '../errors.ts'
import { cronFault, nextTick, nextTicks, tickEvent } from '../functions/schedule.ts'
import { run } from '../schema/run.ts'
import {
  type Schedule,
  schedule,
  scheduleCreate,
  scheduleKey,
  scheduleList,
  scheduleUpdate,
} from '../schema/schedule.ts'
import type { EventSchedule, StoredSchedule } from '../store/automation/schedules.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { secondsUntilDue } from './lib/due-time.ts'
import { checkPendingEvents } from './lib/pending-events.ts'
import { defineJson } from './operation.ts'

const TICKS_SHOWN = 5

export const schedulesCreate = defineJson({
  name: 'schedules.create',
  summary: 'Schedule an event',
  description:
    'Publishes an event at each tick of a cron expression, or once after `delay` or at `run_at`, so that hooks react to it. A schedule that fires once is deleted with that, and the event has its id. To run a function by the clock, give the function a `schedule`.',
  route: 'POST /api/v1/schedules',
  permission: 'zerodb:write',
  idempotent: false,
  input: scheduleCreate,
  errors: ['schedule_exists'],
  output: schedule,
  status: 201,
  async run(app, caller, { project_id, name = null, cron, timezone, missed, delay, run_at, ...event }) {
    const scope = scopeOf(caller, project_id)
    const when = await whenOf(app, { cron, timezone, missed, delay, run_at })
    try {
      const stored = await app.store.transaction(async (tx) => {
        if ('due_in' in when) await checkPendingEvents(tx, scope, 1)
        const created = await tx.schedules.create(scope, { ...event, name, when })
        if (!('due_in' in when)) await tx.quotas.check(scope, 'schedules')
        return created
      })
      return withTicks(app, stored)
    } catch (error) {
      if (!isUniqueViolation(error, 'uix_zerodb_schedules_name')) throw error
      throw new ZeroError('schedule_exists', `A schedule "${name}" exists already`, { cause: error })
    }
  },
})

type When = Pick<z.infer<typeof scheduleCreate>, 'cron' | 'timezone' | 'missed' | 'delay' | 'run_at'>

/** Returns when a schedule fires. Throws `validation_failed` unless there is exactly one of `cron`, `delay` and `run_at`. */
async function whenOf(app: App, { cron, timezone, missed, ...once }: When): Promise<EventSchedule['when']> {
  if (cron === undefined) {
    const due_in = secondsUntilDue(app, once)
    if (due_in === null) throw invalid('cron', 'Field required: send cron, delay or run_at', 'missing')
    const needless = timezone !== undefined ? 'timezone' : missed !== undefined ? 'missed' : null
    if (needless !== null) throw invalid(needless, 'Only a schedule with cron has this field')
    return { due_in, run_at: due_in > 0 ? (once.run_at ?? null) : null }
  }
  const second = once.delay !== undefined ? 'delay' : once.run_at !== undefined ? 'run_at' : null
  if (second !== null) throw invalid(second, 'Must not be given together with cron')
  const when = { cron, timezone: timezone ?? 'UTC' }
  const fault = cronFault(when)
  if (fault) throw invalid(fault.field, fault.message)
  return { ...when, missed: missed ?? 'run_once', next_at: nextTick(when, new Date(await app.store.schedules.clock())) }
}

function invalid(field: string, msg: string, type: FieldError['type'] = 'value_error'): ZeroError {
  return new ZeroError('validation_failed', undefined, { fields: [{ type, loc: ['body', field], msg }] })
}

export const schedulesList = defineJson({
  name: 'schedules.list',
  summary: 'List schedules, oldest first',
  description:
    'Returns a page of the schedules of a project: of its functions, and those that publish events, which includes delayed events. Each has its next ticks.',
  route: 'GET /api/v1/schedules',
  permission: 'functions:read',
  idempotent: true,
  input: scheduleList,
  output: z.array(schedule).describe('The schedules, with their next ticks, oldest first'),
  nextCursor: (schedules, { limit }) => encodeCursor(schedules, limit),
  async run(app, caller, { project_id, cursor, ...page }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const found = await app.store.schedules.list(scope, { ...page, after: decodeCursor(cursor) })
    return found.map((stored) => withTicks(app, stored))
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
  description:
    'A paused schedule has no ticks. When it continues, ticks that passed in the pause are not made up for; a schedule that fires once and is late fires at once. A schedule that publishes an event also needs the permission `zerodb:write`.',
  route: 'PATCH /api/v1/schedules/:schedule_id',
  permission: 'functions:write',
  idempotent: false,
  input: scheduleUpdate,
  output: schedule,
  async run(app, caller, { schedule_id, paused }) {
    const stored = await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)
    if (stored.function_id === null) requirePermission(caller, 'zerodb:write')
    const now = new Date(await app.store.schedules.clock())
    await app.store.schedules.pause(stored.id, paused, isCron(stored) ? nextTick(stored, now) : null)
    return withTicks(app, await app.store.schedules.get(caller.user_id, caller.bound, schedule_id))
  },
})

export const schedulesRun = defineJson({
  name: 'schedules.run',
  summary: 'Run a schedule now',
  description:
    'Queues a run of the function with the event of a tick that is due now. The ticks of the schedule do not change. A schedule that publishes an event is refused.',
  route: 'POST /api/v1/schedules/:schedule_id/run',
  permission: 'functions:invoke',
  idempotent: false,
  input: scheduleKey,
  errors: ['function_disabled'],
  output: run,
  status: 201,
  async run(app, caller, { schedule_id }) {
    const stored = await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)
    if (stored.function_id === null || !isCron(stored))
      throw new ZeroError('invalid', 'This schedule runs no function: publish its event with events.publish')
    const now = await app.store.schedules.clock()
    const id = await app.store.schedules.runNow(stored, tickEvent(stored, now, now).input)
    app.runs.queued()
    return app.store.runs.get(caller.user_id, caller.bound, id)
  },
})

export const schedulesDelete = defineJson({
  name: 'schedules.delete',
  summary: 'Delete a schedule, or cancel a delayed event',
  description:
    'Deletes a schedule that publishes an event; a delayed event is then not published. A schedule of a function ends with a deployment without it, and is refused here.',
  route: 'DELETE /api/v1/schedules/:schedule_id',
  permission: 'zerodb:write',
  idempotent: false,
  allowedWhenSuspended: true,
  input: scheduleKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { schedule_id }) {
    const stored = await app.store.schedules.get(caller.user_id, caller.bound, schedule_id)
    if (stored.function_id !== null)
      throw new ZeroError(
        'invalid',
        `This schedule is in the config of the function "${stored.function}": deploy the function without it, or pause it`,
      )
    if (!(await app.store.schedules.remove(schedule_id))) throw new ZeroError('not_found', 'Schedule not found')
    return null
  },
})

function withTicks({ clock }: App, stored: StoredSchedule): Schedule {
  if (stored.paused) return { ...stored, next_runs: [] }
  const ticks = isCron(stored) ? nextTicks(stored, new Date(clock.now()), TICKS_SHOWN) : [stored.run_at!]
  return { ...stored, next_runs: ticks }
}

function isCron(stored: StoredSchedule): stored is StoredSchedule & { cron: string; timezone: string } {
  return stored.cron !== null
}
