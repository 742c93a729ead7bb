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

/** Results are written together: how long the first of a batch waits for others. */
const ACKNOWLEDGE_MS = 5
const ACKNOWLEDGE_BATCH = 256
/** Short runs are owned ahead: as many as will start this soon, so that fetching them is not what the slots wait for. */
const AHEAD_MS = 20
const MAX_AHEAD = 256

export interface Worker {
  /** How many more runs this process should own now. */
  free(): number
  /** Executes a run that this process owns, as soon as it has a slot. */
  start(run: OwnedRun): void
  /** Begins what waits for a slot, after this process has shown that it lives. */
  proceed(): void
  /** The ids of all runs that it has been given and whose results are not written. */
  owned(): string[]
  /** What the handler of a run that executes now has said so far; null when none does. */
  logOf(id: string): RunLog | null
  /** The logs that have grown since this was last asked. */
  newLogs(): { id: string; attempts: number; logs: RunLog['lines'] }[]
  /** Ends the execution of a run that is not this process's any more; nothing of it is recorded. */
  abandon(id: string, reason: string): void
  /** Resolves when nothing runs and every result is written. */
  drained(): Promise<void>
  /** Lets running handlers finish for `graceSeconds`, then aborts them. Their results are written, those of the aborted are not. */
  drain(graceSeconds: number): Promise<void>
}

export interface WorkerOptions {
  app: App
  epoch: () => number
  loopGuard: LoopGuard
  /** Whether this process may own further runs. */
  canTakeRuns(): boolean
  /** Called after results have been written; `constrained` when others may have waited for one of them. */
  onFinished(constrained: boolean): void
  /** Called after a handler has said something. */
  onLog(): void
  /** Called when a slot is free and no owned run waits for one. */
  onFree(): void
}

/** Executes runs: handler within its timeout, then the result, acknowledged in batches. */
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

  /** Owned and waiting for a slot. */
  const waiting: OwnedRun[] = []
  /** Mean duration of a run, of late. */
  let meanMs = AHEAD_MS

  function begin(run: OwnedRun): void {
    const book = createLogBook(app.clock, onLog)
    const log = { attempts: run.attempts, lines: book.lines }
    const execution: Execution = { controller: new AbortController(), log, book, saved: 0 }
    running.set(run.id, execution)
    void execute(run, execution)
  }

  /** Begins what waits, while there are slots. Not when this process may have been taken for dead: others may be at it. */
  function proceed(): void {
    while (!stopped && running.size < app.config.workerSlots && waiting.length > 0 && canTakeRuns())
      begin(waiting.shift()!)
  }

  async function execute(run: OwnedRun, { controller, log, book }: Execution): Promise<void> {
    const started = performance.now()
    if (run.trigger === 'event' && run.attempts === 1 && !run.synthetic && run.event.id !== null)
      app.metrics.eventToRun.observe(Math.max(0, app.clock.now() - Date.parse(run.event.timestamp)) / 1000)
    const ending = { ...(await attempt(app, run, { controller, loopGuard, book })), logs: log.lines }
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

/** With what the worker itself needs to know of it. */
type PendingResult = AttemptResult & { constrained: boolean }

/** Whether it is the values that the database refuses, and would refuse again. */
function isUnstorable(error: unknown): boolean {
  return (
    (error instanceof DbError && /^(22|54)/.test(error.code)) ||
    (error instanceof ZeroError && error.code === 'invalid')
  )
}
