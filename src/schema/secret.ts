import { z } from 'zod'
import { createdAt, cursor, integer, isPlain, nextCursor, optionalProjectId, updatedAt } from './common.ts'
import { secretName } from './function.ts'

export const secret = z
  .object({ name: z.string().describe('Name of the secret'), created_at: createdAt, updated_at: updatedAt })
  .meta({ id: 'Secret', description: 'A secret of a project. No response has its value' })
export type Secret = z.infer<typeof secret>

export const secretList = z.object({ project_id: optionalProjectId })
export const secretKey = secretList.extend({
  name: secretName.meta({
    description: 'Name of the secret, which is also the name of the variable',
    examples: ['PAYMENT_KEY'],
  }),
})
export const secretSet = secretKey.extend({
  value: z
    .string()
    .min(1)
    .max(32_768)
    .refine(isPlain, { error: 'Must not contain U+0000 or lone surrogates' })
    .describe('Value of the secret, which is stored encrypted'),
})

export const secretHistory = secretList.extend({
  name: secretName.optional().describe('Only changes of this secret, which may have been deleted since'),
  limit: integer(1, 100).default(50).describe('Maximum number of changes'),
  cursor,
})
export const secretChange = z
  .object({
    id: z.string().describe('Id of the change'),
    name: z.string().describe('Name of the secret'),
    change: z.enum(['created', 'replaced', 'deleted']).describe('What happened to the secret'),
    run_id: z.string().nullable().describe('Run of the function that made the change; null for a request of a user'),
    created_at: createdAt,
  })
  .meta({ id: 'SecretChange', description: 'A change of a secret. No response has its value' })
export type SecretChange = z.infer<typeof secretChange>
export const secretChangePage = z
  .object({ items: z.array(secretChange).describe('The changes, newest first'), next_cursor: nextCursor })
  .meta({ id: 'SecretChangePage', description: 'A page of changes of secrets' })
