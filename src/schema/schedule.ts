import { z } from 'zod'
import { projectId, timestamp, uuid } from './common.ts'

export const schedule = z.object({
  id: z.string(),
  function_id: z.string(),
  function: z.string(),
  project_id: z.string(),
  cron: z.string(),
  timezone: z.string(),
  missed: z.enum(['skip', 'run_once', 'run_all']),
  overlap: z.enum(['skip', 'queue']),
  paused: z.boolean(),
  /** The tick that comes next; null while it is paused, or when none comes. */
  next_at: timestamp.nullable(),
  /** The last tick that was run or skipped. */
  last_at: timestamp.nullable(),
  created_at: timestamp,
  /** The next five ticks. */
  next_runs: z.array(timestamp),
})
export type Schedule = z.infer<typeof schedule>

export const scheduleList = z.object({ project_id: projectId.optional() })
export const scheduleKey = z.object({ schedule_id: uuid })
export const scheduleUpdate = scheduleKey.extend({ paused: z.boolean() })
