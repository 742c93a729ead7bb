import { sql } from '../db/sql.ts'
import type { StoreContext } from './context.ts'

export function users({ db }: StoreContext) {
  return {
    /** In a transaction: processes that start together find or make the first user one after the other. */
    async lock(): Promise<void> {
      await db.query(sql`lock table zerodb_users in share row exclusive mode`)
    },

    /** The first user and its default project, or null in a new database. */
    async first(): Promise<{ user_id: string; project_id: string } | null> {
      const [row] = await db.query<{ user_id: string; project_id: string }>(sql`
        select u.id as user_id, p.id as project_id
        from zerodb_users u join zerodb_projects p on p.user_id = u.id and p.is_default
        order by u.created_at, u.id
        limit 1`)
      return row ?? null
    },

    /** A new user with a default project. */
    async create(email: string | null): Promise<{ user_id: string; project_id: string }> {
      const [row] = await db.query<{ user_id: string; project_id: string }>(sql`
        with person as (
          insert into zerodb_users (email) values (${email}) returning id
        )
        insert into zerodb_projects (user_id, name, is_default)
        select id, 'default', true from person
        returning user_id, id as project_id`)
      return row!
    },
  }
}
