import { z } from 'zod'
import { arrayCursor, createdAt, limit, metadata, name, offset, projectId, updatedAt } from './common.ts'

/** Maximum number of objects of one kind that a request counts. */
export const MAX_COUNTED_OBJECTS = 10_000

const PROJECT_STATUSES = ['ACTIVE', 'SUSPENDED'] as const

export const project = z
  .object({
    id: z.string().describe('Id of the project'),
    name: z.string().describe('Name of the project'),
    description: z.string().nullable().describe('What the project is for; null when there is no text'),
    user_id: z.string().describe('Id of the user who owns the project'),
    status: z.enum(PROJECT_STATUSES).meta({
      id: 'ProjectState',
      description: '`ACTIVE`, or `SUSPENDED`: the project refuses writes of data, and its runs and schedules wait',
    }),
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
export const projectList = z.object({
  status: z
    .preprocess((given) => (typeof given === 'string' ? given.toUpperCase() : given), z.enum(PROJECT_STATUSES))
    .optional()
    .describe('Only projects with this status. When absent: all'),
  limit: limit(100),
  offset,
  cursor: arrayCursor,
})
export const projectKey = z.object({ project_id: projectId })
export const projectUpdate = z.object({
  project_id: projectId,
  name: name.optional().describe('New name. When absent: unchanged'),
  description: z.string().nullish().describe('New description; null removes it. When absent: unchanged'),
  metadata: metadata.optional().describe('New metadata, which replaces the old object. When absent: unchanged'),
  settings: metadata.optional().describe('New settings, which replace the old object. When absent: unchanged'),
})
const counts = {
  tables_count: z.number().describe('Number of tables'),
  vectors_count: z.number().describe('Number of vectors'),
  memory_records_count: z.number().describe('Number of memories'),
  events_count: z.number().describe('Number of published events'),
  files_count: z.number().describe('Number of files'),
}
const countsAreExact = z
  .boolean()
  .describe(
    `False when the project has more than ${MAX_COUNTED_OBJECTS.toLocaleString('en')} objects of a kind, which are counted as so many`,
  )

export const projectStatus = z
  .object({
    enabled: z.boolean().describe('Always true: every project has a database'),
    status: project.shape.status,
    ...counts,
    counts_are_exact: countsAreExact,
  })
  .meta({ id: 'ProjectStatus', description: 'Number of objects that a project holds, by kind' })
export const projectStats = z
  .object({
    project_id: z.string().describe('Id of the project'),
    status: project.shape.status,
    ...counts,
    rows_count: z.number().describe('Number of rows in all tables'),
    entities_count: z.number().describe('Number of entities of the context graph'),
    hooks_count: z.number().describe('Number of hooks of this project only'),
    functions_count: z.number().describe('Number of functions'),
    schedules_count: z.number().describe('Number of schedules'),
    counts_are_exact: countsAreExact,
  })
  .meta({ id: 'ProjectStats', description: 'Number of objects of every kind that a project holds' })
