import { json, sql } from '../db/sql.ts'
import type { Hook } from '../schema/hook.ts'
import { found, type StoreContext } from './context.ts'

const columns = sql`id, user_id, project_id, event_type, hook_type, hook_name, hook_config, is_active, created_at, updated_at`

export interface HookFields {
  project_id: string | null
  event_type: string
  hook_type: string
  hook_name: string
  hook_config: Record<string, unknown>
}

export function hooks({ db }: StoreContext) {
  return {
    /** Null when the project is not the user's. Throws `DbError` 23505 when the hook exists already. */
    async create(userId: string, hook: HookFields): Promise<Hook | null> {
      const [row] = await db.query<Hook>(sql`
        insert into zerodb_hooks (user_id, project_id, event_type, hook_type, hook_name, hook_config)
        select ${userId}::uuid, ${hook.project_id}::uuid, ${hook.event_type}, ${hook.hook_type}, ${hook.hook_name}, ${json(hook.hook_config)}::jsonb
        where ${hook.project_id}::uuid is null
          or exists (select from zerodb_projects where id = ${hook.project_id}::uuid and user_id = ${userId}::uuid)
        returning ${columns}`)
      return row ?? null
    },

    /** Oldest first. `bound` is the project that the caller's key is bound to: its hooks and the global ones. */
    async list(
      userId: string,
      filter: {
        event_type?: string | undefined
        project_id?: string | undefined
        active_only: boolean
        bound: string | null
      },
    ): Promise<Hook[]> {
      return db.query<Hook>(sql`
        select ${columns} from zerodb_hooks
        where user_id = ${userId}::uuid
          and (${filter.event_type}::text is null or event_type = ${filter.event_type})
          and (${filter.project_id}::uuid is null or project_id = ${filter.project_id}::uuid)
          and (${filter.bound}::uuid is null or project_id is null or project_id = ${filter.bound}::uuid)
          and (is_active or not ${filter.active_only}::bool)
        order by created_at, id`)
    },

    async get(userId: string, id: string): Promise<Hook> {
      const rows = await db.query<Hook>(
        sql`select ${columns} from zerodb_hooks where id = ${id}::uuid and user_id = ${userId}::uuid`,
      )
      return found(rows, 'Hook')
    },

    /** Switching a hook off also cancels its queued runs. */
    async update(
      userId: string,
      id: string,
      fields: { hook_config?: object | undefined; is_active?: boolean | undefined },
    ): Promise<Hook> {
      const rows = await db.query<Hook>(sql`
        with changed as (
          update zerodb_hooks set
            hook_config = coalesce(${fields.hook_config ? json(fields.hook_config) : null}::jsonb, hook_config),
            is_active = coalesce(${fields.is_active}::bool, is_active),
            updated_at = clock_timestamp()
          where id = ${id}::uuid and user_id = ${userId}::uuid
          returning ${columns}
        ),
        cancelled as (
          update zerodb_runs r set status = 'cancelled', finished_at = now()
          from changed
          where r.hook_id = changed.id and r.status = 'queued' and not changed.is_active
        )
        select ${columns} from changed`)
      return found(rows, 'Hook')
    },

    /** Also cancels the hook's queued runs. False when there is no such hook of this user. */
    async remove(userId: string, id: string): Promise<boolean> {
      const rows = await db.query(sql`
        with gone as (
          delete from zerodb_hooks where id = ${id}::uuid and user_id = ${userId}::uuid returning id
        ),
        cancelled as (
          update zerodb_runs r set status = 'cancelled', finished_at = now()
          from gone
          where r.hook_id = gone.id and r.status = 'queued'
        )
        select id from gone`)
      return rows.length > 0
    },

    /** Names of the handlers that some active hook asks for. */
    async handlersInUse(): Promise<string[]> {
      const rows = await db.query<{ hook_name: string }>(
        sql`select distinct hook_name from zerodb_hooks where is_active`,
      )
      return rows.map((row) => row.hook_name)
    },
  }
}
