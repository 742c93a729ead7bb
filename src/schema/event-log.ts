import { z } from 'zod'
import { integer, uuid } from './common.ts'
import { eventEnvelope } from './event.ts'
import { RUN_STATUSES } from './run.ts'

export const eventLogList = z.object({
  event_type: z.string().optional(),
  project_id: uuid.optional(),
  /** Only those of the user's newest 10,000 events whose id begins with this text. */
  id_prefix: z
    .string()
    .regex(/^evt_[0-9a-f]{0,22}$/, { error: 'Must be the beginning of an id: evt_ and hexadecimal digits' })
    .optional(),
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
  after: z.string().max(100).optional(),
})
/** What the stream of events sends. */
export const eventLogMessages = {
  /** At first: what is answered to a write from now on will be heard of. */
  open: z.object({}),
  event: loggedEvent,
}
/** Why a hook has not fired. */
export const NOT_FIRED = [
  'created_later',
  'other_project',
  'inactive',
  'filter',
  'pending',
  'changed',
  'expired',
] as const

/** What a hook has made of an event. */
export const hookVerdict = z.object({
  hook_id: z.string(),
  hook_name: z.string(),
  project_id: z.string().nullable(),
  /** It has made a run when the event was handed out, apart from replays. */
  fired: z.boolean(),
  /**
   * Why it has not; null when it has. `created_later`: than the event. `other_project`: it is for another. `inactive`: it is switched off.
   * `filter`: which is not met. `pending`: the event is still to be handed out. `changed`: as it is now it would take the event, and it was
   * changed, or switched on, after it. `expired`: the run is not kept any longer.
   */
  reason: z.enum(NOT_FIRED).nullable(),
  /** Those of replays too, oldest first. */
  runs: z.array(z.object({ id: z.string(), status: z.enum(RUN_STATUSES), replay_id: z.string().nullable() })),
})
export type HookVerdict = z.infer<typeof hookVerdict>
export const eventHooks = z.object({ event_id: z.string(), hooks: z.array(hookVerdict) })

export const eventLogKey = z.object({ event_id: z.string() })
