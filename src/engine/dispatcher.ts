import type { App } from '../app.ts'
import { DISPATCH_BATCH, type Dispatched, type Taker } from '../store/dispatch.ts'
import type { Claimer } from './claimer.ts'
import type { Worker } from './worker.ts'

export interface Dispatcher {
  /** These events have been committed here: turn them into runs, now. */
  wake(eventSeqs: readonly number[]): void
  /** Dispatches whatever has been left over, and claims queued runs. True when it found anything to do. */
  sweep(): Promise<boolean>
  /** There may be queued runs to be claimed. */
  claim(): void
  /** Slots have become free: claims queued runs if there may be any. */
  freed(): void
  /** A dispatch or a claim is under way. */
  busy(): boolean
  /** Resolves when none is. */
  quiet(): Promise<void>
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
 * The fast way: a commit wakes it, one statement dispatches all that has come meanwhile, and runs that are owned at insertion start at
 * once. The sure way: a sweep finds whatever the fast one lost. Both take an event from the outbox, so none is dispatched twice.
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { app, epoch, handlers, worker, claimer, onDispatched, onOverflow } = options
  const { maxDepth, projectLimit } = app.config
  let woken: number[] = []
  let dispatching: Promise<void> | undefined
  /** Queued runs exist: new ones must not overtake them into the free slots. */
  let backlog = false

  const taker = (): Taker => ({
    epoch: epoch(),
    // What a project may have at once can only be counted by a claim.
    slots: backlog || projectLimit !== null ? 0 : worker.free(),
    handlers,
    maxDepth,
  })

  async function dispatchWoken(): Promise<void> {
    while (woken.length > 0) {
      const batch = woken.slice(0, DISPATCH_BATCH)
      woken = woken.slice(batch.length)
      try {
        take(await app.store.dispatch.events(batch, taker()))
      } catch (error) {
        // Nothing is lost: the events stay in the outbox, and the sweep dispatches them.
        app.log.error({ error }, 'dispatch failed; the next sweep tries again')
      }
    }
    dispatching = undefined
  }

  function take({ owned, queued, turns, events }: Dispatched): void {
    app.metrics.eventsDispatched.inc(events)
    for (const run of owned) worker.start(run)
    if (turns) claimer.expectTurns()
    if (queued > 0) {
      backlog = true
      if (worker.free() > 0) claimSoon()
      else onOverflow()
    }
    onDispatched()
  }

  let claiming: Promise<boolean> | undefined
  /** Something may have been queued since the claim under way has looked. */
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
    wake(eventSeqs) {
      woken.push(...eventSeqs)
      dispatching ??= dispatchWoken()
    },
    async sweep() {
      let dispatched = 0
      let batch: Dispatched
      do {
        batch = await app.store.dispatch.oldest(taker())
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
    busy: () => dispatching !== undefined || claiming !== undefined,
    async quiet() {
      // A claim that fails has been logged; the sweep repeats it.
      while (dispatching || claiming) await Promise.allSettled([dispatching, claiming])
    },
  }
}
