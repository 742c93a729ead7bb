import { sql } from '../../db/sql.ts'
import type { Secret } from '../../schema/secret.ts'
import { found, type Scope, type StoreContext, userProject } from '../context.ts'

export function secrets({ db }: StoreContext) {
  return {
    /** Stores an encrypted value, and replaces an earlier one. */
    async set(scope: Scope, name: string, sealed: Uint8Array): Promise<Secret> {
      const rows = await db.query<Secret>(sql`
        insert into zerodb_secrets (project_id, name, sealed)
        select project_id, ${name}, ${sealed} from (${userProject(scope)}) project
        on conflict (project_id, name) do update set sealed = excluded.sealed, updated_at = clock_timestamp()
        returning name, created_at, updated_at`)
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

    async remove(scope: Scope, name: string): Promise<void> {
      const rows = await db.query(sql`
        delete from zerodb_secrets s
        using (${userProject(scope)}) project
        where s.project_id = project.project_id and s.name = ${name}
        returning s.name`)
      found(rows, 'Secret')
    },
  }
}
