import type { z } from 'zod'
import type { App } from '../app.ts'
import type { Event, EventName } from '../schema/events.ts'
import type { RecordedRequest } from '../schema/network.ts'
import type { LogLine, Trigger } from '../schema/run.ts'

/** Input of a handler: the run, its event and owner, and functions for logging. */
export interface HandlerRun {
  id: string
  attempts: number
  user_id: string
  project_id: string
  hook_id: string | null
  /** The function to execute; null for built-in handlers. */
  function_id: string | null
  trigger: Trigger
  /** Reference to the row of the event. The row may have been deleted since. */
  ref: string
  event: Event
  /** True when the event is replayed, or was made by a backfill for a row older than the hook. */
  synthetic: boolean
  /** The first event of the chain, and the number of runs between it and this one. */
  chain: { id: string; depth: number }
  /** The `traceparent` of the request that wrote the row (W3C Trace Context); null when it had none. */
  trace: string | null
  /** Aborted at the timeout or when the process stops. */
  signal: AbortSignal
  /** Adds a line to the log of the run. */
  log(message: string): void
  /** Adds a line with its level, stream and time to the log of the run. */
  logLine(line: LogLine): void
  /** Records a connection of user code. */
  recordRequest(request: RecordedRequest): void
  /** Records which version of a function this attempt executes. */
  setVersion(version: number): void
}

/**
 * Code that reacts to events. Delivery is at least once, so a handler must be idempotent.
 * Throw `RetryLater` or `NeverRetry` to control retries; any other error is retried with exponential backoff.
 */
export interface Handler<Config extends z.ZodType = z.ZodType> {
  name: string
  /** Event types that the handler supports. A run for any other ends as `skipped`. */
  on: readonly EventName[]
  /** True if the handler enforces its own timeout: the default timeout does not apply. */
  managesTimeout?: boolean
  /** Schema of the hook's configuration. Unknown keys are kept and ignored. */
  config: Config
  /** Preloads models for the first run. Called when a hook for this handler is created, and at start if there is one. */
  warm?(app: App): Promise<unknown>
  /** Handles the event. The return value is the result of the run. */
  run(app: App, run: HandlerRun, config: z.infer<Config>): Promise<unknown>
}

export function defineHandler<Config extends z.ZodType>(handler: Handler<Config>): Handler<Config> {
  return handler
}
