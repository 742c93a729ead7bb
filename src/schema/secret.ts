import { z } from 'zod'
import { isPlain, projectId, timestamp } from './common.ts'
import { secretName } from './function.ts'

/** What is told of a secret: never its value. */
export const secret = z.object({ name: z.string(), created_at: timestamp, updated_at: timestamp })
export type Secret = z.infer<typeof secret>

export const secretList = z.object({ project_id: projectId.optional() })
export const secretKey = secretList.extend({ name: secretName })
export const secretSet = secretKey.extend({
  value: z.string().min(1).max(32_768).refine(isPlain, { error: 'Must not contain U+0000 or half characters' }),
})
