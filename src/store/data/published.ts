import { type Json, json, type Statement, sql } from '../../db/sql.ts'
import { eventPublished } from '../../schema/events.ts'
import type { EventStats, Published } from '../../schema/published.ts'
import { bounded, found, given, now, type Scope, type StoreContext, userProject, write } from '../context.ts'
import { joinedByScope } from '../joined-writes.ts'
import { emit } from '../outbox.ts'
import { MAX_COUNT } from './count.ts'

const columns = sql`
  id as event_id, id, project_id, topic, topic as event_type, topic as type, payload as event_payload, payload as data, source, correlation_id,
  published_at, published_at as timestamp`

/**
 * The position of the next event. The statement assigns a transaction id first, so that readers in order of position can see that the
 * transaction is still running.
 */
export const NEXT_POSITION = sql`case when pg_current_xact_id() is not null then nextval('zerodb_published_events_position_seq') end`

/** The data of `zerodb.event.published`, over `stored`. */
export const PUBLISHED_DATA = {
  event_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  topic: sql`stored.topic`,
  user_id: sql`stored.user_id`,
}

/** Number of events that one statement deletes: about 50 ms, in which the embedded database runs nothing else. */
const CLEAR_BATCH = 5_000
const MAX_TOPICS = 100

export interface NewEvent {
  topic: string
  event_payload: unknown
  source?: string | null | undefined
  correlation_id?: string | null | undefined
}

type Item = Omit<NewEvent, 'event_payload'> & { payload: Json }

const itemOf = ({ event_payload, ...event }: NewEvent): Item => ({ ...event, payload: json(event_payload) })

/** A time in this number of seconds; `run_at` is that time, if the request gave a time. */
export interface DueOnce {
  due_in: number
  run_at: string | null
}

interface Selection {
  topic?: string | undefined
  since?: string | undefined
}

/** An event with its position in the order of publication. */
export type PlacedEvent = Published & { seq: number }

export function published(context: StoreContext) {
  const { db } = context

  /** Condition: the events of the scope's project that a request selects. Each form uses an index. */
  function selected(scope: Scope, { topic, since }: Selection): Statement {
    return sql`
      project_id = (select project_id from (${userProject(scope)}) owner)
      ${topic === undefined ? sql`` : sql`and topic = ${topic}`}
      ${since === undefined ? sql`` : sql`and published_at >= ${since}::timestamptz and position >= ${firstPosition(scope, since)}`}`
  }

  async function publishOne(scope: Scope, { topic, payload, source, correlation_id }: Item): Promise<Published> {
    const [{ event_seq: _, ...row }] = await write<Published & { event_seq: number }>(
      context,
      sql`
      with stored as (
        insert into zerodb_published_events (position, project_id, topic, payload, source, correlation_id)
        select ${NEXT_POSITION}, project_id, ${topic}, ${payload}::jsonb, ${source}, ${correlation_id}
        from (${userProject(scope)}) owner
        returning *, id::text as ref, ${scope.user_id}::uuid as user_id
      ),
      ${emit(scope, eventPublished, PUBLISHED_DATA)}
      select ${columns}, event.seq as event_seq from stored, event`,
    )
    return row
  }

  async function publishItems(scope: Scope, items: readonly Item[]): Promise<Published[]> {
    const rows = await write<Published & { event_seq: number }>(
      context,
      sql`
      with stored as (
        insert into zerodb_published_events (position, project_id, topic, payload, source, correlation_id)
        select ${NEXT_POSITION}, item.*
        from (
          select project_id, topic, payload::jsonb, source, correlation_id
          from (${userProject(scope)}) owner,
            unnest(
              ${items.map((item) => item.topic)}::text[], ${items.map((item) => item.payload.text)}::text[],
              ${items.map((item) => item.source ?? null)}::text[], ${items.map((item) => item.correlation_id ?? null)}::text[]
            ) with ordinality as item (topic, payload, source, correlation_id, n)
          order by n
        ) item
        returning *, id::text as ref, ${scope.user_id}::uuid as user_id
      ),
      ${emit(scope, eventPublished, PUBLISHED_DATA)}
      select ${columns}, event.seq as event_seq from stored join event using (ref) order by position`,
    )
    return rows.map(({ event_seq: _, ...row }) => row)
  }

  const publishJoined = joinedByScope(publishOne, publishItems, ({ payload }) => payload.text.length)

  return {
    /** Publishes an event. Events that several callers publish in a project at the same time are written together. */
    async publish(scope: Scope, event: NewEvent): Promise<Published> {
      return publishJoined(scope, itemOf(event))
    },

    /** Publishes all events or none, with one event of the log each. */
    async publishAll(scope: Scope, events: readonly NewEvent[]): Promise<Published[]> {
      return publishItems(scope, events.map(itemOf))
    },

    /**
     * Publishes those of `events` that have no later time, and stores the others until their times, all or none. Returns all in their order;
     * a later event has its future id, and the time as `scheduled_at`.
     */
    async publishLater(
      scope: Scope,
      events: readonly (NewEvent & { due: DueOnce | null })[],
    ): Promise<[Published, ...Published[]]> {
      const items = events.map(({ due, ...event }) => ({ ...event, ...due }))
      const { cause, trace } = scope
      const origin = cause || trace ? { ...cause, trace } : null
      const [first, ...rest] = await write<WrittenEvent>(
        context,
        sql`
        with item as materialized (
          select
            n, gen_random_uuid() as id, project_id, user_id, e ->> 'topic' as topic, e -> 'event_payload' as payload, e ->> 'source' as source,
            e ->> 'correlation_id' as correlation_id,
            coalesce(
              (e ->> 'run_at')::timestamptz, ${now(context)} + make_interval(secs => (e ->> 'due_in')::float8)
            ) as scheduled_at
          from (${userProject(scope)}) owner, jsonb_array_elements(${json(items)}::jsonb) with ordinality as item (e, n)
        ),
        stored as (
          insert into zerodb_published_events (id, position, project_id, topic, payload, source, correlation_id)
          select id, ${NEXT_POSITION}, project_id, topic, payload, source, correlation_id
          from (select * from item where scheduled_at is null order by n) item
          returning *, id::text as ref, ${scope.user_id}::uuid as user_id
        ),
        ${emit(scope, eventPublished, PUBLISHED_DATA)},
        pending as (
          insert into zerodb_schedules (id, project_id, topic, payload, source, correlation_id, run_at, next_at, origin)
          select id, project_id, topic, payload, source, correlation_id, scheduled_at, scheduled_at, ${json(origin)}::jsonb
          from item
          where scheduled_at is not null
        )
        select ${columns}, scheduled_at, event_seq
        from (
          select item.*, coalesce(item.scheduled_at, now()) as published_at, event.seq as event_seq
          from item left join event on event.ref = item.id::text
        ) item
        order by n`,
      )
      return [withoutSeq(first), ...rest.map(withoutSeq)]
    },

    /** Returns events, newest first. */
    async list(
      scope: Scope,
      { limit, offset, before, ...selection }: Selection & { limit: number; offset: number; before: number | null },
    ): Promise<PlacedEvent[]> {
      return bounded(db).query<PlacedEvent>(sql`
        select position as seq, ${columns} from zerodb_published_events
        where ${selected(scope, selection)} ${given(before, sql`and position < ${before}::bigint`)}
        order by position desc
        limit ${limit}::int offset ${offset}::int`)
    },

    /** Returns events with a position above `after` and up to `last`, oldest first. */
    async between(
      scope: Scope,
      selection: Selection,
      after: number,
      last: number,
      limit: number,
    ): Promise<PlacedEvent[]> {
      return bounded(db).query<PlacedEvent>(sql`
        select position as seq, ${columns} from zerodb_published_events
        where ${selected(scope, selection)}
          and position > ${after}::bigint
          and position <= ${last}::bigint
        order by position
        limit ${limit}::int`)
    },

    /** Returns the last assigned position; its event may not be committed. */
    async lastSeq(): Promise<number> {
      const [row] = await db.query<{ seq: number }>(sql`
        select case when is_called then last_value else 0 end as seq from zerodb_published_events_position_seq`)
      return row!.seq
    },

    /** Returns the position before the first event that was published at `since` or later. */
    async positionBefore(scope: Scope, since: string): Promise<number | null> {
      const [row] = await db.query<{ position: number | null }>(
        sql`select ${firstPosition(scope, since)} - 1 as position`,
      )
      return row!.position
    },

    /** Returns the position of an event; null if the project has no such event. */
    async positionOf(scope: Scope, id: string): Promise<number | null> {
      const [row] = await db.query<{ position: number }>(sql`
        select position from zerodb_published_events where id = ${id}::uuid and ${selected(scope, {})}`)
      return row?.position ?? null
    },

    /** Deletes the oldest events and returns them. Events that another request is taking are skipped, so that each is returned once. */
    async consume(scope: Scope, { limit, ...selection }: Selection & { limit: number }): Promise<Published[]> {
      return db.query<Published>(sql`
        with taken as (
          delete from zerodb_published_events
          where id = any(array(
            select id from zerodb_published_events
            where ${selected(scope, selection)}
            order by position
            limit ${limit}::int
            for update skip locked
          ))
          returning *
        )
        select ${columns} from taken order by position`)
    },

    /** Counts events up to `MAX_COUNT` + 1. */
    async count(scope: Scope, selection: Selection): Promise<number> {
      const [row] = await bounded(db).query<{ count: number }>(sql`
        select count(*) as count
        from (select from zerodb_published_events where ${selected(scope, selection)} limit ${MAX_COUNT + 1}::int) counted`)
      return row!.count
    },

    /** Deletes up to `CLEAR_BATCH` events of a topic with a position up to `last`. Returns their number, and whether there may be more. */
    async clear(scope: Scope, topic: string, last: number): Promise<{ deleted: number; has_more: boolean }> {
      const [row] = await db.query<{ deleted: number }>(sql`
        with gone as (
          delete from zerodb_published_events
          where id = any(array(
            select id from zerodb_published_events
            where ${selected(scope, { topic })} and position <= ${last}::bigint
            order by position
            limit ${CLEAR_BATCH}::int
            for update skip locked
          ))
          returning 1
        )
        select count(*) as deleted from gone`)
      return { deleted: row!.deleted, has_more: row!.deleted === CLEAR_BATCH }
    },

    /** Counts the newest `MAX_COUNT` events by topic. */
    async stats(scope: Scope, since: string | undefined): Promise<Omit<EventStats, 'project_id' | 'time_range'>> {
      const [row] = await bounded(db).query<Omit<EventStats, 'project_id' | 'time_range'>>(sql`
        with newest as (
          select topic, published_at from zerodb_published_events
          where ${selected(scope, { since })}
          order by position desc
          limit ${MAX_COUNT + 1}::int
        ),
        counted as (select * from newest limit ${MAX_COUNT}::int),
        topics as (
          select topic, count(*) as count from counted group by topic order by count(*) desc, topic limit ${MAX_TOPICS}::int
        )
        select
          (select count(*) from counted) as total_events,
          (select count(*) <= ${MAX_COUNT}::int from newest) as total_is_exact,
          (
            select coalesce(jsonb_agg(jsonb_build_object('topic', topic, 'count', count) order by count desc, topic), '[]')
            from topics
          ) as topics,
          (select min(published_at) from counted) as first_event_at,
          (select max(published_at) from counted) as last_event_at`)
      return row!
    },

    async get(scope: Scope, id: string): Promise<Published> {
      const rows = await db.query<Published>(sql`
        select ${columns} from zerodb_published_events
        where id = ${id}::uuid and project_id = (select project_id from (${userProject(scope)}) owner)`)
      return found(rows, 'Event')
    },
  }
}

type WrittenEvent = Omit<Published, 'scheduled_at'> & { event_seq: number | null; scheduled_at: string | null }

function withoutSeq({ event_seq: _, scheduled_at, ...event }: WrittenEvent): Published {
  return scheduled_at === null ? event : { ...event, scheduled_at }
}

/**
 * The lowest position of the project's events that were published at `since` or later. Positions of concurrent transactions can be in
 * another order than their times, so the first 1,000 events are compared: more transactions never overlap.
 */
function firstPosition(scope: Scope, since: string): Statement {
  return sql`
    (
      select min(position)
      from (
        select position from zerodb_published_events
        where project_id = (select project_id from (${userProject(scope)}) owner) and published_at >= ${since}::timestamptz
        order by published_at
        limit 1000
      ) first
    )`
}
