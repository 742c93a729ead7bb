import { sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

/** How long an answer is kept. */
const KEPT_SECONDS = 86_400
/** A request that has no answer after this time was lost with its process. No operation takes as long. */
const ABANDONED_SECONDS = 900
const MAX_EXPIRED = 10_000

export type Claim =
  | { state: 'claimed' }
  /** An earlier request with this key has no answer yet. */
  | { state: 'running' }
  /** The key came with another request before. */
  | { state: 'other' }
  | { state: 'answered'; status: number; answer: Buffer | null }

/** Idempotency keys of users, and the answers to the requests that they came with. */
export function idempotency(context: StoreContext) {
  const { db } = context
  return {
    /** Takes `key` for a request, or says what became of the request that took it before. */
    async claim(userId: string, key: string, fingerprint: Buffer): Promise<Claim> {
      const [claimed] = await db.query(sql`
        insert into zerodb_idempotency_keys as k (user_id, key, fingerprint, claimed_at)
        values (${userId}::uuid, ${key}, ${fingerprint}, ${now(context)})
        on conflict (user_id, key) do update set
          fingerprint = excluded.fingerprint, claimed_at = excluded.claimed_at, status = null, answer = null
        where k.claimed_at < excluded.claimed_at - make_interval(secs => ${KEPT_SECONDS}::float8)
          or (k.status is null and k.claimed_at < excluded.claimed_at - make_interval(secs => ${ABANDONED_SECONDS}::float8))
        returning true as claimed`)
      if (claimed) return { state: 'claimed' }
      const [row] = await db.query<{ is_same: boolean; status: number | null; answer: Buffer | null }>(sql`
        select fingerprint = ${fingerprint} as is_same, status, answer
        from zerodb_idempotency_keys
        where user_id = ${userId}::uuid and key = ${key}`)
      // Released between the two statements: the other request has failed, and this one may try again.
      if (!row) return { state: 'running' }
      if (!row.is_same) return { state: 'other' }
      if (row.status === null) return { state: 'running' }
      return { state: 'answered', status: row.status, answer: row.answer }
    },

    /** Keeps the answer to the request that claimed `key`. */
    async keep(userId: string, key: string, status: number, answer: Buffer | null): Promise<void> {
      await db.query(sql`
        update zerodb_idempotency_keys set status = ${status}::smallint, answer = ${answer}
        where user_id = ${userId}::uuid and key = ${key}`)
    },

    /** Forgets a request that has failed, so that the same key can be sent again. */
    async release(userId: string, key: string): Promise<void> {
      await db.query(sql`
        delete from zerodb_idempotency_keys
        where user_id = ${userId}::uuid and key = ${key} and status is null`)
    },

    /** Deletes answers that were kept long enough, at most 10,000 at once. Returns how many. */
    async expire(): Promise<number> {
      const rows = await db.query(sql`
        delete from zerodb_idempotency_keys
        where ctid = any(array(
          select ctid from zerodb_idempotency_keys
          where claimed_at < ${now(context)} - make_interval(secs => ${KEPT_SECONDS}::float8)
          limit ${MAX_EXPIRED}::int
        ))
        returning true as deleted`)
      return rows.length
    },
  }
}
