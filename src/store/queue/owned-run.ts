import { type Statement, sql } from '../../db/sql.ts'
import type { Event } from '../../schema/events.ts'
import type { RetryPolicy } from '../../schema/hook.ts'
import type { Trigger } from '../../schema/run.ts'

/** A run that this process owns, with everything that its handler needs. */
export interface OwnedRun {
  id: string
  handler: string
  /** Number of this attempt, from 1. Together with the owner it is the fencing token: the result of an earlier attempt is rejected. */
  attempts: number
  /** Number of attempts before the last manual retry, which do not count for the retry policy. */
  base_attempts: number
  hook_id: string | null
  /** The function to execute; null for built-in handlers. */
  function_id: string | null
  trigger: Trigger
  /** The current configuration of the hook; null if the hook, or the function of a run without a hook, was disabled or deleted. */
  config: Record<string, unknown> | null
  retry: RetryPolicy | null
  /** How a failure of this run affects later runs with the same ordering key; null without an ordering key. */
  ordering: 'block' | 'skip' | null
  /** True if other runs may wait for this run, because of the ordering or limit of its hook. */
  constrained: boolean
  user_id: string
  project_id: string
  /** The text by which the handler finds the row of the event. */
  ref: string
  event: Event
  synthetic: boolean
  chain: { id: string; depth: number }
  trace: string | null
}

export interface OwnedRunRow extends Omit<OwnedRun, 'event' | 'chain'> {
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
}: OwnedRunRow): OwnedRun {
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

/**
 * The columns of an owned run, from its run `c`, hook `h`, event `e`, and function `f` if it has no hook. Hook, event and function can be
 * missing.
 */
export const ownedRunColumns = sql`
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
  -- Excludes direct calls of a function, which belong to no hook.
  c.replay_id is not null or (c.input is not null and c.hook_id is distinct from c.function_id) as synthetic,
  coalesce(e.chain_id, e.id, c.chain_id, c.input ->> 'id') as chain_id,
  coalesce(e.depth, c.depth, 0) as depth,
  coalesce(e.trace, c.input ->> 'trace') as trace`

/** Joins `claimed` (rows of `zerodb_runs`) with the hook, event and function that `ownedRunColumns` reads. */
export function assigned(claimed: Statement): Statement {
  return sql`
    ${claimed} c
    left join lateral (select * from zerodb_events where seq = c.event_seq limit 1) e on true
    left join lateral (select * from zerodb_hooks where id = c.hook_id and is_active limit 1) h on true
    ${functionOf(sql`c.hook_id`)}`
}

/** Joins the hook `h` with this id, if it exists. The limit enforces an index lookup per row, regardless of the estimated table size. */
export function hookOf(id: Statement): Statement {
  return sql`left join lateral (select * from zerodb_hooks where id = ${id} limit 1) h on true`
}

/** Joins the function `f` with this id, with a lookup per row as in `hookOf`. */
export function functionOf(id: Statement): Statement {
  return sql`left join lateral (select * from zerodb_functions where id = ${id} limit 1) f on true`
}

/** The capability that an instance needs for a hook or run: the runtime of its function, or the handler that is named before the colon. */
export function need(name: Statement, runtime: Statement): Statement {
  return sql`coalesce('function:' || ${runtime}, split_part(${name}, ':', 1))`
}

/** Condition: one of `handlers` is the one that hook `h` needs. */
export function capable(handlers: readonly string[]): Statement {
  return sql`${need(sql`h.hook_name`, sql`h.runtime`)} = any(${handlers}::text[])`
}

/** Condition: this process can execute the runs of a lane. Any process can end runs whose hook and function were deleted. */
export function laneCapable(handlers: readonly string[]): Statement {
  return sql`coalesce(${capable(handlers)}, 'function:' || f.runtime = any(${handlers}::text[]), true)`
}
