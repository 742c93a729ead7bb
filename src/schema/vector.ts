import { z } from 'zod'
import {
  flag,
  limit,
  metadata,
  name,
  namespace,
  offset,
  projectId,
  timestamp,
  totalIsExact,
  wording,
} from './common.ts'

const MAX_FLOAT32 = 3.4028234663852886e38

/** pgvector holds up to 16,000 dimensions of finite 32-bit floats. */
export const embedding = z.array(z.number().min(-MAX_FLOAT32).max(MAX_FLOAT32)).min(1).max(16_000)

const item = z.strictObject({
  vector_id: name.optional(),
  vector_embedding: embedding.nullish(),
  namespace,
  vector_metadata: metadata.default({}),
  document: z.string().nullish(),
  source: z.string().max(255).default('api'),
})
export type VectorInput = z.infer<typeof item>

export const vector = z.object({
  vector_id: z.string(),
  project_id: z.string(),
  namespace: z.string(),
  vector_embedding: z.array(z.number()).nullable(),
  dimension: z.number().nullable(),
  /** What made the embedding; null when the client brought it. */
  model: z.string().nullable(),
  vector_metadata: metadata,
  metadata,
  document: z.string().nullable(),
  /** Of the document, by auto_summarize. */
  summary: z.string().nullable(),
  source: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
})
export type Vector = z.infer<typeof vector>

export const vectorUpsert = item.extend({ project_id: projectId })
export const vectorUpsertBatch = z.object({
  project_id: projectId,
  vectors: z.array(item.extend({ namespace: name.optional() })).min(1),
  /** Of those items that name none. */
  namespace,
})
export const vectorBatchResult = z.object({
  success_count: z.number(),
  error_count: z.number(),
  inserted: z.number(),
  errors: z.array(z.string()),
  vector_ids: z.array(z.string()),
  total_time_ms: z.number(),
})

export const vectorSearch = z.object({
  project_id: projectId,
  query_vector: embedding.optional(),
  query: wording.max(100_000).optional(),
  namespace,
  limit: limit.default(10),
  threshold: z.number().min(-1).max(1).nullish(),
  metadata_filter: metadata.nullish(),
  model: name.optional(),
})
export const vectorMatch = vector.extend({ similarity: z.number(), score: z.number(), distance: z.number() })
export const vectorMatches = z.object({
  vectors: z.array(vectorMatch),
  results: z.array(vectorMatch),
  /** How many vectors meet filter and threshold, those beyond `limit` too. */
  total_count: z.number(),
  total_is_exact: totalIsExact,
  model: z.string().nullable(),
  search_time_ms: z.number(),
})

export const vectorList = z.object({
  project_id: projectId,
  namespace: name.optional(),
  limit: limit.default(100),
  offset,
  count_only: flag.default(false),
})
export const vectorPage = z.object({ vectors: z.array(vector), total: z.number(), total_is_exact: totalIsExact })
export const vectorKey = z.object({ project_id: projectId, vector_id: name, namespace: name.optional() })
