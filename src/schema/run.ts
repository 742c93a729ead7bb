import { z } from 'zod'
import { createdAt, cursor, integer, nextCursor, timestamp, uuid } from './common.ts'
import { EVENT_NAMES } from './events.ts'
import { networkRequest, type RecordedRequest, recordedRequests } from './network.ts'

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'dead', 'cancelled', 'skipped'] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

export const TRIGGERS = ['event', 'cron', 'http', 'tool', 'invoke'] as const
export type Trigger = (typeof TRIGGERS)[number]

const RUN_STATUS =
  '`queued`: waits for a free slot, or until `run_at`. `running`: executes. `succeeded`: the handler returned. `dead`: the last attempt failed. ' +
  '`cancelled`: ended by request. `skipped`: there was nothing to do.'

export const runError = z
  .object({
    code: z.string().describe('Code of the error'),
    message: z.string().describe('Explanation of the error'),
    stack: z.string().optional().describe('Where a function threw, and its chain of causes. Absent for other errors'),
  })
  .meta({ id: 'RunError', description: 'Error of an attempt' })
export type RunError = z.infer<typeof runError>
export const logLine = z
  .object({
    at: timestamp.describe('When the line was written: ISO 8601 in UTC'),
    message: z.string().describe('The line; it is cut after 2,000 characters'),
    level: z.enum(['debug', 'info', 'warn', 'error']).optional().describe('Level that the function gave, if any'),
    stream: z.enum(['stdout', 'stderr']).optional().describe('Stream that the function printed the line to, if any'),
  })
  .meta({ id: 'LogLine', description: 'A line of the log of a run' })
export type LogLine = z.infer<typeof logLine>

/** The log and the connections of one attempt. */
export interface RunLog {
  attempts: number
  lines: readonly LogLine[]
  requests: readonly RecordedRequest[]
}

export const waitingFor = z
  .object({
    reason: z
      .enum(['paused', 'suspended', 'delay', 'backoff', 'no_capable_instance', 'key_head', 'limit', 'slot'])
      .describe(
        '`paused`: the hook is paused. `suspended`: the project is suspended. `delay`: the run was made for a later time, `until`. `backoff`: the pause after a failure lasts until `until`. `no_capable_instance`: no running process can ' +
          'execute the handler. `key_head`: the run `run_id` comes first in the order. `limit`: the concurrency limit of the hook is reached. ' +
          '`slot`: all processes are busy.',
      ),
    until: timestamp.optional().describe('Time at which the run is due, for `delay` and `backoff`'),
    run_id: z.string().optional().describe('The run that comes first, for `key_head`'),
  })
  .meta({ id: 'WaitingFor', description: 'Why a queued run does not start' })

export const run = z
  .object({
    id: z.string().describe('Id of the run'),
    trigger: z
      .enum(TRIGGERS)
      .describe(
        'Why the run exists: an event, a schedule (`cron`), an HTTP request, an MCP tool call, or a call by hand (`invoke`)',
      ),
    handler: z.string().describe('Name of the handler or function that the run executes'),
    hook_id: z.string().nullable().describe('Hook that made the run; null when no hook did'),
    function_id: z.string().nullable().describe('Function that the run executes; null for other handlers'),
    function_version: z
      .number()
      .nullable()
      .describe(
        'Version of the function that the last attempt executed; null before the first attempt and for other handlers',
      ),
    schedule_id: z.string().nullable().describe('Schedule that made the run; null for other triggers'),
    event_id: z.string().nullable().describe('Event that the run handles; null when there is none'),
    event_type: z
      .string()
      .nullable()
      .describe(
        'Type of that event: one of the log, or `cron.tick`, `http.request`, `tool.called`, `function.invoked`; null when there is none',
      ),
    project_id: z.string().describe('Project that the run executes in'),
    status: z.enum(RUN_STATUSES).describe(RUN_STATUS),
    attempts: z.number().describe('Number of attempts started'),
    run_at: timestamp.describe('When the next attempt of a queued run is due: ISO 8601 in UTC'),
    result: z.unknown().describe('What the handler returned; null until an attempt succeeds'),
    error: runError
      .nullable()
      .describe('Error of the last attempt; null when it succeeded, or before the first one ended'),
    logs: z.array(logLine).describe('Log of the last attempt, at most 1,000 lines'),
    requests: recordedRequests.requests.describe(
      'Connections of the last attempt, in the order in which they ended or were refused, at most 100',
    ),
    requests_omitted: recordedRequests.requests_omitted,
    created_at: createdAt,
    started_at: timestamp.nullable().describe('When the last attempt started; null before the first one'),
    finished_at: timestamp.nullable().describe('When the run reached its final status; null before that'),
    ordering_key: z
      .string()
      .nullable()
      .describe('Value that orders the runs of the hook; null when the run is not ordered'),
    replay_id: z.string().nullable().describe('Replay or backfill that made the run; null for none'),
    chain_id: z
      .string()
      .nullable()
      .describe('Id of the event that started the chain of causes; null when there is none'),
    depth: z.number().describe('Number of runs between the start of the chain and this run'),
    waiting_for: waitingFor.nullable().describe('Why a queued run does not start; null for other runs'),
  })
  .meta({ id: 'Run', description: 'One execution of a handler, and its record' })
export type Run = z.infer<typeof run>

/** Messages of the log stream of a run. */
export const runLogMessages = {
  log: logLine
    .extend({ attempts: z.number().describe('Number of the attempt that wrote the line, from 1') })
    .meta({ id: 'RunLogLine', description: 'A line of the log' }),
  request: networkRequest
    .extend({ attempts: z.number().describe('Number of the attempt that made the connection, from 1') })
    .meta({ id: 'RunLogRequest', description: 'A connection that the function opened, or tried to open' }),
  /** Sent first, and after each change. */
  status: run
    .pick({ status: true, attempts: true, run_at: true, error: true })
    .meta({ id: 'RunLogStatus', description: 'The status of the run, which is sent first and after every change' }),
  end: run.pick({ status: true }).meta({
    id: 'RunLogEnd',
    description: 'The run has ended: no message follows. A stream without this message was cut off',
  }),
}

export const runList = z.object({
  hook_id: uuid.optional().describe('Only runs of this hook'),
  function_id: uuid.optional().describe('Only runs of this function'),
  trigger: z.enum(TRIGGERS).optional().describe('Only runs with this trigger'),
  event_id: z.string().optional().describe('Only runs for this event'),
  project_id: uuid.optional().describe('Only runs in this project'),
  status: z.enum(RUN_STATUSES).optional().describe('Only runs with this status'),
  id_prefix: z
    .string()
    .regex(/^[0-9a-f][0-9a-f-]{3,35}$/i, { error: 'Must be the first 4 to 36 characters of an id' })
    .optional()
    .describe('Only runs whose id begins with these 4 to 36 characters'),
  limit: integer(1, 1000).default(50).describe('Maximum number of runs'),
  cursor,
})
export const runPage = z
  .object({ items: z.array(run).describe('The runs, newest first'), next_cursor: nextCursor })
  .meta({ id: 'RunPage', description: 'A page of runs' })
export const runKey = z.object({ run_id: uuid.describe('Id of the run') })
export const runLogs = runKey.extend({
  after: z
    .string()
    .regex(/^\d{1,9}\.\d{1,9}(\.\d{1,9})?$/)
    .optional()
    .describe('Id of the last message received: the stream continues after it'),
})

/** Filter of dead runs: all given criteria must match. */
export const redrive = z.object({
  hook_id: uuid.optional().describe('Only runs of this hook'),
  handler: z.string().max(100).optional().describe('Only runs of this handler or function'),
  project_id: uuid.optional().describe('Only runs in this project'),
  event_type: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'Only runs for events of this type', examples: [...EVENT_NAMES] }),
  error_code: z.string().max(100).optional().describe('Only runs whose last error has this code'),
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Only runs that died at this time or later: ISO 8601 with a time zone'),
  until: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Only runs that died before this time: ISO 8601 with a time zone'),
  limit: integer(1, 10_000).default(1_000).describe('Maximum number of runs to queue'),
})
export const redriven = z
  .object({
    redriven: z.number().describe('Number of runs that were queued again'),
    more: z.boolean().describe('Whether more dead runs match, which the limit left out'),
  })
  .meta({ id: 'Redriven', description: 'Result of a redrive' })
