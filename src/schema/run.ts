import { z } from 'zod'
import { integer, timestamp, uuid } from './common.ts'

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'dead', 'cancelled', 'skipped'] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

export const TRIGGERS = ['event', 'cron', 'http', 'tool', 'invoke'] as const
export type Trigger = (typeof TRIGGERS)[number]

export const runError = z.object({
  code: z.string(),
  message: z.string(),
  /** Of what a function threw: where, and its chain of causes. */
  stack: z.string().optional(),
})
export type RunError = z.infer<typeof runError>
export const logLine = z.object({
  at: timestamp,
  message: z.string(),
  /** Of a function's lines: how grave, where it said so; and the stream, where it printed them. */
  level: z.enum(['debug', 'info', 'warn', 'error']).optional(),
  stream: z.enum(['stdout', 'stderr']).optional(),
})
export type LogLine = z.infer<typeof logLine>

/** The log of one attempt. */
export interface RunLog {
  attempts: number
  lines: LogLine[]
}

/** Why a queued run does not begin. */
export const waitingFor = z.object({
  /**
   * `paused`: its hook is. `backoff`: the pause after a failure lasts `until` then. `no_capable_instance`: no living process can execute its
   * handler. `key_head`: the run `run_id` comes before it. `limit`: its hook runs as often as it may. `slot`: all processes are busy.
   */
  reason: z.enum(['paused', 'backoff', 'no_capable_instance', 'key_head', 'limit', 'slot']),
  until: timestamp.optional(),
  run_id: z.string().optional(),
})

export const run = z.object({
  id: z.string(),
  trigger: z.enum(TRIGGERS),
  handler: z.string(),
  hook_id: z.string().nullable(),
  /** The function, and the version that the last attempt has executed; null for other handlers. */
  function_id: z.string().nullable(),
  function_version: z.number().nullable(),
  schedule_id: z.string().nullable(),
  event_id: z.string().nullable(),
  event_type: z.string().nullable(),
  project_id: z.string(),
  status: z.enum(RUN_STATUSES),
  attempts: z.number(),
  /** When a queued run is tried next. */
  run_at: timestamp,
  result: z.unknown(),
  /** Of the attempt before; null once one has succeeded. */
  error: runError.nullable(),
  logs: z.array(logLine),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  /** Its place in its hook's order; null when it has none. */
  ordering_key: z.string().nullable(),
  /** The replay or backfill that made it. */
  replay_id: z.string().nullable(),
  /** The event with which the chain of causes began, and how many runs lie between it and this one. */
  chain_id: z.string().nullable(),
  depth: z.number(),
  /** Null unless it is queued. */
  waiting_for: waitingFor.nullable(),
})
export type Run = z.infer<typeof run>

/** What a run's log stream sends. */
export const runLogMessages = {
  /** A line, and the attempt that wrote it. */
  log: logLine.extend({ attempts: z.number() }),
  /** At first, and whenever it changes. */
  status: run.pick({ status: true, attempts: true, run_at: true, error: true }),
  /** Nothing follows: the run has ended. A stream without it has been cut off. */
  end: run.pick({ status: true }),
}

export const runList = z.object({
  hook_id: uuid.optional(),
  function_id: uuid.optional(),
  trigger: z.enum(TRIGGERS).optional(),
  event_id: z.string().optional(),
  project_id: uuid.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  /** Only runs whose id begins so. */
  id_prefix: z
    .string()
    .regex(/^[0-9a-f][0-9a-f-]{3,35}$/i, { error: 'Must be 4 to 36 characters of an id' })
    .optional(),
  limit: integer(1, 1000).default(50),
  cursor: z.string().optional(),
})
export const runPage = z.object({ items: z.array(run), next_cursor: z.string().nullable() })
export const runKey = z.object({ run_id: uuid })
/** `after`: the id of the last message that has been seen. */
export const runLogs = runKey.extend({
  after: z
    .string()
    .regex(/^\d{1,9}\.\d{1,9}$/)
    .optional(),
})

/** Dead runs, all that are given must hold. `since` and `until`: when they died. */
export const redrive = z.object({
  hook_id: uuid.optional(),
  handler: z.string().max(100).optional(),
  project_id: uuid.optional(),
  event_type: z.string().max(100).optional(),
  error_code: z.string().max(100).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  limit: integer(1, 10_000).default(1_000),
})
/** `more`: the limit has left some. */
export const redriven = z.object({ redriven: z.number(), more: z.boolean() })
