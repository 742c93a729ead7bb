import { sql } from '../../db/sql.ts'
import { MAX_PROFILE_MEMORIES, type RememberedMemory } from '../../schema/memory.ts'
import { bounded, isAfter, type Place, type Scope, type StoreContext } from '../context.ts'
import { CONFIG_TAG, isRecallable, isRemembered, memoryColumns, type RecallFilter } from './memories.ts'

export interface MemoryCounts {
  memory_count: number
  count_is_exact: boolean
  by_type: Record<string, number>
  first_at: string | null
  last_at: string | null
}

/** Reads of the memories that remember has stored. */
export function remembered(context: StoreContext) {
  const reads = bounded(context.db)
  return {
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
