import { type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { stringifyJson } from '../../exact-json.ts'
import { memoryDeleted, memoryStored } from '../../schema/events.ts'
import type { MemoryRecord } from '../../schema/memory.ts'
import {
  type ContextMessage,
  MAX_CONTEXT_RECORDS,
  MAX_DELETED_RECORDS,
  MAX_SESSION_RECORDS,
  MAX_STATS_RECORDS,
  MAX_STATS_SESSIONS,
  type RecordStats,
  type Session,
} from '../../schema/record.ts'
import { deleteLocked } from '../before-images.ts'
import { bounded, given, type Scope, type StoreContext, userProject, write } from '../context.ts'
import { emit, emitChanges, NEXT_SEQ } from '../outbox.ts'
import { RECORD_DATA, type RecordFields, recordColumns } from './memories.ts'
import { candidates, type Relevance, type RelevanceQuery } from './relevance.ts'

export interface RecordFilter {
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  role?: string | null | undefined
}

export type RecordCandidate = Omit<MemoryRecord, 'embedding'> & Relevance & { embedding: Float32Array | null }

/** Records of conversations, many at a time. */
export function records(context: StoreContext) {
  const { db } = context
  const reads = bounded(db)
  return {
    /** Stores all records or none, with one event for each. Returns their ids in the order of `batch`. */
    async storeMany(scope: Scope, batch: readonly RecordFields[]): Promise<string[]> {
      const rows = await write<{ id: string; event_seq: number }>(
        context,
        sql`
        with item as materialized (
          select * from unnest(
            ${batch.map((item) => item.content)}::text[],
            ${batch.map((item) => item.agent_id ?? null)}::text[],
            ${batch.map((item) => item.session_id ?? null)}::text[],
            ${batch.map((item) => item.role ?? null)}::text[],
            ${batch.map((item) => stringifyJson(item.memory_metadata))}::text[]
          ) with ordinality as item (content, agent_id, session_id, role, metadata, n)
        ),
        numbered as materialized (
          select ${NEXT_SEQ} as event_seq, item.* from (select * from item order by n offset 0) item
        ),
        -- A microsecond apart, because lists and contexts have the order of creation.
        stored as (
          insert into zerodb_memories
            (event_seq, user_id, project_id, kind, content, agent_id, session_id, role, metadata, created_at)
          select
            item.event_seq, owner.user_id, owner.project_id, 'record', item.content, item.agent_id, item.session_id, item.role,
            item.metadata::jsonb, now() + (item.n - 1) * interval '1 microsecond'
          from (${userProject(scope)}) owner
          cross join numbered item
          returning *, id::text as ref
        ),
        ${emit(scope, memoryStored, RECORD_DATA, sql`s.event_seq`)}
        select stored.id, stored.event_seq from stored order by stored.event_seq`,
      )
      return rows.map(({ id }) => id)
    },

    /** Returns records that share a word with the query or are near its vector, at most `limit` by each. Unordered. */
    async search(scope: Scope, query: RelevanceQuery, filter: RecordFilter, limit: number): Promise<RecordCandidate[]> {
      const scoped = sql`
        select * from zerodb_memories
        where project_id = (select project_id from (${userProject(scope)}) owner)
          and kind = 'record'
          ${given(filter.session_id, sql`and session_id = ${filter.session_id}`)}
          ${given(filter.agent_id, sql`and agent_id = ${filter.agent_id}`)}
          ${given(filter.role, sql`and role = ${filter.role}`)}`
      return reads.query<RecordCandidate>(sql`
        ${candidates(query, scoped, limit)}
        select ${recordColumns}, coverage, rank, cosine from candidate`)
    },

    /** Returns numbers about the records of a project, each up to a limit. */
    async stats(scope: Scope): Promise<RecordStats> {
      const [row] = await reads.query<RecordStats>(sql`
        with recursive owner as materialized (${userProject(scope)}),
        ${sessionIds(null)},
        record as materialized (
          select role, model from zerodb_memories
          where project_id = (select project_id from owner) and kind = 'record'
          limit ${MAX_STATS_RECORDS + 1}::int
        ),
        counted as (select * from record limit ${MAX_STATS_RECORDS}::int),
        named as (select count(*)::int as count from (select from session limit ${MAX_STATS_SESSIONS + 1}::int) found)
        select
          count(*)::int as total_memories,
          (select count(*) from record) <= ${MAX_STATS_RECORDS}::int as total_is_exact,
          least((select count from named), ${MAX_STATS_SESSIONS}::int) as sessions,
          (select count from named) <= ${MAX_STATS_SESSIONS}::int as sessions_is_exact,
          jsonb_build_object(
            'user', count(*) filter (where role = 'user'), 'assistant', count(*) filter (where role = 'assistant'),
            'system', count(*) filter (where role = 'system'), 'none', count(*) filter (where role is null)
          ) as by_role,
          (count(*) filter (where model is not null))::int as embedded
        from counted`)
      return row!
    },

    /** Returns the sessions that have records, sorted by id, after the id `after`. Counts the records of each up to a limit. */
    async sessions(scope: Scope, { after, limit }: { after: string | null; limit: number }): Promise<Session[]> {
      const end = (direction: Statement) => sql`
        (
          select created_at from zerodb_memories
          where project_id = (select project_id from owner) and session_id = page.id and kind = 'record'
          order by created_at ${direction}, id ${direction}
          limit 1
        )`
      return reads.query<Session>(sql`
        with recursive owner as materialized (${userProject(scope)}),
        ${sessionIds(after)},
        page as (select id from session limit ${limit}::int)
        select
          id as session_id, least(count, ${MAX_SESSION_RECORDS}::int) as memory_count, count <= ${MAX_SESSION_RECORDS}::int as count_is_exact,
          ${end(sql`asc`)} as first_at, ${end(sql`desc`)} as last_at
        from page
        cross join lateral (
          select count(*)::int as count
          from (
            select from zerodb_memories
            where project_id = (select project_id from owner) and session_id = page.id and kind = 'record'
            limit ${MAX_SESSION_RECORDS + 1}::int
          ) found
        ) counted
        order by id`)
    },

    /**
     * Deletes the records of a session, oldest first, with one event for each. Without a limit, deletes all or none, and throws `invalid` if there are
     * more than `MAX_DELETED_RECORDS`. Throws `not_found` for an unknown project.
     */
    async removeSession(
      scope: Scope,
      sessionId: string,
      limit: number | null,
    ): Promise<{ deleted: number; has_more: boolean }> {
      const most = limit ?? MAX_DELETED_RECORDS
      const where =
        limit === null
          ? sql`(select count(*) from old) <= ${most}::int`
          : sql`old.id is distinct from (select id from old order by created_at, id offset ${most}::int limit 1)`
      const rows = await write<{ event_seq: number | null; matched: number }>(
        context,
        sql`
        with owner as (${userProject(scope)}),
        ${deleteLocked('zerodb_memories', {
          userId: scope.user_id,
          old: sql`
            select * from zerodb_memories
            where project_id = (select project_id from owner) and session_id = ${sessionId} and kind = 'record'
            order by created_at, id
            limit ${most + 1}::int
            for update`,
          where,
          order: 'created_at',
        })},
        ${emitChanges(scope, memoryDeleted, RECORD_DATA)}
        select stored.seq as event_seq, (select count(*)::int from old) as matched
        from owner left join stored on true`,
      )
      const { matched } = rows[0]
      if (limit === null && matched > most)
        throw new ZeroError(
          'invalid',
          `The session has more than ${most} records: send a limit of at most ${most}, and repeat the request while has_more is true`,
        )
      return { deleted: Math.min(matched, most), has_more: matched > most }
    },

    /**
     * Returns the newest records of a session whose texts have at most `maxTokens` tokens together, oldest first. A token is estimated as four
     * characters.
     */
    async context(
      scope: Scope,
      sessionId: string,
      maxTokens: number,
    ): Promise<{ messages: ContextMessage[]; tokens: number; truncated: boolean }> {
      const rows = await reads.query<ContextMessage & { tokens: number; newest: number; total: number }>(sql`
        select memory_id, role, content, agent_id, memory_metadata, created_at, tokens, newest, total
        from (
          select
            *,
            sum(tokens) over (order by created_at desc, memory_id desc) as newest_tokens,
            row_number() over (order by created_at desc, memory_id desc)::int as newest,
            count(*) over ()::int as total
          from (
            select
              id as memory_id, role, content, agent_id, metadata as memory_metadata, created_at,
              ((length(content) + 3) / 4)::int as tokens
            from zerodb_memories
            where project_id = (select project_id from (${userProject(scope)}) owner) and session_id = ${sessionId} and kind = 'record'
            order by created_at desc, id desc
            limit ${MAX_CONTEXT_RECORDS + 1}::int
          ) record
        ) summed
        where newest = 1 or (newest_tokens <= ${maxTokens}::int and newest <= ${MAX_CONTEXT_RECORDS}::int)
        order by newest desc`)
      const fitting = rows.filter(({ newest, tokens }) => newest > 1 || tokens <= maxTokens)
      return {
        messages: fitting.map(({ tokens: _, newest: __, total: ___, ...message }) => message),
        tokens: fitting.reduce((sum, { tokens }) => sum + tokens, 0),
        truncated: fitting.length < (rows[0]?.total ?? 0),
      }
    },
  }
}

/**
 * Common table expression `session`: the ids of the sessions of the project of `owner` that have records, after the id `after`. Reads one index entry
 * per session, and none beyond those that the statement takes.
 */
function sessionIds(after: string | null): Statement {
  const first = (condition: Statement) => sql`
    select session_id as id from zerodb_memories
    where project_id = (select project_id from owner) and session_id is not null and kind = 'record' ${condition}
    order by session_id
    limit 1`
  return sql`
    session as (
      (${first(given(after, sql`and session_id > ${after}`))})
      union all
      select next.id from session cross join lateral (${first(sql`and session_id > session.id`)}) next
    )`
}
