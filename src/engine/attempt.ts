import type { App } from '../app.ts'
import { DatabaseUnavailable } from '../db/sql.ts'
import { RetryLater } from '../errors.ts'
import type { Handler } from '../handlers/handler.ts'
import { executorOf } from '../handlers/index.ts'
import { abortable } from '../platform/abort.ts'
import { runDead } from '../schema/events.ts'
import { safeParse } from '../schema/safe-parse.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'
import type { AttemptResult } from '../store/queue/runs.ts'
import type { LoopGuard } from './loop-guard.ts'
import { retryAfter } from './retry.ts'
import type { RunLogBook } from './run-log.ts'

/** Seconds until the next attempt of a run that lost its database connection. */
const OUTAGE_SECONDS = 2

/** The result of an attempt, without the fields that every result has. */
type AttemptEnd = Pick<AttemptResult, 'status'> & Partial<Pick<AttemptResult, 'result' | 'error' | 'retry_in'>>

interface Executable {
  handler: Handler
  config: unknown
}

export interface AttemptOptions {
  controller: AbortController
  loopGuard: LoopGuard
  book: RunLogBook
}

/** Executes one attempt of a run. Never throws: every error becomes a result. */
export async function attempt(
  app: App,
  run: OwnedRun,
  { controller, loopGuard, book }: AttemptOptions,
): Promise<Omit<AttemptResult, keyof ReturnType<RunLogBook['record']>>> {
  let version: number | undefined
  const log = lazyLog(app, run)
  const checked = precheck(app, run, loopGuard)
  const ending = 'status' in checked ? checked : await execute(checked).catch((thrown) => classify(run, thrown, log))

  async function execute({ handler, config }: Executable): Promise<AttemptEnd> {
    const seconds = app.config.handlerTimeoutSeconds
    const late = () => controller.abort(new Error(`the handler took longer than ${seconds} s`))
    const timeout = handler.managesTimeout ? undefined : setTimeout(late, seconds * 1000)
    const context = {
      ...run,
      signal: controller.signal,
      log(message: string) {
        log().info(message)
        book.log(message)
      },
      logLine: book.add,
      recordRequest: book.addRequest,
      setVersion(number: number) {
        version = number
      },
    }
    try {
      const result = await abortable(handler.run(app, context, config), controller.signal)
      return { status: 'succeeded', result: result ?? null }
    } finally {
      clearTimeout(timeout)
    }
  }

  return { version, id: run.id, attempts: run.attempts, result: null, error: null, retry_in: null, ...ending }
}

/** Returns the handler and configuration to execute, or the result if the run must not be executed. */
function precheck(app: App, run: OwnedRun, loopGuard: LoopGuard): Executable | AttemptEnd {
  const refused = (status: AttemptEnd['status'], code: string, message: string) => ({
    status,
    error: { code, message },
  })
  const handler = executorOf(run)
  if (run.config === null) return { status: 'cancelled' }
  const tooDeep = depthError(run, app.config.maxDepth)
  if (tooDeep !== null) return refused('dead', 'chain_too_deep', tooDeep)
  if (!handler) return refused('dead', 'no_handler', `There is no handler "${run.handler}"`)
  // Only an operator can have deleted the event: maintenance keeps the events that runs need.
  if (run.trigger === 'event' && run.event.id === null)
    return refused('dead', 'event_gone', 'The event of this run is not there any more')
  if (run.function_id === null && !handler.on.includes(run.event.event))
    return refused('skipped', 'not_applicable', `${run.handler} has nothing to do on ${run.event.event}`)
  const tooOften = loopGuard.tooOften(run)
  if (tooOften !== null) return refused('dead', 'loop_suspected', tooOften)
  const config = safeParse(handler.config, run.config)
  if (!config.success) return refused('dead', 'invalid_config', config.error.message)
  return { handler, config: config.data }
}

/**
 * Returns an error message if the run is too deep in its chain. A run that was retried by request is executed. A hook on dead runs may be
 * deeper by two, so that it learns of a run that was too deep, and less than that would not end a chain that consists of such hooks.
 */
function depthError({ chain, event, base_attempts }: OwnedRun, maxDepth: number): string | null {
  const limit = event.event === runDead.name ? maxDepth + 2 : maxDepth
  if (chain.depth <= limit || base_attempts > 0) return null
  return `The chain that began with ${chain.id} has gone through ${chain.depth} runs; ZERODB_MAX_DEPTH is ${maxDepth}`
}

/** Returns the result of a failed attempt: a retry, or the end of the run. */
function classify(run: OwnedRun, thrown: unknown, log: () => App['log']): AttemptEnd {
  const { functionStack: stack } = thrown as { functionStack?: string }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const error = { code: codeOf(thrown), message, ...(stack === undefined ? {} : { stack }) }
  const attempt = run.attempts - run.base_attempts
  // An outage of the database is not a failure of the run, so the retry policy of the run does not apply.
  const pause =
    thrown instanceof DatabaseUnavailable
      ? retryAfter(attempt, new RetryLater(OUTAGE_SECONDS, message))
      : run.ordering === 'skip'
        ? null
        : retryAfter(attempt, thrown, run.retry)
  log().warn({ error: thrown, retry_in: pause }, pause === null ? 'run is dead' : 'run failed and will be tried again')
  return pause === null ? { status: 'dead', error } : { status: 'queued', error, retry_in: pause }
}

/** Creates the log of a run on first use, because most runs log nothing. */
function lazyLog(app: App, run: OwnedRun): () => App['log'] {
  let child: App['log'] | undefined
  return () => {
    child ??= app.log.child({
      run: run.id,
      event: run.event.id,
      handler: run.handler,
      attempt: run.attempts,
      ...(run.trace === null ? {} : { trace: run.trace }),
    })
    return child
  }
}

function codeOf(thrown: unknown): string {
  const { code } = thrown as { code?: unknown }
  return typeof code === 'string' ? code : 'handler_failed'
}
