import { z } from 'zod'
import {
  arrayCursor,
  createdAt,
  cursor,
  integer,
  limit,
  metadata,
  name,
  nextCursor,
  offset,
  ownProjectId,
  projectId,
  timestamp,
  uuid,
  warnings,
  wording,
} from './common.ts'
import { entity, relationship } from './graph.ts'

export const ROLES = ['user', 'assistant', 'system'] as const
export const MEMORY_TYPES = ['working', 'episodic', 'semantic', 'procedural'] as const

const MEMORY_TYPE =
  'Kind of memory: `working` for the task at hand, `episodic` for what happened, `semantic` for facts, `procedural` for how to do something'

const time = z.iso.datetime({ offset: true, error: 'Must be a time such as 2026-01-31T12:00:00Z' })

/** A memory of the conversation log of a project. */
export const memoryRecord = z
  .object({
    memory_id: z.string().describe('Id of the record'),
    id: z.string().describe('Same value as `memory_id`'),
    project_id: ownProjectId,
    agent_id: z.string().nullable().describe('Agent that the record belongs to; null when not given'),
    session_id: z.string().nullable().describe('Session that the record belongs to; null when not given'),
    role: z.string().nullable().describe('Author of the text: `user`, `assistant` or `system`; null when not given'),
    content: z.string().describe('The text, exactly as it was sent'),
    embedding: z
      .array(z.number())
      .describe('Embedding of the content; empty until the hook auto_embed has computed it'),
    model: z.string().nullable().describe('Model that made the embedding; null when there is none'),
    memory_metadata: metadata.describe('Metadata of the record'),
    created_at: createdAt,
  })
  .meta({ id: 'Memory', description: 'A record of a conversation' })
export type MemoryRecord = z.infer<typeof memoryRecord>

export const memoryStore = z.object({
  project_id: projectId,
  content: wording.describe('The text to store, which is kept exactly as it is'),
  agent_id: name.nullish().describe('Agent that the record belongs to'),
  session_id: name.nullish().describe('Session that the record belongs to'),
  role: z.enum(ROLES).nullish().describe('Author of the text'),
  memory_metadata: metadata.default({}).describe('Any JSON object of yours'),
})
export const memoryList = z.object({
  project_id: projectId,
  agent_id: z.string().optional().describe('Only records of this agent'),
  session_id: z.string().optional().describe('Only records with this `session_id`'),
  role: z.enum(ROLES).optional().describe('Only records of this role'),
  limit: limit(100),
  offset,
  cursor: arrayCursor,
})
export const memoryKey = z.object({ project_id: projectId, memory_id: uuid.describe('Id of the record') })
export const memoryUpdate = memoryKey.extend({
  content: wording.optional().describe('New text, whose embedding a hook computes again. When absent, the text stays'),
  agent_id: name.nullish().describe('Agent that the record belongs to. Null: none. When absent, it stays'),
  session_id: name.nullish().describe('Session that the record belongs to. Null: none. When absent, it stays'),
  role: z.enum(ROLES).nullish().describe('Author of the text. Null: unknown. When absent, it stays'),
  memory_metadata: metadata.optional().describe('Metadata that replaces the old metadata. When absent, it stays'),
})

export const remember = z.object({
  content: z.string().meta({
    description:
      'The text to remember, which is kept exactly as it is. It can be empty; handlers have nothing to do then',
    examples: ['Maria prefers green tea'],
  }),
  entity_id: name.nullish().meta({ description: 'Person or thing that the memory is about', examples: ['maria'] }),
  memory_type: z.enum(MEMORY_TYPES).default('episodic').describe(MEMORY_TYPE),
  importance: z.number().min(0).max(1).default(0.5).describe('Importance, from 0 to 1'),
  tags: z.array(z.string().max(255)).max(100).default([]).describe('Labels that recall can filter by, at most 100'),
  metadata: metadata.default({}).describe('Any JSON object of yours'),
  session_id: name.nullish().describe('Session that the memory belongs to'),
  agent_id: name.nullish().describe('Agent that the memory belongs to'),
  user_id: name.nullish().describe('Person whose memory it is, as your application names them'),
  run_id: name.nullish().describe('Run of the agent, as your application names it'),
  namespace: name.default('global').describe('Namespace that the memory belongs to'),
  event_at: time
    .nullish()
    .describe('When it happened, in ISO 8601 with a time zone. Null or absent: now. Recall filters and ranks by it'),
})
export const rememberResult = z
  .object({
    memory_id: z.string().describe('Id of the memory'),
    id: z.string().describe('Same value as `memory_id`'),
    status: z.literal('stored').describe('Always `stored`'),
    content: z.string().describe('The text, exactly as it was sent'),
    entity_id: z.string().nullable().describe('Person or thing that the memory is about; null when not given'),
    memory_type: z.string().describe(MEMORY_TYPE),
    importance: z.number().describe('Importance, from 0 to 1'),
    namespace: z.string().describe('Namespace that the memory belongs to'),
    tags: z.array(z.string()).describe('Labels of the memory'),
    metadata: metadata.describe('Metadata of the memory'),
    entities_extracted: z
      .array(z.string())
      .describe('Always empty: extraction runs after the response, and its result is in the graph'),
    session_id: z.string().nullable().describe('Session that the memory belongs to; null when not given'),
    agent_id: z.string().nullable().describe('Agent that the memory belongs to; null when not given'),
    user_id: z.string().nullable().describe('Person whose memory it is; null when not given'),
    run_id: z.string().nullable().describe('Run of the agent; null when not given'),
    event_at: timestamp.nullable().describe('When it happened; null when not given'),
    created_at: createdAt,
  })
  .meta({ id: 'RememberResult', description: 'The memory that was stored' })

/** A memory that remember has stored. */
export const rememberedMemory = z
  .object({
    memory_id: z.string().describe('Id of the memory'),
    id: z.string().describe('Same value as `memory_id`'),
    content: z.string().describe('The text, exactly as it was remembered'),
    role: z.string().nullable().describe('Author of the text: `user`, `assistant` or `system`; null when not given'),
    entity_id: z.string().nullable().describe('Person or thing that the memory is about; null when not given'),
    memory_type: z.string().describe(MEMORY_TYPE),
    importance: z.number().describe('Importance, from 0 to 1'),
    namespace: z.string().describe('Namespace that the memory belongs to'),
    tags: z.array(z.string()).describe('Labels of the memory'),
    metadata: metadata.describe('Metadata of the memory'),
    session_id: z.string().nullable().describe('Session that the memory belongs to; null when not given'),
    agent_id: z.string().nullable().describe('Agent that the memory belongs to; null when not given'),
    user_id: z.string().nullable().describe('Person whose memory it is; null when not given'),
    run_id: z.string().nullable().describe('Run of the agent; null when not given'),
    event_at: timestamp.nullable().describe('When it happened; null when not given'),
    created_at: createdAt,
  })
  .meta({ id: 'RememberedMemory', description: 'A memory that remember has stored' })
export type RememberedMemory = z.infer<typeof rememberedMemory>

/** Fields that select memories by what they belong to. */
export const memoryScope = {
  entity_id: name.nullish().describe('Only memories about this person or thing'),
  session_id: name.nullish().describe('Only memories with this `session_id`'),
  agent_id: name.nullish().describe('Only memories of this agent'),
  user_id: name.nullish().describe('Only memories of this person, as your application names them'),
  run_id: name.nullish().describe('Only memories of this run of the agent'),
  namespace: name.nullish().describe('Only memories of this namespace. Null or absent: of all namespaces'),
}

export const memoryTags = z.array(z.string()).nullish().describe('Only memories with at least one of these tags')
export const memoryQuery = wording.max(10_000)

/** The parts of the score of a memory. */
export const RECALL_CHANNELS = [
  'words',
  'neighbours',
  'meaning',
  'names',
  'graph',
  'time',
  'importance',
  'recency',
] as const
export type RecallChannel = (typeof RECALL_CHANNELS)[number]

const CHANNEL_MEANINGS: Record<RecallChannel, string> = {
  words: 'Words that the text shares with the query, weighted by rarity (BM25)',
  neighbours: 'Words of the memories before and after it in the same session',
  meaning: 'Similarity of the embeddings',
  names: 'The query names the `entity_id`, or the speaker before the first colon of the text',
  graph: 'The memory mentions an entity of the graph that the query names',
  time: 'It happened on a date, in a month, in a year or in a period such as "last week" that the query names',
  importance: 'Share that the importance adds, at most 0.1',
  recency: 'Share that a recent time adds, at most 0.1',
}
const channels = <Field extends z.ZodType>(field: (meaning: string) => Field) =>
  Object.fromEntries(RECALL_CHANNELS.map((name) => [name, field(CHANNEL_MEANINGS[name])])) as Record<
    RecallChannel,
    Field
  >

/** Maximum number of neighbours that recall adds on each side of a result. */
export const MAX_EXPANDED = 10

/** Fields of a recall that narrow it, beside its scope and tags. */
export const recallFilter = {
  memory_type: z
    .union([z.enum(MEMORY_TYPES), z.array(z.enum(MEMORY_TYPES)).min(1)])
    .nullish()
    .describe('Only memories of this kind, or of one of these kinds'),
  metadata_filter: metadata
    .nullish()
    .describe(
      'Condition on the metadata, with the operators of queries of tables, such as `{"topic": {"$in": ["tea"]}}`',
    ),
  since: time.nullish().describe('Only memories of what happened at this time or later'),
  until: time.nullish().describe('Only memories of what happened before this time'),
  as_of: time
    .nullish()
    .describe('Only memories of what had happened at this time, from which recency and words like "yesterday" count'),
}

export const recall = z.object({
  query: memoryQuery.meta({
    description:
      'What to recall: words, or a question. The first 100 different words count. `*`: all memories that the other fields select, newest first',
    examples: ['what tea does Maria like?'],
  }),
  ...memoryScope,
  allow_cross_namespace: z.boolean().nullish().describe('True: find memories of all namespaces and ignore `namespace`'),
  tags: memoryTags,
  ...recallFilter,
  threshold: z.number().min(0).max(1).nullish().describe('Lowest score of a result. Null or absent: no lower bound'),
  limit: limit(10),
  max_tokens: integer(1, 1_000_000)
    .nullish()
    .describe(
      'Maximum number of tokens of all texts together, estimated as four characters each. A memory that does not fit is left out',
    ),
  expand_context: integer(0, MAX_EXPANDED)
    .nullish()
    .describe('Number of memories before and after each result in its session to add to it as `context`'),
  use_graph: z.boolean().nullish().describe('False: without the channel `graph`'),
  channels: z
    .strictObject(channels((meaning) => z.boolean().optional().describe(meaning)))
    .nullish()
    .describe('Channels of the ranking; false switches one off. All are on by default'),
  explain: z.boolean().nullish().describe('True: each result has the parts of its score in `explain`'),
})

export const memoriesList = z.object({
  ...memoryScope,
  tags: z
    .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
    .nullish()
    .describe('Only memories with at least one of these tags, separated by commas'),
  limit: limit(100),
  cursor,
})
export const memoriesPage = z
  .object({
    memories: z.array(rememberedMemory).describe('The memories, newest first'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'RememberedMemoryPage', description: 'A page of memories' })
export const recalled = rememberedMemory
  .extend({
    score: z.number().describe('Relevance from 0 to 1; results are sorted by it'),
    similarity: z.number().describe('Same value as `score`'),
    explain: z
      .object(channels((meaning) => z.number().describe(meaning)))
      .nullable()
      .optional()
      .describe(
        'With `explain`: what each channel contributes. The score is 1 - exp(-2 × s), where s is the sum of the channels, times 1 + importance + recency. Null: the memory does not match, and is in the result because a field selects it',
      ),
    context: z
      .array(rememberedMemory)
      .optional()
      .describe('With `expand_context`: the memories around it in its session, and itself, oldest first'),
  })
  .meta({ id: 'RecalledMemory', description: 'A memory that recall found' })
export type Recalled = z.infer<typeof recalled>
export const recallResult = z
  .object({
    results: z.array(recalled).describe('The memories found, the most relevant first'),
    memories: z.array(recalled).describe('Same value as `results`'),
    count: z.number().describe('Number of results'),
    warnings,
  })
  .meta({ id: 'RecallResult', description: 'Result of a recall' })

/** Maximum number of memories that one request forgets. */
export const MAX_FORGOTTEN_MEMORIES = 10_000

export const forget = z.object({
  memory_id: uuid.nullish().describe('Id of the memory. Null or absent: all memories that the other fields select'),
  ...memoryScope,
  limit: integer(1, MAX_FORGOTTEN_MEMORIES)
    .default(MAX_FORGOTTEN_MEMORIES)
    .describe('Maximum number of memories to forget, oldest first'),
})
export const forgetResult = z
  .object({
    status: z.literal('forgotten').describe('Always `forgotten`'),
    memory_id: z.string().nullable().describe('Id of the memory that was deleted; null when other fields selected it'),
    count: z.number().describe('Number of memories that were deleted'),
    has_more: z.boolean().describe('True when `limit` left memories: repeat the request'),
    receipt: z
      .object({
        memories: z.number().describe('Memories deleted'),
        mentions: z.number().describe('Mentions of entities deleted'),
        edges: z.number().describe('Relations deleted, because no other memory supports them'),
        entities: z.number().describe('Entities deleted, because no other memory mentions them'),
        runs: z.number().describe('Runs whose results, errors and logs were deleted'),
      })
      .describe('Number of deleted objects, by kind'),
  })
  .meta({
    id: 'ForgetResult',
    description: 'The deleted objects: the memories and everything that was derived from them alone',
  })
export type ForgetReceipt = z.infer<typeof forgetResult>['receipt']

/** Maximum number of memories that a profile counts. */
export const MAX_PROFILE_MEMORIES = 10_000

export const profileInput = z.object({
  entity_id: name.nullish().describe('Person or thing that the memories are about. Null or absent: all memories'),
  namespace: name
    .nullish()
    .describe('Namespace of the memories and of the graph. Null or absent: memories of all, and the graph of `global`'),
  limit: integer(0, 100).default(10).describe('Maximum number of memories, and of relations'),
})
export const profile = z
  .object({
    entity_id: z.string().nullable().describe('Person or thing that the memories are about; null for all memories'),
    entity: entity
      .nullable()
      .describe('The entity of this name in the graph; null when there is none, and for all memories'),
    memory_count: z.number().describe('Number of memories, up to 10,000'),
    count_is_exact: z.boolean().describe('False when there are more memories, which were not counted'),
    by_type: z
      .record(z.string(), z.number())
      .describe('Numbers of the counted memories, by kind of memory: `working`, `episodic`, `semantic`, `procedural`'),
    first_at: timestamp.nullable().describe('When the oldest memory was created; null without memories'),
    last_at: timestamp.nullable().describe('When the newest memory was created; null without memories'),
    memories: z.array(rememberedMemory).describe('The newest memories, newest first'),
    relationships: z
      .array(relationship)
      .describe('The relations of the entity, highest confidence first; empty for all memories'),
    auto_context_config: z
      .unknown()
      .describe(
        'The newest memory with the tag `auto_context_config` that is about this entity or about none: its content if that is a JSON object, else its metadata if there are any, else its text. Null when there is none',
      ),
  })
  .meta({ id: 'MemoryProfile', description: 'What the memories and the graph have about a person or thing' })
