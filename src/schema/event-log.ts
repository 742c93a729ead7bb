import { z } from 'zod'
import { cursor, integer, nextCursor, streamToken, uuid } from './common.ts'
import { eventEnvelope } from './event.ts'
import { eventType, eventTypeFilter } from './events.ts'
import { RUN_STATUSES } from './run.ts'

export const eventLogList = z.object({
  event_type: eventTypeFilter,
  project_id: uuid.optional().describe('Only events of this project'),
  id_prefix: z
    .string()
    .regex(/^evt_[0-9a-f]{0,22}$/, { error: 'Must be the start of an id: evt_ and hexadecimal digits' })
    .optional()
    .describe('Only events whose id begins with this text, among your newest 10,000 events'),
  limit: integer(1, 1000).default(50).describe('Maximum number of events'),
  cursor,
})
/** An event of the log, with its causes. */
export const loggedEvent = eventEnvelope
  .extend({
    event: eventType,
    chain_id: z
      .string()
      .describe('Id of the event that started the chain of causes: its own id when nothing caused it'),
    depth: z.number().describe('Number of runs between the start of the chain and this event'),
    caused_by: z.string().nullable().describe('Id of the run that wrote the event; null when a client did'),
  })
  .meta({ id: 'Event', description: 'An event of the log: an immutable fact about a committed write' })
export type LoggedEvent = z.infer<typeof loggedEvent>

export const eventLogPage = z
  .object({ items: z.array(loggedEvent).describe('The events, newest first'), next_cursor: nextCursor })
  .meta({ id: 'EventPage', description: 'A page of the event log' })
export const eventLogStream = z.object({
  event_type: eventTypeFilter,
  project_id: uuid.optional().describe('Only events of this project'),
  after: z
    .string()
    .max(100)
    .optional()
    .describe('Id of the last message received. When absent: only events from now on'),
  token: streamToken,
})
/** Messages of the event stream. */
export const eventLogMessages = {
  /** The first message: events from now on are sent. */
  open: z.object({}).meta({ id: 'EventStreamOpen', description: 'The stream is open: later writes are sent' }),
  event: loggedEvent,
}
/** Why a hook did not fire. */
export const NOT_FIRED = [
  'created_later',
  'other_project',
  'inactive',
  'filter',
  'pending',
  'changed',
  'expired',
] as const

export const hookVerdict = z
  .object({
    hook_id: z.string().describe('Id of the hook'),
    hook_name: z.string().describe('Name of the handler of the hook'),
    project_id: z.string().nullable().describe('Project of the hook; null for a hook on all projects'),
    fired: z.boolean().describe('Whether the hook made a run when the event was dispatched. Replays do not count'),
    reason: z
      .enum(NOT_FIRED)
      .nullable()
      .describe(
        'Why the hook did not fire; null when it did. `created_later`: the hook is newer than the event. `other_project`: it is for another project. ' +
          '`inactive`: it is disabled. `filter`: the event does not match. `pending`: the event is not dispatched yet. ' +
          '`changed`: the hook would match now, but was changed after the event. `expired`: the run has been deleted.',
      ),
    runs: z
      .array(
        z.object({
          id: z.string().describe('Id of the run'),
          status: z.enum(RUN_STATUSES).describe('Status of the run'),
          replay_id: z.string().nullable().describe('Replay or backfill that made the run; null for none'),
        }),
      )
      .describe('Runs of the hook for this event, oldest first; those of replays included'),
  })
  .meta({ id: 'HookVerdict', description: 'Whether a hook fired for an event, and why not' })
export type HookVerdict = z.infer<typeof hookVerdict>
export const eventHooks = z
  .object({
    event_id: z.string().describe('Id of the event'),
    hooks: z.array(hookVerdict).describe('Every hook on events of this type'),
  })
  .meta({ id: 'EventHooks', description: 'Which hooks fired for an event' })

export const eventLogKey = z.object({ event_id: z.string().describe('Id of the event') })
