import { z } from 'zod'
import { integer, projectId } from './common.ts'

export const reembed = z.object({
  project_id: projectId,
  /** How many texts to convert in this request. */
  limit: integer(1, 1000).default(100),
})
export const reembedResult = z.object({
  /** To which they are converted: the configured model. */
  model: z.string(),
  converted: z.number(),
  /** How many are still to do. When it is 0 the new ones have replaced the old. */
  left: z.number(),
  switched: z.number(),
})
