import { scopeOf } from '../auth/caller.ts'
import { composeContext, estimateTokens } from '../memory/context.ts'
import { recall, recallFilterOf } from '../memory/recall.ts'
import { queryWarnings } from '../memory/relevance.ts'
import { contextOfMemories, memoriesContext, processed, processMessages } from '../schema/memory-context.ts'
import { defineJson } from './operation.ts'

const MEMORY = '/api/v1/public/memory/v2'

export const memoryRecallContext = defineJson({
  name: 'memory.recall_context',
  summary: 'Get a text for a prompt from memories',
  description:
    'Recalls memories and puts the most relevant ones that fit into one text. The texts are unchanged: nothing is generated or summarised.',
  route: `POST ${MEMORY}/context`,
  permission: 'memory:read',
  idempotent: true,
  input: contextOfMemories,
  errors: ['provider_refused'],
  output: memoriesContext,
  async run(app, caller, { query, limit, synthesis_style, max_tokens, ...rest }) {
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const memories = await recall(app, scope, query, recallFilterOf(rest), { limit, threshold: 0 })
    const { text, used } = composeContext(memories, synthesis_style, max_tokens)
    return {
      context: text,
      sources: used.map(({ id }) => id),
      sources_count: used.length,
      confidence: used[0]?.score ?? 0,
      token_count: estimateTokens(text),
      truncated: used.length < memories.filter(({ content }) => content.trim() !== '').length,
      ...(await queryWarnings(app, query)),
    }
  },
})

export const memoryProcess = defineJson({
  name: 'memory.process',
  summary: 'Remember the messages of a conversation',
  description:
    'Stores each message as a memory, all or none, in the order of the messages. Emits one `zeromemory.remembered` for each message.',
  route: `POST ${MEMORY}/process`,
  permission: 'memory:write',
  idempotent: false,
  input: processMessages,
  output: processed,
  async run(app, caller, { messages, ...fields }) {
    const memories = await app.store.remembered.rememberMany(scopeOf(caller), messages, fields)
    return {
      status: 'processed' as const,
      memory_ids: memories.map(({ id }) => id),
      count: memories.length,
      created_at: memories[0]!.created_at,
    }
  },
})
