import type { App } from '../app.ts'
import { DatabaseUnavailable, DbError } from '../db/sql.ts'
import { RetryLater, ZeroError } from '../errors.ts'
import { executorOf } from '../handlers/index.ts'
import { abortable } from '../platform/abort.ts'
import type { RunLog } from '../schema/run.ts'
import { safeParse } from '../schema/safe-parse.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'
import type { AttemptResult } from '../store/queue/runs.ts'
import { createBatchWriter } from './batch-writer.ts'
import type { LoopGuard } from './loop-guard.ts'
import { retryAfter } from './retry.ts'
import { createLogBook, type RunLogBook } from './run-log.ts'

/** Results are written together: how long the first of a batch waits for others. */
const ACKNOWLEDGE_MS = 5
const ACKNOWLEDGE_BATCH = 256
/** Short runs are owned ahead: as many as will start this soon, so that fetching them is not what the slots wait for. */
const AHEAD_MS = 20
const MAX_AHEAD = 256
/** Until the next attempt of a run in whose midst the database went away. */
const OUTAGE_SECONDS = 2

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
    const ending = { ...(await outcomeOf(app, run, controller, loopGuard, book)), logs: log.lines }
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

/** A run at work. `saved`: lines of its log that the database has. */
interface Execution {
  controller: AbortController
  log: RunLog
  book: RunLogBook
  saved: number
}

/** With what the worker itself needs to know of it. */
type PendingResult = AttemptResult & { constrained: boolean }

/** Executes one attempt. Never throws: whatever happens is the run's ending. */
async function outcomeOf(
  app: App,
  run: OwnedRun,
  controller: AbortController,
  breaker: LoopGuard,
  book: RunLogBook,
): Promise<Omit<AttemptResult, 'logs'>> {
  let version: number | undefined
  const end = (status: AttemptResult['status'], rest: Partial<AttemptResult> = {}) => ({
    version,
    id: run.id,
    attempts: run.attempts,
    status,
    result: null,
    error: null,
    retry_in: null,
    ...rest,
  })
  // Made when there is something to say: most runs say nothing.
  let child: App['log'] | undefined
  const log = () => {
    child ??= app.log.child({
      run: run.id,
      event: run.event.id,
      handler: run.handler,
      attempt: run.attempts,
      ...(run.trace === null ? {} : { trace: run.trace }),
    })
    return child
  }
  const handler = executorOf(run)
  if (run.config === null) return end('cancelled')
  if (!handler) return end('dead', { error: { code: 'no_handler', message: `There is no handler "${run.handler}"` } })
  // Only an operator can have deleted it: what a run needs is kept.
  if (run.trigger === 'event' && run.event.id === null)
    return end('dead', { error: { code: 'event_gone', message: 'The event of this run is not there any more' } })
  if (run.function_id === null && !handler.on.includes(run.event.event)) {
    return end('skipped', {
      error: { code: 'not_applicable', message: `${run.handler} has nothing to do on ${run.event.event}` },
    })
  }
  const tooOften = breaker.tooOften(run)
  if (tooOften !== null) return end('dead', { error: { code: 'loop_suspected', message: tooOften } })
  const config = safeParse(handler.config, run.config)
  if (!config.success) return end('dead', { error: { code: 'invalid_config', message: config.error.message } })

  const seconds = app.config.handlerTimeoutSeconds
  const late = () => controller.abort(new Error(`the handler took longer than ${seconds} s`))
  const timeout = handler.managesTimeout ? undefined : setTimeout(late, seconds * 1000)
  try {
    const context = {
      ...run,
      signal: controller.signal,
      log(message: string) {
        log().info(message)
        book.log(message)
      },
      logLine: book.say,
      setVersion(number: number) {
        version = number
      },
    }
    const result = await abortable(handler.run(app, context, config.data), controller.signal)
    return end('succeeded', { result: result ?? null })
  } catch (thrown) {
    const { functionStack: stack } = thrown as { functionStack?: string }
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const error = { code: codeOf(thrown), message, ...(stack === undefined ? {} : { stack }) }
    const attempt = run.attempts - run.base_attempts
    // No fault of the run, whatever its policy.
    const pause =
      thrown instanceof DatabaseUnavailable
        ? retryAfter(attempt, new RetryLater(OUTAGE_SECONDS, error.message))
        : run.ordering === 'skip'
          ? null
          : retryAfter(attempt, thrown, run.retry)
    log().warn(
      { error: thrown, retry_in: pause },
      pause === null ? 'run is dead' : 'run failed and will be tried again',
    )
    return pause === null ? end('dead', { error }) : end('queued', { error, retry_in: pause })
  } finally {
    clearTimeout(timeout)
  }
}

/** Whether it is the values that the database refuses, and would refuse again. */
function isUnstorable(error: unknown): boolean {
  return (
    (error instanceof DbError && /^(22|54)/.test(error.code)) ||
    (error instanceof ZeroError && error.code === 'invalid')
  )
}

function codeOf(thrown: unknown): string {
  const { code } = thrown as { code?: unknown }
  return typeof code === 'string' ? code : 'handler_failed'
}
