import { z } from 'zod'
import {
  flag,
  integer,
  limit,
  metadata,
  name,
  namespace,
  optionalProjectId,
  projectId,
  warnings,
  wording,
} from './common.ts'
import { vectorMatch } from './vector.ts'

const MAX_TEXTS = 100
/** Limit for all texts of a request together. The built-in model embeds about 7,000 characters in a second. */
const MAX_CHARACTERS = 100_000

const text = wording.max(MAX_CHARACTERS)
const texts = z
  .array(wording)
  .min(1)
  .max(MAX_TEXTS)
  .refine((all) => charactersOf(all) <= MAX_CHARACTERS, {
    error: `Texts should have at most ${MAX_CHARACTERS} characters together: send fewer at once`,
  })
const TEXTS = `1 to ${MAX_TEXTS} texts, with at most ${MAX_CHARACTERS.toLocaleString('en')} characters together`

const model = name
  .nullish()
  .describe(
    'Model that embeds the texts: one of `embeddings.models`. When absent: the configured one. The configured one also stands in for a model that the server does not have, with a warning',
  )
const usedModel = z.string().describe('Model that made the embeddings')
const dimensions = z.number().describe('Length of each embedding')
const processingTime = z.number().describe('Time that the request took, in milliseconds')

function charactersOf(all: readonly string[]): number {
  return all.reduce((sum, each) => sum + each.length, 0)
}

export const embeddingsGenerate = z.object({
  project_id: projectId,
  texts: texts.meta({ description: TEXTS, examples: [['A cat sleeps on the sofa']] }),
  model,
  normalize: flag.default(true).describe('Embeddings always have length 1. False is answered with a warning'),
})
export const generatedEmbeddings = z
  .object({
    embeddings: z.array(z.array(z.number())).describe('The embeddings, in the order of the texts'),
    model: usedModel,
    dimensions,
    count: z.number().describe('Number of embeddings'),
    project_id: z.string().describe('Id of the project of the request'),
    processing_time_ms: processingTime,
    warnings,
  })
  .meta({ id: 'GeneratedEmbeddings', description: 'Embeddings of texts' })

export const embedAndStore = z.object({
  project_id: projectId,
  texts: texts.meta({ description: TEXTS, examples: [['A cat sleeps on the sofa']] }),
  vector_ids: z
    .array(name)
    .max(MAX_TEXTS)
    .nullish()
    .describe('An id for each text. An existing vector with the id is replaced. When absent, the server makes the ids'),
  metadata_list: z.array(metadata).max(MAX_TEXTS).nullish().describe('Metadata for each text. When absent: none'),
  namespace: namespace.describe('Namespace that the vectors belong to'),
  source: z.string().max(255).default('api').describe('Source of the vectors, in your own words'),
  model,
})
export const embeddedAndStored = z
  .object({
    success: z.literal(true).describe('Always true: all texts are stored, or the request fails'),
    vectors_stored: z.number().describe('Number of vectors that were stored'),
    embeddings_generated: z.number().describe('Number of texts that were embedded'),
    vector_ids: z.array(z.string()).describe('Ids of the vectors, in the order of the texts'),
    model: usedModel,
    dimensions,
    namespace: z.string().describe('Namespace that the vectors belong to'),
    processing_time_ms: processingTime,
    warnings,
  })
  .meta({ id: 'EmbeddedAndStored', description: 'Vectors that were made from texts and stored' })

export const embeddingsSearch = z.object({
  project_id: projectId,
  query: text.meta({ description: 'The text to compare with', examples: ['kitten on a couch'] }),
  namespace: namespace.describe('Namespace to search in'),
  limit: limit(10),
  threshold: z
    .number()
    .min(-1)
    .max(1)
    .nullish()
    .describe('Lowest cosine similarity of a result. Null or absent: no lower bound'),
  metadata_filter: metadata.nullish().describe('Filter on the metadata. Null or absent: no filter'),
  model: name
    .nullish()
    .describe(
      'Search only vectors of this model. When absent, or not a model of the server (with a warning): the model that made the vectors of the namespace',
    ),
})
export const embeddingMatches = z
  .object({
    results: z
      .array(
        vectorMatch
          .extend({ id: z.string().describe('Same value as `vector_id`') })
          .meta({ id: 'EmbeddingMatch', description: 'A text that a search found' }),
      )
      .describe('The vectors found, the most similar first'),
    query: z.string().describe('The query of the request'),
    total_results: z.number().describe('Number of results in this response'),
    model: z.string().describe('Model that embedded the query'),
    processing_time_ms: processingTime,
    warnings,
  })
  .meta({ id: 'EmbeddingMatches', description: 'Result of a search by text' })

export const embeddingsModels = z.object({ project_id: projectId })
export const embeddingModel = z
  .object({
    id: z.string().describe('Name of the model, for the field `model`'),
    dimensions: z.number().nullable().describe('Length of its embeddings; null until the first one is known'),
    description: z.string().describe('Where the model runs'),
    is_default: z.boolean().describe('True for the configured model, which requests without `model` use'),
  })
  .meta({ id: 'EmbeddingModel', description: 'A model that embeds texts' })

export const embeddingsCreate = z.object({
  project_id: optionalProjectId,
  input: z.union([text, texts]).meta({ description: `A text, or ${TEXTS}`, examples: ['A cat sleeps on the sofa'] }),
  model,
  encoding_format: z
    .enum(['float', 'base64'])
    .default('float')
    .describe('`float`: lists of numbers. `base64`: the bytes of 32-bit floats, little-endian'),
  dimensions: integer(1, 16_000)
    .nullish()
    .describe('Length of the embeddings. Only the length that the model has is accepted'),
})
export const createdEmbeddings = z
  .object({
    object: z.literal('list').describe('Always `list`'),
    data: z
      .array(
        z
          .object({
            object: z.literal('embedding').describe('Always `embedding`'),
            index: z.number().describe('Position of the text in the request'),
            embedding: z
              .union([z.array(z.number()), z.string()])
              .describe('The embedding, in the form of `encoding_format`'),
          })
          .meta({ id: 'CreatedEmbedding', description: 'The embedding of one text' }),
      )
      .describe('The embeddings, in the order of the texts'),
    model: usedModel,
    usage: z
      .object({
        prompt_tokens: z.number().describe('Estimated number of tokens: one for four characters'),
        total_tokens: z.number().describe('Same value as `prompt_tokens`'),
      })
      .describe('Size of the texts'),
    warnings,
  })
  .meta({ id: 'CreatedEmbeddings', description: 'Embeddings of texts, in the form of the OpenAI API' })
