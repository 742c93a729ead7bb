import { type Statement, sql } from '../../db/sql.ts'
import { isSuspended, now, type StoreContext } from '../context.ts'
import { EVENT_E, orderOf, passesFilter, seenOf, subscribesTo } from './hook-filter-sql.ts'
import { capable, limited, type OwnedRun, type OwnedRunRow, toOwnedRun } from './owned-run.ts'

/** Maximum number of events that one statement dispatches. */
export const DISPATCH_BATCH = 256

/** The dispatching process, which can own runs at once. */
export interface DispatchTarget {
  epoch: number
  /** Maximum number of runs that it can own at once. */
  slots: number
  handlers: readonly string[]
}

export interface Dispatched {
  /** Runs that the dispatching process owns and executes now. */
  owned: OwnedRun[]
  /** Number of other new runs, which wait to be claimed. */
  queued: number
  /** True if some of them are limited by the ordering or concurrency of their hook. */
  constrained: boolean
  events: number
}

export function dispatch(context: StoreContext) {
  const { asyncCommit } = context

  // array(): in a join with the delete, the batch could be selected again for every row.
  const oldest = sql`array(select seq from zerodb_outbox order by seq limit ${DISPATCH_BATCH}::int for update skip locked)`

  return {
    /** Dispatches those of these events that are not yet dispatched. */
    async events(seqs: readonly number[], target: DispatchTarget): Promise<Dispatched> {
      // A subselect, so that one cached plan serves any number of events.
      return dispatchedIn(await asyncCommit.query(fanOut(context, sql`(select ${seqs}::bigint[])::bigint[]`, target)))
    },

    /** Dispatches the oldest undispatched events, left by a crash or a lost wake-up. */
    async oldest(target: DispatchTarget): Promise<Dispatched> {
      return dispatchedIn(await asyncCommit.query(fanOut(context, oldest, target)))
    },

    /** Returns the statement of a pipelined dispatch. It dispatches the events of the write, unless there are `DISPATCH_BATCH` older ones. */
    pipelinedStatement(target: DispatchTarget): Statement {
      return fanOut(context, oldest, target, sql`cross join set_config('synchronous_commit', 'off', true)`)
    },

    /** Reads the rows of `pipelinedStatement`. */
    readPipelined(rows: unknown[]): Dispatched {
      return dispatchedIn(rows as Row[])
    },

    /** Returns the age of the oldest undispatched event in seconds; 0 when there is none. */
    async lagSeconds(): Promise<number> {
      const [row] = await asyncCommit.query<{ seconds: number }>(sql`
        select coalesce(extract(epoch from clock_timestamp() - e.created_at), 0)::float8 as seconds
        from (select min(seq) as seq from zerodb_outbox) oldest
        left join zerodb_events e on e.seq = oldest.seq`)
      return Math.max(0, row?.seconds ?? 0)
    },
  }
}

/** Result rows: one per created run, or one without a run. */
type Row = Omit<OwnedRunRow, 'attempts' | 'base_attempts' | 'trigger' | 'ordering' | 'constrained' | 'synthetic'> & {
  events: number
  mine: boolean | null
  turn: boolean
}

/**
 * The id of the run of an event and a hook: a UUID of version 8 (RFC 9562) from their ids. The commit of a dispatch does not wait for the
 * disk. If a crash of the database server undoes it after a webhook was sent, the event is dispatched again, and its run gets the same id:
 * the receiver recognises the repeated message by its `webhook-id`.
 */
const runIdOf = (eventId: Statement, hookId: Statement) =>
  sql`overlay(overlay(md5(${eventId}::text || ${hookId}::text) placing '8' from 13) placing 'a' from 17)::uuid`

/**
 * Turns events into runs, in one statement. Takes them from the outbox, matches the hooks that existed at their commit, and inserts a run
 * per match. The target owns the first `slots` runs that it can execute and that have no ordering or limit; the others are queued.
 *
 * The form of the statement is measured; `npm run bench -- latency throughput` compares an alternative with it.
 * - One selection of the batch by `array(…)`, and no join with the own insert: PostgreSQL drains a backlog at 5,300 to 13,500 runs a
 *   second. With the batch as a joined subquery it drains 1,040 to 1,706, because the lookup can be repeated for every row.
 * - Hooks looked up for each event (`lateral`, `offset 0`): 0.63 ms for one event on PGlite. A plain join takes 1.37 ms, because a plan
 *   made for small tables reads all active hooks. That is 2.5 million rows for one event when other users have 20,000 hooks and runs.
 * - No lock before the delete, which locks by itself, and only the columns in use: 0.64 ms for one event, 0.83 with both.
 */
function fanOut(
  context: StoreContext,
  batch: Statement,
  { epoch, slots, handlers }: DispatchTarget,
  relaxing = sql``,
): Statement {
  return sql`
    with batch as (
      delete from zerodb_outbox where seq = any(${batch}) returning seq
    ),
    matched as (
      select
        e.seq, e.id as event_id, e.event, e.channel, e.data, e.created_at, e.user_id, e.project_id, e.ref, e.depth, e.trace,
        coalesce(e.chain_id, e.id) as chain_id,
        h.id as hook_id, h.hook_name, h.hook_config, h.retry, h.function_id, h.runtime, h.created_at as hook_created_at,
        seen.key, ${limited} or seen.key is not null as turn,
        ${runIdOf(sql`e.id`, sql`h.id`)} as id,
        ${capable(handlers)}
          and h.paused_at is null and ${isSuspended(sql`e.project_id`)} is not true
          and not ${limited} and seen.key is null as ownable
      from batch
      cross join lateral (
        select seq, id, event, channel, data, created_at, user_id, project_id, ref, depth, trace, chain_id
        from zerodb_events where seq = batch.seq limit 1
      ) e
      -- offset 0: looked up for each event. A plan made while there were few hooks would read the hooks of all users.
      cross join lateral (
        select
          id, hook_name, hook_config, retry, function_id, runtime, created_at, concurrency, function_concurrency, paused_at, filter_path, ordering_key
        from zerodb_hooks h
        where ${subscribesTo(EVENT_E)} and created_at <= e.created_at
        offset 0
      ) h
      cross join lateral ${seenOf(EVENT_E)}
      where ${passesFilter}
    ),
    ranked as (
      select
        matched.*, ownable and row_number() over (order by not ownable, seq, hook_created_at) <= ${slots}::int as mine
      from matched
    ),
    inserted as (
      insert into zerodb_runs
        (id, trigger, event_seq, hook_id, function_id, runtime, user_id, project_id, handler, ref, ordering_key, run_at, status, attempts, owner, started_at)
      select
        id, 'event', seq, hook_id, function_id, runtime, user_id, project_id, hook_name, ref,
        ${orderOf},
        ${now(context)},
        case when mine then 'running' else 'queued' end,
        case when mine then 1 else 0 end,
        case when mine then ${epoch}::bigint end,
        case when mine then now() end
      from ranked
      on conflict do nothing
      returning id
    )
    select
      taken.events, r.mine, r.turn,
      r.id, r.hook_name as handler, r.hook_id, r.function_id, r.hook_config as config, r.retry, r.user_id, r.project_id, r.ref,
      r.event_id, r.event, r.channel, r.data, r.created_at as timestamp, r.chain_id, r.depth, r.trace
    from (select count(*)::int as events from batch) taken
    ${relaxing}
    left join ranked r on r.id in (select id from inserted)
    order by r.mine desc, r.seq, r.hook_created_at`
}

function dispatchedIn(rows: readonly Row[]): Dispatched {
  const owned: OwnedRun[] = []
  let constrained = false
  let queued = 0
  for (const { events: _events, mine, turn, ...row } of rows) {
    if (mine === null) continue
    if (turn) constrained = true
    if (mine)
      owned.push(
        toOwnedRun({
          ...row,
          attempts: 1,
          base_attempts: 0,
          trigger: 'event',
          ordering: null,
          constrained: false,
          synthetic: false,
        }),
      )
    else queued++
  }
  return { owned, queued, constrained: constrained, events: rows[0]?.events ?? 0 }
}
