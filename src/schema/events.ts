import { z } from 'zod'
import { defineEvent, type EventOf } from './event.ts'

const projectId = z.string().describe('Id of the project')
const userId = z.string().describe('Id of the user who owns the project')
const memoryId = z.string().describe('Id of the memory')

const MEMORY_FIELDS = [
  'memory_id',
  'content',
  'agent_id',
  'session_id',
  'role',
  'entity_id',
  'memory_type',
  'namespace',
  'importance',
  'tags',
  'metadata',
  'created_at',
] as const

export const vectorStored = defineEvent({
  name: 'zerodb.vector.stored',
  channel: 'zerodb',
  data: z.object({
    vector_id: z.string().describe('Id of the vector'),
    project_id: projectId,
    namespace: z.string().describe('Namespace of the vector'),
    source: z.string().describe('Source of the vector'),
    user_id: userId,
  }),
  writer: 'vectors.upsert',
  row: {
    key: ['namespace', 'vector_id'],
    fields: [
      'vector_id',
      'namespace',
      'document',
      'metadata',
      'source',
      'dimension',
      'model',
      'summary',
      'created_at',
      'updated_at',
    ],
  },
})

/** Event of a batch. Its vectors emit no events. */
export const vectorBatchStored = defineEvent({
  name: 'zerodb.vector.batch_stored',
  channel: 'zerodb',
  data: z.object({
    project_id: projectId,
    count: z.number().describe('Number of vectors stored'),
    user_id: userId,
  }),
  writer: 'vectors.upsert_batch',
  row: null,
})

export const memoryStored = defineEvent({
  name: 'zerodb.memory.stored',
  channel: 'zerodb',
  data: z.object({
    memory_id: memoryId,
    project_id: projectId,
    agent_id: z.string().nullable().describe('Agent that the memory belongs to; null when not given'),
    user_id: userId,
  }),
  writer: 'memory.store',
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

export const fileUploaded = defineEvent({
  name: 'zerodb.file.uploaded',
  channel: 'zerodb',
  data: z.object({
    file_id: z.string().describe('Id of the file'),
    project_id: projectId,
    file_name: z.string().describe('Name of the file'),
    content_type: z.string().nullable().describe('Media type of the content; null when unknown'),
    size_bytes: z.number().nullable().describe('Size of the content in bytes; null when unknown'),
    user_id: userId,
  }),
  writer: 'files.upload',
  row: {
    id: 'file_id',
    fields: [
      'file_id',
      'file_key',
      'file_name',
      'content_type',
      'size_bytes',
      'folder',
      'metadata',
      'summary',
      'created_at',
    ],
  },
})

export const rowInserted = defineEvent({
  name: 'zerodb.table.row_inserted',
  channel: 'zerodb',
  data: z.object({
    table_name: z.string().describe('Name of the table'),
    row_id: z.string().describe('Id of the row'),
    project_id: projectId,
    user_id: userId,
  }),
  writer: 'rows.insert',
  row: { id: 'row_id', fields: 'user' },
})

export const eventPublished = defineEvent({
  name: 'zerodb.event.published',
  channel: 'zerodb',
  data: z.object({
    event_id: z.string().describe('Id of the published event'),
    project_id: projectId,
    topic: z.string().describe('Topic that the event was published to'),
    user_id: userId,
  }),
  writer: 'events.publish',
  row: {
    id: 'event_id',
    fields: ['topic', 'event_payload', 'source', 'correlation_id', 'published_at'],
  },
})

export const remembered = defineEvent({
  name: 'zeromemory.remembered',
  channel: 'zeromemory',
  data: z.object({
    memory_id: memoryId,
    entity_id: z.string().nullable().describe('Person or thing that the memory is about; null when not given'),
    memory_type: z.string().nullable().describe('Kind of memory'),
    namespace: z.string().describe('Namespace of the memory'),
    user_id: userId,
  }),
  writer: 'memory.remember',
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

/**
 * Every event type, in the order of the documentation. Validation, dispatch, row lookup for invoked hooks, and self-trigger warnings are
 * derived from this list. So are the types of the SDK and of functions, and the checks of the docs.
 */
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

/** Names of the types whose row several fields find together. */
export type KeyedEventName = Extract<(typeof EVENT_TYPES)[number], { row: { key: unknown } }>['name']

export function eventTypeOf(name: EventName): (typeof EVENT_TYPES)[number] {
  return EVENT_TYPES.find((type) => type.name === name)!
}

export const EVENT_NAMES = EVENT_TYPES.map((type) => type.name) as [EventName, ...EventName[]]

const EVENT_TYPE = 'Type of the event'
export const eventType = z.enum(EVENT_NAMES).meta({ id: 'EventName', description: EVENT_TYPE })
/** An event type for operations that validate it themselves, with a message that lists the choices. */
export const eventTypeName = z
  .string()
  .max(100)
  .meta({ description: EVENT_TYPE, enum: [...EVENT_NAMES] })
export const eventTypeFilter = z
  .string()
  .optional()
  .meta({ description: 'Only events of this type', examples: [...EVENT_NAMES] })
