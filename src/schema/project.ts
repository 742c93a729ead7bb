import { z } from 'zod'
import { limit, metadata, name, offset, projectId, timestamp } from './common.ts'

export const project = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  user_id: z.string(),
  status: z.literal('ACTIVE'),
  metadata,
  settings: metadata,
  created_at: timestamp,
  updated_at: timestamp,
})
export type Project = z.infer<typeof project>

export const projectCreate = z.object({
  name,
  description: z.string().nullish(),
  metadata: metadata.default({}),
  settings: metadata.default({}),
})
export const projectList = z.object({ limit: limit.default(100), offset })
export const projectKey = z.object({ project_id: projectId })
export const projectUpdate = z.object({
  project_id: projectId,
  name: name.optional(),
  description: z.string().nullish(),
  metadata: metadata.optional(),
  settings: metadata.optional(),
})
/** What a project holds. */
export const projectStatus = z.object({
  enabled: z.boolean(),
  tables_count: z.number(),
  vectors_count: z.number(),
  memory_records_count: z.number(),
  events_count: z.number(),
  files_count: z.number(),
})
