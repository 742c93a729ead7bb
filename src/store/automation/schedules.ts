import { json, type Statement, sql } from '../../db/sql.ts'
import { eventPublished } from '../../schema/events.ts'
import type { Schedule } from '../../schema/schedule.ts'
import {
  found,
  given,
  isAfter,
  isSuspended,
  now,
  type Place,
  type Scope,
  type StoreContext,
  timeIn,
  userProject,
} from '../context.ts'
import { type DueOnce, NEXT_POSITION, type NewEvent, PUBLISHED_DATA } from '../data/published.ts'
import { emit } from '../outbox.ts'
import { insertRuns } from '../queue/function-runs.ts'

export type StoredSchedule = Omit<Schedule, 'next_runs'>

/** A schedule as declared in a function's configuration, with its first tick. */
export interface DeclaredSchedule {
  cron: string
  timezone: string
  missed: NonNullable<Schedule['missed']>
  overlap: NonNullable<Schedule['overlap']>
  next_at: string | null
}

/** A schedule that publishes an event: by a cron expression with its first tick, or once. */
export interface EventSchedule extends NewEvent {
  name: string | null
  when: Omit<DeclaredSchedule, 'overlap'> | DueOnce
}

/** A schedule that has a due tick. */
export interface DueSchedule extends StoredSchedule {
  cron: string
  timezone: string
  missed: NonNullable<Schedule['missed']>
  next_at: string
  /** The database's clock when the schedule was read. */
  now: string
}

/** A tick for which a run is created. */
export interface Tick {
  at: string
  /** The event envelope for the function. */
  input: object
}

const columns = sql`
  s.id, s.name, s.function_id, f.name as function, s.topic, s.payload as event_payload, s.source, s.correlation_id,
  coalesce(s.project_id, f.project_id) as project_id, s.cron, s.timezone, s.run_at, s.missed, s.overlap, s.paused_at is not null as paused,
  case when s.paused_at is null then s.next_at end as next_at, s.last_at, s.created_at`
const withFunction = sql`left join zerodb_functions f on f.id = s.function_id`
const source = sql`zerodb_schedules s ${withFunction}`

export function schedules(context: StoreContext) {
  const { db } = context

  /** Condition: the schedule `id` belongs to the user, and to the project that the caller's key is bound to. */
  const mine = (userId: string, bound: string | null, id: string): Statement => sql`
    s.id = ${id}::uuid
    and (${bound}::uuid is null or coalesce(s.project_id, f.project_id) = ${bound}::uuid)
    and (select user_id from zerodb_projects where id = coalesce(s.project_id, f.project_id)) = ${userId}::uuid`

  return {
    /** Creates a schedule that publishes an event. Throws `DbError` 23505 if the project already has a schedule of this name. */
    async create(scope: Scope, { name, when, ...event }: EventSchedule): Promise<StoredSchedule> {
      const { cause, trace } = scope
      const origin = 'due_in' in when && (cause || trace) ? { ...cause, trace } : null
      const [cron, runAt] =
        'due_in' in when
          ? [null, sql`coalesce(${when.run_at}::timestamptz, ${timeIn(context, when.due_in)})`]
          : [when, sql`null::timestamptz`]
      const rows = await db.query<StoredSchedule>(sql`
        with s as (
          insert into zerodb_schedules
            (project_id, name, topic, payload, source, correlation_id, cron, timezone, missed, run_at, next_at, origin)
          select
            project_id, ${name}, ${event.topic}, ${json(event.event_payload)}::jsonb, ${event.source}, ${event.correlation_id},
            ${cron?.cron}, ${cron?.timezone}, ${cron?.missed}, ${runAt}, coalesce(${cron?.next_at}::timestamptz, ${runAt}), ${json(origin)}::jsonb
          from (${userProject(scope)}) owner
          returning *
        )
        select ${columns} from s ${withFunction}`)
      return found(rows, 'Project')
    },

    /** Returns whether `count` more events can wait in the project, of at most `max`. */
    async hasRoom(scope: Scope, count: number, max: number): Promise<boolean> {
      const [row] = await db.query<{ pending: number }>(sql`
        select count(*) as pending
        from (
          select from zerodb_schedules
          where project_id = (select project_id from (${userProject(scope)}) owner) and run_at is not null
          limit ${max}::int
        ) counted`)
      return row!.pending + count <= max
    },

    /** Returns the schedules of a project, oldest first. */
    async list(
      scope: Scope,
      page: {
        topic?: string | undefined
        once?: boolean | undefined
        limit: number
        offset: number
        after: Place | null
      },
    ): Promise<StoredSchedule[]> {
      const project = sql`(select project_id from (${userProject(scope)}) owner)`
      const selected = sql`
        ${given(page.topic, sql`and topic = ${page.topic}`)}
        ${given(page.once, sql`and (run_at is not null) = ${page.once}::bool`)}
        ${isAfter(page.after, 'oldest first')}
        order by created_at, id
        limit ${page.limit + page.offset}::int`
      return db.query<StoredSchedule>(sql`
        select ${columns}
        from (
          (select * from zerodb_schedules where project_id = ${project} ${selected})
          union all
          (
            select * from zerodb_schedules
            where function_id = any(array(select id from zerodb_functions where project_id = ${project})) ${selected}
          )
        ) s
        ${withFunction}
        order by s.created_at, s.id
        limit ${page.limit}::int offset ${page.offset}::int`)
    },

    async ofFunction(functionId: string): Promise<(StoredSchedule & Omit<DeclaredSchedule, 'next_at'>)[]> {
      return db.query(sql`
        select ${columns} from ${source} where s.function_id = ${functionId}::uuid order by s.created_at, s.cron`)
    },

    async get(userId: string, bound: string | null, id: string): Promise<StoredSchedule> {
      const rows = await db.query<StoredSchedule>(
        sql`select ${columns} from ${source} where ${mine(userId, bound, id)}`,
      )
      return found(rows, 'Schedule')
    },

    async add(functionId: string, declared: DeclaredSchedule): Promise<void> {
      await db.query(sql`
        insert into zerodb_schedules (function_id, cron, timezone, missed, overlap, next_at)
        values (
          ${functionId}::uuid, ${declared.cron}, ${declared.timezone}, ${declared.missed}, ${declared.overlap}, ${declared.next_at}::timestamptz
        )`)
    },

    /** Changes the policies for missed and overlapping ticks. */
    async change(id: string, { missed, overlap }: Pick<DeclaredSchedule, 'missed' | 'overlap'>): Promise<void> {
      await db.query(sql`update zerodb_schedules set missed = ${missed}, overlap = ${overlap} where id = ${id}::uuid`)
    },

    /** Deletes a schedule. Returns false if it does not exist, for example because it has fired. */
    async remove(id: string): Promise<boolean> {
      return (await db.query(sql`delete from zerodb_schedules where id = ${id}::uuid returning id`)).length > 0
    },

    /**
     * Pauses a schedule, or resumes it with the tick `nextAt`: ticks during the pause do not count as missed. A schedule that fires once
     * keeps its time.
     */
    async pause(id: string, paused: boolean, nextAt: string | null): Promise<void> {
      await db.query(sql`
        update zerodb_schedules set
          paused_at = case when ${paused}::bool then coalesce(paused_at, now()) end,
          next_at = case when ${paused}::bool or paused_at is null or cron is null then next_at else ${nextAt}::timestamptz end
        where id = ${id}::uuid`)
    },

    /** Returns due schedules with a cron expression whose function is enabled, the longest overdue first. */
    async due(limit: number): Promise<DueSchedule[]> {
      return db.query<DueSchedule>(sql`
        select ${columns}, ${now(context)} as now from ${source}
        where s.paused_at is null
          and not s.is_suspended
          and s.next_at <= ${now(context)}
          and s.cron is not null
          and f.is_active is not false
          and ${isSuspended(sql`coalesce(s.project_id, f.project_id)`)} is not true
        order by s.next_at
        limit ${limit}::int`)
    },

    async clock(): Promise<string> {
      const [row] = await db.query<{ now: string }>(sql`select ${now(context)} as now`)
      return row!.now
    },

    /**
     * Moves a schedule from `due.next_at` to `next` and creates a run for each of `ticks`, in one statement. Returns false and changes
     * nothing if another process was first. If the schedule skips overlaps, a run is `skipped` while an earlier one is unfinished.
     */
    async advance(due: DueSchedule, next: string | null, ticks: readonly Tick[]): Promise<boolean> {
      const rows = await db.query(sql`
        with moved as (${move(due, next, ticks.at(-1)?.at)}),
        busy as (
          select exists (
            select from zerodb_runs where schedule_id = ${due.id}::uuid and status in ('queued', 'running')
          ) as busy
        ),
        made as (
          ${insertRuns(
            sql`
            select
              f.id as function_id, f.user_id, f.project_id, f.name, f.runtime, moved.id as schedule_id, tick.input, 'cron' as trigger,
              'tick:' || moved.id || ':' || tick.at as dedupe_key,
              moved.overlap = 'skip' and (busy.busy or row_number() over (order by tick.at) > 1) as skipped
            from moved
            join zerodb_functions f on f.id = moved.function_id
            cross join busy
            cross join jsonb_to_recordset(${json(ticks)}::jsonb) as tick (at timestamptz, input jsonb)`,
            now(context),
          )}
          on conflict do nothing
        )
        select id from moved`)
      return rows.length > 0
    },

    /**
     * Moves a schedule from `due.next_at` to `next` and publishes its event for each of `ticks`, in one statement. Changes nothing if
     * another process was first.
     */
    async publish(due: DueSchedule, next: string | null, ticks: readonly string[]): Promise<void> {
      await context.commit<{ event_seq: number }>(sql`
        with moved as (${move(due, next, ticks.at(-1))}),
        stored as (
          insert into zerodb_published_events (position, project_id, topic, payload, source, correlation_id)
          select ${NEXT_POSITION}, project_id, topic, coalesce(payload, 'null'), source, correlation_id
          from moved, generate_series(1, ${ticks.length}::int)
          returning *, id::text as ref, (select user_id from zerodb_projects p where p.id = project_id) as user_id
        ),
        ${emit({}, eventPublished, PUBLISHED_DATA)}
        select seq as event_seq from event`)
    },

    /**
     * Publishes up to `limit` due events of schedules that fire once, in the order of their times, and deletes these schedules in the same
     * statement. Returns the number of events.
     */
    async publishOnce(limit: number): Promise<number> {
      const rows = await context.commit<{ event_seq: number }>(sql`
        with due as (
          delete from zerodb_schedules
          where id = any(array(
            select id from zerodb_schedules
            where paused_at is null
              and not is_suspended
              and next_at <= ${now(context)}
              and run_at is not null
              and ${isSuspended(sql`project_id`)} is not true
            order by next_at, id
            limit ${limit}::int
            for update skip locked
          ))
          returning *
        ),
        inserted as (
          insert into zerodb_published_events (id, position, project_id, topic, payload, source, correlation_id)
          select id, ${NEXT_POSITION}, project_id, topic, coalesce(payload, 'null'), source, correlation_id
          from (select * from due order by next_at, id) due
          returning id, position, project_id, topic
        ),
        stored as (
          select
            i.id, i.project_id, i.topic, i.id::text as ref, (select user_id from zerodb_projects p where p.id = i.project_id) as user_id,
            due.origin ->> 'chain_id' as chain_id, coalesce((due.origin ->> 'depth')::int, 0) as depth,
            (due.origin ->> 'run_id')::uuid as caused_by, due.origin ->> 'trace' as trace
          from inserted i
          join due using (id)
          order by i.position
        ),
        ${emit('stored', eventPublished, PUBLISHED_DATA)}
        select seq as event_seq from event`)
      return rows.length
    },

    /** Creates a run that is due now, independent of the ticks. Returns its id. */
    async runNow(schedule: StoredSchedule, input: object): Promise<string> {
      const [row] = await db.query<{ id: string }>(sql`
        ${insertRuns(
          sql`
          select
            f.id as function_id, f.user_id, f.project_id, f.name, f.runtime, ${schedule.id}::uuid as schedule_id, ${json(input)}::jsonb as input,
            'cron' as trigger, null::text as dedupe_key, false as skipped
          from zerodb_functions f
          where f.id = ${schedule.function_id}::uuid`,
          now(context),
        )}
        returning id`)
      return found(row ? [row] : [], 'Function').id
    },
  }
}

/** Moves a schedule to its next tick, unless another process has. `last` is the last tick that is handled. */
function move(due: DueSchedule, next: string | null, last: string | undefined): Statement {
  return sql`
    update zerodb_schedules set next_at = ${next}::timestamptz, last_at = ${last ?? due.next_at}::timestamptz
    where id = ${due.id}::uuid and next_at = ${due.next_at}::timestamptz and paused_at is null
    returning *`
}
