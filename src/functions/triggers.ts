import { isDeepStrictEqual } from 'node:util'
import type { Changes, FunctionConfig } from '../schema/function.ts'
import type { StoredFunction } from '../store/automation/functions.ts'
import type { HookFields } from '../store/automation/hooks.ts'
import type { Tables } from '../store/index.ts'
import { nextTick } from './schedule.ts'

/** `disabled_reason` of the hooks of a disabled function. */
export const FUNCTION_DISABLED = 'Its function is disabled'

/** Updates the hooks and schedules of a function to match its configuration. Must run in the transaction that changes the configuration. */
export async function settleTriggers(
  tx: Tables,
  fn: StoredFunction,
  now: Date,
): Promise<{ hooks: Changes; schedules: Changes }> {
  const hooks = await settleHooks(tx, fn)
  const schedules = await settleSchedules(tx, fn, now)
  await tx.hooks.followFunction(fn.id)
  if (!fn.is_active) await tx.hooks.switchFunction(fn.id, false, FUNCTION_DISABLED)
  return { hooks, schedules }
}

async function settleHooks(tx: Tables, fn: StoredFunction): Promise<Changes> {
  const changes: Changes = { created: [], changed: [], removed: [] }
  const present = await tx.hooks.ofFunction(fn.id)
  const wanted = fn.config.triggers.map((trigger) => wantedHook(fn, trigger))
  for (const hook of wanted) {
    const found = present.find((other) => sameTarget(other, hook))
    if (!found) {
      await tx.hooks.create(fn.user_id, { ...hook, function: fn, declared: true })
      changes.created.push(hook.event_type)
      continue
    }
    const { filter, ordering_key, retry, concurrency } = hook
    const delivery = { filter, ordering_key, retry, concurrency }
    if (
      found.declared &&
      Object.entries(delivery).every(([key, value]) => isDeepStrictEqual(found[key as 'filter'] ?? null, value))
    )
      continue
    if (!found.declared) await tx.hooks.declare(found.id)
    await tx.hooks.update(fn.user_id, found.id, delivery)
    changes.changed.push(hook.event_type)
  }
  for (const hook of present) {
    if (!hook.declared || wanted.some((other) => sameTarget(hook, other))) continue
    await tx.hooks.remove(fn.user_id, hook.id)
    changes.removed.push(hook.event_type)
  }
  return changes
}

function wantedHook(fn: StoredFunction, trigger: FunctionConfig['triggers'][number]): HookFields {
  return {
    project_id: trigger.all_projects ? null : fn.project_id,
    event_type: trigger.event,
    hook_type: 'function',
    hook_name: fn.name,
    hook_config: {},
    filter: trigger.filter ?? null,
    ordering_key: trigger.ordering_key ?? null,
    retry: trigger.retry ?? fn.config.retry ?? null,
    concurrency: trigger.concurrency ?? null,
  }
}

function sameTarget(
  a: Pick<HookFields, 'event_type' | 'project_id'>,
  b: Pick<HookFields, 'event_type' | 'project_id'>,
): boolean {
  return a.event_type === b.event_type && a.project_id === b.project_id
}

async function settleSchedules(tx: Tables, fn: StoredFunction, now: Date): Promise<Changes> {
  const changes: Changes = { created: [], changed: [], removed: [] }
  const present = await tx.schedules.ofFunction(fn.id)
  const wanted = fn.config.schedule
  const sameTime = (a: { cron: string; timezone: string }) => (b: { cron: string; timezone: string }) =>
    a.cron === b.cron && a.timezone === b.timezone
  for (const schedule of wanted) {
    const found = present.find(sameTime(schedule))
    const label = `${schedule.cron} ${schedule.timezone}`
    if (!found) {
      await tx.schedules.add(fn.id, { ...schedule, next_at: nextTick(schedule, now) })
      changes.created.push(label)
    } else if (found.missed !== schedule.missed || found.overlap !== schedule.overlap) {
      await tx.schedules.change(found.id, schedule)
      changes.changed.push(label)
    }
  }
  for (const schedule of present) {
    if (wanted.some(sameTime(schedule))) continue
    await tx.schedules.remove(schedule.id)
    changes.removed.push(`${schedule.cron} ${schedule.timezone}`)
  }
  return changes
}
