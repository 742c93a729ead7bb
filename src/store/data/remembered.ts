import { sql } from '../../db/sql.ts'
import { remembered as rememberedEvent } from '../../schema/events.ts'
import { MAX_PROFILE_MEMORIES, type RememberedMemory } from '../../schema/memory.ts'
import { bounded, isAfter, type Place, type Scope, type StoreContext, userProject, write } from '../context.ts'
import { emit, NEXT_SEQ } from '../outbox.ts'
import {
  CONFIG_TAG,
  isRecallable,
  isRemembered,
  memoryColumns,
  REMEMBERED_DATA,
  type RecallFilter,
} from './memories.ts'

export interface MemoryCounts {
  memory_count: number
  count_is_exact: boolean
  by_type: Record<string, number>
  first_at: string | null
  last_at: string | null
}

interface MessageFields {
  entity_id?: string | null | undefined
  namespace: string
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  user_id?: string | null | undefined
  run_id?: string | null | undefined
}

/** Lists and numbers of the memories that remember has stored, and conversations stored as memories. */
export function remembered(context: StoreContext) {
  const reads = bounded(context.db)
  return {
    /** Stores the messages of a conversation as memories, all or none, with one event for each. Returns them in the order of the messages. */
    async rememberMany(
      scope: Scope,
      messages: readonly { role?: string | null | undefined; content: string }[],
      fields: MessageFields,
    ): Promise<{ id: string; created_at: string }[]> {
      return write<{ id: string; created_at: string; event_seq: number }>(
        context,
        sql`
        with item as materialized (
          select * from unnest(
            ${messages.map(({ content }) => content)}::text[], ${messages.map(({ role }) => role ?? null)}::text[]
          ) with ordinality as item (content, role, n)
        ),
        numbered as materialized (
          select ${NEXT_SEQ} as event_seq, item.* from (select * from item order by n offset 0) item
        ),
        -- A microsecond apart, because lists have the order of creation.
        stored as (
          insert into zerodb_memories
            (event_seq, user_id, project_id, kind, content, role, memory_type, entity_id, namespace, session_id, agent_id, end_user_id,
             run_id, created_at)
          select
            item.event_seq, owner.user_id, owner.project_id, 'remembered', item.content, item.role, 'episodic', ${fields.entity_id}::text,
            ${fields.namespace}::text, ${fields.session_id}::text, ${fields.agent_id}::text, ${fields.user_id}::text, ${fields.run_id}::text,
            now() + (item.n - 1) * interval '1 microsecond'
          from (${userProject(scope)}) owner
          cross join numbered item
          returning *, id::text as ref
        ),
        ${emit(scope, rememberedEvent, REMEMBERED_DATA, sql`s.event_seq`)}
        select stored.id, stored.created_at, stored.event_seq from stored order by stored.event_seq`,
      )
    },

    /** Returns memories, newest first. */
    async list(
      scope: Scope,
      filter: RecallFilter,
      { limit, after }: { limit: number; after: Place | null },
    ): Promise<RememberedMemory[]> {
      return reads.query<RememberedMemory>(sql`
        select ${memoryColumns} from zerodb_memories
        where ${isRemembered(scope, filter)} ${isAfter(after, 'newest first')}
        order by created_at desc, id desc
        limit ${limit}::int`)
    },

    /** Returns the newest memories that recall can return, newest first. */
    async newest(scope: Scope, filter: RecallFilter, limit: number): Promise<RememberedMemory[]> {
      return reads.query<RememberedMemory>(sql`
        select ${memoryColumns} from zerodb_memories
        where ${isRecallable(scope, filter)}
        order by created_at desc, id desc
        limit ${limit}::int`)
    },

    /** Returns the newest memory with the configuration of an agent, of this entity or of none; of all without an entity. Null if there is none. */
    async config(
      scope: Scope,
      entityId: string | null,
    ): Promise<{ content: string; metadata: Record<string, unknown> } | null> {
      const [row] = await reads.query<{ content: string; metadata: Record<string, unknown> }>(sql`
        select content, metadata from zerodb_memories
        where ${isRemembered(scope, { tags: [CONFIG_TAG] })}
          ${entityId === null ? sql`` : sql`and (entity_id = ${entityId} or entity_id is null)`}
        order by created_at desc, id desc
        limit 1`)
      return row ?? null
    },

    /** Counts the memories that recall can return, up to a limit. */
    async counts(scope: Scope, filter: RecallFilter): Promise<MemoryCounts> {
      const [row] = await reads.query<MemoryCounts>(sql`
        with memory as materialized (
          select memory_type from zerodb_memories where ${isRecallable(scope, filter)} limit ${MAX_PROFILE_MEMORIES + 1}::int
        ),
        counted as (select * from memory limit ${MAX_PROFILE_MEMORIES}::int),
        type as (select memory_type, count(*)::int as count from counted group by memory_type)
        select
          (select count(*)::int from counted) as memory_count,
          (select count(*) from memory) <= ${MAX_PROFILE_MEMORIES}::int as count_is_exact,
          coalesce((select jsonb_object_agg(memory_type, count order by memory_type) from type), '{}') as by_type,
          (
            select created_at from zerodb_memories where ${isRecallable(scope, filter)} order by created_at, id limit 1
          ) as first_at,
          (
            select created_at from zerodb_memories where ${isRecallable(scope, filter)} order by created_at desc, id desc limit 1
          ) as last_at`)
      return row!
    },
  }
}
