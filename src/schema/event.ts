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
  id: z.string(),
  event: z.string(),
  channel: z.enum(CHANNELS),
  data: metadata,
  timestamp: z.string(),
})
