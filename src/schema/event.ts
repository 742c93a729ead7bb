import { z } from 'zod'
import { metadata } from './common.ts'

export const CHANNELS = ['zerodb', 'zeromemory'] as const

/** The row that an event is about. */
export type EventRow<Field extends string = string> = (
  | /** Field of `data` that has the id of the row. */ { id: Field }
  | /** Fields of `data` that find the row together; `event-rows.ts` says how. */ { key: readonly Field[] }
) & {
  /** Fields of the row that filters and functions see. `'user'`: those that the user has given it. */
  fields: readonly string[] | 'user'
}

/** All that the program knows of a kind of event, apart from the SQL of its rows in `store/queue/event-rows.ts`. */
export interface EventType<Name extends string = string, Data extends z.ZodObject = z.ZodObject> {
  readonly name: Name
  readonly channel: (typeof CHANNELS)[number]
  /** Fields of the event's `data`, each null where it has no value. */
  readonly data: Data
  /** Names of the operations that write the event. */
  readonly writers: readonly string[]
  /** Whether a stored row tells its event, so that a backfill can make the events of rows that are older than a hook. */
  readonly isStored: boolean
  /** Null when the event is about several rows. */
  readonly row: EventRow<keyof z.infer<Data> & string> | null
}

/** Returns `type`, with its names as literal types. */
export function defineEvent<
  const Name extends string,
  Data extends z.ZodObject,
  const Row extends EventRow<keyof z.infer<Data> & string> | null,
  const IsStored extends boolean,
>(
  type: EventType<Name, Data> & { readonly row: Row; readonly isStored: IsStored },
): EventType<Name, Data> & { readonly row: Row; readonly isStored: IsStored } {
  return type
}

/** The public envelope of an event. Distributive, so that `event.event` narrows `event.data`. */
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
