import { sql } from '../db/sql.ts'
import type { StoreContext } from './context.ts'

export function instances({ db, relaxed }: StoreContext) {
  return {
    /** Announces this process and returns its epoch. With `alone` (the embedded database: one process) every earlier one is known to be dead. */
    async register(host: string, pid: number, alone: boolean): Promise<number> {
      const [row] = await db.query<{ epoch: number }>(sql`
        with dead as (
          delete from zerodb_instances where ${alone}::bool
        )
        insert into zerodb_instances (host, pid) values (${host}, ${pid}::int)
        returning epoch`)
      return row!.epoch
    },

    /** False when this epoch has been declared dead in the meantime: its runs are others' now. */
    async beat(epoch: number): Promise<boolean> {
      const rows = await relaxed.query(sql`
        update zerodb_instances set beat_at = clock_timestamp() where epoch = ${epoch}::bigint returning epoch`)
      return rows.length > 0
    },

    /** Declares dead whoever has not beaten for `leaseSeconds`. */
    async bury(leaseSeconds: number): Promise<void> {
      await relaxed.query(sql`
        delete from zerodb_instances where beat_at < clock_timestamp() - make_interval(secs => ${leaseSeconds}::float8)`)
    },

    async remove(epoch: number): Promise<void> {
      await db.query(sql`delete from zerodb_instances where epoch = ${epoch}::bigint`)
    },
  }
}
