import { z } from 'zod'
import { integer, projectId } from './common.ts'

export const reembed = z.object({
  project_id: projectId,
  limit: integer(1, 1000).default(100).describe('Maximum number of texts to convert in this request'),
})
export const reembedResult = z
  .object({
    model: z.string().describe('The configured model, which makes the new embeddings'),
    converted: z.number().describe('Number of texts converted by this request'),
    left: z.number().describe('Number of texts still to convert. At 0, the new embeddings have replaced the old ones'),
    switched: z.number().describe('Number of embeddings that this request replaced'),
  })
  .meta({ id: 'ReembedResult', description: 'Progress of the conversion' })
