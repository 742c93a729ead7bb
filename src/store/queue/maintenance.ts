import { type Statement, sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

/** For how long; null: for ever. */
export interface Keep {
  /** Ended runs, and events. */
  seconds: number | null
  /** Dead runs, and with each the event that it would be tried again with. */
  deadSeconds: number | null
}

/** Events that one step looks at. */
const EVENTS_AT_ONCE = 500
/** Runs that one step deletes at most, however many an event has. */
const RUNS_AT_ONCE = 5_000

export interface Expired {
  runs: number
  events: number
}

/** The number above that of every event. */
const END = sql`9223372036854775807`

/**
 * Deletes expired rows in batches. Queued and running runs stay, whatever their age, and so do events that are still needed: by a run, by
 * dispatch, or by a replay that has not reached them. Several processes may run this at once.
 */
export function maintenance(context: StoreContext) {
  const { asyncCommit } = context
  const before = (seconds: number | null) => sql`(${now(context)} - make_interval(secs => ${seconds}::float8))`

  /** Whether run `r` has ended long enough ago. Where something is kept for ever the time is null, and nothing is. */
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
     * Goes through the events behind number `after`, the oldest first, with the runs that they have led to. Returns the number up to which it
     * has come; null at the end, or where what follows is too young.
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
        doomed as materialized (
          select r.id
          from zerodb_runs r
          where r.event_seq > ${after}::bigint and r.event_seq <= (select through from reach) and ${isOver(keep)}
          order by r.event_seq
          limit ${RUNS_AT_ONCE}::int
          -- One that is being queued again is no longer over.
          for update skip locked
        ),
        gone_runs as (
          delete from zerodb_runs where id in (select id from doomed) returning id
        ),
        gone_events as (
          delete from zerodb_events e
          using looked
          where e.seq = looked.seq
            and looked.seq <= (select through from reach)
            and looked.created_at < ${before(keep.seconds)}
            and not exists (select from zerodb_outbox o where o.seq = looked.seq)
            and not exists (
              select from zerodb_runs r where r.event_seq = looked.seq and r.id not in (select id from doomed)
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
        )
        select
          reach.through, reach.ended,
          (select count(*)::int from gone_runs) as runs, (select count(*)::int from gone_events) as events
        from reach`)
      const { through, ended, runs, events } = row!
      return { runs, events, through: ended ? null : through }
    },

    /** Deletes ended runs that no event has led to, and then jobs none of whose runs is left. True when there may be more. */
    async expireOthers(keep: Keep): Promise<Expired & { more: boolean }> {
      const [row] = await asyncCommit.query<{ runs: number }>(sql`
        with ended_jobs as materialized (
          select id from zerodb_replays where status <> 'running' and finished_at < ${young(keep)}
        ),
        doomed as materialized (
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
          delete from zerodb_runs where id in (select id from doomed) returning id
        ),
        gone_jobs as (
          delete from zerodb_replays p
          where p.id in (select id from ended_jobs)
            and not exists (select from zerodb_runs r where r.replay_id = p.id and r.id not in (select id from doomed))
        )
        select count(*)::int as runs from gone_runs`)
      const { runs } = row!
      return { runs, events: 0, more: runs >= RUNS_AT_ONCE }
    },
  }
}
