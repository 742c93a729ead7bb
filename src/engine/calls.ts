import { randomUUID } from 'node:crypto'
import type { App, Invocation, InvocationOutcome } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { executeFunction } from '../functions/execute.ts'
import { keptResult, runErrorOf } from '../functions/outcome.ts'
import { onAbort } from '../platform/abort.ts'
import type { RunLog } from '../schema/run.ts'
import type { CallResult, Invoked } from '../store/queue/function-runs.ts'
import { createBatchWriter } from './batch-writer.ts'
import { createLogBook } from './run-log.ts'

/** How long the first record of a batch waits for others. A crash can lose the records of this time. */
const RECORD_MS = 20
const RECORD_BATCH = 256

export interface Calls {
  invoke(invocation: Invocation): Promise<InvocationOutcome>
  /** Returns the runs that execute now and are stored as running. */
  begun(): string[]
  logOf(id: string): RunLog | null
  /** Aborts a run in this process. */
  abandon(id: string): void
  /** Resolves when no call runs and every record is written. */
  drained(): Promise<void>
  /** Lets running calls finish for `graceSeconds`, then aborts them. Resolves when every record is written. */
  drain(graceSeconds: number): Promise<void>
}

export interface CallsOptions {
  app: App
  epoch: () => number
  /** Returns whether the worker of this process executes the run. */
  isExecuting(id: string): boolean
  onLog(): void
  onRecorded(): void
}

interface Live {
  controller: AbortController
  log: RunLog
  begun: boolean
}

/** Executes calls of functions whose callers wait. The response does not wait for the record, which is written in batches. */
export function createCalls({ app, epoch, isExecuting, onLog, onRecorded }: CallsOptions): Calls {
  const live = new Map<string, Live>()
  const results = createBatchWriter<CallResult>({
    log: app.log,
    waitMs: RECORD_MS,
    maxItems: RECORD_BATCH,
    write: (batch) => app.store.functionRuns.record(batch),
    // The callers have their responses, so a record that cannot be written is dropped instead of kept in memory.
    isItemError: () => true,
    async writeReduced(result, error) {
      app.log.warn({ error, run: result.id }, 'a run cannot be recorded as it is')
      const reason = { code: 'unrecordable', message: 'Result, input or log hold what the database cannot store' }
      await app.store.functionRuns
        .record([{ ...result, input: {}, result: null, logs: [], error: result.error ?? reason }])
        .catch((again) => app.log.error({ error: again, run: result.id }, 'a run is not recorded'))
    },
    onWritten: onRecorded,
  })
  /** The calls that a waiting run has started. They use its slot, one after the other. */
  const lent = new Map<string, Promise<unknown>>()

  async function invoke(invocation: Invocation): Promise<InvocationOutcome> {
    const { function: fn, caller } = invocation
    const depth = caller?.cause?.depth ?? 0
    if (depth > app.config.maxDepth)
      throw new ZeroError(
        'chain_too_deep',
        `This chain has gone through ${depth} runs; ZERODB_MAX_DEPTH is ${app.config.maxDepth}`,
      )
    if (fn.is_suspended)
      throw new ZeroError('project_suspended', 'The project of the function is suspended: activate it first')
    const leave = app.concurrencyLimiter.acquire(fn)
    try {
      const parent = caller?.cause?.run_id
      if (parent === undefined || !(live.has(parent) || isExecuting(parent)))
        return await execute(invocation, depth, false)
      const before = lent.get(parent) ?? Promise.resolve()
      const mine = before.then(() => execute(invocation, depth, true))
      const settled = mine.catch(() => {})
      lent.set(parent, settled)
      void settled.then(() => lent.get(parent) === settled && lent.delete(parent))
      return await mine
    } finally {
      leave()
    }
  }

  async function execute(invocation: Invocation, depth: number, nested: boolean): Promise<InvocationOutcome> {
    const { function: fn, caller, trigger, event, data, record = data, trace, signal } = invocation
    const id = randomUUID()
    const started_at = new Date(app.clock.now()).toISOString()
    const envelope = { id: `call_${id}`, event, channel: 'functions', timestamp: started_at }
    const run: Invoked = {
      id,
      trigger,
      function_id: fn.id,
      function_version: fn.version,
      input: { ...envelope, data: record },
      chain_id: caller?.cause?.chain_id ?? null,
      depth,
      started_at,
    }
    const controller = new AbortController()
    // AbortSignal.any() costs more than the rest of a short call.
    const ignoreSignal = onAbort(signal, () => controller.abort(signal!.reason))
    const book = createLogBook(app.clock, onLog)
    const entry: Live = { controller, log: { attempts: 1, lines: book.lines, requests: book.requests }, begun: false }
    live.set(id, entry)
    try {
      const outcome = await executeFunction(app, fn, {
        run_id: id,
        attempt: 1,
        trigger,
        event: { ...envelope, data },
        row: null,
        chain: { id: run.chain_id ?? envelope.id, depth },
        permissions: caller?.permissions ?? null,
        trace,
        signal: controller.signal,
        nested,
        onLog(line) {
          book.add(line)
          invocation.onLog?.(line)
        },
        onRequest: book.addRequest,
        ...(invocation.context ? { context: invocation.context } : {}),
        receiver: invocation.receiver,
        ...(invocation.onProgress ? { onProgress: invocation.onProgress } : {}),
        async beforeWrite() {
          entry.begun = true
          await app.store.functionRuns.begin(epoch(), run)
        },
      })
      const warning = invocation.warningOf?.(outcome)
      if (warning) book.add({ at: new Date(app.clock.now()).toISOString(), level: 'warn', message: warning })
      const error = runErrorOf(outcome)
      app.metrics.invocations.observe(
        { trigger, runtime: fn.runtime, status: outcome.status },
        outcome.duration_ms / 1000,
      )
      results.add({
        ...run,
        status: error === null ? 'succeeded' : outcome.status === 'cancelled' ? 'cancelled' : 'dead',
        result: keptResult(outcome.result),
        error,
        ...book.record(),
        finished_at: new Date(app.clock.now()).toISOString(),
      })
      return { run_id: id, outcome }
    } finally {
      live.delete(id)
      ignoreSignal()
    }
  }

  async function drained(): Promise<void> {
    while (live.size > 0 || results.writing())
      await (results.writing() ?? new Promise((resolve) => setTimeout(resolve, 1)))
  }

  return {
    invoke,
    begun: () => [...live].filter(([, { begun }]) => begun).map(([id]) => id),
    logOf: (id) => live.get(id)?.log ?? null,
    abandon(id) {
      live.get(id)?.controller.abort(new Error('the run was cancelled'))
    },
    drained,
    async drain(graceSeconds) {
      const late = setTimeout(() => {
        for (const { controller } of live.values()) controller.abort(new Error('the process stops'))
      }, graceSeconds * 1000)
      await drained()
      clearTimeout(late)
    },
  }
}
