import type { App } from '../app.ts'
import { HANDLER_NAMES } from '../handlers/index.ts'
import { DISPATCH_BATCH } from '../store/dispatch.ts'
import type { Worker } from './worker.ts'

export interface Dispatcher {
  /** These events have been committed here: turn them into runs, now. */
  wake(eventSeqs: readonly number[]): void
  /** Dispatches whatever has been left over, and claims queued runs. True when it found anything to do. */
  sweep(): Promise<boolean>
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
  worker: Worker
  /** Called after events have been dispatched. */
  onDispatched(): void
}

/**
 * Turns events into runs and hands this process's share of them to the worker.
 * The fast way: a commit wakes it, one statement dispatches all that has come meanwhile, and runs that are owned at insertion start at
 * once. The sure way: a sweep finds whatever the fast one lost. Both take an event from the outbox, so none is dispatched twice.
 */
export function createDispatcher({ app, epoch, worker, onDispatched }: DispatcherOptions): Dispatcher {
  let woken: number[] = []
  let dispatching: Promise<void> | undefined
  /** Queued runs exist: new ones must not overtake them into the free slots. */
  let backlog = false

  async function dispatchWoken(): Promise<void> {
    while (woken.length > 0) {
      const batch = woken.slice(0, DISPATCH_BATCH)
      woken = woken.slice(batch.length)
      try {
        take(await app.store.dispatch.events(batch, epoch(), backlog ? 0 : worker.free(), HANDLER_NAMES))
      } catch (error) {
        // Nothing is lost: the events stay in the outbox, and the sweep dispatches them.
        app.log.error({ error }, 'dispatch failed; the next sweep tries again')
      }
    }
    dispatching = undefined
  }

  function take(dispatched: { owned: Parameters<Worker['start']>[0][]; queued: number }): void {
    for (const run of dispatched.owned) worker.start(run)
    if (dispatched.queued > 0) backlog = true
    onDispatched()
  }

  async function claim(): Promise<boolean> {
    const free = worker.free()
    if (free <= 0) return false
    const runs = await app.store.runs.claim(epoch(), free, HANDLER_NAMES)
    for (const run of runs) worker.start(run)
    backlog = runs.length === free
    return runs.length > 0
  }

  let claiming: Promise<boolean> | undefined
  function claimOnce(): Promise<boolean> {
    claiming ??= claim().finally(() => {
      claiming = undefined
    })
    return claiming
  }

  return {
    wake(eventSeqs) {
      woken.push(...eventSeqs)
      dispatching ??= dispatchWoken()
    },
    async sweep() {
      let dispatched = 0
      let batch: Awaited<ReturnType<typeof app.store.dispatch.oldest>>
      do {
        batch = await app.store.dispatch.oldest(epoch(), backlog ? 0 : worker.free(), HANDLER_NAMES)
        take(batch)
        dispatched += batch.events
      } while (batch.events === DISPATCH_BATCH)
      return (await claimOnce()) || dispatched > 0
    },
    busy: () => dispatching !== undefined || claiming !== undefined,
    async quiet() {
      // A claim that fails has been logged; the sweep repeats it.
      while (dispatching || claiming) await Promise.allSettled([dispatching, claiming])
    },
    freed() {
      if (backlog) claimOnce().catch((error) => app.log.error({ error }, 'claim failed; the next sweep tries again'))
    },
  }
}
