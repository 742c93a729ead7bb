import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { recall as recallMemories } from '../memory/recall.ts'
import { queryWarnings } from '../memory/relevance.ts'
import {
  memoryKey,
  memoryList,
  memoryRecord,
  memoryStore,
  memoryUpdate,
  recall,
  recallResult,
  remember,
  rememberResult,
} from '../schema/memory.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

const RECORDS = '/api/v1/projects/:project_id/database/memory'
const MEMORY = '/api/v1/public/memory/v2'

function plain<Row extends { embedding: Float32Array | null }>(
  row: Row,
): Omit<Row, 'embedding'> & { embedding: number[] } {
  return { ...row, embedding: row.embedding ? Array.from(row.embedding) : [] }
}

export const memoryStoreOperation = defineJson({
  name: 'memory.store',
  summary: 'Store a record of a conversation',
  description: 'Stores a text as a record of the project. Emits `zerodb.memory.stored`.',
  route: `POST ${RECORDS}/store`,
  permission: 'memory:write',
  idempotent: false,
  input: memoryStore,
  output: memoryRecord,
  run: async (app, caller, { project_id, ...record }) =>
    plain(await app.store.memories.store(scopeOf(caller, project_id), record)),
})

export const memoryListOperation = defineJson({
  name: 'memory.list',
  summary: 'List records of conversations, newest first',
  description: 'Returns a page of the records of the project.',
  route: `GET ${RECORDS}`,
  permission: 'memory:read',
  idempotent: true,
  input: memoryList,
  output: z.array(memoryRecord).describe('The records, newest first'),
  nextCursor: (records, { limit }) => encodeCursor(records, limit),
  async run(app, caller, { project_id, cursor, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return (await app.store.memories.list(scope, { ...filter, after: decodeCursor(cursor) })).map(plain)
  },
})

export const memoryGet = defineJson({
  name: 'memory.get',
  summary: 'Get a record of a conversation',
  description: 'Returns one record by its id.',
  route: `GET ${RECORDS}/:memory_id`,
  permission: 'memory:read',
  idempotent: true,
  input: memoryKey,
  output: memoryRecord,
  run: async (app, caller, input) =>
    plain(await app.store.memories.get(scopeOf(caller, input.project_id), input.memory_id)),
})

export const memoryUpdateOperation = defineJson({
  name: 'memory.update',
  summary: 'Update a record of a conversation',
  description:
    'Changes fields of a record; other fields stay. Emits `zerodb.memory.updated`, unless the record has these values already.',
  route: `PATCH ${RECORDS}/:memory_id`,
  permission: 'memory:write',
  idempotent: true,
  input: memoryUpdate,
  output: memoryRecord,
  run: async (app, caller, { project_id, memory_id, ...fields }) =>
    plain(await app.store.memories.update(scopeOf(caller, project_id), memory_id, fields)),
})

export const memoryDelete = defineJson({
  name: 'memory.delete',
  summary: 'Delete a record of a conversation',
  description: 'Deletes one record by its id. Emits `zerodb.memory.deleted`.',
  route: `DELETE ${RECORDS}/:memory_id`,
  permission: 'memory:write',
  idempotent: false,
  input: memoryKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { project_id, memory_id }) {
    const removed = await app.store.memories.remove(scopeOf(caller, project_id), [memory_id])
    if (removed.length === 0) throw new ZeroError('not_found', 'Memory not found')
    return null
  },
})

export const rememberOperation = defineJson({
  name: 'memory.remember',
  summary: 'Remember a text',
  description:
    'Stores a text exactly as it is, for recall. Emits `zeromemory.remembered`, on which hooks build embeddings and the graph.',
  route: `POST ${MEMORY}/remember`,
  permission: 'memory:write',
  idempotent: false,
  input: remember,
  output: rememberResult,
  async run(app, caller, input) {
    const { id, created_at } = await app.store.memories.remember(scopeOf(caller), input)
    return {
      ...input,
      entity_id: input.entity_id ?? null,
      session_id: input.session_id ?? null,
      agent_id: input.agent_id ?? null,
      user_id: input.user_id ?? null,
      run_id: input.run_id ?? null,
      id,
      memory_id: id,
      status: 'stored' as const,
      entities_extracted: [],
      created_at,
    }
  },
})

export const recallOperation = defineJson({
  name: 'memory.recall',
  summary: 'Recall memories',
  description:
    'Returns the memories that are relevant to the query, the most relevant first. Memories are found by their words, and by their meaning once they have an embedding. With an `entity_id`, `session_id` or `namespace`, the other memories that these select follow, newest first, with the score 0.',
  route: `POST ${MEMORY}/recall`,
  permission: 'memory:read',
  idempotent: true,
  input: recall,
  errors: ['provider_refused'],
  output: recallResult,
  async run(app, caller, { query, limit, threshold, allow_cross_namespace, ...rest }) {
    const filter = allow_cross_namespace ? { ...rest, namespace: null } : rest
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const results = await recallMemories(app, scope, query, filter, { limit, threshold: threshold ?? 0 })
    return { results, memories: results, count: results.length, ...(await queryWarnings(app, query)) }
  },
})
