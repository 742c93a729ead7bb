import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { estimateTokens } from '../memory/context.ts'
import { recallFilterOf, recall as recallMemories } from '../memory/recall.ts'
import { queryWarnings } from '../memory/relevance.ts'
import {
  memoryKey,
  memoryList,
  memoryRecord,
  memoryStore,
  memoryUpdate,
  RECALL_CHANNELS,
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
    const { id, event_at, created_at } = await app.store.memories.remember(scopeOf(caller), input)
    return {
      ...input,
      entity_id: input.entity_id ?? null,
      session_id: input.session_id ?? null,
      agent_id: input.agent_id ?? null,
      user_id: input.user_id ?? null,
      run_id: input.run_id ?? null,
      event_at,
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
    'Returns the memories that are relevant to the query, the most relevant first. The score of a memory has parts, called channels: its words, the words around it in its session, its meaning once it has an embedding, names and dates that the query mentions, and the graph. With an `entity_id`, `session_id` or `namespace`, the other memories that these select follow, newest first, with the score 0.',
  route: `POST ${MEMORY}/recall`,
  permission: 'memory:read',
  idempotent: true,
  input: recall,
  errors: ['provider_refused'],
  output: recallResult,
  async run(app, caller, input) {
    const { query, limit, threshold, max_tokens, expand_context, channels, use_graph, explain, ...rest } = input
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const filter = recallFilterOf(rest)
    const off = RECALL_CHANNELS.filter(
      (name) => channels?.[name] === false || (name === 'graph' && use_graph === false),
    )
    const found = await recallMemories(app, scope, query, filter, {
      limit,
      threshold: threshold ?? 0,
      off: new Set(off),
      at: rest.as_of == null ? undefined : new Date(rest.as_of),
    })
    const fitting = max_tokens == null ? found : within(found, max_tokens)
    const around = expand_context
      ? await app.store.recallRows.around(
          scope,
          filter,
          fitting.map(({ id }) => id),
          expand_context,
        )
      : null
    const results = fitting.map(({ contributions, ...memory }) => ({
      ...memory,
      ...(explain ? { explain: contributions } : {}),
      ...(around ? { context: around.get(memory.id) ?? [] } : {}),
    }))
    return { results, memories: results, count: results.length, ...(await queryWarnings(app, query)) }
  },
})

/** Returns the memories, the most relevant first, whose texts have at most `maxTokens` tokens together. */
function within<Memory extends { content: string }>(memories: readonly Memory[], maxTokens: number): Memory[] {
  let left = maxTokens
  return memories.filter(({ content }) => {
    const tokens = estimateTokens(content)
    if (tokens > left) return false
    left -= tokens
    return true
  })
}
