import { type Statement, sql } from '../db/sql.ts'
import type { Event } from '../schema/events.ts'
import type { RetryPolicy } from '../schema/hook.ts'

/** A run that this process owns: what a handler needs to begin. */
export interface OwnedRun {
  id: string
  handler: string
  /** This attempt's number, from 1. With the owner it is the fence: an older attempt's result is not accepted. */
  attempts: number
  /** Of these, those before the run was last queued by hand: they do not count against its policy. */
  base_attempts: number
  hook_id: string | null
  /** The hook's configuration at this moment; null when the hook has been switched off or deleted meanwhile. */
  config: Record<string, unknown> | null
  retry: RetryPolicy | null
  /** What its failure does to the runs behind it; null when none wait for it. */
  ordering: 'block' | 'skip' | null
  /** Others may wait for it to end, because of the hook's order or limit. */
  in_turn: boolean
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

/** The columns of an assignment, from a run `c`, its hook `h` and its event `e`, of which the last two may be missing. */
export const assignmentColumns = sql`
  c.id, c.handler, c.attempts, c.base_attempts, c.hook_id, h.hook_config as config, h.retry,
  case when c.ordering_key is not null then h.ordering_key ->> 'policy' end as ordering,
  c.ordering_key is not null or h.concurrency is not null as in_turn,
  c.user_id, c.project_id, c.ref,
  coalesce(e.id, c.input ->> 'id') as event_id,
  coalesce(e.event, c.input ->> 'event') as event,
  coalesce(e.channel, c.input ->> 'channel') as channel,
  coalesce(e.data, c.input -> 'data') as data,
  coalesce(e.created_at, (c.input ->> 'timestamp')::timestamptz) as timestamp,
  c.replay_id is not null or c.input is not null as synthetic,
  coalesce(e.chain_id, e.id, c.input ->> 'id') as chain_id,
  coalesce(e.depth, 0) as depth,
  e.trace`

/** `claimed` (rows of `zerodb_runs`) with hook and event, as `assignmentColumns` reads them. */
export function assigned(claimed: Statement): Statement {
  return sql`
    ${claimed} c
    left join lateral (select * from zerodb_events where seq = c.event_seq limit 1) e on true
    left join zerodb_hooks h on h.id = c.hook_id and h.is_active`
}

/** Whether one of `handlers` is the one that a hook's or a run's `name` asks for: itself, or what stands before its colon. */
export function capable(name: Statement, handlers: readonly string[]): Statement {
  return sql`split_part(${name}, ':', 1) = any(${handlers}::text[])`
}
