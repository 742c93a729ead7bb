import { sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

/** How long a response is kept. */
const KEPT_SECONDS = 86_400
/** A request without a response after this time was lost with its process. No operation takes that long. */
const ABANDONED_SECONDS = 900
const MAX_EXPIRED = 10_000

export type Claim =
  | { state: 'claimed' }
  /** An earlier request with this key is still running. */
  | { state: 'running' }
  /** The key was used for a different request. */
  | { state: 'other' }
  | { state: 'answered'; status: number; answer: Buffer | null }

/** Idempotency keys of users, and the responses to their requests. */
export function idempotency(context: StoreContext) {
  const { db } = context
  return {
    /** Claims `key` for a request. If an earlier request has claimed it, returns the state of that request. */
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
      // The other request failed and released the key between the two statements. The client may retry.
      if (!row) return { state: 'running' }
      if (!row.is_same) return { state: 'other' }
      if (row.status === null) return { state: 'running' }
      return { state: 'answered', status: row.status, answer: row.answer }
    },

    /** Stores the response to the request that claimed `key`. */
    async keep(userId: string, key: string, status: number, answer: Buffer | null): Promise<void> {
      await db.query(sql`
        update zerodb_idempotency_keys set status = ${status}::smallint, answer = ${answer}
        where user_id = ${userId}::uuid and key = ${key}`)
    },

    /** Releases the key of a failed request, so that the client can send it again. */
    async release(userId: string, key: string): Promise<void> {
      await db.query(sql`
        delete from zerodb_idempotency_keys
        where user_id = ${userId}::uuid and key = ${key} and status is null`)
    },

    /** Deletes expired responses, at most 10,000 per call. Returns how many were deleted. */
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
