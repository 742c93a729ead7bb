import { z } from 'zod'
import { limit, metadata, name, offset, projectId, timestamp, uuid, wording } from './common.ts'

export const file = z.object({
  file_id: z.string(),
  id: z.string(),
  project_id: z.string(),
  file_key: z.string(),
  file_name: z.string(),
  content_type: z.string().nullable(),
  size_bytes: z.number().nullable(),
  folder: z.string().nullable(),
  file_metadata: metadata,
  metadata,
  /** False for a file that was registered by its metadata only. */
  has_content: z.boolean(),
  summary: z.string().nullable(),
  created_at: timestamp,
})
export type File = z.infer<typeof file>

/** Content as a multipart part, as base64, or none (metadata only). */
export const fileUpload = z.object({
  project_id: projectId,
  file_key: z.string().min(1).max(1024).optional(),
  file_name: name.optional(),
  file_content: z.string().optional(),
  content_type: z.string().max(255).nullish(),
  size_bytes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  folder: z.string().max(1024).nullish(),
  file_metadata: metadata.default({}),
})
export const fileList = z.object({
  project_id: projectId,
  folder: z.string().optional(),
  limit: limit.default(100),
  offset,
})
/** By words and by meaning, over names and summaries. */
export const fileSearch = z.object({
  project_id: projectId,
  query: wording.max(10_000),
  folder: z.string().optional(),
  limit: limit.default(10),
})
export const fileMatches = z.object({
  results: z.array(file.extend({ score: z.number(), similarity: z.number() })),
  count: z.number(),
  warnings: z.array(z.string()).optional(),
})
export const fileKey = z.object({ project_id: projectId, file_id: uuid })
