import { json, Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { memoryDeleted, memoryStored, memoryUpdated, remembered } from '../../schema/events.ts'
import type { MemoryRecord } from '../../schema/memory.ts'
import { deleteLocked, newText, updateLocked } from '../before-images.ts'
import {
  bounded,
  found,
  given,
  isAfter,
  type Place,
  type Scope,
  type StoreContext,
  userProject,
  write,
} from '../context.ts'
import { compileFilter } from '../filters/filter.ts'
import { emit, emitChanges, NEXT_SEQ } from '../outbox.ts'

export const recordColumns = sql`
  id as memory_id, id, project_id, agent_id, session_id, role, content, embedding, model, metadata as memory_metadata, created_at`

type StoredRecord = Omit<MemoryRecord, 'embedding'> & { embedding: Float32Array | null }

export interface RecordFields {
  content: string
  agent_id?: string | null | undefined
  session_id?: string | null | undefined
  role?: string | null | undefined
  memory_metadata: Record<string, unknown>
}

/** New values of a record. Undefined keeps the old value; null removes it. */
export type RecordChange = { [Field in keyof RecordFields]?: RecordFields[Field] | undefined }

export const RECORD_DATA = {
  memory_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  agent_id: sql`stored.agent_id`,
  user_id: sql`stored.user_id`,
}

/** Data of the event of a memory. */
export const REMEMBERED_DATA = {
  memory_id: sql`stored.id`,
  entity_id: sql`stored.entity_id`,
  memory_type: sql`stored.memory_type`,
  namespace: sql`stored.namespace`,
  user_id: sql`stored.user_id`,
}

/** Selects and locks a record. */
const lockedRecord = (scope: Scope, id: string) => sql`
  select * from zerodb_memories
  where id = ${id}::uuid and kind = 'record' and project_id = (select project_id from (${userProject(scope)}) owner)
  for update`

export interface RememberFields {
  content: string
  entity_id?: string | null | undefined
  memory_type: string
  importance: number
  tags: readonly string[]
  metadata: Record<string, unknown>
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  user_id?: string | null | undefined
  run_id?: string | null | undefined
  namespace: string
  event_at?: string | null | undefined
}

export interface RecallFilter {
  entity_id?: string | null | undefined
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  user_id?: string | null | undefined
  run_id?: string | null | undefined
  namespace?: string | null | undefined
  tags?: readonly string[] | null | undefined
  /** Only memories of one of these kinds. */
  memory_type?: readonly string[] | null | undefined
  /** Condition on the metadata, with the operators of table filters. */
  metadata_filter?: Record<string, unknown> | null | undefined
  /** Only memories of what happened at this time or later. */
  since?: string | null | undefined
  /** Only memories of what happened before this time. */
  until?: string | null | undefined
  /** Only memories of what had happened at this time. */
  as_of?: string | null | undefined
}

/** The tag of memories with the configuration of an agent. Recall finds them only by this tag; a profile has the newest one. */
export const CONFIG_TAG = 'auto_context_config'

/** Condition: a memory of the scope's project, stored by remember, that the filter selects. */
export function isRemembered(scope: Scope, filter: RecallFilter): Statement {
  return sql`
    project_id = (select project_id from (${userProject(scope)}) owner)
    and kind = 'remembered'
    ${given(filter.entity_id, sql`and entity_id = ${filter.entity_id}`)}
    ${given(filter.session_id, sql`and session_id = ${filter.session_id}`)}
    ${given(filter.agent_id, sql`and agent_id = ${filter.agent_id}`)}
    ${given(filter.user_id, sql`and end_user_id = ${filter.user_id}`)}
    ${given(filter.run_id, sql`and run_id = ${filter.run_id}`)}
    ${given(filter.namespace, sql`and namespace = ${filter.namespace}`)}
    ${given(filter.tags, sql`and tags && ${filter.tags ?? null}::text[]`)}
    ${given(filter.memory_type, sql`and memory_type = any(${filter.memory_type ?? null}::text[])`)}
    ${filter.metadata_filter ? sql`and ${compileFilter(filter.metadata_filter, sql`metadata`, 'metadata_filter')}` : sql``}
    ${given(filter.since, sql`and coalesce(event_at, created_at) >= ${filter.since}::timestamptz`)}
    ${given(filter.until, sql`and coalesce(event_at, created_at) < ${filter.until}::timestamptz`)}
    ${given(filter.as_of, sql`and coalesce(event_at, created_at) <= ${filter.as_of}::timestamptz`)}`
}

/** Condition: a memory that the filter selects and recall can return. */
export function isRecallable(scope: Scope, filter: RecallFilter): Statement {
  const isSelected = isRemembered(scope, filter)
  return filter.tags?.includes(CONFIG_TAG) ? isSelected : sql`${isSelected} and not tags @> ${[CONFIG_TAG]}::text[]`
}

/** The columns of a memory that was stored by remember. */
export const memoryColumns = sql`
  id as memory_id, id, content, role, entity_id, memory_type, importance, namespace, tags, metadata, session_id, agent_id,
  end_user_id as user_id, run_id, event_at, created_at`

/** The input of the handlers for memories. */
export interface MemoryText {
  id: string
  content: string
  entity_id: string | null
  role: string | null
  has_embedding: boolean
}

export function memories(context: StoreContext) {
  const { db, asyncCommit } = context
  return {
    async store(scope: Scope, record: RecordFields): Promise<StoredRecord> {
      const [{ event_seq: _, ...row }] = await write<StoredRecord & { event_seq: number }>(
        context,
        sql`
        with stored as (
          insert into zerodb_memories (event_seq, user_id, project_id, kind, content, agent_id, session_id, role, metadata)
          select
            ${NEXT_SEQ}, user_id, project_id, 'record', ${record.content}, ${record.agent_id}, ${record.session_id}, ${record.role},
            ${json(record.memory_metadata)}::jsonb
          from (${userProject(scope)}) owner
          returning *, id::text as ref
        ),
        ${emit(scope, memoryStored, RECORD_DATA, sql`s.event_seq`)}
        select ${recordColumns}, event.seq as event_seq from stored, event`,
      )
      return row
    },

    /**
     * Changes the given fields of a record and returns it. Another content has no embedding until a hook makes one. A record that already
     * has these values is not written and emits no event. Throws `not_found`.
     */
    async update(scope: Scope, id: string, fields: RecordChange): Promise<StoredRecord> {
      const isSame = sql`${fields.content}::text is null or old.content = ${fields.content}`
      const kept = (column: string) => sql`case when ${isSame} then old.${new Sql(column, [])} end`
      const [{ event_seq: _, ...row }] = await write<StoredRecord & { event_seq: number | null }>(
        context,
        sql`
        with ${updateLocked('zerodb_memories', {
          userId: scope.user_id,
          old: lockedRecord(scope, id),
          set: {
            content: sql`coalesce(${fields.content}, old.content)`,
            agent_id: newText(fields.agent_id, 'agent_id'),
            session_id: newText(fields.session_id, 'session_id'),
            role: newText(fields.role, 'role'),
            metadata: sql`coalesce(${fields.memory_metadata ? json(fields.memory_metadata) : null}::jsonb, old.metadata)`,
            embedding: kept('embedding'),
            model: kept('model'),
            requested_model: kept('requested_model'),
            next_embedding: kept('next_embedding'),
            next_model: kept('next_model'),
            updated_at: sql`now()`,
          },
          compared: {
            content: 'content',
            agent_id: 'agent_id',
            session_id: 'session_id',
            role: 'role',
            memory_metadata: 'metadata',
          },
        })},
        ${emitChanges(scope, memoryUpdated, { ...RECORD_DATA, changed: sql`stored.changed` })}
        select ${recordColumns}, event_seq
        from (
          select id, project_id, agent_id, session_id, role, content, embedding, model, metadata, created_at, seq as event_seq from stored
          union all
          select id, project_id, agent_id, session_id, role, content, embedding, model, metadata, created_at, null
          from old where not exists (select from stored)
        ) r`,
        'Memory not found',
      )
      return row
    },

    /** Deletes records, all that exist of `ids`. Returns the ids of the deleted records. */
    async remove(scope: Scope, ids: readonly string[]): Promise<string[]> {
      const rows = await context.commit<{ event_seq: number; id: string }>(sql`
        with ${deleteLocked('zerodb_memories', {
          userId: scope.user_id,
          old: sql`
            select * from zerodb_memories
            where id = any(${ids}::uuid[]) and kind = 'record' and project_id = (select project_id from (${userProject(scope)}) owner)
            order by id
            for update`,
          order: 'id',
        })},
        ${emitChanges(scope, memoryDeleted, RECORD_DATA)}
        select stored.seq as event_seq, stored.id from stored`)
      return rows.map(({ id }) => id)
    },

    /** Stores a memory of the agent, verbatim. Memories are never overwritten. */
    async remember(
      scope: Scope,
      memory: RememberFields,
    ): Promise<{ id: string; event_at: string | null; created_at: string }> {
      const [row] = await write<{ id: string; event_at: string | null; created_at: string }>(
        context,
        sql`
        with stored as (
          insert into zerodb_memories
            (event_seq, user_id, project_id, kind, content, entity_id, memory_type, importance, tags, metadata, session_id, agent_id,
             end_user_id, run_id, namespace, event_at)
          select
            ${NEXT_SEQ}, user_id, project_id, 'remembered', ${memory.content}, ${memory.entity_id}, ${memory.memory_type}, ${memory.importance}::real,
            ${memory.tags}::text[], ${json(memory.metadata)}::jsonb, ${memory.session_id}, ${memory.agent_id},
            ${memory.user_id}, ${memory.run_id}, ${memory.namespace}, ${memory.event_at}::timestamptz
          from (${userProject(scope)}) owner
          returning *, id::text as ref
        ),
        ${emit(scope, remembered, REMEMBERED_DATA, sql`s.event_seq`)}
        select id, event_at, created_at, event.seq as event_seq from stored, event`,
      )
      return row
    },

    /** Returns memories, newest first. */
    async list(
      scope: Scope,
      filter: {
        agent_id?: string | undefined
        session_id?: string | undefined
        role?: string | undefined
        limit: number
        offset: number
        after: Place | null
      },
    ): Promise<StoredRecord[]> {
      return bounded(db).query<StoredRecord>(sql`
        select ${recordColumns} from zerodb_memories
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and kind = 'record'
          ${given(filter.agent_id, sql`and agent_id = ${filter.agent_id}`)}
          ${given(filter.session_id, sql`and session_id = ${filter.session_id}`)}
          ${given(filter.role, sql`and role = ${filter.role}`)}
          ${isAfter(filter.after, 'newest first')}
        order by created_at desc, id desc
        limit ${filter.limit}::int offset ${filter.offset}::int`)
    },

    async get(scope: Scope, id: string): Promise<StoredRecord> {
      const rows = await db.query<StoredRecord>(sql`
        select ${recordColumns} from zerodb_memories
        where id = ${id}::uuid and kind = 'record' and project_id = (select project_id from (${userProject(scope)}) owner)`)
      return found(rows, 'Memory')
    },

    /** Returns the text of an event's `ref`; null if the memory was deleted. */
    async text(projectId: string, id: string): Promise<MemoryText | null> {
      const [row] = await asyncCommit.query<MemoryText>(sql`
        select id, content, entity_id, role, embedding is not null as has_embedding
        from zerodb_memories
        where id = ${id}::uuid and project_id = ${projectId}::uuid`)
      return row ?? null
    },

    /** Stores the embedding of a memory. Returns false if the memory was deleted or already has one. */
    async setEmbedding(
      id: string,
      embedding: Float32Array,
      model: { used: string; requested: string },
    ): Promise<boolean> {
      const rows = await db.query(sql`
        update zerodb_memories set embedding = ${embedding}::vector, model = ${model.used}, requested_model = ${model.requested}
        where id = ${id}::uuid and embedding is null
        returning id`)
      return rows.length > 0
    },
  }
}
