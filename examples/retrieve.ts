// A tool for agents: finds memories and stored vectors that answer a question, best match first.
import type { Config, Context, ToolEvent } from 'zerodb-functions/functions'

export const config: Config = {
  tool: {
    description: 'Searches memories and documents for a question. Use it before answering from memory.',
    input_schema: {
      type: 'object',
      properties: {
        question: { type: 'string', description: 'The question to search for' },
        limit: { type: 'integer', minimum: 1, maximum: 20, default: 5 },
      },
      required: ['question'],
    },
    annotations: { readOnlyHint: true },
  },
  permissions: ['memory:read', 'zerodb:read'],
}

export default async function retrieve({ data }: ToolEvent<{ question: string; limit?: number }>, ctx: Context) {
  const { question, limit = 5 } = data
  const [memories, vectors] = await Promise.all([
    ctx.zerodb.memory.recall({ query: question, limit }),
    // Searching a project without vectors is an error.
    ctx.zerodb.vectors.search({ query: question, limit }).catch(() => ({ results: [] })),
  ])
  const found = [
    ...memories.results.map(({ content, similarity }) => ({ from: 'memory', text: content, similarity })),
    ...vectors.results.map(({ document, similarity }) => ({ from: 'document', text: document, similarity })),
  ]
  return { found: found.sort((a, b) => b.similarity - a.similarity).slice(0, limit) }
}
