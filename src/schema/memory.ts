import { z } from 'zod'
import { limit, metadata, name, offset, projectId, timestamp, uuid, wording } from './common.ts'

export const ROLES = ['user', 'assistant', 'system'] as const
export const MEMORY_TYPES = ['working', 'episodic', 'semantic', 'procedural'] as const

/** A memory of the project's conversation records. */
export const memoryRecord = z.object({
  memory_id: z.string(),
  id: z.string(),
  project_id: z.string(),
  agent_id: z.string().nullable(),
  session_id: z.string().nullable(),
  role: z.string().nullable(),
  content: z.string(),
  embedding: z.array(z.number()),
  model: z.string().nullable(),
  memory_metadata: metadata,
  created_at: timestamp,
})
export type MemoryRecord = z.infer<typeof memoryRecord>

export const memoryStore = z.object({
  project_id: projectId,
  content: wording,
  agent_id: name.nullish(),
  session_id: name.nullish(),
  role: z.enum(ROLES).nullish(),
  memory_metadata: metadata.default({}),
})
export const memoryList = z.object({
  project_id: projectId,
  agent_id: z.string().optional(),
  session_id: z.string().optional(),
  role: z.enum(ROLES).optional(),
  limit: limit.default(100),
  offset,
})
export const memoryKey = z.object({ project_id: projectId, memory_id: uuid })

export const remember = z.object({
  content: wording,
  entity_id: name.nullish(),
  memory_type: z.enum(MEMORY_TYPES).default('episodic'),
  importance: z.number().min(0).max(1).default(0.5),
  tags: z.array(z.string().max(255)).max(100).default([]),
  metadata: metadata.default({}),
  session_id: name.nullish(),
  agent_id: name.nullish(),
  /** The person whose memory it is, as the application names them. */
  user_id: name.nullish(),
  /** The run of the agent, as the application names it. */
  run_id: name.nullish(),
  namespace: name.default('global'),
})
export const rememberResult = z.object({
  memory_id: z.string(),
  id: z.string(),
  status: z.literal('stored'),
  content: z.string(),
  entity_id: z.string().nullable(),
  memory_type: z.string(),
  importance: z.number(),
  namespace: z.string(),
  tags: z.array(z.string()),
  metadata,
  /** Always empty: extraction runs after the answer, and its result is in the graph. */
  entities_extracted: z.array(z.string()),
  session_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  user_id: z.string().nullable(),
  run_id: z.string().nullable(),
  created_at: timestamp,
})

export const recall = z.object({
  query: wording.max(10_000),
  entity_id: name.nullish(),
  session_id: name.nullish(),
  agent_id: name.nullish(),
  user_id: name.nullish(),
  run_id: name.nullish(),
  namespace: name.nullish(),
  /** True: memories of every namespace are found, whatever `namespace` says. */
  allow_cross_namespace: z.boolean().nullish(),
  tags: z.array(z.string()).nullish(),
  limit: limit.default(10),
})
export const recalled = z.object({
  id: z.string(),
  memory_id: z.string(),
  content: z.string(),
  score: z.number(),
  similarity: z.number(),
  importance: z.number(),
  memory_type: z.string(),
  entity_id: z.string().nullable(),
  session_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  namespace: z.string(),
  tags: z.array(z.string()),
  metadata,
  created_at: timestamp,
})
export type Recalled = z.infer<typeof recalled>
export const recallResult = z.object({
  results: z.array(recalled),
  memories: z.array(recalled),
  count: z.number(),
  warnings: z.array(z.string()).optional(),
})

export const forget = z.object({ memory_id: uuid })
/** What is gone: the memory, what was derived from it and from nothing else, and its pending work. */
export const forgetResult = z.object({
  status: z.literal('forgotten'),
  memory_id: z.string(),
  receipt: z.object({
    memories: z.number(),
    mentions: z.number(),
    edges: z.number(),
    entities: z.number(),
    runs: z.number(),
  }),
})
