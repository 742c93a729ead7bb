import { type Statement, sql } from '../../db/sql.ts'
import { isSuspended, now, relax, type StoreContext } from '../context.ts'
import {
  assigned,
  functionOf,
  hookOf,
  laneCapable,
  laneLimited,
  type OwnedRun,
  type OwnedRunRow,
  ownedRunColumns,
  toOwnedRun,
} from './owned-run.ts'

/** A hook (or function without a hook) in a project. Claims distribute the slots fairly among lanes. */
export interface Lane {
  hook_id: string
  project_id: string
}

export const FIRST_LANE: Lane = {
  hook_id: '00000000-0000-0000-0000-000000000000',
  project_id: '00000000-0000-0000-0000-000000000000',
}

export interface Claimer {
  epoch: number
  /** Maximum number of runs to claim. */
  count: number
  handlers: readonly string[]
  /** Maximum number of lanes to look at. */
  breadth: number
}

export interface Claimed {
  runs: OwnedRun[]
  /** The lane from which the next claim continues; `FIRST_LANE` to start over. */
  next: Lane
  /** False if lanes after `next` were not looked at, so that more runs may be due. */
  complete: boolean
}

/** Maximum number of keys per ordered hook that one claim looks at. */
const KEYS_AT_ONCE = 256
/** Maximum number of ordered hooks that one claim looks at. */
const HOOKS_AT_ONCE = 64

export function claims(context: StoreContext) {
  const { db, asyncCommit } = context

  /** Builds a recursive query that jumps through the index from lane to lane, starting after `after`, for at most `breadth` lanes. */
  function lanesBehind(after: Lane, breadth: number): Statement {
    return sql`
      lanes as (
        (
          select hook_id, project_id, 1 as n
          from zerodb_runs
          where status = 'queued' and ordering_key is null and (hook_id, project_id) > (${after.hook_id}::uuid, ${after.project_id}::uuid)
          order by hook_id, project_id
          limit 1
        )
        union all
        select next.hook_id, next.project_id, lanes.n + 1
        from lanes
        cross join lateral (
          select hook_id, project_id
          from zerodb_runs
          where status = 'queued' and ordering_key is null and (hook_id, project_id) > (lanes.hook_id, lanes.project_id)
          order by hook_id, project_id
          limit 1
        ) next
        where lanes.n < ${breadth}::int
      )`
  }

  /** Selects the due runs of the lanes in `open_lanes`, oldest first. A lane gives at most its share, and at most its `room`. */
  function dueOf(count: number): Statement {
    return sql`
      due as materialized (
        select q.id, l.hook_id, l.project_id, l.n, row_number() over (partition by l.n order by q.run_at, q.event_seq) as rank
        from open_lanes l
        cross join lateral (
          select id, run_at, event_seq
          from zerodb_runs
          where status = 'queued' and ordering_key is null and hook_id = l.hook_id and project_id = l.project_id and run_at <= ${now(context)}
          order by run_at, event_seq
          limit (select least(l.room, ceil(${count}::float8 / greatest(1, count(*))))::int from open_lanes)
          for update skip locked
        ) q
      )`
  }

  /** Makes the claimer the owner of the runs in `taken`, and returns the runs. */
  function claimTaken(epoch: number): Statement {
    return sql`
      claimed as (
        update zerodb_runs r
        set status = 'running', owner = ${epoch}::bigint, attempts = attempts + 1, started_at = now(), finished_at = null
        where r.id = any(array(select id from taken)) and r.status = 'queued'
        returning r.*
      )`
  }

  interface Visited {
    visited: number
    last: string | null
    served: string | null
  }

  async function claimLanes(
    executor: typeof db,
    after: Lane,
    { epoch, breadth }: Claimer,
    rest: Statement,
  ): Promise<Claimed> {
    const rows = await executor.query<OwnedRunRow & Visited>(sql`
      with recursive ${lanesBehind(after, breadth)}, ${rest}, ${claimTaken(epoch)}
      select
        (select count(*)::int from lanes) as visited,
        (select hook_id || ' ' || project_id from lanes order by n desc limit 1) as last,
        (select hook_id || ' ' || project_id from taken order by rank, n desc limit 1) as served,
        assignment.*
      from (select 1) always
      left join (select ${ownedRunColumns} from ${assigned(sql`claimed`)} order by c.run_at, c.event_seq) assignment on true`)
    const [{ visited, last, served }] = rows as [OwnedRunRow & Visited]
    const runs = rows.filter(({ id }) => id !== null).map(toRun)
    const complete = visited < breadth
    return { runs, next: laneOf(served ?? (complete ? null : last)), complete }
  }

  return {
    /**
     * Claims due runs of hooks and functions without ordering or limit, for handlers of the claimer. Takes one run per lane in turn,
     * starting after `after`. A lane with a long queue therefore delays each run of another lane by at most one run.
     *
     * The lanes come from a recursive jump through the index, so that the cost depends on `breadth` and not on the length of the queues.
     */
    claim(claimer: Claimer, after: Lane): Promise<Claimed> {
      const { count, handlers } = claimer
      return claimLanes(
        asyncCommit,
        after,
        claimer,
        sql`
        open_lanes as (
          select l.*, ${count}::int as room
          from lanes l
          ${hookOf(sql`l.hook_id`)}
          ${functionOf(sql`l.hook_id`)}
          where ${isOpen} and not ${laneLimited} and ${laneCapable(handlers)}
        ),
        ${dueOf(count)},
        taken as (select * from due order by rank, n limit ${count}::int)`,
      )
    },

    /** Returns whether there may be runs that only `claimLimited` or `claimOrdered` can claim. */
    async hasConstrained(): Promise<boolean> {
      const [row] = await asyncCommit.query<{ needed: boolean }>(sql`
        select
          exists (select from zerodb_runs where status = 'queued' and ordering_key is not null)
          or exists (select from zerodb_hooks where concurrency is not null)
          or exists (select from zerodb_functions where concurrency is not null) as needed`)
      return row!.needed
    },

    /**
     * Locks claims with limits: only one process at a time may count running runs and start more. The lock lasts until the transaction
     * ends, whose commit does not wait for the disk.
     */
    async lockConstrained(): Promise<void> {
      await relax(db)
      await db.query(sql`select pg_advisory_xact_lock(7317320442)`)
    },

    /**
     * Claims runs of hooks and functions with a limit, or all runs if `projectLimit` (concurrent runs of one project; null for no limit) is set.
     * Must run in a transaction that has called `lockConstrained`.
     */
    claimLimited(claimer: Claimer, after: Lane, projectLimit: number | null): Promise<Claimed> {
      const { count, handlers } = claimer
      return claimLanes(
        db,
        after,
        claimer,
        sql`
        ${runningNow},
        open_lanes as (
          select l.*, ${roomOf(count, projectLimit)} as room
          from lanes l
          ${hookOf(sql`l.hook_id`)}
          ${functionOf(sql`l.hook_id`)}
          where (${laneLimited} or ${projectLimit}::int is not null) and ${isOpen} and ${laneCapable(handlers)}
        ),
        ${dueOf(count)},
        taken as (${withinLimits(count, projectLimit)})`,
      )
    },

    /**
     * Claims the first unfinished run of each ordering key if it is due. No run of its key may be running, and no earlier event may wait
     * for dispatch. `cursors` has the key after which to continue for each hook, and is updated. Must run in a transaction that has called
     * `lockConstrained`.
     *
     * PostgreSQL overestimates the cost of this statement (2,600,000 for a plan that takes 0.1 ms). With its compiler it takes 1,260 ms, so
     * connections set `jit=off`.
     */
    async claimOrdered(
      claimer: Omit<Claimer, 'breadth'>,
      cursors: Map<string, string>,
      projectLimit: number | null,
    ): Promise<Claimed> {
      const { epoch, count, handlers } = claimer
      const rows = await db.query<OwnedRunRow & { looked: Record<string, Looked> | null }>(sql`
        with recursive ordered_hooks as (
          (
            select hook_id, 1 as n from zerodb_runs
            where status = 'queued' and ordering_key is not null
            order by hook_id limit 1
          )
          union all
          select next.hook_id, o.n + 1
          from ordered_hooks o
          cross join lateral (
            select hook_id from zerodb_runs
            where status = 'queued' and ordering_key is not null and hook_id > o.hook_id
            order by hook_id limit 1
          ) next
          where o.n < ${HOOKS_AT_ONCE}::int
        ),
        begin as (
          select o.hook_id, coalesce(${JSON.stringify(Object.fromEntries(cursors))}::jsonb ->> o.hook_id::text, '') as key
          from ordered_hooks o
        ),
        heads as materialized (
          select head.*
          from begin
          cross join lateral (
            with recursive keys as (
              (
                select id, hook_id, project_id, ordering_key, event_seq, run_at, 1 as n
                from zerodb_runs
                where status = 'queued' and ordering_key is not null and hook_id = begin.hook_id and ordering_key > begin.key
                order by ordering_key, event_seq
                limit 1
              )
              union all
              select next.*, keys.n + 1
              from keys
              cross join lateral (
                select id, hook_id, project_id, ordering_key, event_seq, run_at
                from zerodb_runs
                where status = 'queued' and ordering_key is not null and hook_id = begin.hook_id and ordering_key > keys.ordering_key
                order by ordering_key, event_seq
                limit 1
              ) next
              where keys.n < ${KEYS_AT_ONCE}::int
            )
            select * from keys
          ) head
        ),
        ${runningNow},
        open_lanes as (
          select begin.hook_id, l.project_id, ${roomOf(count, projectLimit)} as room
          from begin
          join (select distinct hook_id, project_id from heads) l using (hook_id)
          ${hookOf(sql`begin.hook_id`)}
          ${functionOf(sql`begin.hook_id`)}
          where ${isOpen} and ${laneCapable(handlers)}
        ),
        due as materialized (
          select k.id, k.hook_id, k.project_id, k.ordering_key, k.n, row_number() over (partition by k.hook_id, k.project_id order by k.n) as rank
          from heads k
          join open_lanes l using (hook_id, project_id)
          where k.run_at <= ${now(context)}
            and not exists (
              select from zerodb_runs b where b.hook_id = k.hook_id and b.ordering_key = k.ordering_key and b.status = 'running'
            )
            and not exists (select from zerodb_outbox where seq < k.event_seq)
        ),
        taken as (${withinLimits(count, projectLimit)}),
        ${claimTaken(epoch)},
        looked as (
          select
            k.hook_id, count(*) as visited, max(k.ordering_key) as last,
            (select max(due.ordering_key) from due join taken using (id) where due.hook_id = k.hook_id) as served
          from heads k
          group by k.hook_id
        )
        select
          (select jsonb_object_agg(hook_id, jsonb_build_object('visited', visited, 'last', last, 'served', served)) from looked) as looked,
          assignment.*
        from (select 1) always
        left join (select ${ownedRunColumns} from ${assigned(sql`claimed`)} order by c.event_seq) assignment on true`)
      const looked = rows[0]?.looked ?? {}
      let complete = true
      for (const [hook, { visited, last, served }] of Object.entries(looked)) {
        const full = visited >= KEYS_AT_ONCE
        const began = cursors.get(hook) !== undefined
        if (served !== null) cursors.set(hook, served)
        else if (full) cursors.set(hook, last)
        else cursors.delete(hook)
        if (full || began) complete = false
      }
      for (const hook of cursors.keys()) {
        if (hook in looked) continue
        cursors.delete(hook)
        complete = false
      }
      return { runs: rows.filter(({ id }) => id !== null).map(toRun), next: FIRST_LANE, complete }
    },
  }
}

interface Looked {
  visited: number
  last: string
  served: string | null
}

/** Condition: neither the hook `h` nor the project of lane `l` is paused. */
const isOpen = sql`h.paused_at is null and ${isSuspended(sql`l.project_id`)} is not true`

const runningNow = sql`
  running as materialized (select hook_id, function_id, project_id from zerodb_runs where status = 'running')`

/**
 * Computes how many more runs the limits allow, at most `count`: of hook `h`, of its function or the function `f`, and of project
 * `l.project_id`.
 */
function roomOf(count: number, projectLimit: number | null): Statement {
  return sql`greatest(0, least(
    ${count}::int,
    h.concurrency - (select count(*) from running where running.hook_id = l.hook_id),
    coalesce(h.function_concurrency, f.concurrency)
      - (select count(*) from running where running.function_id = coalesce(h.function_id, f.id)),
    ${projectLimit}::int - (select count(*) from running where running.project_id = l.project_id)
  ))::int`
}

/** Selects runs from `due`, one per lane in turn, within the limits of hook, function and project. */
function withinLimits(count: number, projectLimit: number | null): Statement {
  return sql`
    select placed.*
    from (
      select
        due.*,
        h.concurrency as hook_limit,
        coalesce(h.function_concurrency, f.concurrency) as function_limit,
        coalesce(h.function_id, f.id) as function_id,
        row_number() over (partition by due.hook_id order by due.rank, due.n) as of_hook,
        row_number() over (partition by coalesce(h.function_id, f.id) order by due.rank, due.n) as of_function,
        row_number() over (partition by due.project_id order by due.rank, due.n) as of_project
      from due
      ${hookOf(sql`due.hook_id`)}
      ${functionOf(sql`due.hook_id`)}
    ) placed
    where (hook_limit is null or of_hook <= hook_limit - (select count(*) from running where running.hook_id = placed.hook_id))
      and (
        function_limit is null
        or of_function <= function_limit - (select count(*) from running where running.function_id = placed.function_id)
      )
      and (
        ${projectLimit}::int is null
        or of_project <= ${projectLimit}::int - (select count(*) from running where running.project_id = placed.project_id)
      )
    order by rank, n
    limit ${count}::int`
}

/** Removes the columns that do not belong to the run. */
function toRun(row: OwnedRunRow): OwnedRun {
  const { visited: _1, last: _2, served: _3, looked: _4, ...assignment } = row as OwnedRunRow & Record<string, unknown>
  return toOwnedRun(assignment as OwnedRunRow)
}

function laneOf(text: string | null): Lane {
  if (text === null) return FIRST_LANE
  const [hook_id, project_id] = text.split(' ') as [string, string]
  return { hook_id, project_id }
}
