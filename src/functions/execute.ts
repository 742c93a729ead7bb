import { z } from 'zod'
import type { App, Caller, PreparedFunction } from '../app.ts'
import { ZeroError } from '../errors.ts'
import type { GuestLog, Outcome } from '../sandbox/index.ts'
import type { EventName } from '../schema/events.ts'
import { allows } from '../schema/login.ts'
import type { RecordedRequest } from '../schema/network.ts'
import type { LogLine, Trigger } from '../schema/run.ts'
import { safeParse } from '../schema/safe-parse.ts'
import type { StreamReceiver } from '../schema/streamed-result.ts'
import { recordRequest, withheld } from './network.ts'
import { runtimeVersion } from './runtime-version.ts'
import { mapStack } from './stack.ts'
import { createStreamRequests } from './stream.ts'

/** One attempt at a run of a function. */
export interface Execution {
  run_id: string
  attempt: number
  trigger: Trigger
  /** The envelope. A binary `data.body` is `{"$bytes": base64}`. */
  event: object
  /** Reference to the event's row and its project; null if the event has no row. `id` is the id of the event. */
  row: { event: EventName; id: string; ref: string; project_id: string } | null
  /** The hook's configuration. */
  config?: Record<string, unknown>
  /** Additional fields of `ctx`. */
  context?: Readonly<Record<string, unknown>>
  chain: { id: string; depth: number }
  /** Permissions of the caller, which limit those of the function; null for no limit. */
  permissions: readonly string[] | null
  trace: string | null | undefined
  signal: AbortSignal
  /** True if another function waits for this call. */
  nested: boolean
  onLog(line: LogLine): void
  onRequest(request: RecordedRequest): void
  onProgress?(progress: number, total: number | undefined, message: string | undefined): void
  /** Receives the result if the function streams it. If absent, streamed results are collected. */
  receiver?: StreamReceiver | undefined
  /** Called before the first operation of the run. */
  beforeWrite?(): Promise<void>
}

/** Retry pause while an operator has to act. */
const OPERATOR_PAUSE_SECONDS = 60

/**
 * Executes a function. Errors of the function are part of the outcome, with the values of secrets redacted. Throws the errors of the sandbox, and
 * `unavailable` when a secret cannot be unsealed.
 */
export async function executeFunction(app: App, fn: PreparedFunction, execution: Execution): Promise<Outcome> {
  const { run_id, attempt, trigger, event, chain, trace, signal, nested, onLog, onRequest } = execution
  const { config } = fn
  if (fn.sealed !== null) throw new ZeroError('unavailable', fn.sealed, { retryAfter: OPERATOR_PAUSE_SECONDS })
  const caller: Caller = {
    user_id: fn.user_id,
    bound: fn.project_id,
    project_id: fn.project_id,
    permissions: intersect(config.permissions, execution.permissions),
    cause: { chain_id: chain.id, depth: chain.depth + 1, run_id },
    trace: trace ?? undefined,
  }
  const context = {
    ...execution.context,
    run_id,
    attempt,
    trigger,
    function: fn.name,
    version: fn.version,
    config: execution.config ?? {},
    project_id: fn.project_id,
    chain_id: chain.id,
    depth: chain.depth,
    runtime: { name: fn.runtime, version: runtimeVersion(app, fn.runtime) },
    traceparent: trace ?? null,
  }
  if (fn.withheldHosts.length > 0)
    onLog({
      at: new Date(app.clock.now()).toISOString(),
      level: 'warn',
      message: withheld(app.config.functionsNetwork, fn.withheldHosts),
    })
  let announced: Promise<void> | undefined
  const stream = createStreamRequests(execution.receiver, run_id)
  const outcome = await app.sandbox.call({
    program: fn.program,
    project: fn.project_id,
    mode: 'handler',
    input: { event, context },
    timeout_seconds: config.timeout_seconds,
    output_limit_bytes: config.output_limit_bytes,
    nested,
    signal,
    onLog: (line) => onLog(toLine(app, fn, line)),
    onRequest: (request) => onRequest(recordRequest(app, request, fn.redact)),
    onLateLog: (line) =>
      app.runs.logLate({ run_id, attempt }, toLine(app, fn, { ...line, text: mapStack(line.text, fn.source_map) })),
    async onHostCall(name, body, ended) {
      if (name === 'progress') return tellProgress(execution, body)
      const streamed = stream(name, body, ended)
      if (streamed !== undefined) return streamed
      announced ??= execution.beforeWrite?.()
      await announced
      return answer(app, fn, caller, execution.row, name, body)
    },
  })
  if (outcome.error === null) return outcome
  const { name, message, stack, ...error } = outcome.error
  return {
    ...outcome,
    error: {
      ...error,
      name: fn.redact(name),
      message: fn.redact(message),
      ...(stack === undefined ? {} : { stack: fn.redact(mapStack(stack, fn.source_map)) }),
    },
  }
}

/** Handles a request of the guest during its call. */
async function answer(
  app: App,
  fn: PreparedFunction,
  caller: Caller,
  row: Execution['row'],
  name: string,
  body: unknown,
): Promise<unknown> {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (name === 'operation') return app.call(String(fields['operation']), caller, fields['input'] ?? {})
  if (name === 'row')
    return { row: row === null ? null : await app.store.events.row(row.event, row.ref, row.project_id) }
  if (name === 'previous')
    return { row: row === null ? null : await app.store.events.previous(row.event, row.id, row.project_id) }
  const key = fields['key']
  if (typeof key !== 'string' || key.length === 0 || key.length > 255)
    throw new ZeroError('invalid', 'once: the key must be a string of 1 to 255 characters')
  if (name === 'once.get') {
    const known = await app.store.functions.doneOnce(fn.id, key)
    return known ? { done: true, value: known.value } : { done: false }
  }
  if (name === 'once.put') return { value: await app.store.functions.keepOnce(fn.id, key, fields['value'] ?? null) }
  throw new ZeroError('invalid', `Unknown request "${name.slice(0, 100)}" from user code`)
}

const progressMade = z.object({
  progress: z.number(),
  total: z.number().nullish(),
  message: z.string().max(2000).nullish(),
})

function tellProgress({ onProgress }: Execution, body: unknown): null {
  const made = safeParse(progressMade, body)
  if (!made.success)
    throw new ZeroError(
      'invalid',
      'progress: expected a number, an optional total, and an optional message of at most 2,000 characters',
    )
  const { progress, total, message } = made.data
  onProgress?.(progress, total ?? undefined, message ?? undefined)
  return null
}

function toLine(app: App, fn: PreparedFunction, { stream, level, text }: GuestLog): LogLine {
  return {
    at: new Date(app.clock.now()).toISOString(),
    message: fn.redact(text),
    ...(stream === 'log' ? { level } : { stream }),
  }
}

/** Returns the permissions that both lists grant. */
function intersect(own: readonly string[], callers: readonly string[] | null): string[] {
  if (callers === null) return [...own]
  const both = [...own.filter((each) => allows(callers, each)), ...callers.filter((each) => allows(own, each))]
  return [...new Set(both)]
}
