import type { App } from '../app.ts'
import { DbError } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { executorOf } from '../handlers/index.ts'
import type { RunLog } from '../schema/run.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'
import type { AttemptResult } from '../store/queue/runs.ts'
import { attempt } from './attempt.ts'
import { createBatchWriter } from './batch-writer.ts'
import type { LoopGuard } from './loop-guard.ts'
import { createLogBook, type RunLogBook } from './run-log.ts'

/** How long the first result of a batch waits for others. */
const ACKNOWLEDGE_MS = 5
const ACKNOWLEDGE_BATCH = 256
/** Short runs are claimed in advance: as many as will start within this time, so that free slots do not wait for a claim. */
const AHEAD_MS = 20
const MAX_AHEAD = 256

export interface Worker {
  /** Returns how many more runs this process should own now. */
  free(): number
  /** Executes a run that this process owns as soon as a slot is free. */
  start(run: OwnedRun): void
  /** Starts waiting runs, after the lease was renewed. */
  proceed(): void
  /** Returns the ids of all owned runs whose results are not written. */
  owned(): string[]
  /** Returns the current log of a run that executes now; null otherwise. */
  logOf(id: string): RunLog | null
  /** Returns the logs that have grown since the last call. */
  newLogs(): { id: string; attempts: number; logs: RunLog['lines'] }[]
  /** Aborts a run that this process does not own any more. Its result is not recorded. */
  abandon(id: string, reason: string): void
  /** Resolves when nothing runs and every result is written. */
  drained(): Promise<void>
  /** Lets running handlers finish for `graceSeconds`, then aborts them. Results are written, except those of aborted runs. */
  drain(graceSeconds: number): Promise<void>
}

export interface WorkerOptions {
  app: App
  epoch: () => number
  loopGuard: LoopGuard
  /** Returns whether this process may own further runs. */
  canTakeRuns(): boolean
  /** Called after results were written. `constrained` is true if other runs may have waited for one of them. */
  onFinished(constrained: boolean): void
  /** Called after a handler has logged a line. */
  onLog(): void
  /** Called when a slot is free and no owned run waits for one. */
  onFree(): void
}

/** Executes runs. Each handler has a timeout, and results are written in batches. */
export function createWorker(options: WorkerOptions): Worker {
  const { app, epoch, loopGuard, canTakeRuns, onFinished, onLog, onFree } = options
  const running = new Map<string, Execution>()
  const abandoned = new Set<string>()
  let stopped = false
  const results = createBatchWriter<PendingResult>({
    log: app.log,
    waitMs: ACKNOWLEDGE_MS,
    maxItems: ACKNOWLEDGE_BATCH,
    async write(batch) {
      const recorded = await app.store.runs.finish(epoch(), batch)
      if (recorded.length < batch.length)
        app.log.warn({ lost: batch.length - recorded.length }, 'results came too late: the runs have other owners')
    },
    isItemError: isUnstorable,
    async writeReduced(result, error) {
      app.log.warn({ error, run: result.id }, 'a result cannot be stored')
      const reason = {
        code: 'unrecordable',
        message: 'The result holds what the database cannot store, such as U+0000',
      }
      await app.store.runs.finish(epoch(), [{ ...result, status: 'dead', result: null, logs: [], error: reason }])
    },
    onWritten: (batch) => onFinished(batch.some(({ constrained }) => constrained)),
  })

  /** Owned runs that wait for a slot. */
  const waiting: OwnedRun[] = []
  /** Moving average of the duration of runs. */
  let meanMs = AHEAD_MS

  function begin(run: OwnedRun): void {
    const book = createLogBook(app.clock, onLog)
    const log = { attempts: run.attempts, lines: book.lines, requests: book.requests }
    const execution: Execution = { controller: new AbortController(), log, book, saved: 0 }
    running.set(run.id, execution)
    void execute(run, execution)
  }

  /** Starts waiting runs in free slots. Without a lease it starts none, because other instances may execute them. */
  function proceed(): void {
    while (!stopped && running.size < app.config.workerSlots && waiting.length > 0 && canTakeRuns())
      begin(waiting.shift()!)
  }

  async function execute(run: OwnedRun, { controller, book }: Execution): Promise<void> {
    const started = performance.now()
    if (run.trigger === 'event' && run.attempts === 1 && !run.synthetic && run.event.id !== null)
      app.metrics.eventToRun.observe(Math.max(0, app.clock.now() - Date.parse(run.event.timestamp)) / 1000)
    const ending = { ...(await attempt(app, run, { controller, loopGuard, book })), ...book.record() }
    const took = performance.now() - started
    meanMs += (took - meanMs) / 16
    const handler = executorOf(run)?.name ?? 'none'
    app.metrics.attempts.observe({ handler, status: ending.status }, took / 1000)
    running.delete(run.id)
    proceed()
    if (waiting.length === 0) onFree()
    if (abandoned.delete(run.id) || (stopped && controller.signal.aborted)) return
    results.add({ ...ending, constrained: run.constrained })
  }

  async function drained(): Promise<void> {
    while (running.size > 0 || (!stopped && waiting.length > 0) || results.writing())
      await (results.writing() ?? new Promise((resolve) => setTimeout(resolve, 1)))
  }

  return {
    free: () => {
      if (stopped || !canTakeRuns()) return 0
      const slots = app.config.workerSlots
      const ahead = Math.min(MAX_AHEAD, Math.floor((slots * AHEAD_MS) / Math.max(meanMs, 0.05)))
      return Math.max(0, slots + ahead - running.size - waiting.length)
    },
    start(run) {
      waiting.push(run)
      proceed()
    },
    proceed,
    abandon(id, reason) {
      const place = waiting.findIndex((run) => run.id === id)
      if (place >= 0) waiting.splice(place, 1)
      const execution = running.get(id)
      if (!execution) return
      abandoned.add(id)
      execution.controller.abort(new Error(reason))
    },
    logOf: (id) => running.get(id)?.log ?? null,
    newLogs() {
      const grown = [...running].filter(([, { log, saved }]) => log.lines.length > saved)
      for (const [, execution] of grown) execution.saved = execution.log.lines.length
      return grown.map(([id, { log }]) => ({ id, attempts: log.attempts, logs: log.lines }))
    },
    owned: () => [...running.keys(), ...waiting.map((run) => run.id), ...results.pending().map(({ id }) => id)],
    drained,
    async drain(graceSeconds) {
      stopped = true
      results.stop()
      const late = setTimeout(() => {
        for (const { controller } of running.values()) controller.abort(new Error('the process stops'))
      }, graceSeconds * 1000)
      await drained()
      clearTimeout(late)
    },
  }
}

/** A running attempt. `saved`: number of log lines that are stored. */
interface Execution {
  controller: AbortController
  log: RunLog
  book: RunLogBook
  saved: number
}

/** A result, with the field that the worker needs for `onFinished`. */
type PendingResult = AttemptResult & { constrained: boolean }

/** Returns whether the database rejects the values of a result, and would reject them again. */
function isUnstorable(error: unknown): boolean {
  return (
    (error instanceof DbError && /^(22|54)/.test(error.code)) ||
    (error instanceof ZeroError && error.code === 'invalid')
  )
}
