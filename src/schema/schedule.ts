import { z } from 'zod'
import {
  arrayCursor,
  createdAt,
  flag,
  limit,
  name,
  offset,
  optionalProjectId,
  ownProjectId,
  timestamp,
  uuid,
} from './common.ts'
import { dueTime } from './due-time.ts'
import { newEvent } from './published.ts'

export const MISSED =
  'Ticks that passed while no process was running: `skip` drops them, `run_once` makes one run for all, `run_all` one each for the last 100'
export const OVERLAP =
  'A tick while the run of an earlier one is unfinished: `skip` records a skipped run, `queue` makes a run that waits'
const MISSED_POLICIES = ['skip', 'run_once', 'run_all'] as const

/** Maximum number of events of one project that wait for their time. */
export const MAX_PENDING_EVENTS = 10_000

export const cronExpression = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'Cron expression with five fields, or six with seconds first', examples: ['0 6 * * *'] })
export const timezone = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'IANA time zone of the expression', examples: ['Europe/Berlin'] })

export const schedule = z
  .object({
    id: z.string().describe('Id of the schedule. A schedule that fires once gives its id to the event'),
    name: z.string().nullable().describe('Name of a schedule that publishes an event; null without one'),
    function_id: z.string().nullable().describe('Id of the function; null for a schedule that publishes an event'),
    function: z.string().nullable().describe('Name of the function; null for a schedule that publishes an event'),
    topic: z.string().nullable().describe('Topic of the published event; null for a schedule of a function'),
    event_payload: z
      .unknown()
      .describe('Payload of the published event: any JSON value; null for a schedule of a function'),
    source: z.string().nullable().describe('Source of the published event; null when not given'),
    correlation_id: z.string().nullable().describe('Id by which you group events; null when not given'),
    project_id: ownProjectId,
    cron: z
      .string()
      .nullable()
      .meta({
        description: 'Cron expression with five fields, or six with seconds first; null for a schedule that fires once',
        examples: ['0 6 * * *'],
      }),
    timezone: z
      .string()
      .nullable()
      .meta({
        description: 'IANA time zone of the expression; null for a schedule that fires once',
        examples: ['Europe/Berlin'],
      }),
    run_at: timestamp.nullable().describe('When a schedule that fires once is due; null for a cron expression'),
    missed: z
      .enum(MISSED_POLICIES)
      .nullable()
      .describe(`${MISSED}. Null for a schedule that fires once, which is never dropped`),
    overlap: z.enum(['skip', 'queue']).nullable().describe(`${OVERLAP}. Null for a schedule that publishes an event`),
    paused: z.boolean().describe('Whether the schedule is paused'),
    next_at: timestamp.nullable().describe('When the next tick is due; null while paused, or when there is none'),
    last_at: timestamp.nullable().describe('The last tick that was run or skipped; null before the first one'),
    created_at: createdAt,
    next_runs: z.array(timestamp).describe('The next five ticks; empty while paused'),
  })
  .meta({ id: 'Schedule', description: 'When a function runs, or an event is published, by the clock' })
export type Schedule = z.infer<typeof schedule>

export const scheduleCreate = newEvent.extend({
  project_id: optionalProjectId,
  topic: newEvent.shape.topic.describe('Topic to which the event is published'),
  name: name.optional().describe('Name of the schedule, unique in the project. When absent: none'),
  cron: cronExpression
    .optional()
    .describe('Cron expression with five fields, or six with seconds first. Either this, `delay` or `run_at`'),
  timezone: timezone.optional().describe('IANA time zone of `cron`. When absent: UTC'),
  missed: z
    .enum(MISSED_POLICIES)
    .optional()
    .describe(
      'Ticks of `cron` that passed while no process was running: `skip` drops them, `run_once` publishes one event for all (default), `run_all` one each for the last 100',
    ),
  ...dueTime,
})
export const scheduleList = z.object({
  project_id: optionalProjectId,
  topic: z.string().optional().describe('Only schedules that publish to this topic'),
  once: flag.optional().describe('True: only schedules that fire once, such as delayed events. False: only the others'),
  limit: limit(1000),
  offset,
  cursor: arrayCursor,
})
export const scheduleKey = z.object({ schedule_id: uuid.describe('Id of the schedule') })
export const scheduleUpdate = scheduleKey.extend({
  paused: z.boolean().describe('True pauses the schedule; false continues it with the next tick'),
})
