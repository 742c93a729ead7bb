import { join, json, type Statement, sql } from '../../db/sql.ts'
import type { Runtime } from '../../schema/function.ts'
import type { Delivery, Hook } from '../../schema/hook.ts'
import { found, now, type StoreContext } from '../context.ts'
import { acceptedHookFilter, pathOf } from '../filters/hook-filter.ts'
import { cancelQueued } from '../queue/cancel-queued.ts'

const columns = sql`
  id, user_id, project_id, event_type, hook_type, hook_name, hook_config, is_active, created_at, updated_at,
  filter, ordering_key, retry, concurrency, nullif(paused_at is not null, false) as paused, disabled_reason,
  function_id, declared`

/** Omits null fields except `project_id`, so that clients of the API specification see only the fields that they know. */
function toHook(row: Record<string, unknown>): Hook {
  return Object.fromEntries(
    Object.entries(row).filter(([name, value]) => value !== null || name === 'project_id'),
  ) as unknown as Hook
}

export interface HookFields extends Delivery {
  project_id: string | null
  event_type: string
  hook_type: string
  hook_name: string
  hook_config: Record<string, unknown>
  /** The function that handles the events. */
  function?: { id: string; runtime: Runtime } | undefined
  /** True if the configuration of the function declares this hook. */
  declared?: boolean | undefined
}

export interface HookChanges extends Delivery {
  hook_config?: Record<string, unknown> | undefined
  is_active?: boolean | undefined
}

export function hooks(context: StoreContext) {
  const { db } = context
  return {
    /**
     * Creates a hook. Returns null if the project does not belong to the user. Throws `DbError` 23505 if the hook already exists, and
     * `invalid` for an invalid filter or ordering key.
     */
    async create(userId: string, hook: HookFields): Promise<Hook | null> {
      if (hook.ordering_key) pathOf(hook.ordering_key.path)
      const filterPath = await acceptedHookFilter(db, hook.filter)
      const [row] = await db.query(sql`
        insert into zerodb_hooks
          (user_id, project_id, event_type, hook_type, hook_name, hook_config, filter, filter_path, ordering_key, retry, concurrency, paused_at,
            function_id, runtime, function_concurrency, declared)
        select
          ${userId}::uuid, ${hook.project_id}::uuid, ${hook.event_type}, ${hook.hook_type}, ${hook.hook_name}, ${json(hook.hook_config)}::jsonb,
          ${maybeJson(hook.filter)}::jsonb, ${filterPath}::jsonpath, ${maybeJson(hook.ordering_key)}::jsonb,
          ${maybeJson(hook.retry)}::jsonb, ${hook.concurrency}::int, case when ${hook.paused ?? false}::bool then now() end,
          ${hook.function?.id}::uuid, ${hook.function?.runtime},
          (select f.concurrency from zerodb_functions f where f.id = ${hook.function?.id}::uuid), ${hook.declared}::bool
        where ${hook.project_id}::uuid is null
          or exists (select from zerodb_projects where id = ${hook.project_id}::uuid and user_id = ${userId}::uuid)
        returning ${columns}`)
      return row ? toHook(row) : null
    },

    /**
     * Returns the user's hooks, oldest first. `bound` is the project that the caller's key is bound to: its hooks and the global ones are
     * returned.
     */
    async list(
      userId: string,
      filter: {
        event_type?: string | undefined
        project_id?: string | undefined
        active_only: boolean
        bound: string | null
      },
    ): Promise<Hook[]> {
      const rows = await db.query(sql`
        select ${columns} from zerodb_hooks
        where user_id = ${userId}::uuid
          and (${filter.event_type}::text is null or event_type = ${filter.event_type})
          and (${filter.project_id}::uuid is null or project_id = ${filter.project_id}::uuid)
          and (${filter.bound}::uuid is null or project_id is null or project_id = ${filter.bound}::uuid)
          and (is_active or not ${filter.active_only}::bool)
        order by created_at, id`)
      return rows.map(toHook)
    },

    async get(userId: string, id: string): Promise<Hook> {
      const rows = await db.query(
        sql`select ${columns} from zerodb_hooks where id = ${id}::uuid and user_id = ${userId}::uuid`,
      )
      return toHook(found(rows, 'Hook'))
    },

    /**
     * Updates the given fields. Null clears an optional field. Disabling a hook also cancels its queued runs; enabling it resets its
     * failures.
     */
    async update(userId: string, id: string, changes: HookChanges): Promise<Hook> {
      if (changes.ordering_key) pathOf(changes.ordering_key.path)
      const set: Statement[] = [sql`updated_at = clock_timestamp()`]
      if (changes.hook_config) set.push(sql`hook_config = ${json(changes.hook_config)}::jsonb`)
      if (changes.is_active !== undefined) set.push(sql`is_active = ${changes.is_active}::bool`)
      if (changes.is_active) set.push(sql`disabled_reason = null`, sql`failing_since = null`)
      if (changes.filter !== undefined) {
        const path = await acceptedHookFilter(db, changes.filter)
        set.push(sql`filter = ${maybeJson(changes.filter)}::jsonb`, sql`filter_path = ${path}::jsonpath`)
      }
      if (changes.ordering_key !== undefined) set.push(sql`ordering_key = ${maybeJson(changes.ordering_key)}::jsonb`)
      if (changes.retry !== undefined) set.push(sql`retry = ${maybeJson(changes.retry)}::jsonb`)
      if (changes.concurrency !== undefined) set.push(sql`concurrency = ${changes.concurrency}::int`)
      if (changes.paused !== undefined)
        set.push(sql`paused_at = case when ${changes.paused}::bool then coalesce(paused_at, now()) end`)
      const rows = await db.query(sql`
        with changed as (
          update zerodb_hooks set ${join(set, ', ')}
          where id = ${id}::uuid and user_id = ${userId}::uuid
          returning *
        ),
        cancelled as (
          ${cancelQueued({ from: sql`changed`, where: sql`r.hook_id = changed.id and not changed.is_active` })}
        )
        select ${columns} from changed`)
      return toHook(found(rows, 'Hook'))
    },

    /** Deletes a hook and cancels its queued runs. Returns false if the user has no such hook. */
    async remove(userId: string, id: string): Promise<boolean> {
      const rows = await db.query(sql`
        with gone as (
          delete from zerodb_hooks where id = ${id}::uuid and user_id = ${userId}::uuid returning id
        ),
        cancelled as (
          ${cancelQueued({ from: sql`gone`, where: sql`r.hook_id = gone.id` })}
        )
        select id from gone`)
      return rows.length > 0
    },

    /** Returns the hooks of a function, oldest first. */
    async ofFunction(functionId: string): Promise<Hook[]> {
      const rows = await db.query(sql`
        select ${columns} from zerodb_hooks where function_id = ${functionId}::uuid order by created_at, id`)
      return rows.map(toHook)
    },

    /** Marks an existing hook as declared by the configuration of its function. */
    async declare(id: string): Promise<void> {
      await db.query(sql`update zerodb_hooks set declared = true where id = ${id}::uuid`)
    },

    /** Copies the runtime and concurrency limit of a function's live version to its hooks. */
    async followFunction(functionId: string): Promise<void> {
      await db.query(sql`
        update zerodb_hooks h set runtime = f.runtime, function_concurrency = f.concurrency
        from zerodb_functions f
        where f.id = ${functionId}::uuid
          and h.function_id = f.id
          and (h.runtime, h.function_concurrency) is distinct from (f.runtime, f.concurrency)`)
    },

    /** Disables all hooks of a function for `reason`, or enables those that were disabled for that reason. */
    async switchFunction(functionId: string, isActive: boolean, reason: string): Promise<void> {
      await db.query(sql`
        with changed as (
          update zerodb_hooks set
            is_active = ${isActive}::bool,
            disabled_reason = case when not ${isActive}::bool then ${reason} end,
            updated_at = clock_timestamp()
          where function_id = ${functionId}::uuid
            and is_active <> ${isActive}::bool
            and (not ${isActive}::bool or disabled_reason = ${reason})
          returning id, is_active
        )
        ${cancelQueued({ from: sql`changed`, where: sql`r.hook_id = changed.id and not changed.is_active` })}`)
    },

    /**
     * Records a failure of the hook's target. Returns the seconds since the first failure after the last success, and the number of
     * failures. At most one failure is counted in twelve hours, so that retries of a run and a short outage count once.
     */
    async failed(id: string): Promise<{ seconds: number; failures: number }> {
      const [row] = await db.query<{ seconds: number; failures: number }>(sql`
        with counted as (
          update zerodb_hooks set
            failing_since = coalesce(failing_since, ${now(context)}),
            failures = case when failed_at >= failing_since then failures + 1 else 1 end,
            failed_at = ${now(context)}
          where id = ${id}::uuid
            and (failed_at >= failing_since and failed_at > ${now(context)} - interval '12 hours') is not true
          returning failing_since, failures
        )
        select extract(epoch from ${now(context)} - since)::float8 as seconds, failures
        from (
          select coalesce(c.failing_since, h.failing_since) as since, coalesce(c.failures, h.failures) as failures
          from zerodb_hooks h
          left join counted c on true
          where h.id = ${id}::uuid
        ) noted`)
      return row ?? { seconds: 0, failures: 0 }
    },

    async succeeded(id: string): Promise<void> {
      await db.query(
        sql`update zerodb_hooks set failing_since = null where id = ${id}::uuid and failing_since is not null`,
      )
    },

    /**
     * Disables a hook, cancels its queued runs and stores the reason for its owner. Returns false if the hook is already disabled or
     * deleted.
     */
    async disable(id: string, reason: string): Promise<boolean> {
      const rows = await db.query(sql`
        with disabled as (
          update zerodb_hooks set is_active = false, disabled_reason = ${reason}, updated_at = clock_timestamp()
          where id = ${id}::uuid and is_active
          returning id
        ),
        cancelled as (
          ${cancelQueued({ from: sql`disabled`, where: sql`r.hook_id = disabled.id` })}
        )
        select id from disabled`)
      return rows.length > 0
    },

    /** Returns the names of the handlers that active hooks use. */
    async handlersInUse(): Promise<string[]> {
      const rows = await db.query<{ hook_name: string }>(
        sql`select distinct hook_name from zerodb_hooks where is_active`,
      )
      return rows.map((row) => row.hook_name)
    },
  }
}

function maybeJson(value: object | null | undefined) {
  return value ? json(value) : null
}
