import { hostname } from 'node:os'
import type { App } from '../app.ts'
import type { Worker } from './worker.ts'

/** A process that has not beaten for this long is dead, and its runs are others'. */
const LEASE_SECONDS = 5

export interface Heartbeat {
  /** The number under which this process owns runs. */
  epoch(): number
  /** False when it has not been able to beat for so long that others may have taken its runs: it must not take any. */
  hasLease(): boolean
  /** Says that this process lives, and takes over from those that do not. `others`: runs that it executes besides the worker's. */
  beat(worker: Worker, others: readonly string[]): Promise<void>
  /** Says that it executes more than before: `handlers` has grown. */
  offer(): Promise<void>
  /** Says that it takes no more runs. Where the database cannot be told, nothing is lost: this process then looks like one that has died. */
  drain(): Promise<void>
  /** Gives back what it has not finished. */
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
  /** When it last beat again after it could not. */
  let returned = Number.NEGATIVE_INFINITY

  async function recover(): Promise<void> {
    const recovered = await app.store.runs.recover()
    if (recovered > 0) app.log.warn({ runs: recovered }, 'runs of a process that died are queued again')
  }

  async function beatAmongOthers(): Promise<void> {
    if (!(await app.store.instances.beat(epoch))) {
      app.log.warn({ epoch }, 'this process was taken for dead; it goes on under a new name')
      epoch = await app.store.instances.register(self, alone)
    }
    // If this process itself missed its heartbeats, because the database was unavailable, the others may have too: give them time to come back.
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
      // Not before it has let go of what is others': what waits would begin.
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
