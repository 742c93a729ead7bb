import type { App } from '../app.ts'
import { DISPATCH_BATCH, type Dispatched, type DispatchTarget } from '../store/queue/dispatch.ts'
import type { PipelinedDispatch } from '../store/write-pipeline.ts'
import type { Claimer } from './claimer.ts'
import type { Worker } from './worker.ts'

export interface Dispatcher {
  /** These events have been committed here: turn them into runs, now. */
  wake(eventSeqs: readonly number[]): void
  /** Ready while no dispatch or claim is running and no run is queued. */
  readonly pipelinedDispatch: PipelinedDispatch
  /** Dispatches whatever has been left over, and claims queued runs. True when it found anything to do. */
  sweep(): Promise<boolean>
  /** There may be queued runs to be claimed. */
  claim(): void
  /** Slots have become free: claims queued runs if there may be any. */
  freed(): void
  /** True while a dispatch or a claim is running. */
  busy(): boolean
  /** Resolves when none is. */
  drained(): Promise<void>
}

export interface DispatcherOptions {
  app: App
  epoch: () => number
  handlers: readonly string[]
  worker: Worker
  claimer: Claimer
  /** Called after events have been dispatched. */
  onDispatched(): void
  /** Called when there are queued runs for which this process has no room. */
  onOverflow(): void
}

/**
 * Turns events into runs and hands this process's share of them to the worker.
 * Fast path: a pipelined dispatch follows a write on its connection, or a commit wakes the dispatcher and one statement dispatches all new
 * events; runs that are owned at insertion start at once. Safe path: a sweep finds events that the fast path missed. Both take events from the
 * outbox, so that no event is dispatched twice.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { app, epoch, handlers, worker, claimer, onDispatched, onOverflow } = options
  const { projectLimit } = app.config
  let woken: number[] = []
  let dispatching: Promise<void> | undefined
  /** Queued runs exist: new ones must not overtake them into the free slots. */
  let backlog = false

  const target = (): DispatchTarget => ({
    epoch: epoch(),
    // What a project may have at once can only be counted by a claim.
    slots: backlog || projectLimit !== null ? 0 : worker.free(),
    handlers,
  })

  async function dispatchWoken(): Promise<void> {
    while (woken.length > 0) {
      const batch = woken.slice(0, DISPATCH_BATCH)
      woken = woken.slice(batch.length)
      try {
        take(await app.store.dispatch.events(batch, target()))
      } catch (error) {
        // Nothing is lost: the events stay in the outbox, and the sweep dispatches them.
        app.log.error({ error }, 'dispatch failed; the next sweep tries again')
      }
    }
    dispatching = undefined
  }

  function take({ owned, queued, constrained, events }: Dispatched): void {
    app.metrics.eventsDispatched.inc(events)
    for (const run of owned) worker.start(run)
    if (constrained) claimer.expectConstrained()
    if (queued > 0) {
      backlog = true
      if (worker.free() > 0) claimSoon()
      else onOverflow()
    }
    onDispatched()
  }

  /** The pipelined dispatch that is running. */
  let pipelining: Promise<void> | undefined

  async function takePipelined(rows: Promise<unknown[] | null>, written: Promise<number[]>): Promise<void> {
    try {
      const [eventSeqs, found] = await Promise.all([written, rows])
      const dispatched = found && app.store.dispatch.readPipelined(found)
      if (dispatched) take(dispatched)
      // A full batch may consist of older events only.
      if (!dispatched || dispatched.events === DISPATCH_BATCH) wake(eventSeqs)
    } catch (error) {
      app.log.warn({ error }, 'pipelined dispatch failed; trying again')
      wake(await written)
    }
    pipelining = undefined
  }

  function wake(eventSeqs: readonly number[]): void {
    woken.push(...eventSeqs)
    if (woken.length > 0) dispatching ??= dispatchWoken()
  }

  let claiming: Promise<boolean> | undefined
  /** True if runs may have been queued since the running claim took its snapshot. */
  let again = false
  async function claimAll(): Promise<boolean> {
    let any = false
    do {
      again = false
      if (await claimer.claim()) any = true
    } while (again)
    backlog = worker.free() <= 0
    return any
  }
  function claimOnce(): Promise<boolean> {
    again = true
    claiming ??= claimAll().finally(() => {
      claiming = undefined
    })
    return claiming
  }
  function claimSoon(): void {
    claimOnce().catch((error) => app.log.error({ error }, 'claim failed; the next sweep tries again'))
  }

  return {
    wake,
    pipelinedDispatch: {
      isReady: () => !(pipelining || dispatching || claiming || backlog),
      statement: () => app.store.dispatch.pipelinedStatement(target()),
      onSent(rows, eventSeqs) {
        pipelining = takePipelined(rows, eventSeqs)
      },
    },
    async sweep() {
      let dispatched = 0
      let batch: Dispatched
      do {
        batch = await app.store.dispatch.oldest(target())
        take(batch)
        dispatched += batch.events
      } while (batch.events === DISPATCH_BATCH)
      await claimer.look()
      return (await claimOnce()) || dispatched > 0
    },
    claim: claimSoon,
    freed() {
      if (backlog) claimSoon()
    },
    busy: () => dispatching !== undefined || pipelining !== undefined || claiming !== undefined,
    async drained() {
      // A claim that fails has been logged; the sweep repeats it.
      while (dispatching || pipelining || claiming) await Promise.allSettled([dispatching, pipelining, claiming])
    },
  }
}
