import { z } from 'zod'
import { integer, timestamp, uuid } from './common.ts'

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'dead', 'cancelled', 'skipped'] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

export const TRIGGERS = ['event', 'cron', 'http', 'tool', 'invoke'] as const

export const runError = z.object({ code: z.string(), message: z.string() })
export const logLine = z.object({ at: timestamp, message: z.string() })

export const run = z.object({
  id: z.string(),
  trigger: z.enum(TRIGGERS),
  handler: z.string(),
  hook_id: z.string().nullable(),
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
})
export type Run = z.infer<typeof run>

export const runList = z.object({
  hook_id: uuid.optional(),
  event_id: z.string().optional(),
  project_id: uuid.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  limit: integer(1, 1000).default(50),
  cursor: z.string().optional(),
})
export const runPage = z.object({ items: z.array(run), next_cursor: z.string().nullable() })
export const runKey = z.object({ run_id: uuid })
