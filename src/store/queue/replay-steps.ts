import { type Statement, sql } from '../../db/sql.ts'
import { eventTypeOf, type StoredEventName } from '../../schema/events.ts'
import type { ReplayCriteria } from '../../schema/replay.ts'
import { now, relax, type StoreContext } from '../context.ts'
import { rowsOf } from './event-rows.ts'
import { orderOf, passesFilter, seenOf, subscribesTo } from './hook-filter-sql.ts'
import { limited } from './owned-run.ts'
import { endEarly, meets } from './replays.ts'

/** Maximum number of events or rows per step, and the minimum to look at when the rate allows fewer: filters may reject most of them. */
const [BATCH, LOOK_AHEAD] = [256, 64]
/** Maximum number of events that one step reads to find those that meet the criteria. */
const PASSED_OVER = 4_096
/** A job pauses at this number of queued runs, whatever the runs wait for. */
const MAX_QUEUED = 10_000
/** Duration of that pause. */
const REST = sql`interval '1 second'`

export interface Step {
  queued: number
  /** True if some of them are limited by the ordering or concurrency of their hook. */
  constrained: boolean
  /** True if the job can continue at once. False if it has ended, must wait, or another process works on it. */
  more: boolean
}

interface Job {
  id: string
  kind: 'replay' | 'backfill'
  user_id: string
  hook_id: string | null
  criteria: ReplayCriteria
  position: { after: number; last: number; seqs: number[] | null } | null
  /** Number of runs that the rate allows now. */
  credit: number
  /** Number of further runs that fit into the queue. */
  room: number
  orphaned: boolean
}

const NOTHING: Step = { queued: 0, constrained: false, more: false }

export function replaySteps(context: StoreContext) {
  const { db } = context

  /**
   * Locks a job and computes how many runs it may create now. Returns undefined if it has ended or another process works on it. At most one
   * second's worth of its runs is due in the queue, because new events of the same hooks queue behind them.
   */
  async function lock(id: string): Promise<Job | undefined> {
    const [job] = await db.query<Job>(sql`
      select
        r.id, r.kind, r.user_id, r.hook_id, r.criteria, r.position,
        floor(r.rate * extract(epoch from ${now(context)} - ${credited}))::int as credit,
        least(r.rate - queue.due, ${MAX_QUEUED}::int - queue.length)::int as room,
        (r.hook_id is not null and not exists (select from zerodb_hooks where id = r.hook_id and is_active))
          or (r.project_id is not null and not exists (select from zerodb_projects where id = r.project_id)) as orphaned
      from zerodb_replays r
      cross join lateral (
        select count(*) as length, count(*) filter (where queued.run_at <= ${now(context)} and h.paused_at is null) as due
        from (
          select hook_id, run_at from zerodb_runs where replay_id = r.id and status = 'queued' limit ${MAX_QUEUED}::int
        ) queued
        left join zerodb_hooks h on h.id = queued.hook_id
      ) queue
      where r.id = ${id}::uuid and r.status = 'running'
      for update of r skip locked`)
    return job
  }

  /**
   * The time from which the job's rate counts. Unused time is lost after one second, so a job never exceeds twice its rate in one second.
   */
  const credited = sql`greatest(r.advanced_at, ${now(context)} - interval '1 second')`

  return {
    /**
     * Advances a job as far as its rate allows, by at most 256 events or rows. The position is stored in the same commit, so that a crash
     * loses nothing and repeats nothing. Must run in a transaction. A job whose hook was disabled or deleted ends as cancelled.
     */
    async step(id: string): Promise<Step> {
      // A step that is lost in a crash is repeated.
      await relax(db)
      const job = await lock(id)
      if (!job) return NOTHING
      if (job.orphaned) {
        await endEarly(db, id)
        return NOTHING
      }
      if (job.credit < 1) return NOTHING
      if (job.room < 1) {
        await db.query(sql`update zerodb_replays set advanced_at = ${now(context)} + ${REST} where id = ${id}::uuid`)
        return NOTHING
      }
      const allowance = Math.min(job.credit, job.room)
      const size = Math.min(BATCH, Math.max(LOOK_AHEAD, allowance))
      const [row] = await db.query<{ queued: number; constrained: boolean; done: boolean }>(sql`
        with ${job.kind === 'replay' ? eventBatch(job, size) : rowBatch(job, size)},
        ${job.kind === 'replay' ? matches(job) : newMatches(job)},
        -- upto counts the runs of whole events: an event gets the runs of all its hooks in the same step. The first event is chosen even if
        -- it exceeds the rate.
        chosen as (
          select * from matched where upto <= ${allowance}::int or seq = (select min(seq) from matched)
        ),
        -- through: the position after this step; ended: nothing comes after it.
        reach as (
          select coalesce(cut.seq - 1, looked.last) as through, cut.seq is null and looked.ended as ended
          from looked
          cross join (select min(seq) as seq from matched where seq > (select max(seq) from chosen)) cut
        ),
        inserted as (
          insert into zerodb_runs
            (trigger, event_seq, hook_id, function_id, runtime, replay_id, user_id, project_id, handler, ref, ordering_key, input, dedupe_key,
              run_at, status)
          select
            'event', seq, hook_id, function_id, runtime, ${id}::uuid, ${job.user_id}::uuid, project_id, hook_name, ref,
            ${orderOf}, input, dedupe_key, ${now(context)}, 'queued'
          from chosen
          order by seq, hook_created_at
          -- The conflicting run was cancelled before it was executed.
          on conflict (hook_id, dedupe_key) where dedupe_key is not null do update set
            event_seq = excluded.event_seq, replay_id = excluded.replay_id, ordering_key = excluded.ordering_key, input = excluded.input,
            run_at = excluded.run_at, status = 'queued', finished_at = null, deaths = 0, base_attempts = zerodb_runs.attempts
          where zerodb_runs.status = 'cancelled'
          returning hook_id, ordering_key
        ),
        taken_off as (
          delete from zerodb_replay_rows where replay_id = ${id}::uuid and turn <= (select through from reach)
        ),
        moved as (
          update zerodb_replays r set
            position = jsonb_set(r.position, '{after}', to_jsonb(reach.through)),
            seen = r.seen + (select count(*) from batch where seq <= reach.through),
            created = r.created + (select count(*) from inserted),
            advanced_at = ${credited} + make_interval(secs => (select count(*) from inserted)::float8 / r.rate),
            -- The total is exact only now: it may have included or missed an event that was being committed when the job was created.
            total = case when reach.ended then r.seen + (select count(*) from batch) else r.total end,
            status = case when reach.ended then 'done' else 'running' end,
            finished_at = case when reach.ended then now() end
          from reach
          where r.id = ${id}::uuid
        )
        select
          (select count(*)::int from inserted) as queued,
          exists (
            select from inserted i join zerodb_hooks h on h.id = i.hook_id where i.ordering_key is not null or ${limited}
          ) as constrained,
          (select ended from reach) as done`)
      return { queued: row!.queued, constrained: row!.constrained, more: !row!.done }
    },
  }
}

/** `batch` has the next events. `looked` has the position that the search reached, and whether it has ended. */
function eventBatch(job: Job, size: number): Statement {
  const { after, last, seqs } = job.position!
  return sql`
    passed as materialized (
      select e.seq, e.event, e.data, e.project_id, e.ref, e.created_at
      from zerodb_events e
      where e.user_id = ${job.user_id}::uuid
        and e.seq > ${after}::bigint
        and e.seq <= ${last}::bigint
        ${seqs === null ? sql`` : sql`and e.seq = any(${seqs}::bigint[])`}
      order by e.seq
      limit ${PASSED_OVER}::int
    ),
    batch as materialized (
      select e.*, null::jsonb as input, null::text as dedupe_key
      from passed e
      where ${meets(job.user_id, job.criteria)}
      order by e.seq
      limit ${size}::int
    ),
    looked as (
      select
        case
          when (select count(*) from batch) = ${size}::int then (select max(seq) from batch)
          when (select count(*) from passed) = ${PASSED_OVER}::int then (select max(seq) from passed)
          else ${last}::bigint
        end as last,
        (select count(*) from batch) < ${size}::int and (select count(*) from passed) < ${PASSED_OVER}::int as ended
    )`
}

/** Selects the next rows of a backfill. A deleted row keeps only its position. */
function rowBatch(job: Job, size: number): Statement {
  const type = eventTypeOf(job.criteria.event_type as StoredEventName)
  return sql`
    batch as materialized (
      select
        waiting.turn as seq, ${type.name}::text as event, r.data, r.project_id, r.row_id::text as ref,
        jsonb_build_object(
          'id', 'bf_' || left(encode(sha256((${job.hook_id}::text || ' ' || r.row_id)::bytea), 'hex'), 32),
          'event', ${type.name}::text,
          'channel', ${type.channel}::text,
          'data', r.data,
          'timestamp', to_char(r.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) as input,
        'row:' || r.row_id as dedupe_key
      from (
        select turn, row_id from zerodb_replay_rows where replay_id = ${job.id}::uuid order by turn limit ${size}::int
      ) waiting
      left join lateral (
        select * from (${rowsOf(type.name as StoredEventName, job.user_id)}) s where s.row_id = waiting.row_id offset 0
      ) r on true
    ),
    looked as (
      select max(seq) as last, count(*) < ${size}::int as ended from batch
    )`
}

/** `matched` has a row for each hook that matches an event of `batch`. `upto` is the number of matches up to and including this event. */
function matches({ kind, user_id, hook_id }: Job, but: Statement = sql``): Statement {
  const event = {
    seq: kind === 'replay' ? sql`batch.seq` : sql`null::bigint`,
    user: sql`${user_id}::uuid`,
    event: sql`batch.event`,
    data: sql`batch.data`,
    ref: sql`batch.ref`,
    project: sql`batch.project_id`,
  }
  return sql`
    matched as materialized (
      select
        batch.seq, batch.project_id, batch.ref, batch.input, batch.dedupe_key, h.id as hook_id, h.hook_name, h.function_id, h.runtime,
        h.created_at as hook_created_at,
        seen.key, count(*) over (order by batch.seq) as upto
      from batch
      join zerodb_hooks h
        on ${subscribesTo(event)}
        and (${hook_id}::uuid is null or h.id = ${hook_id}::uuid)
      cross join lateral ${seenOf(event)}
      where batch.ref is not null
        ${but}
        and ${passesFilter}
    )`
}

/** Condition: the row matches, and no earlier backfill of the hook has a run for it that was not cancelled. */
function newMatches(job: Job): Statement {
  return matches(
    job,
    sql`and not exists (
      select from zerodb_runs b where b.hook_id = h.id and b.dedupe_key = batch.dedupe_key and b.status <> 'cancelled'
    )`,
  )
}
