import { z } from 'zod'
import { createdAt, isPlain, optionalProjectId, updatedAt } from './common.ts'
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
