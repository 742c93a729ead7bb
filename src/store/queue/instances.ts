import { sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'

/** A process that executes runs. */
export interface Instance {
  host: string
  pid: number
  /** The names of the handlers that it can execute. */
  handlers: readonly string[]
  /** How many runs it executes at once. */
  slots: number
}

export function instances({ db, asyncCommit }: StoreContext) {
  return {
    /** Announces a process and returns its epoch. With `alone` (the embedded database: one process) every earlier one is known to be dead. */
    async register(instance: Instance, alone: boolean): Promise<number> {
      const [row] = await db.query<{ epoch: number }>(sql`
        with dead as (
          delete from zerodb_instances where ${alone}::bool
        )
        insert into zerodb_instances (host, pid, handlers, slots)
        values (${instance.host}, ${instance.pid}::int, ${instance.handlers}::text[], ${instance.slots}::int)
        returning epoch`)
      return row!.epoch
    },

    /** Says to everybody what this process can execute. */
    async offer(epoch: number, handlers: readonly string[]): Promise<void> {
      await asyncCommit.query(sql`
        update zerodb_instances set handlers = ${handlers}::text[] where epoch = ${epoch}::bigint and not draining`)
    },

    /** Says to everybody that this process takes no more runs. */
    async drain(epoch: number): Promise<void> {
      await asyncCommit.query(
        sql`update zerodb_instances set draining = true, handlers = '{}' where epoch = ${epoch}::bigint`,
      )
    },

    /** All living ones, the oldest first. */
    async list(): Promise<(Instance & { epoch: number; started_at: string; beat_at: string; draining: boolean })[]> {
      return asyncCommit.query(sql`
        select epoch, host, pid, handlers, slots, draining, started_at, beat_at from zerodb_instances order by epoch`)
    },

    /** False when this epoch has been declared dead in the meantime: its runs are others' now. */
    async beat(epoch: number): Promise<boolean> {
      const rows = await asyncCommit.query(sql`
        update zerodb_instances set beat_at = clock_timestamp() where epoch = ${epoch}::bigint returning epoch`)
      return rows.length > 0
    },

    /**
     * Declares instances dead that have sent no heartbeat for `leaseSeconds`. Only takes effect if this instance's own heartbeat is at most half
     * that old: if the server was stalled, no instance could send one.
     */
    async expire(epoch: number, leaseSeconds: number): Promise<void> {
      const ago = (seconds: number) => sql`clock_timestamp() - make_interval(secs => ${seconds}::float8)`
      await asyncCommit.query(sql`
        delete from zerodb_instances
        where beat_at < ${ago(leaseSeconds)}
          and exists (
            select from zerodb_instances me
            where me.epoch = ${epoch}::bigint and me.beat_at >= ${ago(leaseSeconds / 2)}
          )`)
    },

    async remove(epoch: number): Promise<void> {
      await db.query(sql`delete from zerodb_instances where epoch = ${epoch}::bigint`)
    },
  }
}
