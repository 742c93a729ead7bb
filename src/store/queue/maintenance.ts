import { type Statement, sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

/** Retention times; null keeps rows forever. */
export interface Keep {
  /** Applies to events and to runs that ended, except dead runs. */
  seconds: number | null
  /** Applies to dead runs, and to the events that a retry of them needs. */
  deadSeconds: number | null
}

/** Maximum number of events that one step looks at. */
const EVENTS_AT_ONCE = 500
/** Maximum number of runs that one step deletes, however many an event has. */
const RUNS_AT_ONCE = 5_000

export interface Expired {
  runs: number
  events: number
}

/** A number above that of every event. */
const END = sql`9223372036854775807`

/**
 * Deletes expired rows in batches. Queued and running runs stay regardless of their age. So do events that a run, dispatch or an unfinished
 * replay needs. Several processes may run this at the same time.
 */
export function maintenance(context: StoreContext) {
  const { asyncCommit } = context
  const before = (seconds: number | null) => sql`(${now(context)} - make_interval(secs => ${seconds}::float8))`

  /** Condition: run `r` ended before its retention time. Without a retention time, the comparison is with null and never true. */
  function isOver({ seconds, deadSeconds }: Keep): Statement {
    return sql`(
      (r.status in ('succeeded', 'cancelled', 'skipped') and r.finished_at < ${before(seconds)})
      or (r.status = 'dead' and r.finished_at < ${before(deadSeconds)})
    )`
  }

  /** Rows newer than this time have not expired, whatever their status. */
  const young = ({ seconds, deadSeconds }: Keep) =>
    before(Math.min(seconds ?? Number.POSITIVE_INFINITY, deadSeconds ?? Number.POSITIVE_INFINITY))

  return {
    /**
     * Deletes expired runs and events in the next batch of events after number `after`, oldest first. Returns the number up to which it has
     * looked; null if only newer events are left.
     */
    async expireEvents(after: number, keep: Keep): Promise<Expired & { through: number | null }> {
      const [row] = await asyncCommit.query<Expired & { through: number; ended: boolean }>(sql`
        with looked as materialized (
          select seq, user_id, created_at from zerodb_events where seq > ${after}::bigint order by seq limit ${EVENTS_AT_ONCE}::int
        ),
        reach as materialized (
          select
            least(
              min(seq) filter (where created_at >= ${young(keep)}) - 1,
              case when count(*) = ${EVENTS_AT_ONCE}::int then max(seq) else ${END} end
            ) as through,
            count(*) < ${EVENTS_AT_ONCE}::int or bool_or(created_at >= ${young(keep)}) as ended
          from looked
        ),
        expired_runs as materialized (
          select r.id
          from zerodb_runs r
          where r.event_seq > ${after}::bigint and r.event_seq <= (select through from reach) and ${isOver(keep)}
          order by r.event_seq
          limit ${RUNS_AT_ONCE}::int
          -- A run that is being queued again is skipped, because it has not ended any more.
          for update skip locked
        ),
        gone_runs as (
          delete from zerodb_runs where id in (select id from expired_runs) returning id
        ),
        gone_events as (
          delete from zerodb_events e
          using looked
          where e.seq = looked.seq
            and looked.seq <= (select through from reach)
            and looked.created_at < ${before(keep.seconds)}
            and not exists (select from zerodb_outbox o where o.seq = looked.seq)
            and not exists (
              select from zerodb_runs r where r.event_seq = looked.seq and r.id not in (select id from expired_runs)
            )
            and not exists (
              select from zerodb_replays p
              where p.status = 'running'
                and p.kind = 'replay'
                and p.user_id = looked.user_id
                and looked.seq > (p.position ->> 'after')::bigint
                and looked.seq <= (p.position ->> 'last')::bigint
            )
          returning e.seq
        ),
        gone_changes as (
          delete from zerodb_changes where seq in (select seq from gone_events)
        )
        select
          reach.through, reach.ended,
          (select count(*)::int from gone_runs) as runs, (select count(*)::int from gone_events) as events
        from reach`)
      const { through, ended, runs, events } = row!
      return { runs, events, through: ended ? null : through }
    },

    /**
     * Deletes expired runs that have no event or belong to an ended job, and then ended jobs without runs. `more` is true if there may be
     * more.
     */
    async expireOthers(keep: Keep): Promise<Expired & { more: boolean }> {
      const [row] = await asyncCommit.query<{ runs: number }>(sql`
        with ended_jobs as materialized (
          select id from zerodb_replays where status <> 'running' and finished_at < ${young(keep)}
        ),
        expired_runs as materialized (
          select id from (
            select r.id from zerodb_runs r
            where r.event_seq is null and r.finished_at is not null and ${isOver(keep)}
            order by r.finished_at
            limit ${RUNS_AT_ONCE}::int
            for update skip locked
          ) unbound
          union
          select made.id
          from ended_jobs
          cross join lateral (
            select r.id from zerodb_runs r
            where r.replay_id = ended_jobs.id and r.status in ('succeeded', 'cancelled', 'skipped', 'dead') and ${isOver(keep)}
            limit ${RUNS_AT_ONCE}::int
            for update skip locked
          ) made
          limit ${RUNS_AT_ONCE}::int
        ),
        gone_runs as (
          delete from zerodb_runs where id in (select id from expired_runs) returning id
        ),
        gone_jobs as (
          delete from zerodb_replays p
          where p.id in (select id from ended_jobs)
            and not exists (select from zerodb_runs r where r.replay_id = p.id and r.id not in (select id from expired_runs))
        )
        select count(*)::int as runs from gone_runs`)
      const { runs } = row!
      return { runs, events: 0, more: runs >= RUNS_AT_ONCE }
    },
  }
}
