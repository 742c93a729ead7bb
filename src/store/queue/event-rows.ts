import { type Statement, sql } from '../../db/sql.ts'
import { type EventName, eventTypeOf, type KeyedEventName, type StoredEventName } from '../../schema/events.ts'

/**
 * Selects stored rows in the form of their events. `row_id` is the `ref` of the event, `at` is when the row was stored, and `tie` orders
 * rows of the same time. `data` has the same fields and values as the original event.
 */
const SOURCES: Record<StoredEventName, (userId: string, mine: Statement) => Statement> = {
  'zerodb.vector.stored': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, 0::bigint as tie,
      jsonb_build_object(
        'vector_id', r.vector_id, 'project_id', r.project_id, 'namespace', r.namespace, 'source', r.source, 'user_id', ${userId}::uuid
      ) as data
    from zerodb_vectors r
    where ${mine} and r.batch_id is null`,

  // A batch that replaces a vector keeps its created_at, so updated_at is the time of the batch.
  'zerodb.vector.batch_stored': (userId, mine) => sql`
    select
      r.batch_id as row_id, r.project_id, max(r.updated_at) as at, 0::bigint as tie,
      jsonb_build_object('project_id', r.project_id, 'count', count(*), 'user_id', ${userId}::uuid) as data
    from zerodb_vectors r
    where ${mine} and r.batch_id is not null
    group by r.batch_id, r.project_id`,

  'zerodb.memory.stored': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, r.event_seq as tie,
      jsonb_build_object('memory_id', r.id, 'project_id', r.project_id, 'agent_id', r.agent_id, 'user_id', ${userId}::uuid) as data
    from zerodb_memories r
    where ${mine} and r.kind = 'record'`,

  'zeromemory.remembered': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, r.event_seq as tie,
      jsonb_build_object(
        'memory_id', r.id, 'entity_id', r.entity_id, 'memory_type', r.memory_type, 'namespace', r.namespace, 'user_id', ${userId}::uuid
      ) as data
    from zerodb_memories r
    where ${mine} and r.kind = 'remembered'`,

  'zerodb.file.uploaded': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, 0::bigint as tie,
      jsonb_build_object(
        'file_id', r.id, 'project_id', r.project_id, 'file_name', r.file_name, 'content_type', r.content_type, 'size_bytes', r.size_bytes,
        'user_id', ${userId}::uuid
      ) as data
    from zerodb_files r
    where ${mine}`,

  'zerodb.table.row_inserted': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, r.position as tie,
      jsonb_build_object('table_name', t.name, 'row_id', r.id, 'project_id', r.project_id, 'user_id', ${userId}::uuid) as data
    from zerodb_rows r
    join zerodb_tables t on t.id = r.table_id
    where ${mine}`,

  'zerodb.event.published': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.published_at as at, r.position as tie,
      jsonb_build_object('event_id', r.id, 'project_id', r.project_id, 'topic', r.topic, 'user_id', ${userId}::uuid) as data
    from zerodb_published_events r
    where ${mine}`,

  'zeromemory.relation_added': (userId, mine) => sql`
    select
      r.id as row_id, r.project_id, r.created_at as at, 0::bigint as tie,
      jsonb_build_object(
        'relation_id', r.id, 'project_id', r.project_id, 'subject_id', r.subject_id, 'object_id', r.object_id, 'user_id', ${userId}::uuid
      ) as data
    from zerodb_edges r
    where ${mine} and r.invalidated_at is null`,
}

/** Selects the rows of the user's projects that belong to events of this type. */
export function rowsOf(event: StoredEventName, userId: string): Statement {
  // The condition is inside each source, so that grouping does not read the rows of all users.
  const mine = sql`r.project_id in (select id from zerodb_projects where user_id = ${userId}::uuid)`
  return SOURCES[event](userId, mine)
}

const vectorByKey = (projectId: string, { vector_id, namespace = 'default' }: Record<string, unknown>) =>
  typeof vector_id === 'string' && typeof namespace === 'string'
    ? sql`
      select id from zerodb_vectors
      where project_id = ${projectId}::uuid and namespace = ${namespace} and vector_id = ${vector_id}`
    : NO_ROW

/** Finds the row of an event type by the key in the event's data. */
const BY_KEY: Record<KeyedEventName, (projectId: string, data: Record<string, unknown>) => Statement> = {
  'zerodb.vector.stored': vectorByKey,
  'zerodb.vector.updated': vectorByKey,
  'zerodb.vector.deleted': vectorByKey,
}

const NO_ROW = sql`select null::uuid`
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Selects the id of the row that an event's data names; null if it names none. The row can be in another project: handlers look only in
 * their own.
 */
export function rowNamed(event: EventName, projectId: string, data: Record<string, unknown>): Statement {
  const { row } = eventTypeOf(event)
  if (row === null) return NO_ROW
  if ('key' in row) return BY_KEY[event as KeyedEventName](projectId, data)
  const id = data[row.id]
  return typeof id === 'string' && UUID.test(id) ? sql`select ${id}::uuid` : NO_ROW
}
