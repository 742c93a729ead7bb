import { sql } from '../../db/sql.ts'
import { now, type StoreContext } from '../context.ts'

/** A webhook signs with its newest secret and, for a while after a rotation, also with the previous one. */
const MAX_LIVE = 2

/** Encrypted secrets that sign webhooks. The caller must check the owner of the hook. */
export function hookSecrets(context: StoreContext) {
  const { db } = context
  const live = (hookId: string) =>
    sql`hook_id = ${hookId}::uuid and (retires_at is null or retires_at > ${now(context)})`

  return {
    async add(hookId: string, sealed: Uint8Array): Promise<void> {
      // Not now(), which is the start of the transaction: the transaction that starts first does not always write first.
      await db.query(sql`
        insert into zerodb_hook_secrets (hook_id, sealed, created_at)
        values (${hookId}::uuid, ${sealed}::bytea, clock_timestamp())`)
    },

    /** Returns the live secrets of a hook, newest first, at most two. */
    async live(hookId: string): Promise<Uint8Array[]> {
      const rows = await db.query<{ sealed: Uint8Array }>(sql`
        select sealed from zerodb_hook_secrets
        where ${live(hookId)}
        order by created_at desc
        limit ${MAX_LIVE}::int`)
      return rows.map((row) => row.sealed)
    },

    /**
     * Keeps the newest secret valid for `keepSeconds`, and deletes the others. The same transaction must then call `add`; it locks the hook
     * until it ends. Returns when the secret expires; null if there was none.
     */
    async retire(hookId: string, keepSeconds: number): Promise<string | null> {
      // A separate statement, because the next one must see the rows of the previous rotation.
      await db.query(sql`select from zerodb_hooks where id = ${hookId}::uuid for update`)
      const [row] = await db.query<{ retires_at: string }>(sql`
        with newest as (
          select id from zerodb_hook_secrets where ${live(hookId)} order by created_at desc limit 1
        ),
        gone as (
          delete from zerodb_hook_secrets where hook_id = ${hookId}::uuid and id <> all(array(select id from newest))
        )
        update zerodb_hook_secrets s set retires_at = ${now(context)} + make_interval(secs => ${keepSeconds}::float8)
        from newest
        where s.id = newest.id
        returning s.retires_at`)
      return row?.retires_at ?? null
    },
  }
}
