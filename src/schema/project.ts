import { z } from 'zod'
import { createdAt, limit, metadata, name, offset, projectId, updatedAt } from './common.ts'

export const project = z
  .object({
    id: z.string().describe('Id of the project'),
    name: z.string().describe('Name of the project'),
    description: z.string().nullable().describe('What the project is for; null when there is no text'),
    user_id: z.string().describe('Id of the user who owns the project'),
    status: z.literal('ACTIVE').describe('Always ACTIVE'),
    metadata: metadata.describe('Any JSON object of yours'),
    settings: metadata.describe('Any JSON object of yours'),
    created_at: createdAt,
    updated_at: updatedAt,
  })
  .meta({
    id: 'Project',
    description: 'A project: the container of vectors, memories, files, tables, events and functions',
  })
export type Project = z.infer<typeof project>

export const projectCreate = z.object({
  name: name.meta({ description: 'Name of the project', examples: ['Support bot'] }),
  description: z.string().nullish().describe('What the project is for'),
  metadata: metadata.default({}).describe('Any JSON object of yours'),
  settings: metadata.default({}).describe('Any JSON object of yours'),
})
export const projectList = z.object({ limit: limit(100), offset })
export const projectKey = z.object({ project_id: projectId })
export const projectUpdate = z.object({
  project_id: projectId,
  name: name.optional().describe('New name. When absent: unchanged'),
  description: z.string().nullish().describe('New description; null removes it. When absent: unchanged'),
  metadata: metadata.optional().describe('New metadata, which replaces the old object. When absent: unchanged'),
  settings: metadata.optional().describe('New settings, which replace the old object. When absent: unchanged'),
})
export const projectStatus = z
  .object({
    enabled: z.boolean().describe('Always true'),
    tables_count: z.number().describe('Number of tables'),
    vectors_count: z.number().describe('Number of vectors'),
    memory_records_count: z.number().describe('Number of memories'),
    events_count: z.number().describe('Number of published events'),
    files_count: z.number().describe('Number of files'),
  })
  .meta({ id: 'ProjectStatus', description: 'Number of objects that a project holds, by kind' })
