import { sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'
import { nameOf, tableCatalog } from '../transfer/table-catalog.ts'
import { projects } from './projects.ts'

export interface NewInstantDatabase {
  claim_hash: Buffer
  /** The hash, last characters and permissions of the key. */
  key: { hash: Buffer; last4: string; scopes: readonly string[] }
  /** Lifetime of the database and its key. */
  seconds: number
}

/** Databases without an account: each is the only project of a temporary user. */
export function instantDatabases(context: StoreContext) {
  const { db } = context

  /** Returns the tables whose rows belong to users, except those that are deleted with the user. */
  async function userTables(): Promise<string[]> {
    const tables = await tableCatalog(db)
    const others = tables.filter(
      ({ columns, name }) => columns.includes('user_id') && !DELETED_WITH_USER.includes(name),
    )
    return others.map(({ name }) => `zerodb_${name}`)
  }

  return {
    /** Creates a temporary user with a project, and a key that is bound to it. */
    async create({
      claim_hash,
      key,
      seconds,
    }: NewInstantDatabase): Promise<{ project_id: string; expires_at: string }> {
      const expiry = sql`${now(context)} + make_interval(secs => ${seconds}::float8)`
      const [row] = await db.query<{ project_id: string; expires_at: string }>(sql`
        with person as (insert into zerodb_users (email) values (null) returning id),
        project as (
          insert into zerodb_projects (user_id, name, is_default) select id, 'Instant database', true from person
          returning id, user_id
        ),
        key as (
          insert into zerodb_api_keys (user_id, project_id, name, hash, last4, scopes, expires_at)
          select user_id, id, 'Instant database', ${key.hash}, ${key.last4}, ${key.scopes}::text[], ${expiry} from project
        ),
        database as (
          insert into zerodb_instant_databases (user_id, claim_hash, expires_at)
          select user_id, ${claim_hash}, ${expiry} from project
          returning expires_at
        )
        select project.id as project_id, database.expires_at from project, database`)
      return row!
    },

    /**
     * Gives an instant database with everything in it to a user, and deletes its temporary user and key. Returns its project; null if the
     * token is unknown or expired. Must run in a transaction.
     */
    async claim(claimHash: Buffer, userId: string): Promise<string | null> {
      const [database] = await db.query<{ user_id: string; project_id: string }>(sql`
        delete from zerodb_instant_databases d using zerodb_projects p
        where d.claim_hash = ${claimHash} and d.expires_at > ${now(context)} and p.user_id = d.user_id
        returning d.user_id, p.id as project_id`)
      if (!database) return null
      await db.query(sql`
        update zerodb_projects set user_id = ${userId}::uuid, is_default = false, updated_at = now()
        where id = ${database.project_id}::uuid`)
      for (const table of await userTables())
        await db.query(
          sql`update ${nameOf(table)} set user_id = ${userId}::uuid where user_id = ${database.user_id}::uuid`,
        )
      await db.query(sql`delete from zerodb_users where id = ${database.user_id}::uuid`)
      return database.project_id
    },

    /** Deletes an expired database with everything in it. Returns false if there is none. Must run in a transaction. */
    async removeExpired(): Promise<boolean> {
      const [database] = await db.query<{ user_id: string; project_id: string }>(sql`
        select d.user_id, p.id as project_id
        from zerodb_instant_databases d
        join zerodb_projects p on p.user_id = d.user_id
        where d.expires_at <= ${now(context)}
        order by d.expires_at
        limit 1
        for update of d skip locked`)
      if (!database) return false
      await db.query(sql`update zerodb_projects set is_default = false where id = ${database.project_id}::uuid`)
      await projects(context).remove(database)
      for (const table of await userTables())
        await db.query(sql`delete from ${nameOf(table)} where user_id = ${database.user_id}::uuid`)
      await db.query(sql`delete from zerodb_users where id = ${database.user_id}::uuid`)
      return true
    },
  }
}

const DELETED_WITH_USER = ['projects', 'api_keys', 'refresh_tokens', 'instant_databases']
