import type { App, RunsPort } from '../app.ts'
import type { Database } from '../db/sql.ts'
import { HANDLER_NAMES, handlerOf } from '../handlers/index.ts'
import { RUNTIMES } from '../schema/function.ts'
import { createCalls } from './calls.ts'
import { createClaimer } from './claimer.ts'
import { createDispatcher } from './dispatcher.ts'
import { startHeartbeat } from './heartbeat.ts'
import { startInterval } from './interval.ts'
import { createLateLogs } from './late-logs.ts'
import { createLoopGuard } from './loop-guard.ts'
import { advanceRowIndexes, createRetention, runMaintenance } from './maintenance.ts'
import { createMemoryEmbedder } from './memory-embedder.ts'
import { openNotifier } from './notifier.ts'
import { createReplayer } from './replayer.ts'
import { createRunNotifier } from './run-notifier.ts'
import { runSchedules } from './scheduler.ts'
import { createWorker } from './worker.ts'

/** The net under wake-ups: what a crash, or another process, has left is found this soon. */
const SWEEP_MS = 1_000
const BEAT_MS = 1_500
const HOUSEKEEPING_MS = 60_000
/** How soon a new index of a table is built. */
const ROW_INDEXES_MS = 1_000
/** How soon a remembered text is embedded. */
const EMBED_MS = 500
/** How late a tick of a schedule may be. */
const SCHEDULE_MS = 500
/** How often lines that user code has said after its result are written. */
const LATE_LOGS_MS = 100
/** How evenly the runs of a replay are spread over time. */
const REPLAY_MS = 250

export interface Engine extends RunsPort {
  wake(eventSeqs: readonly number[]): void
  /** Dispatches and executes all that is due, and waits for it. */
  drained(): Promise<void>
  /** Takes nothing more, lets running handlers finish for `graceSeconds`, and gives back what they had not. */
  stop(graceSeconds: number): Promise<void>
}

/** Makes runs happen in this process. On the embedded database, what a dead predecessor had begun is queued again at once. */
export async function startEngine(app: App, database: Database): Promise<Engine> {
  // A process without slots takes requests and leaves the runs to others.
  const handlers = app.config.workerSlots > 0 ? [...HANDLER_NAMES] : []
  const heartbeat = await startHeartbeat(app, handlers)
  const { epoch } = heartbeat
  const runNotifier = createRunNotifier()
  let draining = false

  const worker = createWorker({
    app,
    epoch,
    canTakeRuns: heartbeat.hasLease,
    loopGuard: createLoopGuard(app),
    onFinished(constrained) {
      runNotifier.notify()
      if (constrained) dispatcher.claim()
    },
    onLog: runNotifier.notify,
    onFree: () => dispatcher.freed(),
  })
  const calls = createCalls({
    app,
    epoch,
    isExecuting: (id) => worker.logOf(id) !== null,
    onLog: runNotifier.notify,
    onRecorded: runNotifier.notify,
  })
  const claimer = createClaimer({ app, epoch, handlers, free: worker.free, start: worker.start })
  const dispatcher = createDispatcher({
    app,
    epoch,
    handlers,
    worker,
    claimer,
    onDispatched: runNotifier.notify,
    onOverflow: () => notifier.send(),
  })
  const notifier = await openNotifier(app, database, () => {
    if (worker.free() > 0) dispatcher.claim()
  })
  const replayer = createReplayer(app, (constrained) => {
    if (constrained) claimer.expectConstrained()
    dispatcher.claim()
    notifier.send()
  })

  const retention = createRetention(app)
  const lateLogs = createLateLogs(app)
  const memoryEmbedder = createMemoryEmbedder(app)
  const sweeping = startInterval(app, SWEEP_MS, 'sweep', sweep)
  const timers = [
    sweeping,
    startInterval(app, BEAT_MS, 'beat', () => heartbeat.beat(worker, calls.begun())),
    startInterval(app, REPLAY_MS, 'replay', () => replayer.advance()),
    startInterval(app, SCHEDULE_MS, 'schedules', schedules),
    startInterval(app, LATE_LOGS_MS, 'late logs', () => lateLogs.flush()),
    startInterval(app, ROW_INDEXES_MS, 'declared indexes', () => advanceRowIndexes(app)),
    ...(handlers.length > 0
      ? [startInterval(app, EMBED_MS, 'embedding of memories', () => memoryEmbedder.embed())]
      : []),
    startInterval(app, HOUSEKEEPING_MS, 'housekeeping', () => runMaintenance(app)),
    startInterval(app, HOUSEKEEPING_MS, 'retention', () => retention.expire()),
  ]
  void warm(app)
  // Not waited for: with much to do, the server would not answer before it is done.
  sweeping.runNow()

  async function schedules(): Promise<boolean> {
    const any = await runSchedules(app)
    if (any) queued()
    return any
  }

  /** Runtimes that this process can execute. Unknown until the sandbox check ends; until then other processes execute these runs. */
  async function offerRuntimes(): Promise<void> {
    if (handlers.length === 0 || draining) return
    const { runtimes } = app.sandbox.report
    const names = RUNTIMES.filter((runtime) => runtimes[runtime].available).map((runtime) => `function:${runtime}`)
    const found = names.filter((name) => !handlers.includes(name))
    if (found.length === 0) return
    handlers.push(...found)
    await heartbeat.offer()
    queued()
  }

  async function sweep(): Promise<boolean> {
    await offerRuntimes()
    return dispatcher.sweep()
  }

  function queued(): void {
    dispatcher.claim()
    notifier.send()
  }

  async function quiet(): Promise<void> {
    do {
      await dispatcher.drained()
      await worker.drained()
      await calls.drained()
    } while (dispatcher.busy())
  }

  app.store.writePipeline.pipelinedDispatch = dispatcher.pipelinedDispatch
  return {
    wake: dispatcher.wake,
    async runsDrained(scope, handlers, events, seconds) {
      const until = performance.now() + seconds * 1000
      for (;;) {
        const next = runNotifier.next()
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
    queued,
    invoke: calls.invoke,
    logLate: lateLogs.log,
    logOf: (id) => worker.logOf(id) ?? calls.logOf(id),
    changed: (milliseconds, signal) => runNotifier.next().within(milliseconds, signal),
    cancelled(id) {
      worker.abandon(id, 'the run was cancelled')
      calls.abandon(id)
    },
    draining: () => draining,
    async drained() {
      do await quiet()
      while ((await schedules()) || (await replayer.advance()) || (await sweep()))
      await quiet()
    },
    async stop(graceSeconds) {
      draining = true
      app.store.writePipeline.pipelinedDispatch = null
      for (const timer of timers) await timer.stop()
      await dispatcher.drained()
      await heartbeat.drain()
      await Promise.all([worker.drain(graceSeconds), calls.drain(graceSeconds)])
      await lateLogs.flush()
      await heartbeat.leave()
      notifier.send()
      await notifier.stop()
    },
  }
}

/** What the first event would wait for is loaded now, if some hook is there that will need it. */
async function warm(app: App): Promise<void> {
  try {
    if (app.config.workerSlots > 0 && (await app.store.functions.any())) void app.sandbox.ready()
    for (const name of await app.store.hooks.handlersInUse()) await handlerOf(name)?.warm?.(app)
  } catch (error) {
    app.log.warn({ error }, 'failed to load a model: runs that need it will fail')
  }
}
