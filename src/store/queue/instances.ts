import { sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'

/** A process that executes runs. */
export interface Instance {
  host: string
  pid: number
  /** The names of the handlers that it can execute. */
  handlers: readonly string[]
  /** Maximum number of concurrent runs. */
  slots: number
}

export function instances({ db, asyncCommit }: StoreContext) {
  return {
    /** Registers a process and returns its epoch. With `alone` (the embedded database has one process), removes all earlier instances. */
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

    /** Publishes the handlers that this instance can execute. */
    async offer(epoch: number, handlers: readonly string[]): Promise<void> {
      await asyncCommit.query(sql`
        update zerodb_instances set handlers = ${handlers}::text[] where epoch = ${epoch}::bigint and not draining`)
    },

    /** Marks this instance as draining: it takes no more runs. */
    async drain(epoch: number): Promise<void> {
      await asyncCommit.query(
        sql`update zerodb_instances set draining = true, handlers = '{}' where epoch = ${epoch}::bigint`,
      )
    },

    /** Returns all live instances, oldest first. */
    async list(): Promise<(Instance & { epoch: number; started_at: string; beat_at: string; draining: boolean })[]> {
      return asyncCommit.query(sql`
        select epoch, host, pid, handlers, slots, draining, started_at, beat_at from zerodb_instances order by epoch`)
    },

    /** Renews the lease. Returns false if this epoch has expired: other instances may own its runs. */
    async beat(epoch: number): Promise<boolean> {
      const rows = await asyncCommit.query(sql`
        update zerodb_instances set beat_at = clock_timestamp() where epoch = ${epoch}::bigint returning epoch`)
      return rows.length > 0
    },

    /**
     * Expires instances without a heartbeat for `leaseSeconds`. Only takes effect if this instance's own heartbeat is at most half that
     * old: if the server was stalled, no instance could send one.
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
