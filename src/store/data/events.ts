import { randomBytes } from 'node:crypto'
import { type Statement, sql } from '../../db/sql.ts'
import type { LoggedEvent } from '../../schema/event-log.ts'
import { EVENT_NAMES } from '../../schema/events.ts'
import { bounded, found, given, type StoreContext } from '../context.ts'

/** Number of the user's newest events that a search without an index reads. */
export const LOOK_BACK = 10_000
/** Above every number of an event. */
const MAX_SEQ = Number.MAX_SAFE_INTEGER

/** The columns of an event in the log. */
export const envelope = sql`
  id, event, channel, data, created_at as timestamp, coalesce(chain_id, id) as chain_id, depth, caused_by`

export function events({ db }: StoreContext) {
  return {
    /** Creates the secret from which this database derives the ids of events, unless it exists. Writes fail without it. */
    async ensureKey(): Promise<void> {
      await db.query(sql`insert into zerodb_event_key (key) values (${randomBytes(32)}::bytea) on conflict do nothing`)
    },

    /**
     * Returns events, newest first. `before` is the seq at which the last page ended. `bound` is the project that the caller's key is bound
     * to.
     */
    async list(
      userId: string,
      filter: {
        event_type?: string | undefined
        project_id?: string | undefined
        id_prefix?: string | undefined
        bound: string | null
        before: number | null
        limit: number
      },
    ): Promise<{ items: LoggedEvent[]; last: number | null }> {
      const rows = await bounded(db).query<LoggedEvent & { seq?: number }>(
        page(userId, filter, {
          below: filter.before,
          where: given(filter.id_prefix, idsFrom(userId, filter.id_prefix ?? '')),
          direction: sql`desc`,
          limit: filter.limit,
        }),
      )
      const last = rows.length === filter.limit ? (rows.at(-1)?.seq ?? null) : null
      for (const row of rows) delete row.seq
      return { items: rows, last }
    },

    /** Returns the last assigned event number; its event may not be committed. */
    async lastSeq(): Promise<number> {
      const [row] = await db.query<{ seq: number }>(
        sql`select case when is_called then last_value else 0 end as seq from zerodb_events_seq_seq`,
      )
      return row!.seq
    },

    /**
     * Returns the id of the oldest running transaction, and the next id to be assigned; both are equal if none is running. Ids are shared by all
     * databases of a server: transactions in other databases write no events and are ignored.
     */
    async horizon(): Promise<{ oldest: number; next: number }> {
      const [row] = await db.query<{ oldest: number; next: number }>(sql`
        select coalesce(min(xid), next) as oldest, next
        from (select pg_current_snapshot() as snapshot) s
        cross join lateral (select pg_snapshot_xmax(snapshot)::text::bigint as next) n
        left join lateral (
          select at_work::text::bigint as xid
          from pg_snapshot_xip(snapshot) at_work
          where not exists (
            select from pg_stat_activity a
            where a.backend_xid = at_work::xid
              and a.datid <> (select oid from pg_database where datname = current_database())
          )
        ) x on true
        group by next`)
      return row!
    },

    /** Returns the user's events with a number above `after` and up to `last`, in the order of their numbers. */
    async between(
      userId: string,
      filter: {
        event_type?: string | undefined
        project_id?: string | undefined
        since?: string | undefined
        bound: string | null
      },
      after: number,
      last: number,
      limit: number,
    ): Promise<(LoggedEvent & { seq: number })[]> {
      return db.query<LoggedEvent & { seq: number }>(
        page(userId, filter, {
          above: after,
          below: last + 1,
          where: given(filter.since, sql`and created_at >= ${filter.since}::timestamptz`),
          direction: sql`asc`,
          limit,
        }),
      )
    },

    /** Returns the number in the id of an event, which can have expired; null for an id that is not from this database. */
    async seqOf(id: string): Promise<number | null> {
      const [row] = await db.query<{ seq: number | null }>(sql`select zerodb_event_seq(${id}) as seq`)
      return row!.seq
    },

    /**
     * Returns a number below the user's events that were created at `since` or later. Halves the range of numbers up to `last` about 40
     * times, because an index on times would slow down every write. Times of concurrent transactions can be in another order than their
     * numbers, so the result is 1,000 lower.
     */
    async seqBefore(userId: string, since: string, last: number): Promise<number> {
      const [row] = await db.query<{ seq: number }>(sql`
        with recursive search (low, high) as (
          select 0::bigint, ${last}::bigint + 1
          union all
          select case when is_older then middle + 1 else low end, case when is_older then high else middle end
          from search
          cross join lateral (select (low + high) / 2 as middle) m
          cross join lateral (
            select coalesce(
              (
                select created_at < ${since}::timestamptz from zerodb_events
                where user_id = ${userId}::uuid and seq >= middle
                order by seq
                limit 1
              ),
              false
            ) as is_older
          ) probe
          where low < high
        )
        select greatest(low - 1000, 0) as seq from search where low = high`)
      return row!.seq
    },

    /**
     * Returns the row of an event as it is now, in the form that filters use. Null if the event has no row, or the row was deleted or belongs
     * to another project.
     */
    async row(event: string, ref: string, projectId: string): Promise<Record<string, unknown> | null> {
      const [found] = await db.query<{ row: Record<string, unknown> | null }>(
        sql`select zerodb_row(${event}, ${ref}, ${projectId}::uuid, null) as row`,
      )
      return found?.row ?? null
    },

    /** Returns the row before the event of this id updated, replaced or deleted it. Null if the event did none of these. */
    async previous(event: string, id: string, projectId: string): Promise<Record<string, unknown> | null> {
      const [found] = await db.query<{ row: Record<string, unknown> | null }>(
        sql`select zerodb_previous(${event}, ${projectId}::uuid, zerodb_event_seq(${id})) as row`,
      )
      return found?.row ?? null
    },

    /** Returns the row after the event of this id, as filters see it, and the row before it. Each is null if there is none. */
    async rows(
      event: string,
      id: string,
      ref: string,
      projectId: string,
    ): Promise<{ row: Record<string, unknown> | null; previous: Record<string, unknown> | null }> {
      const [found] = await db.query<{
        row: Record<string, unknown> | null
        previous: Record<string, unknown> | null
      }>(sql`
        select
          zerodb_row(${event}, ${ref}, ${projectId}::uuid, seq) as row, zerodb_previous(${event}, ${projectId}::uuid, seq) as previous
        from (select zerodb_event_seq(${id}) as seq) e`)
      return found!
    },

    async get(userId: string, bound: string | null, id: string): Promise<LoggedEvent> {
      const rows = await db.query<LoggedEvent>(sql`
        select ${envelope} from zerodb_events
        where seq = zerodb_event_seq(${id})
          and id = ${id}
          and user_id = ${userId}::uuid
          and (${bound}::uuid is null or project_id = ${bound}::uuid)`)
      return found(rows, 'Event')
    },
  }
}

/**
 * Selects a page of the user's events. The index of a project is ordered by event type first, so that one index serves a project with and
 * without a type: without one, the page is merged from the pages of all types.
 */
function page(
  userId: string,
  filter: { event_type?: string | undefined; project_id?: string | undefined; bound: string | null },
  {
    above = null,
    below = null,
    where,
    direction,
    limit,
  }: { above?: number | null; below?: number | null; where: Statement; direction: Statement; limit: number },
): Statement {
  const from = (range: Statement, order: Statement) => sql`
    select seq, ${envelope} from zerodb_events
    where user_id = ${userId}::uuid
      ${range}
      ${given(filter.project_id, sql`and project_id = ${filter.project_id}::uuid`)}
      ${given(filter.bound, sql`and project_id = ${filter.bound}::uuid`)}
      ${where}
    order by ${order}
    limit ${limit}::int`
  const bySeq = sql`seq ${direction}`
  const range = sql`
    ${given(above, sql`and seq > ${above}::bigint`)}
    ${given(below, sql`and seq < ${below}::bigint`)}`
  if (filter.event_type !== undefined) return from(sql`and event = ${filter.event_type} ${range}`, bySeq)
  if (filter.project_id === undefined && filter.bound === null) return from(range, bySeq)
  // Type and number are compared together: only the index of the project satisfies this range and order. With an equal type the order is by
  // seq alone, and the planner walks all events once for each type: 2 s for 1,000,000 events.
  const typeRange = sql`
    and (event, seq) > (type.name, ${above ?? 0}::bigint)
    and (event, seq) < (type.name, ${below ?? MAX_SEQ}::bigint)`
  return sql`
    select e.* from unnest(${EVENT_NAMES}::text[]) as type (name)
    cross join lateral (${from(typeRange, sql`event ${direction}, seq ${direction}`)}) e
    order by ${bySeq}
    limit ${limit}::int`
}

/**
 * Condition: an event's id begins with `prefix`, and the event is among the user's newest `LOOK_BACK` events. The prefix does not contain
 * the event's number, and an index on ids would slow down every write.
 */
function idsFrom(userId: string, prefix: string): Statement {
  return sql`
    and starts_with(id, ${prefix})
    and seq >= (
      select min(seq)
      from (select seq from zerodb_events where user_id = ${userId}::uuid order by seq desc limit ${LOOK_BACK}::int) newest
    )`
}
