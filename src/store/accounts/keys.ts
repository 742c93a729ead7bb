import { sql } from '../../db/sql.ts'
import { isAfter, now, type Place, type StoreContext } from '../context.ts'

export interface StoredKey {
  id: string
  user_id: string
  /** The only project that the key may access; null for all projects of the user. */
  project_id: string | null
  name: string
  last4: string
  scopes: string[]
  created_at: string
  last_used_at: string | null
  expires_at: string | null
  revoked_at: string | null
}

const columns = sql`id, user_id, project_id, name, last4, scopes, created_at, last_used_at, expires_at, revoked_at`

export function keys(context: StoreContext) {
  const { db, asyncCommit } = context
  let generation = 0
  return {
    /** Returns a number that changes with each revocation in this process. Cached keys of an earlier generation must be looked up again. */
    generation: () => generation,

    /** Changes the generation, after keys were deleted together with their user. */
    forgetCached(): void {
      generation++
    },

    /** Stores the hash of a new key. Does not change a hash that is already stored, such as that of the configured bootstrap key. */
    async create(key: {
      user_id: string
      project_id: string | null
      name: string
      hash: Buffer
      last4: string
      scopes?: readonly string[]
      ttl_seconds?: number | null | undefined
    }): Promise<StoredKey> {
      const [row] = await db.query<StoredKey>(sql`
        insert into zerodb_api_keys (user_id, project_id, name, hash, last4, scopes, expires_at)
        values (
          ${key.user_id}::uuid, ${key.project_id}::uuid, ${key.name}, ${key.hash}, ${key.last4}, ${key.scopes ?? ['*']}::text[],
          ${now(context)} + make_interval(secs => ${key.ttl_seconds}::float8)
        )
        on conflict (hash) do update set name = zerodb_api_keys.name
        returning ${columns}`)
      return row!
    },

    async list(): Promise<StoredKey[]> {
      return db.query<StoredKey>(sql`select ${columns} from zerodb_api_keys order by created_at, id`)
    },

    /** Returns the user's keys, oldest first. With `only`, returns the keys that are bound to that project. */
    async listOf(userId: string, only: string | null, limit: number, after: Place | null): Promise<StoredKey[]> {
      return db.query<StoredKey>(sql`
        select ${columns} from zerodb_api_keys
        where user_id = ${userId}::uuid
          and (${only}::uuid is null or project_id = ${only}::uuid)
          ${isAfter(after, 'oldest first')}
        order by created_at, id
        limit ${limit}::int`)
    },

    /** Returns false if the user has no such live key. */
    async revokeOf(userId: string, only: string | null, id: string): Promise<boolean> {
      const rows = await db.query(sql`
        update zerodb_api_keys set revoked_at = now()
        where id = ${id}::uuid
          and user_id = ${userId}::uuid
          and revoked_at is null
          and (${only}::uuid is null or project_id = ${only}::uuid)
        returning id`)
      generation++
      return rows.length > 0
    },

    /** Returns the id of the revoked key; null if no live key has this id. */
    async revoke(id: string): Promise<string | null> {
      const [row] = await db.query<{ id: string }>(sql`
        update zerodb_api_keys set revoked_at = now()
        where id::text = ${id} and revoked_at is null
        returning id`)
      return row?.id ?? null
    },

    /** Returns the live key with this hash and the user's default project. Null if the key is unknown, expired or revoked. */
    async findLive(hash: Buffer): Promise<(StoredKey & { default_project_id: string }) | null> {
      const [row] = await db.query<StoredKey & { default_project_id: string }>(sql`
        select
          k.id, k.user_id, k.project_id, k.name, k.last4, k.scopes, k.created_at, k.last_used_at, k.expires_at, k.revoked_at,
          p.id as default_project_id
        from zerodb_api_keys k
        join zerodb_projects p on p.user_id = k.user_id and p.is_default
        where k.hash = ${hash}
          and k.revoked_at is null
          and (k.expires_at is null or k.expires_at > ${now(context)})`)
      return row ?? null
    },

    async touch(id: string): Promise<void> {
      await asyncCommit.query(sql`update zerodb_api_keys set last_used_at = now() where id = ${id}::uuid`)
    },
  }
}
