import { z } from 'zod'
import { defineEvent, type EventOf } from './event.ts'

const projectId = z.string().describe('Id of the project')
const userId = z.string().describe('Id of the user who owns the project')
const memoryId = z.string().describe('Id of the memory')
const changed = z.array(z.string()).describe('Names of the top-level fields that have another value, sorted')

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

const VECTOR_ROW = {
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
} as const

const FILE_ROW = {
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
} as const

const vectorData = z.object({
  vector_id: z.string().describe('Id of the vector'),
  project_id: projectId,
  namespace: z.string().describe('Namespace of the vector'),
  source: z.string().describe('Source of the vector'),
  user_id: userId,
})

const recordData = z.object({
  memory_id: memoryId,
  project_id: projectId,
  agent_id: z.string().nullable().describe('Agent that the memory belongs to; null when not given'),
  user_id: userId,
})

const fileData = z.object({
  file_id: z.string().describe('Id of the file'),
  project_id: projectId,
  file_name: z.string().describe('Name of the file'),
  content_type: z.string().nullable().describe('Media type of the content; null when unknown'),
  size_bytes: z.number().nullable().describe('Size of the content in bytes; null when unknown'),
  user_id: userId,
})

const rowData = z.object({
  table_name: z.string().describe('Name of the table'),
  row_id: z.string().describe('Id of the row'),
  project_id: projectId,
  user_id: userId,
})

/** Returns the data of an update, from the data of the insert type of the noun. */
const updateOf = <Shape extends z.ZodRawShape>(data: z.ZodObject<Shape>) => data.extend({ changed })

export const vectorStored = defineEvent({
  name: 'zerodb.vector.stored',
  channel: 'zerodb',
  data: vectorData,
  writers: ['vectors.upsert'],
  isStored: true,
  row: VECTOR_ROW,
})

export const vectorUpdated = defineEvent({
  name: 'zerodb.vector.updated',
  channel: 'zerodb',
  data: updateOf(vectorData),
  writers: ['vectors.update'],
  isStored: false,
  row: VECTOR_ROW,
})

export const vectorDeleted = defineEvent({
  name: 'zerodb.vector.deleted',
  channel: 'zerodb',
  data: vectorData,
  writers: ['vectors.delete', 'vectors.delete_many'],
  isStored: false,
  row: VECTOR_ROW,
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
  writers: ['vectors.upsert_batch'],
  isStored: true,
  row: null,
})

export const memoryStored = defineEvent({
  name: 'zerodb.memory.stored',
  channel: 'zerodb',
  data: recordData,
  writers: ['memory.store', 'memory.batch_store'],
  isStored: true,
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

export const memoryUpdated = defineEvent({
  name: 'zerodb.memory.updated',
  channel: 'zerodb',
  data: updateOf(recordData),
  writers: ['memory.update', 'memory.batch_update'],
  isStored: false,
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

export const memoryDeleted = defineEvent({
  name: 'zerodb.memory.deleted',
  channel: 'zerodb',
  data: recordData,
  writers: ['memory.delete', 'memory.delete_session', 'memory.batch_delete'],
  isStored: false,
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

export const fileUploaded = defineEvent({
  name: 'zerodb.file.uploaded',
  channel: 'zerodb',
  data: fileData,
  writers: ['files.upload'],
  isStored: true,
  row: FILE_ROW,
})

export const fileUpdated = defineEvent({
  name: 'zerodb.file.updated',
  channel: 'zerodb',
  data: updateOf(fileData),
  writers: ['files.update'],
  isStored: false,
  row: FILE_ROW,
})

export const fileDeleted = defineEvent({
  name: 'zerodb.file.deleted',
  channel: 'zerodb',
  data: fileData,
  writers: ['files.delete'],
  isStored: false,
  row: FILE_ROW,
})

export const rowInserted = defineEvent({
  name: 'zerodb.table.row_inserted',
  channel: 'zerodb',
  data: rowData,
  writers: ['rows.insert', 'rows.upsert', 'rows.update_many'],
  isStored: true,
  row: { id: 'row_id', fields: 'user' },
})

export const rowUpdated = defineEvent({
  name: 'zerodb.table.row_updated',
  channel: 'zerodb',
  data: updateOf(rowData),
  writers: ['rows.update', 'rows.replace', 'rows.update_many', 'rows.upsert'],
  isStored: false,
  row: { id: 'row_id', fields: 'user' },
})

export const rowDeleted = defineEvent({
  name: 'zerodb.table.row_deleted',
  channel: 'zerodb',
  data: rowData,
  writers: ['rows.delete', 'rows.delete_many'],
  isStored: false,
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
  writers: ['events.publish'],
  isStored: true,
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
  writers: ['memory.remember', 'memory.process'],
  isStored: true,
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

/** Has no entity, so that the event tells nothing of what was forgotten. */
export const forgotten = defineEvent({
  name: 'zeromemory.forgotten',
  channel: 'zeromemory',
  data: z.object({
    memory_id: memoryId,
    memory_type: z.string().nullable().describe('Kind of memory; null for a record of a conversation'),
    namespace: z.string().describe('Namespace of the memory'),
    user_id: userId,
  }),
  writers: ['memory.forget'],
  isStored: false,
  row: { id: 'memory_id', fields: MEMORY_FIELDS },
})

const RELATION_ROW = {
  id: 'relation_id',
  fields: [
    'relation_id',
    'subject_id',
    'subject',
    'subject_type',
    'predicate',
    'object_id',
    'object',
    'object_type',
    'confidence',
    'created_at',
    'ended_at',
  ],
} as const

/** Has no names, so that the event tells nothing of a relation that was forgotten. */
const relationData = z.object({
  relation_id: z.string().describe('Id of the relation'),
  project_id: projectId,
  subject_id: z.guid().describe('Id of the entity that the relation starts at'),
  object_id: z.guid().describe('Id of the entity that the relation leads to'),
  user_id: userId,
})

/** Emitted by `graph.relate`, by the handler that extracts relations from memories, and when the memory that ended a relation is forgotten. */
export const relationAdded = defineEvent({
  name: 'zeromemory.relation_added',
  channel: 'zeromemory',
  data: relationData,
  writers: ['graph.relate', 'memory.forget'],
  isStored: true,
  row: RELATION_ROW,
})

export const relationEnded = defineEvent({
  name: 'zeromemory.relation_ended',
  channel: 'zeromemory',
  data: relationData,
  writers: ['graph.relate', 'graph.end_relation', 'memory.forget'],
  isStored: false,
  row: RELATION_ROW,
})

/** Emitted by the engine and not by an operation. Has neither content nor the message of the error, which may quote content. */
export const runDead = defineEvent({
  name: 'zerodb.run.dead',
  channel: 'zerodb',
  data: z.object({
    run_id: z.string().describe('Id of the run'),
    project_id: projectId,
    handler: z.string().describe('Handler of the run: built in, `webhook:<label>`, or the name of the function'),
    hook_id: z.string().nullable().describe('Hook of the run; null for a call of a function'),
    function_id: z.string().nullable().describe('Function that the run executed; null for other handlers'),
    event_id: z.string().nullable().describe('Event that the run handled; null when it was deleted'),
    code: z.string().describe('Code of the error'),
    attempts: z.number().describe('Number of attempts started'),
    user_id: userId,
  }),
  writers: [],
  isStored: false,
  row: {
    id: 'run_id',
    fields: [
      'run_id',
      'trigger',
      'handler',
      'hook_id',
      'function_id',
      'function_version',
      'schedule_id',
      'status',
      'attempts',
      'created_at',
      'started_at',
      'finished_at',
    ],
  },
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
  rowUpdated,
  rowDeleted,
  vectorUpdated,
  vectorDeleted,
  memoryUpdated,
  memoryDeleted,
  fileUpdated,
  fileDeleted,
  forgotten,
  relationAdded,
  relationEnded,
  runDead,
] as const

export type Event = EventOf<(typeof EVENT_TYPES)[number]>
export type EventName = Event['event']

/** Names of the types whose row several fields find together. */
export type KeyedEventName = Extract<(typeof EVENT_TYPES)[number], { row: { key: unknown } }>['name']

/** Names of the types whose events can be made from stored rows. */
export type StoredEventName = Extract<(typeof EVENT_TYPES)[number], { isStored: true }>['name']

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
