import { z } from 'zod'
import { createdAt, optionalProjectId, ownProjectId, timestamp, uuid } from './common.ts'

export const MISSED =
  'Ticks that passed while no process was running: `skip` drops them, `run_once` makes one run for all, `run_all` one each for the last 100'
export const OVERLAP =
  'A tick while the run of an earlier one is unfinished: `skip` records a skipped run, `queue` makes a run that waits'

export const schedule = z
  .object({
    id: z.string().describe('Id of the schedule'),
    function_id: z.string().describe('Id of the function'),
    function: z.string().describe('Name of the function'),
    project_id: ownProjectId,
    cron: z.string().meta({
      description: 'Cron expression with five fields, or six with seconds first',
      examples: ['0 6 * * *'],
    }),
    timezone: z.string().meta({ description: 'IANA time zone of the expression', examples: ['Europe/Berlin'] }),
    missed: z.enum(['skip', 'run_once', 'run_all']).describe(MISSED),
    overlap: z.enum(['skip', 'queue']).describe(OVERLAP),
    paused: z.boolean().describe('Whether the schedule is paused'),
    next_at: timestamp.nullable().describe('When the next tick is due; null while paused, or when there is none'),
    last_at: timestamp.nullable().describe('The last tick that was run or skipped; null before the first one'),
    created_at: createdAt,
    next_runs: z.array(timestamp).describe('The next five ticks; empty while paused'),
  })
  .meta({ id: 'Schedule', description: 'When a function runs by the clock' })
export type Schedule = z.infer<typeof schedule>

export const scheduleList = z.object({ project_id: optionalProjectId })
export const scheduleKey = z.object({ schedule_id: uuid.describe('Id of the schedule') })
export const scheduleUpdate = scheduleKey.extend({
  paused: z.boolean().describe('True pauses the schedule; false continues it with the next tick'),
})
