import { z } from 'zod'
import { integer, uuid } from './common.ts'
import { eventEnvelope } from './event.ts'

export const eventLogList = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  limit: integer(1, 1000).default(50),
  cursor: z.string().optional(),
})
/** An event with its causes. */
export const loggedEvent = eventEnvelope.extend({
  /** The event with which the chain of causes began, and how many runs lie between it and this one: its own id and 0 when nothing caused it. */
  chain_id: z.string(),
  depth: z.number(),
  /** The run that wrote it. */
  caused_by: z.string().nullable(),
})
export type LoggedEvent = z.infer<typeof loggedEvent>

/** Newest first. */
export const eventLogPage = z.object({ items: z.array(loggedEvent), next_cursor: z.string().nullable() })
/** `after`: the id of the last message that has been seen; without it only what is written from now on. */
export const eventLogStream = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  after: z
    .string()
    .regex(/^[0-9a-z]{1,10}$/)
    .optional(),
})
/** What the stream of events sends. */
export const eventLogMessages = {
  /** At first: what is answered to a write from now on will be heard of. */
  open: z.object({}),
  event: loggedEvent,
}
export const eventLogKey = z.object({ event_id: z.string() })
