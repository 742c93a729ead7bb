import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { recall as recallMemories } from '../memory/recall.ts'
import { queryWarnings } from '../memory/relevance.ts'
import {
  forget,
  forgetResult,
  memoryKey,
  memoryList,
  memoryRecord,
  memoryStore,
  recall,
  recallResult,
  remember,
  rememberResult,
} from '../schema/memory.ts'
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
  route: `POST ${RECORDS}/store`,
  permission: 'memory:write',
  input: memoryStore,
  output: memoryRecord,
  run: async (app, caller, { project_id, ...record }) =>
    plain(await app.store.memories.store(scopeOf(caller, project_id), record)),
})

export const memoryListOperation = defineJson({
  name: 'memory.list',
  summary: 'Records, newest first',
  route: `GET ${RECORDS}`,
  permission: 'memory:read',
  input: memoryList,
  output: z.array(memoryRecord),
  async run(app, caller, { project_id, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return (await app.store.memories.list(scope, filter)).map(plain)
  },
})

export const memoryGet = defineJson({
  name: 'memory.get',
  summary: 'One record',
  route: `GET ${RECORDS}/:memory_id`,
  permission: 'memory:read',
  input: memoryKey,
  output: memoryRecord,
  run: async (app, caller, input) =>
    plain(await app.store.memories.get(scopeOf(caller, input.project_id), input.memory_id)),
})

export const rememberOperation = defineJson({
  name: 'memory.remember',
  summary: 'Remember a text, verbatim',
  route: `POST ${MEMORY}/remember`,
  permission: 'memory:write',
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
  summary: 'Memories about something, best first',
  route: `POST ${MEMORY}/recall`,
  permission: 'memory:read',
  input: recall,
  errors: ['provider_refused'],
  output: recallResult,
  async run(app, caller, { query, limit, allow_cross_namespace, ...rest }) {
    const filter = allow_cross_namespace ? { ...rest, namespace: null } : rest
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const results = await recallMemories(app, scope, query, filter, limit)
    return { results, memories: results, count: results.length, ...(await queryWarnings(app, query)) }
  },
})

export const forgetOperation = defineJson({
  name: 'memory.forget',
  summary: 'Delete a memory and all that was derived from it',
  route: `POST ${MEMORY}/forget`,
  permission: 'memory:write',
  input: forget,
  output: forgetResult,
  async run(app, caller, { memory_id }) {
    const derived = await app.store.transaction((tx) => tx.memories.forget(scopeOf(caller), memory_id))
    return { status: 'forgotten' as const, memory_id, receipt: { memories: 1, ...derived } }
  },
})
