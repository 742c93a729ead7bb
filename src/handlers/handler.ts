import type { z } from 'zod'
import type { App } from '../app.ts'
import type { Event, EventName } from '../schema/events.ts'

/** What a handler is given: the event, whose it is, and how to speak about the work. */
export interface HandlerRun {
  id: string
  attempts: number
  user_id: string
  project_id: string
  /** The text by which the row is found that the event is about; the row may be gone by now. */
  ref: string
  event: Event
  /** Aborted when the time is over or the process stops. */
  signal: AbortSignal
  /** Adds a line to the run's record. */
  log(message: string): void
}

/**
 * Code of ours that reacts to events. Delivery is at least once: running twice must change nothing.
 * Throw `RetryLater` or `NeverRetry` to decide what becomes of the run; anything else is tried again with growing pauses.
 */
export interface Handler<Config extends z.ZodType = z.ZodType> {
  name: string
  /** The events that it can do something with; a run for another ends as `skipped`. */
  on: readonly EventName[]
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
