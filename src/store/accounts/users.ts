import { sql } from '../../db/sql.ts'
import type { Person } from '../../schema/login.ts'
import { found, type StoreContext } from '../context.ts'

export function users({ db }: StoreContext) {
  return {
    /**
     * Locks the users until the transaction ends. Without this lock, processes that start at the same time could each create a first user.
     */
    async lock(): Promise<void> {
      await db.query(sql`lock table zerodb_users in share row exclusive mode`)
    },

    /** Returns the first user with its default project; null in a new database. */
    async first(): Promise<{ user_id: string; project_id: string } | null> {
      const [row] = await db.query<{ user_id: string; project_id: string }>(sql`
        select u.id as user_id, p.id as project_id
        from zerodb_users u join zerodb_projects p on p.user_id = u.id and p.is_default
        order by u.created_at, u.id
        limit 1`)
      return row ?? null
    },

    /** Creates a user with a default project. Throws `DbError` 23505 if the e-mail address is taken, regardless of case. */
    async create(
      email: string | null,
      login: { username: string | null; password_hash: string } | null = null,
    ): Promise<{ user_id: string; project_id: string }> {
      const [row] = await db.query<{ user_id: string; project_id: string }>(sql`
        with person as (
          insert into zerodb_users (email, username, password_hash)
          values (${email}, ${login?.username}, ${login?.password_hash})
          returning id
        )
        insert into zerodb_projects (user_id, name, is_default)
        select id, 'default', true from person
        returning user_id, id as project_id`)
      return row!
    },

    async get(userId: string): Promise<Person> {
      const person = await this.find(userId)
      return found(person ? [person] : [], 'User')
    },

    async find(userId: string): Promise<Person | null> {
      const [row] = await db.query<Person>(sql`
        select
          u.id, u.email, u.username, true as is_active, 'user' as role, p.id as default_project_id, u.created_at
        from zerodb_users u join zerodb_projects p on p.user_id = u.id and p.is_default
        where u.id = ${userId}::uuid`)
      return row ?? null
    },

    /** Returns the user and password hash for a login; null if no user has this e-mail address. */
    async findByEmail(email: string): Promise<{ id: string; password_hash: string | null } | null> {
      const [row] = await db.query<{ id: string; password_hash: string | null }>(sql`
        select id, password_hash from zerodb_users where lower(email) = lower(${email})`)
      return row ?? null
    },
  }
}
