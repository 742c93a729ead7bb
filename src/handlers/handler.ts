import type { z } from 'zod'
import type { App } from '../app.ts'
import type { Event, EventName } from '../schema/events.ts'
import type { LogLine, Trigger } from '../schema/run.ts'

/** What a handler is given: the event, whose it is, and how to speak about the work. */
export interface HandlerRun {
  id: string
  attempts: number
  user_id: string
  project_id: string
  hook_id: string | null
  /** The function that is to be executed; null for the other handlers. */
  function_id: string | null
  trigger: Trigger
  /** The text by which the row is found that the event is about; the row may be gone by now. */
  ref: string
  event: Event
  /** True when the event is handed out once more, or stands for a row that was there before the hook. */
  synthetic: boolean
  /** The event with which the chain of causes began, and how many runs lie between it and this one. */
  chain: { id: string; depth: number }
  /** The `traceparent` of the request that wrote the row (W3C Trace Context); null when it had none. */
  trace: string | null
  /** Aborted when the time is over or the process stops. */
  signal: AbortSignal
  /** Adds a line to the run's record. */
  log(message: string): void
  /** The same, with what else is known of the line. */
  logLine(line: LogLine): void
  /** Which version of a function this attempt executes. */
  setVersion(version: number): void
}

/**
 * Code of ours that reacts to events. Delivery is at least once: running twice must change nothing.
 * Throw `RetryLater` or `NeverRetry` to decide what becomes of the run; anything else is tried again with growing pauses.
 */
export interface Handler<Config extends z.ZodType = z.ZodType> {
  name: string
  /** The events that it can do something with; a run for another ends as `skipped`. */
  on: readonly EventName[]
  /** It bounds its own time: the usual limit does not apply. */
  managesTimeout?: boolean
  /** Keys that it does not know are kept and ignored. */
  config: Config
  /** Loads what the first run would wait for. Called when a hook for this handler is made, and at start when there is one. */
  warm?(app: App): Promise<unknown>
  /** What it returns is the run's result. */
  run(app: App, run: HandlerRun, config: z.infer<Config>): Promise<unknown>
}

export function defineHandler<Config extends z.ZodType>(handler: Handler<Config>): Handler<Config> {
  return handler
}
