import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { searchRecords } from '../memory/record-search.ts'
import { queryWarnings } from '../memory/relevance.ts'
import {
  contextInput,
  recordBatch,
  recordBatchDelete,
  recordBatchResult,
  recordBatchUpdate,
  recordMatches,
  recordSearch,
  recordStats,
  recordStatsInput,
  recordsDeleted,
  sessionContext,
  sessionDelete,
  sessionDeleted,
  sessionList,
  sessionPage,
} from '../schema/record.ts'
import { decodeName, encodeName } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/memory'

export const memorySearch = defineJson({
  name: 'memory.search',
  summary: 'Search records of conversations',
  description:
    'Returns the records that are relevant to the query, the most relevant first. Records are found by their words, and by their meaning once they have an embedding.',
  route: `POST ${BASE}/search`,
  permission: 'memory:read',
  idempotent: true,
  input: recordSearch,
  errors: ['provider_refused'],
  output: recordMatches,
  async run(app, caller, { project_id, query, limit, threshold, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const found = await searchRecords(app, scope, query, filter, { limit, threshold: threshold ?? 0 })
    const results = found.map((row) => ({ ...row, embedding: row.embedding ? Array.from(row.embedding) : [] }))
    return { results, memories: results, count: results.length, ...(await queryWarnings(app, query)) }
  },
})

export const memoryStats = defineJson({
  name: 'memory.stats',
  summary: 'Count records of conversations',
  description: 'Returns numbers about the records of the project. Large numbers are counted up to a limit only.',
  route: `GET ${BASE}/stats`,
  permission: 'memory:read',
  idempotent: true,
  input: recordStatsInput,
  output: recordStats,
  async run(app, caller, { project_id }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return app.store.records.stats(scope)
  },
})

export const memorySessions = defineJson({
  name: 'memory.sessions',
  summary: 'List the sessions of records',
  description: 'Returns a page of the sessions that have records, with the number of records in each.',
  route: `GET ${BASE}/sessions`,
  permission: 'memory:read',
  idempotent: true,
  input: sessionList,
  output: sessionPage,
  async run(app, caller, { project_id, limit, cursor }) {
    const scope = scopeOf(caller, project_id)
    const after = decodeName(cursor)
    await app.store.projects.get(scope)
    const items = await app.store.records.sessions(scope, { after, limit })
    return { items, next_cursor: items.length === limit ? encodeName(items.at(-1)!.session_id) : null }
  },
})

export const memoryDeleteSession = defineJson({
  name: 'memory.delete_session',
  summary: 'Delete the records of a session',
  description: 'Deletes all records of a session, or none. Emits one `zerodb.memory.deleted` for each record.',
  route: `DELETE ${BASE}/sessions/:session_id`,
  permission: 'memory:write',
  idempotent: false,
  input: sessionDelete,
  output: sessionDeleted,
  async run(app, caller, { project_id, session_id, limit }) {
    const { deleted, has_more } = await app.store.records.removeSession(
      scopeOf(caller, project_id),
      session_id,
      limit || null,
    )
    if (deleted === 0) throw new ZeroError('not_found', 'Session not found: it has no records')
    return { session_id, deleted_count: deleted, has_more }
  },
})

export const memoryContext = defineJson({
  name: 'memory.context',
  summary: 'Get the latest records of a session',
  description:
    'Returns the newest records of a session that fit into a number of tokens, oldest first. A session without records has an empty context.',
  route: `GET ${BASE}/context/:session_id`,
  permission: 'memory:read',
  idempotent: true,
  input: contextInput,
  output: sessionContext,
  async run(app, caller, { project_id, session_id, max_tokens }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const { messages, tokens, truncated } = await app.store.records.context(scope, session_id, max_tokens)
    return { session_id, messages, message_count: messages.length, estimated_tokens: tokens, truncated }
  },
})

export const memoryBatchStore = defineJson({
  name: 'memory.batch_store',
  summary: 'Store many records of conversations',
  description: 'Stores all records or none. Emits one `zerodb.memory.stored` for each record.',
  route: `POST ${BASE}/batch/upsert`,
  permission: 'memory:write',
  idempotent: false,
  input: recordBatch,
  output: recordBatchResult,
  array: 'records',
  async run(app, caller, { project_id, records }) {
    const memory_ids = await app.store.records.storeMany(scopeOf(caller, project_id), records)
    return { memory_ids, success_count: memory_ids.length, error_count: 0 as const }
  },
})

export const memoryBatchUpdate = defineJson({
  name: 'memory.batch_update',
  summary: 'Update many records of conversations',
  description:
    'Changes all given records or none: an unknown id is 404. Emits one `zerodb.memory.updated` for each record whose fields change.',
  route: `POST ${BASE}/batch/update`,
  permission: 'memory:write',
  idempotent: false,
  input: recordBatchUpdate,
  output: recordBatchResult,
  array: 'updates',
  async run(app, caller, { project_id, updates }) {
    const scope = scopeOf(caller, project_id)
    const ids = updates.map(({ memory_id }) => memory_id)
    const twice = ids.findIndex((id, i) => ids.indexOf(id) < i)
    if (twice >= 0)
      throw new ZeroError('validation_failed', undefined, {
        fields: [
          {
            type: 'value_error',
            loc: ['body', 'updates', twice, 'memory_id'],
            msg: 'This record is in the batch twice',
          },
        ],
      })
    // Sorted by id, so that concurrent batches wait for each other and cannot deadlock.
    const sorted = [...updates].sort((a, b) => (a.memory_id < b.memory_id ? -1 : 1))
    await app.store.transaction(async (tx) => {
      for (const { memory_id, ...fields } of sorted) {
        try {
          await tx.memories.update(scope, memory_id, fields)
        } catch (error) {
          if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
          throw new ZeroError('not_found', `Memory ${memory_id} not found: nothing was changed`, { cause: error })
        }
      }
    })
    return { memory_ids: ids, success_count: ids.length, error_count: 0 as const }
  },
})

export const memoryBatchDelete = defineJson({
  name: 'memory.batch_delete',
  summary: 'Delete many records of conversations',
  description: 'Deletes the records with the given ids in one step. Emits one `zerodb.memory.deleted` for each record.',
  route: `POST ${BASE}/batch/delete`,
  permission: 'memory:write',
  idempotent: false,
  input: recordBatchDelete,
  output: recordsDeleted,
  async run(app, caller, { project_id, memory_ids }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const deleted = await app.store.memories.remove(scope, memory_ids)
    const missing_ids = [...new Set(memory_ids)].filter((id) => !deleted.includes(id))
    return { deleted_count: deleted.length, memory_ids: deleted, missing_ids }
  },
})
