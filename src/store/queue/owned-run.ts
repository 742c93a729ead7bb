import { type Statement, sql } from '../../db/sql.ts'
import type { Event } from '../../schema/events.ts'
import type { RetryPolicy } from '../../schema/hook.ts'
import type { Trigger } from '../../schema/run.ts'

/** A run that this process owns: what a handler needs to begin. */
export interface OwnedRun {
  id: string
  handler: string
  /** This attempt's number, from 1. With the owner it is the fence: an older attempt's result is not accepted. */
  attempts: number
  /** Attempts before the run was last queued by hand: they do not count against its retry policy. */
  base_attempts: number
  hook_id: string | null
  /** The function that is to be executed; null for the other handlers. */
  function_id: string | null
  trigger: Trigger
  /** The hook's current configuration; null when the hook, or the function without a hook, has been disabled or deleted. */
  config: Record<string, unknown> | null
  retry: RetryPolicy | null
  /** What its failure does to the runs behind it; null when none wait for it. */
  ordering: 'block' | 'skip' | null
  /** Others may wait for it to end, because of the hook's order or limit. */
  constrained: boolean
  user_id: string
  project_id: string
  /** The text by which the handler finds the row that the event is about. */
  ref: string
  event: Event
  synthetic: boolean
  chain: { id: string; depth: number }
  trace: string | null
}

export interface AssignmentRow extends Omit<OwnedRun, 'event' | 'chain'> {
  event_id: string
  event: Event['event']
  channel: Event['channel']
  data: Event['data']
  timestamp: string
  chain_id: string
  depth: number
}

export function toOwnedRun({
  event_id,
  event,
  channel,
  data,
  timestamp,
  chain_id,
  depth,
  ...run
}: AssignmentRow): OwnedRun {
  return {
    ...run,
    event: { id: event_id, event, channel, data, timestamp } as Event,
    chain: { id: chain_id, depth },
  }
}

/** Condition: the hook `h`, or its function, has a concurrency limit. */
export const limited = sql`coalesce(h.concurrency, h.function_concurrency) is not null`

/** Condition: the lane has a concurrency limit. Its runs belong to the hook `h`, or to the function `f` without a hook. */
export const laneLimited = sql`coalesce(h.concurrency, h.function_concurrency, f.concurrency) is not null`

/** The columns of an assignment, from a run `c`, its hook `h`, its event `e` and its function `f` where no hook has made it: all may be missing. */
export const assignmentColumns = sql`
  c.id, c.handler, c.attempts, c.base_attempts, nullif(c.hook_id, c.function_id) as hook_id, c.function_id, c.trigger,
  coalesce(h.hook_config, case when f.is_active then '{}'::jsonb end) as config, coalesce(h.retry, f.retry) as retry,
  case when c.ordering_key is not null then h.ordering_key ->> 'policy' end as ordering,
  c.ordering_key is not null or ${laneLimited} as constrained,
  c.user_id, c.project_id, c.ref,
  coalesce(e.id, c.input ->> 'id') as event_id,
  coalesce(e.event, c.input ->> 'event') as event,
  coalesce(e.channel, c.input ->> 'channel') as channel,
  coalesce(e.data, c.input -> 'data') as data,
  coalesce(e.created_at, (c.input ->> 'timestamp')::timestamptz) as timestamp,
  -- Not the calls of a function that no hook has asked for.
  c.replay_id is not null or (c.input is not null and c.hook_id is distinct from c.function_id) as synthetic,
  coalesce(e.chain_id, e.id, c.chain_id, c.input ->> 'id') as chain_id,
  coalesce(e.depth, c.depth, 0) as depth,
  coalesce(e.trace, c.input ->> 'trace') as trace`

/** `claimed` (rows of `zerodb_runs`) with hook and event, as `assignmentColumns` reads them. */
export function assigned(claimed: Statement): Statement {
  return sql`
    ${claimed} c
    left join lateral (select * from zerodb_events where seq = c.event_seq limit 1) e on true
    left join lateral (select * from zerodb_hooks where id = c.hook_id and is_active limit 1) h on true
    ${functionOf(sql`c.hook_id`)}`
}

/** Hook `h` with this id, if there is one. The limit: looked up for each row, whatever the planner believed of the table's size. */
export function hookOf(id: Statement): Statement {
  return sql`left join lateral (select * from zerodb_hooks where id = ${id} limit 1) h on true`
}

/** Function `f` with this id, in the same way. */
export function functionOf(id: Statement): Statement {
  return sql`left join lateral (select * from zerodb_functions where id = ${id} limit 1) f on true`
}

/** What a hook or a run needs of an instance: a handler, which its name or what stands before its colon names, or the runtime of its function. */
export function need(name: Statement, runtime: Statement): Statement {
  return sql`coalesce('function:' || ${runtime}, split_part(${name}, ':', 1))`
}

/** Whether one of `handlers` is what the hook `h` needs. */
export function capable(handlers: readonly string[]): Statement {
  return sql`${need(sql`h.hook_name`, sql`h.runtime`)} = any(${handlers}::text[])`
}

/** Condition: this process can execute the runs of a lane. Runs whose hook and function were deleted can be ended by any process. */
export function laneCapable(handlers: readonly string[]): Statement {
  return sql`coalesce(${capable(handlers)}, 'function:' || f.runtime = any(${handlers}::text[]), true)`
}
