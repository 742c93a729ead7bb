import { hostname } from 'node:os'
import type { App } from '../app.ts'
import type { Worker } from './worker.ts'

/** An instance without a heartbeat for this long is dead, and other instances may take its runs. */
const LEASE_SECONDS = 5

export interface Heartbeat {
  /** Returns the number that identifies this instance as the owner of runs. */
  epoch(): number
  /** Returns false if the lease has expired. Then other instances may have taken its runs, and it must not take any. */
  hasLease(): boolean
  /**
   * Renews the lease, expires dead instances and recovers their runs. `others` are runs that this process executes besides those of the
   * worker.
   */
  beat(worker: Worker, others: readonly string[]): Promise<void>
  /** Publishes the handlers of this instance, after `handlers` has grown. */
  offer(): Promise<void>
  /** Marks this instance as draining. If the database is unavailable, the instance expires later like one that has died. */
  drain(): Promise<void>
  /** Gives back the unfinished runs and removes the instance. */
  leave(): Promise<void>
}

/**
 * Registers this process as an instance that executes the runs of `handlers`.
 *
 * The lease of an instance is its row in `zerodb_instances`; its number, the epoch, is the owner of the runs that it executes.
 * - Live: `beat` renews the row every 1.5 s. `hasLease` is true for 5 s after the start of the last complete beat.
 * - Without a lease: the database could not be reached for 5 s. The instance begins no run, because others may take over its runs.
 * - Expired: another instance has deleted the row (`expire`), because it was 5 s old. That instance must have renewed its own lease for
 *   5 s itself, so that an outage of the database expires none. The expired instance registers again at its next beat, with a new epoch.
 * - Draining: `drain` marks the row. The instance takes no more runs and finishes those that it has.
 * - Left: `leave` gives back unfinished runs and deletes the row.
 *
 * Runs follow the leases. `recover` queues running runs whose owner has no row, later after each death, and `dead` after the third.
 * `lost` finds own runs that were cancelled or have another owner: the worker abandons them. `reclaim` queues runs that have this owner but are
 * unknown to the worker, because the answer to a claim was lost. Results count only from the owner of a run (`finish`), so that a run that
 * two instances execute for a moment has one result.
 *
 * On the embedded database there is one process: it always has the lease, and registration removes the rows of its predecessors.
 */
export async function startHeartbeat(app: App, handlers: readonly string[]): Promise<Heartbeat> {
  const alone = app.store.kind === 'pglite'
  const self = { host: hostname(), pid: process.pid, handlers, slots: app.config.workerSlots }
  let epoch = await app.store.instances.register(self, alone)
  let lastBeat = performance.now()
  /** Time of the first heartbeat after an outage. */
  let returned = Number.NEGATIVE_INFINITY

  async function recover(): Promise<void> {
    const recovered = await app.store.runs.recover()
    if (recovered > 0) app.log.warn({ runs: recovered }, 'runs of a process that died are queued again')
  }

  async function beatAmongOthers(): Promise<void> {
    if (!(await app.store.instances.beat(epoch))) {
      app.log.warn({ epoch }, 'the lease of this process expired; it rejoins as a new instance')
      epoch = await app.store.instances.register(self, alone)
    }
    // If this process missed its heartbeats because the database was unavailable, the others may have missed theirs. Give them time to
    // renew their leases.
    const now = performance.now()
    if (now - lastBeat >= LEASE_SECONDS * 1000) returned = now
    if (now - returned >= LEASE_SECONDS * 1000) await app.store.instances.expire(epoch, LEASE_SECONDS)
    await recover()
  }

  async function tell(words: Promise<void>): Promise<void> {
    await words.catch((error) => app.log.warn({ error }, 'the database cannot be told that this process stops'))
  }

  await recover()
  return {
    epoch: () => epoch,
    hasLease: () => alone || performance.now() - lastBeat < LEASE_SECONDS * 1000,
    async beat(worker, others) {
      const began = performance.now()
      if (!alone) await beatAmongOthers()
      const owned = worker.owned()
      const stranded = await app.store.runs.reclaim(epoch, [...owned, ...others])
      if (stranded > 0) app.log.warn({ runs: stranded }, 'runs whose assignment got lost are queued again')
      if (owned.length > 0) {
        const logs = worker.newLogs()
        if (logs.length > 0) await app.store.runs.saveLogs(epoch, logs)
        for (const id of await app.store.runs.lost(epoch, owned))
          worker.abandon(id, 'the run was cancelled, or given to another process')
      }
      // Only after lost runs are abandoned, because `hasLease` lets waiting runs begin.
      lastBeat = began
      worker.proceed()
    },
    offer: () => app.store.instances.offer(epoch, handlers),
    drain: () => tell(app.store.instances.drain(epoch)),
    async leave() {
      await tell(app.store.runs.giveBack(epoch))
      await tell(app.store.instances.remove(epoch))
    },
  }
}
