// Generated from the event types by scripts/client.ts: `npm run generate` updates it.

/** An event as a function receives it; `event` determines the fields of `data`. */
export interface Envelope<Name extends string, Data> {
  id: string
  event: Name
  channel: string
  data: Data
  timestamp: string
  /** True for an event of a replay, and for one that stands for a row older than the hook. */
  synthetic?: boolean
}

export type VectorStoredEvent = Envelope<
  'zerodb.vector.stored',
  {
    /** Id of the vector */
    vector_id: string
    /** Id of the project */
    project_id: string
    /** Namespace of the vector */
    namespace: string
    /** Source of the vector */
    source: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type VectorBatchStoredEvent = Envelope<
  'zerodb.vector.batch_stored',
  {
    /** Id of the project */
    project_id: string
    /** Number of vectors stored */
    count: number
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type MemoryStoredEvent = Envelope<
  'zerodb.memory.stored',
  {
    /** Id of the memory */
    memory_id: string
    /** Id of the project */
    project_id: string
    /** Agent that the memory belongs to; null when not given */
    agent_id: string | null
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type FileUploadedEvent = Envelope<
  'zerodb.file.uploaded',
  {
    /** Id of the file */
    file_id: string
    /** Id of the project */
    project_id: string
    /** Name of the file */
    file_name: string
    /** Media type of the content; null when unknown */
    content_type: string | null
    /** Size of the content in bytes; null when unknown */
    size_bytes: number | null
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RowInsertedEvent = Envelope<
  'zerodb.table.row_inserted',
  {
    /** Name of the table */
    table_name: string
    /** Id of the row */
    row_id: string
    /** Id of the project */
    project_id: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type EventPublishedEvent = Envelope<
  'zerodb.event.published',
  {
    /** Id of the published event */
    event_id: string
    /** Id of the project */
    project_id: string
    /** Topic that the event was published to */
    topic: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RememberedEvent = Envelope<
  'zeromemory.remembered',
  {
    /** Id of the memory */
    memory_id: string
    /** Person or thing that the memory is about; null when not given */
    entity_id: string | null
    /** Kind of memory */
    memory_type: string | null
    /** Namespace of the memory */
    namespace: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RowUpdatedEvent = Envelope<
  'zerodb.table.row_updated',
  {
    /** Name of the table */
    table_name: string
    /** Id of the row */
    row_id: string
    /** Id of the project */
    project_id: string
    /** Id of the user who owns the project */
    user_id: string
    /** Names of the top-level fields that have another value, sorted */
    changed: string[]
  }
>
export type RowDeletedEvent = Envelope<
  'zerodb.table.row_deleted',
  {
    /** Name of the table */
    table_name: string
    /** Id of the row */
    row_id: string
    /** Id of the project */
    project_id: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type VectorUpdatedEvent = Envelope<
  'zerodb.vector.updated',
  {
    /** Id of the vector */
    vector_id: string
    /** Id of the project */
    project_id: string
    /** Namespace of the vector */
    namespace: string
    /** Source of the vector */
    source: string
    /** Id of the user who owns the project */
    user_id: string
    /** Names of the top-level fields that have another value, sorted */
    changed: string[]
  }
>
export type VectorDeletedEvent = Envelope<
  'zerodb.vector.deleted',
  {
    /** Id of the vector */
    vector_id: string
    /** Id of the project */
    project_id: string
    /** Namespace of the vector */
    namespace: string
    /** Source of the vector */
    source: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type MemoryUpdatedEvent = Envelope<
  'zerodb.memory.updated',
  {
    /** Id of the memory */
    memory_id: string
    /** Id of the project */
    project_id: string
    /** Agent that the memory belongs to; null when not given */
    agent_id: string | null
    /** Id of the user who owns the project */
    user_id: string
    /** Names of the top-level fields that have another value, sorted */
    changed: string[]
  }
>
export type MemoryDeletedEvent = Envelope<
  'zerodb.memory.deleted',
  {
    /** Id of the memory */
    memory_id: string
    /** Id of the project */
    project_id: string
    /** Agent that the memory belongs to; null when not given */
    agent_id: string | null
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type FileUpdatedEvent = Envelope<
  'zerodb.file.updated',
  {
    /** Id of the file */
    file_id: string
    /** Id of the project */
    project_id: string
    /** Name of the file */
    file_name: string
    /** Media type of the content; null when unknown */
    content_type: string | null
    /** Size of the content in bytes; null when unknown */
    size_bytes: number | null
    /** Id of the user who owns the project */
    user_id: string
    /** Names of the top-level fields that have another value, sorted */
    changed: string[]
  }
>
export type FileDeletedEvent = Envelope<
  'zerodb.file.deleted',
  {
    /** Id of the file */
    file_id: string
    /** Id of the project */
    project_id: string
    /** Name of the file */
    file_name: string
    /** Media type of the content; null when unknown */
    content_type: string | null
    /** Size of the content in bytes; null when unknown */
    size_bytes: number | null
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type ForgottenEvent = Envelope<
  'zeromemory.forgotten',
  {
    /** Id of the memory */
    memory_id: string
    /** Kind of memory; null for a record of a conversation */
    memory_type: string | null
    /** Namespace of the memory */
    namespace: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RelationAddedEvent = Envelope<
  'zeromemory.relation_added',
  {
    /** Id of the relation */
    relation_id: string
    /** Id of the project */
    project_id: string
    /** Id of the entity that the relation starts at */
    subject_id: string
    /** Id of the entity that the relation leads to */
    object_id: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RelationEndedEvent = Envelope<
  'zeromemory.relation_ended',
  {
    /** Id of the relation */
    relation_id: string
    /** Id of the project */
    project_id: string
    /** Id of the entity that the relation starts at */
    subject_id: string
    /** Id of the entity that the relation leads to */
    object_id: string
    /** Id of the user who owns the project */
    user_id: string
  }
>
export type RunDeadEvent = Envelope<
  'zerodb.run.dead',
  {
    /** Id of the run */
    run_id: string
    /** Id of the project */
    project_id: string
    /** Handler of the run: built in, `webhook:<label>`, or the name of the function */
    handler: string
    /** Hook of the run; null for a call of a function */
    hook_id: string | null
    /** Function that the run executed; null for other handlers */
    function_id: string | null
    /** Event that the run handled; null when it was deleted */
    event_id: string | null
    /** Code of the error */
    code: string
    /** Number of attempts started */
    attempts: number
    /** Id of the user who owns the project */
    user_id: string
  }
>

/** The event of a write. */
export type DataEvent =
  | VectorStoredEvent
  | VectorBatchStoredEvent
  | MemoryStoredEvent
  | FileUploadedEvent
  | RowInsertedEvent
  | EventPublishedEvent
  | RememberedEvent
  | RowUpdatedEvent
  | RowDeletedEvent
  | VectorUpdatedEvent
  | VectorDeletedEvent
  | MemoryUpdatedEvent
  | MemoryDeletedEvent
  | FileUpdatedEvent
  | FileDeletedEvent
  | ForgottenEvent
  | RelationAddedEvent
  | RelationEndedEvent
  | RunDeadEvent
