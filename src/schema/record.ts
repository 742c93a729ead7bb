import { z } from 'zod'
import {
  createdAt,
  cursor,
  integer,
  limit,
  metadata,
  name,
  nextCursor,
  projectId,
  totalIsExact,
  uuid,
  warnings,
  wording,
} from './common.ts'
import { memoryRecord, memoryStore, memoryUpdate, ROLES } from './memory.ts'

/** Maximum number of records in one batch. */
const MAX_BATCH_RECORDS = 500

export const recordSearch = z.object({
  project_id: projectId,
  query: wording.max(10_000).meta({
    description: 'What to find: words, or a question. The first 100 different words count',
    examples: ['where is the parcel?'],
  }),
  session_id: name.nullish().describe('Only records with this `session_id`'),
  agent_id: name.nullish().describe('Only records of this agent'),
  role: z.enum(ROLES).nullish().describe('Only records of this role'),
  limit: limit(10),
  threshold: z.number().min(0).max(1).nullish().describe('Lowest score of a result. Null or absent: no lower bound'),
})
export const recordMatch = memoryRecord
  .extend({
    score: z.number().describe('Relevance from 0 to 1; results are sorted by it'),
    similarity: z.number().describe('Same value as `score`'),
  })
  .meta({ id: 'MemoryMatch', description: 'A record that a search found' })
export const recordMatches = z
  .object({
    results: z.array(recordMatch).describe('The records found, the most relevant first'),
    memories: z.array(recordMatch).describe('Same value as `results`'),
    count: z.number().describe('Number of results'),
    warnings,
  })
  .meta({ id: 'MemoryMatches', description: 'Result of a search for records' })
export type RecordMatch = z.infer<typeof recordMatch>

/** Maximum numbers of records and of sessions that the statistics count. */
export const MAX_STATS_RECORDS = 10_000
export const MAX_STATS_SESSIONS = 1_000

export const recordStatsInput = z.object({ project_id: projectId })
export const recordStats = z
  .object({
    total_memories: z.number().describe('Number of records, up to 10,000'),
    total_is_exact: totalIsExact,
    sessions: z.number().describe('Number of sessions that have records, up to 1,000'),
    sessions_is_exact: z.boolean().describe('False when there are more sessions, which were not counted'),
    by_role: z
      .object({
        user: z.number().describe('Records of users'),
        assistant: z.number().describe('Records of assistants'),
        system: z.number().describe('Records of the system'),
        none: z.number().describe('Records without a role'),
      })
      .describe('Numbers of the counted records by role'),
    embedded: z.number().describe('Number of the counted records that have an embedding'),
  })
  .meta({ id: 'MemoryStats', description: 'Numbers about the records of a project' })
export type RecordStats = z.infer<typeof recordStats>

/** Maximum number of records that are counted in one session of a list. */
export const MAX_SESSION_RECORDS = 10_000

export const sessionList = z.object({
  project_id: projectId,
  limit: integer(1, 100).default(100).describe('Maximum number of results'),
  cursor,
})
export const session = z
  .object({
    session_id: z.string().describe('Id of the session, as your application names it'),
    memory_count: z.number().describe('Number of its records, up to 10,000'),
    count_is_exact: z.boolean().describe('False when the session has more records, which were not counted'),
    first_at: createdAt.describe('When its oldest record was created: ISO 8601 in UTC, with microseconds'),
    last_at: createdAt.describe('When its newest record was created: ISO 8601 in UTC, with microseconds'),
  })
  .meta({ id: 'MemorySession', description: 'A session and its records' })
export type Session = z.infer<typeof session>
export const sessionPage = z
  .object({ items: z.array(session).describe('The sessions, sorted by id'), next_cursor: nextCursor })
  .meta({ id: 'MemorySessionPage', description: 'A page of sessions' })

/** Maximum number of records that one request deletes. */
export const MAX_DELETED_RECORDS = 10_000

const sessionKey = z.object({ project_id: projectId, session_id: name.describe('Id of the session') })
export const sessionDelete = sessionKey.extend({
  limit: integer(0, MAX_DELETED_RECORDS)
    .nullish()
    .describe(
      'Maximum number of records to delete, oldest first; 0, null or absent: all, of which there may be at most 10,000',
    ),
})
export const sessionDeleted = z
  .object({
    session_id: z.string().describe('Id of the session'),
    deleted_count: z.number().describe('Number of records that were deleted'),
    has_more: z.boolean().describe('True when `limit` left records: repeat the request'),
  })
  .meta({ id: 'MemorySessionDeleted', description: 'Result of deleting the records of a session' })

/** Maximum number of records in a context. */
export const MAX_CONTEXT_RECORDS = 1_000

export const contextInput = sessionKey.extend({
  max_tokens: integer(1, 1_000_000)
    .default(4000)
    .describe('Estimated number of tokens that the messages may have together'),
})
export const contextMessage = z
  .object({
    memory_id: z.string().describe('Id of the record'),
    role: z.string().nullable().describe('Author of the text; null when not given'),
    content: z.string().describe('The text, exactly as it was sent'),
    agent_id: z.string().nullable().describe('Agent that the record belongs to; null when not given'),
    memory_metadata: metadata.describe('Metadata of the record'),
    created_at: createdAt,
  })
  .meta({ id: 'ContextMessage', description: 'A message of a session' })
export type ContextMessage = z.infer<typeof contextMessage>
export const sessionContext = z
  .object({
    session_id: z.string().describe('Id of the session'),
    messages: z
      .array(contextMessage)
      .describe('The newest records of the session that fit, at most 1,000, oldest first'),
    message_count: z.number().describe('Number of messages'),
    estimated_tokens: z.number().describe('Estimated number of tokens of the messages: a quarter of their characters'),
    truncated: z.boolean().describe('True when the session has older records, which did not fit'),
  })
  .meta({ id: 'MemoryContext', description: 'The latest part of a session' })

export const recordBatch = z.object({
  project_id: projectId,
  records: z
    .array(
      memoryStore.omit({ project_id: true }).strict().meta({ id: 'MemoryItem', description: 'A record of a batch' }),
    )
    .min(1)
    .max(MAX_BATCH_RECORDS)
    .describe('The records to store, at most 500'),
})
export const recordBatchUpdate = z.object({
  project_id: projectId,
  updates: z
    .array(
      memoryUpdate
        .omit({ project_id: true })
        .strict()
        .meta({ id: 'MemoryChange', description: 'The new fields of a record' }),
    )
    .min(1)
    .max(MAX_BATCH_RECORDS)
    .describe('The records to update, at most 500, each with the fields to change'),
})
export const recordBatchDelete = z.object({
  project_id: projectId,
  memory_ids: z.array(uuid).min(1).max(MAX_BATCH_RECORDS).describe('Ids of the records to delete, at most 500'),
})
export const recordBatchResult = z
  .object({
    memory_ids: z.array(z.string()).describe('Ids of the records, in the order of the request'),
    success_count: z.number().describe('Number of records'),
    error_count: z.literal(0).describe('Always 0: a batch is written as a whole or not at all'),
  })
  .meta({ id: 'MemoryBatchResult', description: 'Result of writing many records' })
export const recordsDeleted = z
  .object({
    deleted_count: z.number().describe('Number of records that were deleted'),
    memory_ids: z.array(z.string()).describe('Ids of the deleted records'),
    missing_ids: z.array(z.string()).describe('Those of the given `memory_ids` that the project does not have'),
  })
  .meta({ id: 'MemoriesDeleted', description: 'Result of deleting many records' })
