import { sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

export function refreshTokens(context: StoreContext) {
  const { db } = context
  return {
    /** Stores a token's hash. `family_id` is the login that the token comes from. */
    async create(token: { hash: Buffer; family_id: string; user_id: string; seconds: number }): Promise<void> {
      await db.query(sql`
        insert into zerodb_refresh_tokens (hash, family_id, user_id, expires_at)
        values (
          ${token.hash}, ${token.family_id}::uuid, ${token.user_id}::uuid, ${now(context)} + make_interval(secs => ${token.seconds}::float8)
        )`)
    },

    /** Marks a token as used. Returns null if it is unknown, expired or revoked. `stolen` is true if it was used before. */
    async use(hash: Buffer): Promise<{ user_id: string; family_id: string; stolen: boolean } | null> {
      const [row] = await db.query<{ user_id: string; family_id: string; stolen: boolean }>(sql`
        with token as (
          select * from zerodb_refresh_tokens
          where hash = ${hash} and revoked_at is null and expires_at > ${now(context)}
          for update
        ),
        used as (
          update zerodb_refresh_tokens t set replaced_at = ${now(context)}
          from token
          where t.hash = token.hash and token.replaced_at is null
        )
        select user_id, family_id, replaced_at is not null as stolen from token`)
      return row ?? null
    },

    /** Revokes all tokens of a login, which is given by its family id or by one of its tokens. */
    async revokeFamily(which: { hash: Buffer } | { family_id: string }): Promise<void> {
      const family =
        'hash' in which
          ? sql`(select family_id from zerodb_refresh_tokens where hash = ${which.hash})`
          : sql`${which.family_id}::uuid`
      await db.query(sql`
        update zerodb_refresh_tokens set revoked_at = now() where family_id = ${family} and revoked_at is null`)
    },
  }
}
