import { z } from 'zod'
import { createdAt, integer, name, warnings } from './common.ts'
import { memoryQuery, memoryScope, memoryTags, ROLES } from './memory.ts'

export const SYNTHESIS_STYLES = ['narrative', 'bullet', 'structured'] as const

export const contextOfMemories = z.object({
  query: memoryQuery.describe('What the context is for: words, or a question. `*`: the newest memories'),
  ...memoryScope,
  allow_cross_namespace: z.boolean().nullish().describe('True: use memories of all namespaces and ignore `namespace`'),
  tags: memoryTags,
  synthesis_style: z
    .enum(SYNTHESIS_STYLES)
    .default('narrative')
    .describe(
      'Form of the text. `narrative`: a paragraph per memory. `bullet`: a list. `structured`: lists under the kinds of memory',
    ),
  max_tokens: integer(1, 100_000)
    .default(1000)
    .describe('Estimated number of tokens that the context may have: a quarter of its characters'),
  limit: integer(1, 100).default(10).describe('Maximum number of memories'),
})
export const memoriesContext = z
  .object({
    context: z.string().describe('The texts of the most relevant memories that fit, unchanged; empty without memories'),
    sources: z.array(z.string()).describe('Ids of the memories in the context, the most relevant first'),
    sources_count: z.number().describe('Number of memories in the context'),
    confidence: z
      .number()
      .describe('Score of the most relevant memory in the context, from 0 to 1; 0 without memories'),
    token_count: z.number().describe('Estimated number of tokens of the context: a quarter of its characters'),
    truncated: z.boolean().describe('True when a memory was found and did not fit'),
    warnings,
  })
  .meta({ id: 'MemoriesContext', description: 'A text for a prompt, made of memories' })

/** Maximum number of messages that one request stores. */
const MAX_MESSAGES = 500

export const processMessages = z.object({
  messages: z
    .array(
      z
        .strictObject({
          role: z.enum(ROLES).nullish().describe('Author of the text'),
          content: z.string().describe('The text, which is kept exactly as it is'),
        })
        .meta({ id: 'ConversationMessage', description: 'A message of a conversation' }),
    )
    .min(1)
    .max(MAX_MESSAGES)
    .describe('The messages, oldest first, at most 500'),
  entity_id: name.nullish().describe('Person or thing that the messages are about'),
  namespace: name.default('global').describe('Namespace that the memories belong to'),
  session_id: name.nullish().describe('Session that the memories belong to'),
  agent_id: name.nullish().describe('Agent that the memories belong to'),
  user_id: name.nullish().describe('Person whose memories these are, as your application names them'),
  run_id: name.nullish().describe('Run of the agent, as your application names it'),
})
export const processed = z
  .object({
    status: z.literal('processed').describe('Always `processed`'),
    memory_ids: z.array(z.string()).describe('Ids of the memories, in the order of the messages'),
    count: z.number().describe('Number of memories'),
    created_at: createdAt.describe('When the first memory was created: ISO 8601 in UTC, with microseconds'),
  })
  .meta({ id: 'ProcessedMessages', description: 'The memories that were stored' })
