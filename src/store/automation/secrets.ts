import { type Statement, sql } from '../../db/sql.ts'
import type { Secret, SecretChange } from '../../schema/secret.ts'
import { found, given, isAfter, type Place, type Scope, type StoreContext, userProject } from '../context.ts'

/** Maximum number of changes of each kind that are kept for each project. */
export const MAX_CHANGES = 1_000

export function secrets({ db }: StoreContext) {
  return {
    /** Stores an encrypted value, and replaces an earlier one. `runId` is the run that asked for it. */
    async set(scope: Scope, name: string, sealed: Uint8Array, runId: string | undefined): Promise<Secret> {
      const rows = await db.query<Secret>(sql`
        with stored as (
          insert into zerodb_secrets (project_id, name, sealed)
          select project_id, ${name}, ${sealed} from (${userProject(scope)}) project
          on conflict (project_id, name) do update set sealed = excluded.sealed, updated_at = clock_timestamp()
          returning project_id, name, created_at, updated_at
        ),
        ${recorded(sql`select project_id, name, case when created_at = updated_at then 'created' else 'replaced' end from stored`, runId)}
        select name, created_at, updated_at from stored`)
      return found(rows, 'Project')
    },

    /** Returns the secrets of a project without their values, ordered by name. */
    async list(scope: Scope): Promise<Secret[]> {
      found(await db.query(userProject(scope)), 'Project')
      return db.query<Secret>(sql`
        select s.name, s.created_at, s.updated_at
        from zerodb_secrets s
        join (${userProject(scope)}) project using (project_id)
        order by s.name`)
    },

    /** Returns those of these secrets that are set, encrypted and in base64, by name. */
    async sealed(scope: Scope, names: readonly string[]): Promise<Record<string, string>> {
      const rows = await db.query<{ name: string; sealed: string }>(sql`
        select s.name, encode(s.sealed, 'base64') as sealed
        from zerodb_secrets s
        join (${userProject(scope)}) project using (project_id)
        where s.name = any(${[...names]}::text[])`)
      return Object.fromEntries(rows.map(({ name, sealed }) => [name, sealed]))
    },

    /** Deletes a secret. `runId` is the run that asked for it. */
    async remove(scope: Scope, name: string, runId: string | undefined): Promise<void> {
      const rows = await db.query(sql`
        with removed as (
          delete from zerodb_secrets s
          using (${userProject(scope)}) project
          where s.project_id = project.project_id and s.name = ${name}
          returning s.project_id, s.name
        ),
        ${recorded(sql`select project_id, name, 'deleted' from removed`, runId)}
        select name from removed`)
      found(rows, 'Secret')
    },

    /** Returns changes of the secrets of a project, newest first. */
    async history(
      scope: Scope,
      filter: { name?: string | undefined; before: Place | null; limit: number },
    ): Promise<SecretChange[]> {
      found(await db.query(userProject(scope)), 'Project')
      return db.query<SecretChange>(sql`
        select id, name, change, run_id, created_at
        from zerodb_secret_changes
        where project_id = (select project_id from (${userProject(scope)}) project)
          ${given(filter.name, sql`and name = ${filter.name}`)}
          ${isAfter(filter.before, 'newest first')}
        order by created_at desc, id desc
        limit ${filter.limit}::int`)
    },
  }
}

/** Records the changes that `changes` selects (`project_id`, `name` and the change), and deletes the oldest ones of the project. */
function recorded(changes: Statement, runId: string | undefined): Statement {
  return sql`
    changes (project_id, name, change) as (${changes}),
    recorded as (
      insert into zerodb_secret_changes (project_id, name, change, run_id)
      select project_id, name, change, ${runId ?? null}::uuid from changes
    ),
    expired as (
      delete from zerodb_secret_changes
      where id in (
        select id from zerodb_secret_changes
        where project_id = (select project_id from changes)
        order by created_at desc, id desc
        offset ${MAX_CHANGES - 1}::int
      )
    )`
}
