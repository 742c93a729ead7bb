import { z } from 'zod'
import { metadata } from './common.ts'

export const CHANNELS = ['zerodb', 'zeromemory'] as const

/** A kind of event: its name, the channel it is sent on and the fields of its `data`, each null where it has no value. */
export interface EventType<Name extends string = string, Data extends z.ZodObject = z.ZodObject> {
  name: Name
  channel: (typeof CHANNELS)[number]
  data: Data
}

export function defineEvent<Name extends string, Data extends z.ZodObject>(
  type: EventType<Name, Data>,
): EventType<Name, Data> {
  return type
}

/** The envelope that users see. Distributive: `event.event` narrows `event.data`. */
export type EventOf<Type> =
  Type extends EventType<infer Name, infer Data>
    ? { id: string; event: Name; channel: Type['channel']; data: z.infer<Data>; timestamp: string }
    : never

export const eventEnvelope = z.object({
  id: z.string().meta({ description: 'Id of the event: opaque, unique', examples: ['evt_9f3ac1075e2b41d80c67aa'] }),
  event: z.string().describe('Type of the event'),
  channel: z.enum(CHANNELS).describe('Channel of the event: `zeromemory` for `zeromemory.remembered`, else `zerodb`'),
  data: metadata.describe('Fields of the event, which depend on its type'),
  timestamp: z.string().describe('When the event was committed: ISO 8601 in UTC, with microseconds'),
})
