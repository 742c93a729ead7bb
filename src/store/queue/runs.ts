import { json, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import type { EventName } from '../../schema/events.ts'
import type { RecordedRequest } from '../../schema/network.ts'
import type { LogLine, Run, RunStatus, Trigger } from '../../schema/run.ts'
import { bounded, found, given, isSuspended, now, type Scope, type StoreContext } from '../context.ts'
import { emitDeadRuns } from './dead-runs.ts'
import { EVENT_E, subscribesTo } from './hook-filter-sql.ts'
import { need } from './owned-run.ts'

export interface AttemptResult {
  id: string
  attempts: number
  status: 'succeeded' | 'dead' | 'queued' | 'cancelled' | 'skipped'
  result: unknown
  error: { code: string; message: string } | null
  logs: readonly LogLine[]
  requests?: readonly RecordedRequest[]
  requests_omitted?: number
  /** The executed version of the function. */
  version?: number | undefined
  /** For `queued`: seconds until the next attempt. */
  retry_in: number | null
}

const columns = sql`
  r.id, r.trigger, r.handler, nullif(r.hook_id, r.function_id) as hook_id, r.function_id, r.function_version, r.schedule_id, coalesce(e.id, r.input ->> 'id') as event_id, coalesce(e.event, r.input ->> 'event') as event_type,
  r.project_id, r.status, r.attempts, r.run_at, r.result, r.error, coalesce(r.logs, '[]') as logs, coalesce(r.requests, '[]') as requests,
  coalesce(r.requests_omitted, 0) as requests_omitted, r.created_at, r.started_at, r.finished_at,
  r.ordering_key, r.replay_id, coalesce(e.chain_id, e.id, r.chain_id, r.input ->> 'id') as chain_id, coalesce(e.depth, r.depth, 0) as depth`

/** A run `r` with its event `e`. */
const source = sql`
  zerodb_runs r
  left join zerodb_events e on e.seq = r.event_seq`

/** Conditions on the status, with constants: the planner does not match a partial index with a parameter. */
const HAS_STATUS: Readonly<Record<RunStatus, Statement>> = {
  queued: sql`r.status = 'queued'`,
  running: sql`r.status = 'running'`,
  succeeded: sql`r.status = 'succeeded'`,
  dead: sql`r.status = 'dead'`,
  cancelled: sql`r.status = 'cancelled'`,
  skipped: sql`r.status = 'skipped'`,
}

/** Number of owners that may die while they own a run. After that, the run is assumed to be the cause. */
const MAX_DEATHS = 3

/** Selects dead or otherwise ended runs to retry. */
export interface RedriveFilter {
  hook_id?: string | undefined
  handler?: string | undefined
  project_id?: string | undefined
  event_type?: string | undefined
  error_code?: string | undefined
  since?: string | undefined
  until?: string | undefined
  limit: number
}

export function runs(context: StoreContext) {
  const { db, asyncCommit, commit } = context

  /**
   * Why a queued run waits. Returns the first reason that applies; reasons that need a user's action come before those that pass with time.
   */
  const waiting = () => sql`
    case when r.status = 'queued' then (
      select case
        when h.paused_at is not null then jsonb_build_object('reason', 'paused')
        when ${isSuspended(sql`r.project_id`)} then jsonb_build_object('reason', 'suspended')
        when r.run_at > ${now(context)}
          then jsonb_build_object('reason', case when r.attempts = 0 then 'delay' else 'backoff' end, 'until', ${iso(sql`r.run_at`)})
        when not exists (select from zerodb_instances i where ${need(sql`r.handler`, sql`r.runtime`)} = any(i.handlers))
          then jsonb_build_object('reason', 'no_capable_instance')
        when head.id is not null then jsonb_build_object('reason', 'key_head', 'run_id', head.id)
        when h.concurrency <= (select count(*) from zerodb_runs b where b.status = 'running' and b.hook_id = r.hook_id)
          or coalesce(h.function_concurrency, f.concurrency)
            <= (select count(*) from zerodb_runs b where b.status = 'running' and b.function_id = r.function_id)
          or ${context.projectLimit}::int <= (select count(*) from zerodb_runs b where b.status = 'running' and b.project_id = r.project_id)
          then jsonb_build_object('reason', 'limit')
        else jsonb_build_object('reason', 'slot')
      end
      from (select 1) always
      left join zerodb_hooks h on h.id = r.hook_id
      left join zerodb_functions f on f.id = r.hook_id
      left join lateral (
        select b.id
        from zerodb_runs b
        where b.hook_id = r.hook_id
          and b.ordering_key = r.ordering_key
          and (b.status = 'running' or (b.status = 'queued' and b.event_seq < r.event_seq))
        order by b.status = 'running' desc, b.event_seq
        limit 1
      ) head on true
    ) end`

  return {
    /** Records the results of attempts. Ignores a result if the run has another owner or attempt by now. Returns the recorded ids. */
    async finish(epoch: number, endings: readonly AttemptResult[]): Promise<string[]> {
      const ended = sql`
        ended as materialized (
          select * from jsonb_to_recordset(${json(endings)}::jsonb)
            as given (id uuid, attempts int, status text, result jsonb, error jsonb, logs jsonb, requests jsonb, requests_omitted int, version int,
              retry_in float8)
        )`
      // any(array()): looks up each run by its id. A plan made while there were few runs would scan all running ones, or the whole table.
      const finished = sql`
        update zerodb_runs r set
          status = ended.status,
          owner = null,
          result = ended.result,
          error = ended.error,
          logs = ended.logs,
          requests = ended.requests,
          requests_omitted = ended.requests_omitted,
          function_version = ended.version,
          run_at = case when ended.status = 'queued' then ${now(context)} + make_interval(secs => ended.retry_in) else r.run_at end,
          finished_at = case when ended.status = 'queued' then null else now() end
        from ended
        where r.id = any(array(select id from ended))
          and r.id = ended.id
          and r.attempts = ended.attempts
          and r.owner = ${epoch}::bigint`
      const rows = endings.some(({ status }) => status === 'dead')
        ? await commit<{ id: string; event_seq: number | null }>(sql`
          with ${ended}, finished as (${finished} returning r.*), ${emitDeadRuns(sql`finished`)}
          select finished.id, event.seq as event_seq from finished left join event on event.ref = finished.id::text`)
        : await asyncCommit.query<{ id: string }>(sql`with ${ended} ${finished} returning r.id`)
      return rows.map((row) => row.id)
    },

    /** Stores the logs of running handlers, so that other processes can show them. */
    async saveLogs(epoch: number, logs: readonly Pick<AttemptResult, 'id' | 'attempts' | 'logs'>[]): Promise<void> {
      await asyncCommit.query(sql`
        with said as materialized (
          select * from jsonb_to_recordset(${json(logs)}::jsonb) as given (id uuid, attempts int, logs jsonb)
        )
        update zerodb_runs r set logs = said.logs
        from said
        where r.id = any(array(select id from said)) and r.id = said.id and r.attempts = said.attempts and r.owner = ${epoch}::bigint`)
    },

    /** Appends to the logs of attempts that have ended. Returns the ids of the changed runs. */
    async appendLogs(logs: readonly Pick<AttemptResult, 'id' | 'attempts' | 'logs'>[]): Promise<string[]> {
      const rows = await asyncCommit.query<{ id: string }>(sql`
        with said as materialized (
          select * from jsonb_to_recordset(${json(logs)}::jsonb) as given (id uuid, attempts int, logs jsonb)
        )
        update zerodb_runs r set logs = coalesce(r.logs, '[]') || said.logs
        from said
        where r.id = any(array(select id from said)) and r.id = said.id and r.attempts = said.attempts and r.status <> 'running'
        returning r.id`)
      return rows.map(({ id }) => id)
    },

    /** Counts the queued and running runs of each handler. */
    async count(): Promise<{ handler: string; status: RunStatus; count: number }[]> {
      return db.query(sql`
        select case when function_id is null then split_part(handler, ':', 1) else 'function' end as handler, status, count(*) as count
        -- Separate queries, so that each uses its own partial index.
        from (
          select handler, function_id, status from zerodb_runs where status = 'queued' and ordering_key is null
          union all
          select handler, function_id, status from zerodb_runs where status = 'queued' and ordering_key is not null
          union all
          select handler, function_id, status from zerodb_runs where status = 'running'
        ) unfinished
        group by 1, 2`)
    },

    /** Queues the unfinished runs of a stopping process again. The attempt does not count. */
    async giveBack(epoch: number): Promise<void> {
      await db.query(sql`
        update zerodb_runs set status = 'queued', owner = null, attempts = attempts - 1
        where owner = ${epoch}::bigint and status = 'running'`)
    },

    /**
     * Queues the runs again that this process owns in the database but does not know, because the response to its dispatch or claim was
     * lost. Ignores recent runs, whose response may still arrive. Returns how many were queued.
     */
    async reclaim(epoch: number, known: readonly string[]): Promise<number> {
      const rows = await asyncCommit.query(sql`
        update zerodb_runs set status = 'queued', owner = null
        where owner = ${epoch}::bigint
          and status = 'running'
          and started_at < now() - interval '10 seconds'
          and id <> all(${known}::uuid[])
        returning id`)
      return rows.length
    },

    /**
     * Queues the runs of dead owners again. A run becomes `dead` after its third dead owner, or if it may run at most once. The delay is
     * random, up to 1 s after the first death and 4 s after the second. So a run that kills its owners does not always take down the same
     * others. Returns the number of recovered runs.
     */
    async recover(): Promise<number> {
      const again = sql`deaths + 1 < ${MAX_DEATHS}::int and not at_most_once`
      const rows = await commit(sql`
        with recovered as (
          update zerodb_runs r set
            deaths = deaths + 1,
            owner = null,
            run_at = ${now(context)} + make_interval(secs => random() * (deaths + 1) ^ 2),
            status = case when ${again} then 'queued' else 'dead' end,
            error = case when ${again} then error
              else jsonb_build_object('code', 'instance_died', 'message', 'The process that executed this run died, ' || deaths + 1 || ' times') end,
            finished_at = case when ${again} then null else now() end
          where status = 'running'
            and not exists (select from zerodb_instances i where i.epoch = r.owner)
          returning r.*
        ),
        ${emitDeadRuns(sql`recovered`)}
        select event.seq as event_seq from recovered left join event on event.ref = recovered.id::text`)
      return rows.length
    },

    /**
     * Counts unfinished work of these handlers in the project: running runs, queued runs due within a second, and undispatched events of
     * their hooks. Counts at most 1,000 queued runs per hook.
     */
    async pending(scope: Scope, handlers: readonly string[], events: readonly EventName[]): Promise<number> {
      const soon = sql`project_id = ${scope.project_id}::uuid and run_at <= ${now(context)} + interval '1 second'`
      const [row] = await asyncCommit.query<{ count: number }>(sql`
        select (
          select count(*)
          -- offset 0: there are few running runs, which the planner does not know.
          from (select user_id, project_id, handler from zerodb_runs where status = 'running' offset 0) running
          where user_id = ${scope.user_id}::uuid
            and project_id = ${scope.project_id}::uuid
            and handler = any(${handlers}::text[])
        ) + (
          select count(*)
          from zerodb_hooks h
          cross join lateral (
            -- Separate queries, so that each uses its own partial index.
            (select from zerodb_runs where status = 'queued' and ordering_key is null and hook_id = h.id and ${soon} limit 1000)
            union all
            (select from zerodb_runs where status = 'queued' and ordering_key is not null and hook_id = h.id and ${soon} limit 1000)
          ) queued
          where h.user_id = ${scope.user_id}::uuid and h.hook_name = any(${handlers}::text[])
        ) + (
          select count(*)
          from zerodb_outbox
          cross join lateral (select * from zerodb_events where seq = zerodb_outbox.seq limit 1) e
          cross join lateral (
            select from zerodb_hooks h
            where ${subscribesTo(EVENT_E)}
              and hook_name = any(${handlers}::text[])
            offset 0
          ) h
          where e.user_id = ${scope.user_id}::uuid
            and e.project_id = ${scope.project_id}::uuid
            and e.event = any(${events}::text[])
        ) as count`)
      return row!.count
    },

    /**
     * Queues an ended run again. Attempts are numbered on, and the retry policy starts from the beginning. A queued run that waits for its
     * next attempt becomes due now. Throws `not_found`, and `run_not_final` if the run is due, running or succeeded.
     */
    async retry(userId: string, bound: string | null, id: string): Promise<void> {
      const [row] = await db.query<{ status: RunStatus; queued: boolean }>(sql`
        with asked as (
          select id, status from zerodb_runs
          where id = ${id}::uuid and user_id = ${userId}::uuid and (${bound}::uuid is null or project_id = ${bound}::uuid)
        ),
        queued as (
          ${requeue(sql`select id from asked`)}
        ),
        -- If a claim comes first, the run is already running and is not made due again.
        hastened as (
          update zerodb_runs set run_at = now()
          where id in (select id from asked) and status = 'queued' and run_at > ${now(context)}
          returning id
        )
        select status, exists (select from queued union all select from hastened) as queued from asked`)
      const { status, queued } = found(row ? [row] : [], 'Run')
      if (!queued)
        throw new ZeroError(
          'run_not_final',
          `This run is ${status}: a run can be tried again when it is dead, cancelled or skipped, or waits for its next attempt`,
        )
    },

    /** Queues dead runs again, oldest first. Returns how many were queued, and whether there are more than the limit. */
    async redrive(
      userId: string,
      bound: string | null,
      filter: RedriveFilter,
    ): Promise<{ redriven: number; more: boolean }> {
      const rows = await db.query<{ redriven: number }>(sql`
        with chosen as (
          select r.id from ${source}
          where r.user_id = ${userId}::uuid
            and r.status = 'dead'
            ${given(bound, sql`and r.project_id = ${bound}::uuid`)}
            ${given(filter.hook_id, sql`and r.hook_id = ${filter.hook_id}::uuid`)}
            and (${filter.handler}::text is null or r.handler = ${filter.handler})
            ${given(filter.project_id, sql`and r.project_id = ${filter.project_id}::uuid`)}
            and (${filter.event_type}::text is null or coalesce(e.event, r.input ->> 'event') = ${filter.event_type})
            and (${filter.error_code}::text is null or r.error ->> 'code' = ${filter.error_code})
            and (${filter.since}::timestamptz is null or r.finished_at >= ${filter.since}::timestamptz)
            and (${filter.until}::timestamptz is null or r.finished_at < ${filter.until}::timestamptz)
          order by r.created_at, r.id
          limit ${filter.limit + 1}::int
        ),
        queued as (
          ${requeue(sql`select id from chosen limit ${filter.limit}::int`)}
        )
        select (select count(*)::int from queued) as redriven, (select count(*)::int from chosen) > ${filter.limit}::int as more`)
      return rows[0] as { redriven: number; more: boolean }
    },

    /** Cancels a queued or running run. The result of a running handler is not recorded. Throws `run_final` if the run has ended. */
    async cancel(userId: string, bound: string | null, id: string): Promise<void> {
      const [row] = await db.query<{ status: RunStatus; cancelled: boolean }>(sql`
        with asked as (
          select id, status from zerodb_runs
          where id = ${id}::uuid and user_id = ${userId}::uuid and (${bound}::uuid is null or project_id = ${bound}::uuid)
        ),
        cancelled as (
          update zerodb_runs set status = 'cancelled', owner = null, finished_at = now()
          where id in (select id from asked) and status in ('queued', 'running')
          returning id
        )
        select status, exists (select from cancelled) as cancelled from asked`)
      const { status, cancelled } = found(row ? [row] : [], 'Run')
      if (!cancelled) throw new ZeroError('run_final', `This run is ${status} already`)
    },

    /** Returns those of these runs that this epoch does not own any more: they were cancelled, or claimed by another instance. */
    async lost(epoch: number, ids: readonly string[]): Promise<string[]> {
      const rows = await asyncCommit.query<{ id: string }>(sql`
        select wanted.id
        from unnest(${ids}::uuid[]) as wanted (id)
        left join lateral (select owner from zerodb_runs where id = wanted.id limit 1) r on true
        where r.owner is distinct from ${epoch}::bigint`)
      return rows.map((row) => row.id)
    },

    /** Returns runs, newest event first. */
    async list(
      userId: string,
      filter: {
        hook_id?: string | undefined
        function_id?: string | undefined
        trigger?: Trigger | undefined
        event_id?: string | undefined
        project_id?: string | undefined
        status?: RunStatus | undefined
        id_prefix?: string | undefined
        bound: string | null
        before: { created_at: string; id: string } | null
        limit: number
      },
    ): Promise<Run[]> {
      const { before } = filter
      return bounded(db).query<Run>(sql`
        select ${columns}, ${waiting()} as waiting_for
        from ${source}
        where r.user_id = ${userId}::uuid
          ${given(filter.hook_id, sql`and r.hook_id = ${filter.hook_id}::uuid`)}
          ${given(filter.function_id, sql`and r.function_id = ${filter.function_id}::uuid`)}
          ${given(filter.trigger, sql`and r.trigger = ${filter.trigger}`)}
          ${filter.trigger === 'event' ? sql`` : given(filter.trigger, sql`and r.trigger <> 'event'`)}
          ${filter.event_id === undefined ? sql`` : ofEvent(filter.event_id)}
          ${given(filter.project_id, sql`and r.project_id = ${filter.project_id}::uuid`)}
          ${given(filter.bound, sql`and r.project_id = ${filter.bound}::uuid`)}
          ${filter.status === undefined ? sql`` : sql`and ${HAS_STATUS[filter.status]}`}
          ${filter.id_prefix === undefined ? sql`` : idsFrom(filter.id_prefix)}
          ${given(before, sql`and (r.created_at, r.id) < (${before?.created_at}::timestamptz, ${before?.id}::uuid)`)}
        -- A few runs by their event or the beginning of their id: sorted, and not looked for among all runs in the order of the list.
        order by ${filter.event_id === undefined && filter.id_prefix === undefined ? sql`r.created_at` : sql`r.created_at + interval '0'`} desc, r.id desc
        limit ${filter.limit}::int`)
    },

    async get(userId: string, bound: string | null, id: string): Promise<Run> {
      const rows = await db.query<Run>(sql`
        select ${columns}, ${waiting()} as waiting_for
        from ${source}
        where r.id = ${id}::uuid
          and r.user_id = ${userId}::uuid
          and (${bound}::uuid is null or r.project_id = ${bound}::uuid)`)
      return found(rows, 'Run')
    },
  }
}

/**
 * Queues the ended runs that `ids` selects as if they were new. The update itself checks the status: otherwise the second of two concurrent
 * requests would queue a run while it is running.
 */
function requeue(ids: Statement): Statement {
  return sql`
    update zerodb_runs
    set status = 'queued', owner = null, run_at = now(), finished_at = null, deaths = 0, at_most_once = false, base_attempts = attempts
    where id in (${ids}) and status in ('dead', 'cancelled', 'skipped')
    returning id`
}

/** Condition: a run belongs to the event with this id. A check of only the number would let callers guess event numbers. */
function ofEvent(id: string): Statement {
  return sql`and r.event_seq = zerodb_event_seq(${id}) and e.id = ${id}`
}

/** Condition: a run's id begins with `prefix`, as a range of the primary key. */
function idsFrom(prefix: string): Statement {
  const digits = prefix.replaceAll('-', '')
  return sql`and r.id between ${digits.padEnd(32, '0')}::uuid and ${digits.padEnd(32, 'f')}::uuid`
}

/** Formats a time in JSON as in responses. */
function iso(time: Statement): Statement {
  return sql`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
