import { hostname } from 'node:os'
import type { App, RunsPort } from '../app.ts'
import { HANDLERS } from '../handlers/index.ts'
import { createDispatcher } from './dispatcher.ts'
import { createWorker } from './worker.ts'

/** The net under wake-ups: what a crash, or another process, has left is found this soon. */
const SWEEP_MS = 1_000
const BEAT_MS = 1_500
/** A process that has not beaten for this long is dead, and its runs are others'. */
const LEASE_SECONDS = 5

const HOUSEKEEPING_MS = 60_000
/** Vectors of one number of dimensions from which on an index pays. Early on the embedded database, whose only connection a build blocks. */
const INDEX_AT = { pglite: 1_000, postgres: 5_000 }
/** An upload that has stored its bytes and not yet its row is left alone for this long. */
const ORPHAN_SECONDS = 3_600

export interface Engine extends RunsPort {
  wake(eventSeqs: readonly number[]): void
  /** Dispatches and executes all that is due, and waits for it. */
  idle(): Promise<void>
  /** Takes nothing more, lets running handlers finish for `graceSeconds`, and gives back what they had not. */
  stop(graceSeconds: number): Promise<void>
}

/** Makes runs happen in this process. On the embedded database, what a dead predecessor had begun is queued again at once. */
export async function startEngine(app: App): Promise<Engine> {
  const alone = app.store.kind === 'pglite'
  const register = () => app.store.instances.register(hostname(), process.pid, alone)
  let epoch = await register()
  const recovered = await app.store.runs.recover()
  if (recovered > 0) app.log.info({ runs: recovered }, 'runs of a process that died are queued again')

  const changed = new Set<() => void>()
  const notify = () => {
    for (const wakeUp of changed) wakeUp()
  }
  const worker = createWorker({
    app,
    epoch: () => epoch,
    onFinished: notify,
    onFree: () => dispatcher.freed(),
  })
  const dispatcher = createDispatcher({ app, epoch: () => epoch, worker, onDispatched: notify })

  async function beat(): Promise<void> {
    const stranded = await app.store.runs.reclaim(epoch, worker.owned())
    if (stranded > 0) app.log.warn({ runs: stranded }, 'runs whose assignment got lost are queued again')
    if (alone) return
    if (!(await app.store.instances.beat(epoch))) {
      app.log.warn({ epoch }, 'this process was taken for dead; it goes on under a new name')
      epoch = await register()
    }
    await app.store.instances.bury(LEASE_SECONDS)
    await app.store.runs.recover()
  }

  async function housekeeping(): Promise<void> {
    for (const dims of await app.store.vectors.dimsWithoutIndex(INDEX_AT[app.store.kind])) {
      app.log.info({ dims }, 'building a vector index')
      await app.store.vectors.buildIndex(dims, !alone)
    }
    await app.blobs.collect((blobs) => app.store.files.blobsInUse(blobs), ORPHAN_SECONDS)
  }

  const timers = [
    every(app, SWEEP_MS, 'sweep', () => dispatcher.sweep()),
    every(app, BEAT_MS, 'beat', beat),
    every(app, HOUSEKEEPING_MS, 'housekeeping', housekeeping),
  ]
  void warm(app)
  await dispatcher.sweep()

  async function quiet(): Promise<void> {
    do {
      await dispatcher.quiet()
      await worker.quiet()
    } while (dispatcher.busy())
  }

  return {
    wake: dispatcher.wake,

    async settled(scope, handlers, events, seconds) {
      const until = performance.now() + seconds * 1000
      for (;;) {
        const next = nextChange(changed)
        const pending = await app.store.runs.pending(scope, handlers, events)
        const left = until - performance.now()
        if (pending === 0 || left <= 0) {
          next.forget()
          return pending
        }
        // Another process's work sends no signal here: ask again now and then.
        await next.within(Math.min(left, 100))
      }
    },

    async idle() {
      do await quiet()
      while (await dispatcher.sweep())
      await quiet()
    },

    async stop(graceSeconds) {
      for (const timer of timers) await timer.stop()
      await dispatcher.quiet()
      await worker.drain(graceSeconds)
      await app.store.runs.giveBack(epoch)
      await app.store.instances.remove(epoch)
    },
  }
}

/** What the first event would wait for is loaded now, if some hook is there that will need it. */
async function warm(app: App): Promise<void> {
  try {
    for (const name of await app.store.hooks.handlersInUse()) await HANDLERS[name]?.warm?.(app)
  } catch (error) {
    app.log.warn({ error }, 'a model cannot be loaded; the runs that need it will say so')
  }
}

/** Calls `work` every `ms`, never twice at a time, until stopped. */
function every(app: App, ms: number, name: string, work: () => Promise<unknown>): { stop(): Promise<void> } {
  let current: Promise<unknown> | undefined
  const timer = setInterval(() => {
    current ??= work()
      .catch((error) => app.log.error({ error }, `${name} failed; it is tried again`))
      .finally(() => {
        current = undefined
      })
  }, ms)
  return {
    async stop() {
      clearInterval(timer)
      await current
    },
  }
}

function nextChange(changed: Set<() => void>): { within(ms: number): Promise<void>; forget(): void } {
  let wakeUp = () => {}
  const change = new Promise<void>((resolve) => {
    wakeUp = resolve
  })
  changed.add(wakeUp)
  return {
    async within(ms) {
      const timer = setTimeout(wakeUp, ms)
      await change
      clearTimeout(timer)
      changed.delete(wakeUp)
    },
    forget: () => changed.delete(wakeUp),
  }
}
