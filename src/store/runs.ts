import { json, sql } from '../db/sql.ts'
import type { EventName } from '../schema/events.ts'
import type { Run, RunStatus } from '../schema/run.ts'
import { found, now, type Scope, type StoreContext } from './context.ts'
import { type OwnedRun, toOwnedRun } from './dispatch.ts'
import { seqOfEventId } from './emit.ts'

/** How one attempt ended. */
export interface Ending {
  id: string
  attempts: number
  status: 'succeeded' | 'dead' | 'queued' | 'cancelled' | 'skipped'
  result: unknown
  error: { code: string; message: string } | null
  logs: { at: string; message: string }[]
  /** For `queued`: seconds until the next attempt. */
  retry_in: number | null
}

const columns = sql`
  r.id, r.trigger, r.handler, r.hook_id, e.id as event_id, e.event as event_type, r.project_id, r.status, r.attempts, r.run_at,
  r.result, r.error, coalesce(r.logs, '[]') as logs, r.created_at, r.started_at, r.finished_at`

/** Owners that die while they hold a run, before we take the run itself for the cause. */
const MAX_DEATHS = 3

export function runs(context: StoreContext) {
  const { db, relaxed } = context
  return {
    /** Takes up to `count` queued runs that are due and that this process can execute; the oldest first. */
    async claim(epoch: number, count: number, handlers: readonly string[]): Promise<OwnedRun[]> {
      const rows = await relaxed.query<Parameters<typeof toOwnedRun>[0]>(sql`
        with due as materialized (
          select id from zerodb_runs
          where status = 'queued' and run_at <= ${now(context)} and handler = any(${handlers}::text[])
          order by run_at, event_seq
          limit ${count}::int
          for update skip locked
        ),
        claimed as (
          update zerodb_runs r
          set status = 'running', owner = ${epoch}::bigint, attempts = attempts + 1, started_at = now(), finished_at = null
          where r.id = any(array(select id from due))
          returning r.*
        )
        select
          c.id, c.handler, c.attempts, c.hook_id, h.hook_config as config, c.user_id, c.project_id, c.ref,
          e.id as event_id, e.event, e.channel, e.data, e.created_at as timestamp
        from claimed c
        cross join lateral (select * from zerodb_events where seq = c.event_seq limit 1) e
        left join zerodb_hooks h on h.id = c.hook_id and h.is_active
        order by c.run_at, c.event_seq`)
      return rows.map(toOwnedRun)
    },

    /** Records how attempts ended. One whose owner or attempt is not the run's any more changes nothing. Returns the ids recorded. */
    async finish(epoch: number, endings: readonly Ending[]): Promise<string[]> {
      const rows = await relaxed.query<{ id: string }>(sql`
        update zerodb_runs r set
          status = ended.status,
          owner = null,
          result = ended.result,
          error = ended.error,
          logs = ended.logs,
          run_at = case when ended.status = 'queued' then ${now(context)} + make_interval(secs => ended.retry_in) else r.run_at end,
          finished_at = case when ended.status = 'queued' then null else now() end
        from jsonb_to_recordset(${json(endings)}::jsonb)
          as ended (id uuid, attempts int, status text, result jsonb, error jsonb, logs jsonb, retry_in float8)
        where r.id = ended.id
          and r.attempts = ended.attempts
          and r.owner = ${epoch}::bigint
          and r.status = 'running'
        returning r.id`)
      return rows.map((row) => row.id)
    },

    /** Gives back what a process that stops has claimed and not finished; the attempt does not count. */
    async giveBack(epoch: number): Promise<void> {
      await db.query(sql`
        update zerodb_runs set status = 'queued', owner = null, attempts = attempts - 1
        where owner = ${epoch}::bigint and status = 'running'`)
    },

    /**
     * Queues again the runs that the database gives to this living process and that it does not know: the answer to its dispatch or claim
     * was lost. The seconds of grace are for answers that are still on their way. Returns how many there were.
     */
    async reclaim(epoch: number, known: readonly string[]): Promise<number> {
      const rows = await relaxed.query(sql`
        update zerodb_runs set status = 'queued', owner = null
        where owner = ${epoch}::bigint
          and status = 'running'
          and started_at < now() - interval '10 seconds'
          and id <> all(${known}::uuid[])
        returning id`)
      return rows.length
    },

    /** Queues again the runs whose owner is dead; a run that has outlived three owners is `dead`. Returns how many there were. */
    async recover(): Promise<number> {
      const rows = await relaxed.query(sql`
        update zerodb_runs r set
          deaths = deaths + 1,
          owner = null,
          status = case when deaths + 1 < ${MAX_DEATHS}::int then 'queued' else 'dead' end,
          error = case when deaths + 1 < ${MAX_DEATHS}::int then error
            else jsonb_build_object('code', 'instance_died', 'message', 'The process that executed this run died, ' || deaths + 1 || ' times') end,
          finished_at = case when deaths + 1 < ${MAX_DEATHS}::int then null else now() end
        where status = 'running'
          and not exists (select from zerodb_instances i where i.epoch = r.owner)
        returning id`)
      return rows.length
    },

    /** Work of these handlers that is not finished, in this project: runs due within a second, and events that will become one. */
    async pending(scope: Scope, handlers: readonly string[], events: readonly EventName[]): Promise<number> {
      const [row] = await db.query<{ count: number }>(sql`
        select (
          select count(*) from zerodb_runs
          where status in ('queued', 'running')
            and user_id = ${scope.user_id}::uuid
            and project_id = ${scope.project_id}::uuid
            and handler = any(${handlers}::text[])
            and run_at <= ${now(context)} + interval '1 second'
        ) + (
          select count(*)
          from zerodb_outbox
          cross join lateral (select * from zerodb_events where seq = zerodb_outbox.seq limit 1) e
          join zerodb_hooks h
            on h.user_id = e.user_id and h.event_type = e.event and h.is_active and (h.project_id is null or h.project_id = e.project_id)
          where e.user_id = ${scope.user_id}::uuid
            and e.project_id = ${scope.project_id}::uuid
            and e.event = any(${events}::text[])
            and h.hook_name = any(${handlers}::text[])
        ) as count`)
      return row!.count
    },

    /** Newest event first. */
    async list(
      userId: string,
      filter: {
        hook_id?: string | undefined
        event_id?: string | undefined
        project_id?: string | undefined
        status?: RunStatus | undefined
        bound: string | null
        before: { created_at: string; id: string } | null
        limit: number
      },
    ): Promise<Run[]> {
      const eventSeq = filter.event_id === undefined ? null : (seqOfEventId(filter.event_id) ?? -1)
      return db.query<Run>(sql`
        select ${columns}
        from zerodb_runs r
        left join zerodb_events e on e.seq = r.event_seq
        where r.user_id = ${userId}::uuid
          and (${filter.hook_id}::uuid is null or r.hook_id = ${filter.hook_id}::uuid)
          and (${eventSeq}::bigint is null or r.event_seq = ${eventSeq}::bigint)
          and (${filter.project_id}::uuid is null or r.project_id = ${filter.project_id}::uuid)
          and (${filter.bound}::uuid is null or r.project_id = ${filter.bound}::uuid)
          and (${filter.status}::text is null or r.status = ${filter.status})
          and (${filter.before?.id}::uuid is null or (r.created_at, r.id) < (${filter.before?.created_at}::timestamptz, ${filter.before?.id}::uuid))
        order by r.created_at desc, r.id desc
        limit ${filter.limit}::int`)
    },

    async get(userId: string, bound: string | null, id: string): Promise<Run> {
      const rows = await db.query<Run>(sql`
        select ${columns}
        from zerodb_runs r
        left join zerodb_events e on e.seq = r.event_seq
        where r.id = ${id}::uuid
          and r.user_id = ${userId}::uuid
          and (${bound}::uuid is null or r.project_id = ${bound}::uuid)`)
      return found(rows, 'Run')
    },
  }
}
