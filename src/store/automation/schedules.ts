import { json, type Statement, sql } from '../../db/sql.ts'
import type { Schedule } from '../../schema/schedule.ts'
import { found, isSuspended, now, type Scope, type StoreContext } from '../context.ts'
import { insertRuns } from '../queue/function-runs.ts'

export type StoredSchedule = Omit<Schedule, 'next_runs'>

/** A schedule as declared in a function's configuration, with its first tick. */
export interface DeclaredSchedule {
  cron: string
  timezone: string
  missed: Schedule['missed']
  overlap: Schedule['overlap']
  next_at: string | null
}

/** A schedule that has a due tick. */
export interface DueSchedule extends StoredSchedule {
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
  s.id, s.function_id, f.name as function, f.project_id, s.cron, s.timezone, s.missed, s.overlap, s.paused_at is not null as paused,
  case when s.paused_at is null then s.next_at end as next_at, s.last_at, s.created_at`
const source = sql`zerodb_schedules s join zerodb_functions f on f.id = s.function_id`

export function schedules(context: StoreContext) {
  const { db } = context

  /** Condition: the schedule `id` belongs to the user, and to the project that the caller's key is bound to. */
  const mine = (userId: string, bound: string | null, id: string): Statement => sql`
    s.id = ${id}::uuid and f.user_id = ${userId}::uuid and (${bound}::uuid is null or f.project_id = ${bound}::uuid)`

  return {
    /** Returns the schedules of a project, ordered by function and age. */
    async list(scope: Scope): Promise<StoredSchedule[]> {
      return db.query<StoredSchedule>(sql`
        select ${columns} from ${source}
        where f.project_id = ${scope.project_id}::uuid and f.user_id = ${scope.user_id}::uuid
        order by f.name, s.created_at, s.cron`)
    },

    async ofFunction(functionId: string): Promise<StoredSchedule[]> {
      return db.query<StoredSchedule>(sql`
        select ${columns} from ${source} where f.id = ${functionId}::uuid order by s.created_at, s.cron`)
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

    async remove(id: string): Promise<void> {
      await db.query(sql`delete from zerodb_schedules where id = ${id}::uuid`)
    },

    /** Pauses a schedule, or resumes it with the tick `nextAt`: ticks during the pause do not count as missed. */
    async pause(id: string, paused: boolean, nextAt: string | null): Promise<void> {
      await db.query(sql`
        update zerodb_schedules set
          paused_at = case when ${paused}::bool then coalesce(paused_at, now()) end,
          next_at = case when ${paused}::bool or paused_at is null then next_at else ${nextAt}::timestamptz end
        where id = ${id}::uuid`)
    },

    /** Returns schedules of enabled functions that are due, the longest overdue first. */
    async due(limit: number): Promise<DueSchedule[]> {
      return db.query<DueSchedule>(sql`
        select ${columns}, ${now(context)} as now from ${source}
        where s.paused_at is null and s.next_at <= ${now(context)} and f.is_active and ${isSuspended(sql`f.project_id`)} is not true
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
        with moved as (
          update zerodb_schedules set next_at = ${next}::timestamptz, last_at = ${ticks.at(-1)?.at ?? due.next_at}::timestamptz
          where id = ${due.id}::uuid and next_at = ${due.next_at}::timestamptz and paused_at is null
          returning id, function_id, overlap
        ),
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
