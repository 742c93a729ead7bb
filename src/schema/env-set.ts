import { z } from 'zod'
import { createdAt, cursor, integer, nextCursor, optionalProjectId, updatedAt } from './common.ts'
import { envSetName, functionConfig, secretName } from './function.ts'

const MAX_SET_CHARACTERS = 65_536

const env = functionConfig.shape.env
  .unwrap()
  .refine(
    (variables) => JSON.stringify(variables).length <= MAX_SET_CHARACTERS,
    `The variables have at most ${MAX_SET_CHARACTERS} characters as JSON`,
  )
const secrets = z.array(secretName).max(100)

export const envSet = z
  .object({
    name: z.string().describe('Name of the set, unique in its project'),
    env: z.record(z.string(), z.string()).describe('Variables with their values'),
    secrets: z.array(z.string()).describe('Names of secrets of the project, which become variables too'),
    used_by: z
      .array(z.string())
      .describe('Names of functions whose live version has the set in `env_from`, at most 100'),
    created_at: createdAt,
    updated_at: updatedAt,
  })
  .meta({ id: 'EnvSet', description: 'Environment variables that functions of a project share' })
export type EnvSet = z.infer<typeof envSet>

export const envSetList = z.object({ project_id: optionalProjectId })
export const envSetKey = envSetList.extend({
  name: envSetName.meta({ description: 'Name of the set, unique in its project', examples: ['openai'] }),
})
export const envSetSet = envSetKey.extend({
  env: env.default({}).meta({
    description: 'Variables with their values, which are not secret. They replace all earlier ones',
    examples: [{ OPENAI_MODEL: 'gpt-4o-mini' }],
  }),
  secrets: secrets.default([]).meta({
    description: 'Names of secrets of the project, which become variables too. They replace all earlier ones',
    examples: [['OPENAI_KEY']],
  }),
})
export const envSetHistory = envSetKey.extend({
  limit: integer(1, 100).default(50).describe('Maximum number of changes'),
  cursor,
})
export const envSetChange = z
  .object({
    id: z.string().describe('Id of the change'),
    name: z.string().describe('Name of the set'),
    change: z.enum(['created', 'replaced', 'deleted']).describe('What happened to the set'),
    variables: z.array(z.string()).describe('Names of the variables that were added, changed or removed'),
    run_id: z.string().nullable().describe('Run of the function that made the change; null for a request of a user'),
    created_at: createdAt,
  })
  .meta({ id: 'EnvSetChange', description: 'A change of an env set, without values' })
export type EnvSetChange = z.infer<typeof envSetChange>
export const envSetChangePage = z
  .object({ items: z.array(envSetChange).describe('The changes, newest first'), next_cursor: nextCursor })
  .meta({ id: 'EnvSetChangePage', description: 'A page of changes of an env set' })
