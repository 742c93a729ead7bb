import { type Executor, json, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import type { StoredEventName } from '../../schema/events.ts'
import type { Hook } from '../../schema/hook.ts'
import type { Replay, ReplayCriteria } from '../../schema/replay.ts'
import { RUN_STATUSES } from '../../schema/run.ts'
import { bounded, found, now, type StoreContext } from '../context.ts'
import { cancelQueued } from './cancel-queued.ts'
import { rowsOf } from './event-rows.ts'

/** A hook on events that can be made from stored rows. */
export type HookOverRows = Pick<Hook, 'id' | 'event_type' | 'created_at'> & { event_type: StoredEventName }

interface Period {
  since?: string | undefined
  until?: string | undefined
}

const columns = sql`
  r.id, r.kind, r.status, r.total, r.seen, r.created, r.rate as rate_per_second, r.criteria, r.created_at, r.finished_at,
  (
    select coalesce(jsonb_object_agg(status, n), '{}')
    from (select status, count(*) as n from zerodb_runs where replay_id = r.id group by status) counted
  ) as runs`

const NONE = Object.fromEntries(RUN_STATUSES.map((status) => [status, 0]))

function toReplay(row: Replay): Replay {
  return { ...row, runs: { ...NONE, ...row.runs } }
}

export function replays(context: StoreContext) {
  const { db } = context

  /** Inserts a job over `total` events or rows. A job without any is done at once. */
  function insertJob(
    job: {
      kind: Replay['kind']
      user_id: string
      project_id: string | null
      hook_id: string | null
      criteria: object
      rate: number
    },
    counted: Statement,
    position: Statement,
  ): Statement {
    return sql`
      insert into zerodb_replays (kind, user_id, project_id, hook_id, criteria, rate, total, position, status, finished_at, advanced_at)
      select
        ${job.kind}, ${job.user_id}::uuid, ${job.project_id}::uuid, ${job.hook_id}::uuid, ${json(job.criteria)}::jsonb, ${job.rate}::int,
        counted.total, ${position},
        case when counted.total = 0 then 'done' else 'running' end,
        case when counted.total = 0 then now() end,
        ${now(context)}
      from (${counted}) counted
      returning *`
  }

  /** Selects the rows of a backfill: those of the hook's event type that were stored before the hook was created. */
  function rowsBefore(
    userId: string,
    projectId: string | null,
    hook: HookOverRows,
    { since, until }: Period,
  ): Statement {
    return sql`
      select s.row_id, s.at, s.tie
      from (${rowsOf(hook.event_type, userId)}) s
      where (${projectId}::uuid is null or s.project_id = ${projectId}::uuid)
        and s.at < ${hook.created_at}::timestamptz
        and (${since}::timestamptz is null or s.at >= ${since}::timestamptz)
        and (${until}::timestamptz is null or s.at < ${until}::timestamptz)`
  }

  return {
    /** Returns the seqs of events by their ids. Throws `not_found` if one of them does not belong to the user. */
    async seqsOf(userId: string, bound: string | null, ids: readonly string[]): Promise<number[]> {
      const wanted = [...new Set(ids)]
      const rows = await db.query<{ seq: number; id: string }>(sql`
        select seq, id from zerodb_events
        where seq in (select zerodb_event_seq(wanted) from unnest(${wanted}::text[]) wanted)
          and id = any(${wanted}::text[])
          and user_id = ${userId}::uuid
          and (${bound}::uuid is null or project_id = ${bound}::uuid)
        order by seq`)
      const there = new Set(rows.map(({ id }) => id))
      const missing = wanted.find((id) => !there.has(id))
      if (missing !== undefined) throw new ZeroError('not_found', `Event ${missing.slice(0, 100)} not found`)
      return rows.map(({ seq }) => seq)
    },

    async countEvents(userId: string, criteria: ReplayCriteria, seqs: readonly number[] | null): Promise<number> {
      const [row] = await bounded(db).query<{ total: number }>(sql`
        select count(*) as total from zerodb_events e where ${eventsOf(userId, criteria, seqs)}`)
      return row!.total
    },

    /** Creates a job over the existing events that meet the criteria. `seqs` limits it to these events; null for no limit. */
    async createReplay(
      userId: string,
      criteria: ReplayCriteria,
      seqs: readonly number[] | null,
      rate: number,
    ): Promise<Replay> {
      const counted = sql`
        select count(*) as total, coalesce(min(e.seq), 0) as first, coalesce(max(e.seq), 0) as last
        from zerodb_events e
        where ${eventsOf(userId, criteria, seqs)}`
      const job = {
        kind: 'replay' as const,
        user_id: userId,
        project_id: criteria.project_id ?? null,
        hook_id: criteria.hook_id ?? null,
        criteria,
        rate,
      }
      const position = sql`
        jsonb_build_object('after', counted.first - 1, 'last', counted.last, 'seqs', ${seqs && json(seqs)}::jsonb)`
      const rows = await db.query<Replay>(sql`
        with r as (${insertJob(job, counted, position)})
        select ${columns} from r`)
      return toReplay(rows[0]!)
    },

    /** Counts the rows of a backfill. */
    async countRows(userId: string, projectId: string | null, hook: HookOverRows, period: Period): Promise<number> {
      const [row] = await bounded(db).query<{ total: number }>(
        sql`select count(*) as total from (${rowsBefore(userId, projectId, hook, period)}) s`,
      )
      return row!.total
    },

    /**
     * Creates a job over the rows that were stored before the hook was created, in one project or (null) in all projects of the user. The
     * time of storage determines the position of a row. Positions are unique and far below any event number.
     */
    async createBackfill(
      userId: string,
      projectId: string | null,
      hook: HookOverRows,
      period: Period,
      rate: number,
    ): Promise<Replay> {
      const job = {
        kind: 'backfill' as const,
        user_id: userId,
        project_id: projectId,
        hook_id: hook.id,
        criteria: {
          event_type: hook.event_type,
          ...(projectId === null ? {} : { project_id: projectId }),
          ...period,
          hook_id: hook.id,
        },
        rate,
      }
      const rows = await db.query<Replay>(sql`
        with numbered as materialized (
          select
            row_id, (extract(epoch from at) * 1000000)::bigint as micros, row_number() over (order by at, tie, row_id) as n
          from (${rowsBefore(userId, projectId, hook, period)}) s
        ),
        r as (${insertJob(job, sql`select count(*) as total from numbered`, sql`null::jsonb`)}),
        waiting as (
          insert into zerodb_replay_rows (replay_id, turn, row_id)
          select
            (select id from r), -9007199254740992 + n + max(micros - n) over (order by n rows unbounded preceding), row_id
          from numbered
        )
        select ${columns} from r`)
      return toReplay(rows[0]!)
    },

    /** Returns jobs, newest first. */
    async list(
      userId: string,
      filter: {
        status?: Replay['status'] | undefined
        bound: string | null
        before: { created_at: string; id: string } | null
        limit: number
      },
    ): Promise<Replay[]> {
      const rows = await db.query<Replay>(sql`
        select ${columns}
        from zerodb_replays r
        where r.user_id = ${userId}::uuid
          and (${filter.bound}::uuid is null or r.project_id = ${filter.bound}::uuid)
          and (${filter.status}::text is null or r.status = ${filter.status})
          and (${filter.before?.id}::uuid is null or (r.created_at, r.id) < (${filter.before?.created_at}::timestamptz, ${filter.before?.id}::uuid))
        order by r.created_at desc, r.id desc
        limit ${filter.limit}::int`)
      return rows.map(toReplay)
    },

    async get(userId: string, bound: string | null, id: string): Promise<Replay> {
      const rows = await db.query<Replay>(sql`
        select ${columns}
        from zerodb_replays r
        where r.id = ${id}::uuid and r.user_id = ${userId}::uuid and (${bound}::uuid is null or r.project_id = ${bound}::uuid)`)
      return toReplay(found(rows, 'Replay'))
    },

    /**
     * Cancels a job and its queued runs. Must run in a transaction: a running step ends first, so that its runs are cancelled too. Throws
     * `replay_final` if the job has ended.
     */
    async cancel(userId: string, bound: string | null, id: string): Promise<void> {
      const rows = await db.query<{ status: Replay['status'] }>(sql`
        select status from zerodb_replays
        where id = ${id}::uuid and user_id = ${userId}::uuid and (${bound}::uuid is null or project_id = ${bound}::uuid)
        for update`)
      const { status } = found(rows, 'Replay')
      if (status !== 'running') throw new ZeroError('replay_final', `This replay is ${status} already`)
      await endEarly(db, id)
    },

    /** Returns running jobs whose rate allows a run now, the longest waiting first. */
    async ready(limit: number): Promise<string[]> {
      const rows = await db.query<{ id: string }>(sql`
        select id from zerodb_replays
        where status = 'running' and advanced_at + make_interval(secs => 1.0 / rate) <= ${now(context)}
        order by advanced_at
        limit ${limit}::int`)
      return rows.map(({ id }) => id)
    },
  }
}

/** Cancels a job that the transaction has locked, and its queued runs. */
export async function endEarly(db: Executor, id: string): Promise<void> {
  await db.query(sql`update zerodb_replays set status = 'cancelled', finished_at = now() where id = ${id}::uuid`)
  await db.query(sql`delete from zerodb_replay_rows where replay_id = ${id}::uuid`)
  await db.query(cancelQueued({ where: sql`r.replay_id = ${id}::uuid` }))
}

/** Condition: event `e` belongs to the user and meets the criteria. */
export function eventsOf(userId: string, criteria: ReplayCriteria, seqs: readonly number[] | null): Statement {
  return sql`
    e.user_id = ${userId}::uuid
    ${seqs === null ? sql`` : sql`and e.seq = any(${seqs}::bigint[])`}
    and ${meets(userId, criteria)}`
}

/** Condition for an event of the user. Events of deleted projects are not replayed. */
export function meets(userId: string, { event_type, project_id, since, until }: ReplayCriteria): Statement {
  return sql`
    (${event_type}::text is null or e.event = ${event_type})
    and (${project_id}::uuid is null or e.project_id = ${project_id}::uuid)
    and (${since}::timestamptz is null or e.created_at >= ${since}::timestamptz)
    and (${until}::timestamptz is null or e.created_at < ${until}::timestamptz)
    and e.project_id in (select id from zerodb_projects where user_id = ${userId}::uuid)`
}
