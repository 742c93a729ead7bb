import type { App, Caller } from '../../app.ts'
import { require as requirePermission } from '../../auth/caller.ts'
import { ZeroError } from '../../errors.ts'
import type { JsonOperation } from '../../operations/operation.ts'
import { schedulesDelete, schedulesUpdate } from '../../operations/schedules.ts'
import { EVENT_NAMES } from '../../schema/events.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import type { Schedule } from '../../schema/schedule.ts'
import type { StoredSchedule } from '../../store/automation/schedules.ts'
import { snakeCase } from './names.ts'

// Hooks of clients that run by the clock: a hook with `cron_expression` is a schedule that publishes an event.

type Fields = Readonly<Record<string, unknown>>

/** Tells whether the body of `hooks.create` is a schedule: it has a cron expression, no URL and no event type of this server. */
export function isCronHook(body: unknown): boolean {
  if (!isJsonObject(body)) return false
  const fields = withSnakeCase(body)
  const hasUrl = fields['webhook_url'] != null || fields['callback_url'] != null
  const isEvent = EVENT_NAMES.some((name) => name === fields['event_type'])
  return !hasUrl && !isEvent && cronOf(fields) != null
}

/** Converts such a hook to the fields of `schedules.create`. The rest of its configuration becomes the payload. */
export function withSchedule(sent: Fields): Fields {
  const fields = withSnakeCase(sent)
  const cron = cronOf(fields)
  if (cron == null) return sent
  const {
    event_type,
    hook_name,
    hook_config,
    active,
    is_active,
    cron_expression: _,
    payload,
    timezone,
    ...rest
  } = fields
  const { cron_expression: __, timezone: zone, ...config } = configOf(hook_config)
  for (const [name, value] of Object.entries({ active, is_active }))
    if (value != null && value !== true) rest[name] = value
  return {
    ...rest,
    topic: event_type,
    cron,
    ...(hook_name == null ? {} : { name: hook_name }),
    ...((timezone ?? zone) == null ? {} : { timezone: timezone ?? zone }),
    event_payload: payload ?? config,
  }
}

/** Returns a schedule in the form of a hook, with its own fields. */
export function cronHookOf(schedule: Schedule | StoredSchedule): Record<string, unknown> {
  const { id, name, topic, cron, timezone, paused } = schedule
  return {
    ...schedule,
    hook_id: id,
    hook_name: name,
    event_type: topic,
    hook_config: { cron_expression: cron, timezone },
    is_active: !paused,
    active: !paused,
  }
}

/**
 * Runs an operation on one hook. Clients read, pause and delete such a schedule as the hook that they created: an id without a hook
 * stands for the schedule with this id.
 */
export async function runWithCronHooks(
  app: App,
  operation: JsonOperation,
  caller: Caller,
  input: Record<string, unknown>,
  run: () => Promise<unknown>,
): Promise<unknown> {
  if (!['hooks.get', 'hooks.update', 'hooks.delete'].includes(operation.name)) return run()
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
    // Without a schedule of this id either, the error is that the hook does not exist.
    const schedule = await app.store.schedules.get(caller.user_id, caller.bound, String(input['hook_id'])).catch(() => {
      throw error
    })
    if (schedule.function_id !== null) throw error
    return runOnSchedule(app, operation, caller, input, schedule)
  }
}

async function runOnSchedule(
  app: App,
  { name }: JsonOperation,
  caller: Caller,
  input: Record<string, unknown>,
  schedule: StoredSchedule,
): Promise<unknown> {
  if (name === 'hooks.get') return cronHookOf(schedule)
  requirePermission(caller, 'zerodb:write')
  const schedule_id = schedule.id
  if (name === 'hooks.delete') return (schedulesDelete as JsonOperation).run(app, caller, { schedule_id })
  const { hook_id: _, project_id: __, is_active, ...rest } = input
  const [other] = Object.entries(rest).find(([, value]) => value !== undefined) ?? []
  if (other !== undefined || typeof is_active !== 'boolean')
    throw new ZeroError(
      'invalid',
      'This hook is a schedule: only is_active can change; delete it and create another one',
    )
  const changed = await (schedulesUpdate as JsonOperation).run(app, caller, { schedule_id, paused: !is_active })
  return cronHookOf(changed as Schedule)
}

function cronOf(fields: Fields): unknown {
  return fields['cron_expression'] ?? configOf(fields['hook_config'])['cron_expression']
}

function configOf(config: unknown): Fields {
  return isJsonObject(config) ? config : {}
}

function withSnakeCase(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value]))
}
