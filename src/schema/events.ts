import { z } from 'zod'
import { defineEvent, type EventOf } from './event.ts'

const text = z.string()
const maybe = z.string().nullable()

export const vectorStored = defineEvent({
  name: 'zerodb.vector.stored',
  channel: 'zerodb',
  data: z.object({ vector_id: text, project_id: text, namespace: text, source: text, user_id: text }),
})

/** One for the whole batch; its vectors emit none of their own. `count` is the number of rows stored. */
export const vectorBatchStored = defineEvent({
  name: 'zerodb.vector.batch_stored',
  channel: 'zerodb',
  data: z.object({ project_id: text, count: z.number(), user_id: text }),
})

export const memoryStored = defineEvent({
  name: 'zerodb.memory.stored',
  channel: 'zerodb',
  data: z.object({ memory_id: text, project_id: text, agent_id: maybe, user_id: text }),
})

export const fileUploaded = defineEvent({
  name: 'zerodb.file.uploaded',
  channel: 'zerodb',
  data: z.object({
    file_id: text,
    project_id: text,
    file_name: text,
    content_type: maybe,
    size_bytes: z.number().nullable(),
    user_id: text,
  }),
})

export const rowInserted = defineEvent({
  name: 'zerodb.table.row_inserted',
  channel: 'zerodb',
  data: z.object({ table_name: text, row_id: text, project_id: text, user_id: text }),
})

export const eventPublished = defineEvent({
  name: 'zerodb.event.published',
  channel: 'zerodb',
  data: z.object({ event_id: text, project_id: text, topic: text, user_id: text }),
})

export const remembered = defineEvent({
  name: 'zeromemory.remembered',
  channel: 'zeromemory',
  data: z.object({ memory_id: text, entity_id: maybe, memory_type: maybe, namespace: text, user_id: text }),
})

/** Every event type, in the order of the documentation. Hook validation, dispatch and docs follow this list. */
export const EVENT_TYPES = [
  vectorStored,
  vectorBatchStored,
  memoryStored,
  fileUploaded,
  rowInserted,
  eventPublished,
  remembered,
] as const

export type Event = EventOf<(typeof EVENT_TYPES)[number]>
export type EventName = Event['event']

export const EVENT_NAMES = EVENT_TYPES.map((type) => type.name) as [EventName, ...EventName[]]
