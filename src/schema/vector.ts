import { z } from 'zod'
import {
  createdAt,
  cursor,
  flag,
  integer,
  limit,
  metadata,
  name,
  namespace,
  nextCursor,
  offset,
  ownProjectId,
  projectId,
  queryObject,
  totalIsExact,
  updatedAt,
  wording,
} from './common.ts'

const MAX_FLOAT32 = 3.4028234663852886e38

/** An embedding. pgvector supports up to 16,000 dimensions of finite 32-bit floats. */
export const embedding = z.array(z.number().min(-MAX_FLOAT32).max(MAX_FLOAT32)).min(1).max(16_000)

const item = z.strictObject({
  vector_id: name.optional().describe('Id of the vector, unique in its namespace. When absent, the server makes one'),
  vector_embedding: embedding
    .nullish()
    .describe(
      'The embedding: 1 to 16,000 finite numbers. Null or absent: the hook auto_embed computes it from `document`',
    ),
  namespace: namespace.describe('Namespace that the vector belongs to'),
  vector_metadata: metadata.default({}).describe('Any JSON object; searches can filter by it'),
  document: z
    .string()
    .nullish()
    .describe('The text that the vector stands for. Required when there is no `vector_embedding`'),
  source: z.string().max(255).default('api').describe('Source of the vector, in your own words'),
})
export type VectorInput = z.infer<typeof item>

export const vector = z
  .object({
    vector_id: z.string().describe('Id of the vector, unique in its namespace'),
    project_id: ownProjectId,
    namespace: z.string().describe('Namespace that the vector belongs to'),
    vector_embedding: z.array(z.number()).nullable().describe('The embedding; null until one has been computed'),
    dimension: z.number().nullable().describe('Length of the embedding; null when there is none'),
    model: z.string().nullable().describe('Model that made the embedding; null when the client sent it'),
    vector_metadata: metadata.describe('Metadata of the vector'),
    metadata: metadata.describe('Same value as `vector_metadata`'),
    document: z.string().nullable().describe('The text that the vector stands for; null when there is none'),
    summary: z
      .string()
      .nullable()
      .describe('Summary of the document by the hook auto_summarize; null when there is none'),
    source: z.string().describe('Source of the vector'),
    created_at: createdAt,
    updated_at: updatedAt,
  })
  .meta({ id: 'Vector', description: 'A stored vector with its document and metadata' })
export type Vector = z.infer<typeof vector>

export const vectorUpsert = item.extend({ project_id: projectId })
export const vectorUpsertBatch = z.object({
  project_id: projectId,
  vectors: z
    .array(
      item
        .extend({
          namespace: name.optional().describe('Namespace of this vector. When absent: the one of the request'),
        })
        .meta({ id: 'VectorItem', description: 'A vector of a batch' }),
    )
    .min(1)
    .describe('The vectors to store: at most 100, unless ZERODB_MAX_BATCH of the server says otherwise'),
  namespace: namespace.describe('Namespace of the items that name none'),
})
export const vectorBatchResult = z
  .object({
    success_count: z.number().describe('Number of vectors that were stored'),
    error_count: z.number().describe('Always 0: a batch is stored as a whole or not at all'),
    inserted: z.number().describe('Same value as `success_count`'),
    errors: z.array(z.string()).describe('Always empty: an invalid item makes the whole request fail'),
    vector_ids: z.array(z.string()).describe('Ids of the vectors, in the order of the request'),
    total_time_ms: z.number().describe('Time that storing took, in milliseconds'),
  })
  .meta({ id: 'VectorBatchResult', description: 'Result of storing many vectors' })

/** Maximum number of vectors on all pages of a search: a cursor has the ids of those before it, 29 bytes for each. */
export const MAX_FOUND_VECTORS = 2_000

export const vectorSearch = z.object({
  project_id: projectId,
  query_vector: embedding.optional().describe('Vector to compare with. Either this or `query` is required'),
  query: wording
    .max(100_000)
    .optional()
    .describe('Text to compare with: the server embeds it. Either this or `query_vector` is required'),
  namespace: namespace.describe('Namespace to search in'),
  limit: limit(10),
  threshold: z
    .number()
    .min(-1)
    .max(1)
    .nullish()
    .describe('Lowest cosine similarity of a result. Null or absent: no lower bound'),
  metadata_filter: metadata
    .nullish()
    .meta({ description: 'Filter on the metadata. Null or absent: no filter', examples: [{ source: 'crm' }] }),
  model: name
    .optional()
    .describe('Search only vectors of this model. When absent: the model that made the vectors of the namespace'),
  hybrid: flag
    .default(false)
    .describe('True: find vectors by the words of `query` in their documents too, and order them by both ranks'),
  explain: flag.default(false).describe('True: a hybrid search shows both ranks of each result as `explain`'),
  cursor: z
    .string()
    .optional()
    .describe('`next_cursor` of the previous page of the same search. When absent: the nearest vectors'),
})
const hybridRanks = z
  .object({
    vector_rank: z.number().nullable().describe('Rank by similarity, from 1; null when it is not among the nearest'),
    word_rank: z.number().nullable().describe('Rank by words, from 1; null when the document has none of the words'),
  })
  .meta({ id: 'HybridRanks', description: 'Ranks of a result of a hybrid search' })
export type HybridRanks = z.infer<typeof hybridRanks>
export const vectorMatch = vector
  .extend({
    similarity: z.number().describe('Cosine similarity with the query, from -1 to 1'),
    score: z
      .number()
      .describe(
        'Same value as `similarity`. In a hybrid search: reciprocal rank fusion of both ranks, 1 when both are the first',
      ),
    distance: z.number().describe('Cosine distance: 1 minus the similarity'),
    explain: hybridRanks.optional(),
  })
  .meta({ id: 'VectorMatch', description: 'A vector that a search found' })
export const vectorMatches = z
  .object({
    vectors: z.array(vectorMatch).describe('The vectors found, the most similar first'),
    results: z.array(vectorMatch).describe('Same value as `vectors`'),
    total_count: z.number().describe('Number of vectors that meet filter and threshold, also beyond `limit`'),
    total_is_exact: totalIsExact,
    next_cursor: z
      .string()
      .nullable()
      .describe(`Cursor of the next page; null on the last page, and after ${MAX_FOUND_VECTORS} vectors`),
    model: z.string().nullable().describe('Model of the vectors compared; null when clients sent the embeddings'),
    search_time_ms: z.number().describe('Time that the search took, in milliseconds'),
  })
  .meta({ id: 'VectorMatches', description: 'Result of a search for vectors' })

export const vectorList = z.object({
  project_id: projectId,
  namespace: name.optional().describe('Only vectors of this namespace. When absent: of all namespaces'),
  limit: limit(100),
  offset,
  cursor,
  count_only: flag.default(false).describe('True: return only the total, and no vectors'),
  metadata_filter: queryObject
    .optional()
    .meta({ description: 'Filter on the metadata, as JSON text in a query', examples: [{ source: 'crm' }] }),
})
export const vectorPage = z
  .object({
    vectors: z.array(vector).describe('The vectors, oldest first'),
    total: z.number().describe('Number of all vectors that match; with a cursor, of those after it'),
    total_is_exact: totalIsExact,
    next_cursor: nextCursor,
  })
  .meta({ id: 'VectorPage', description: 'A page of vectors' })
export const vectorKey = z.object({
  project_id: projectId,
  vector_id: name.describe('Id of the vector'),
  namespace: name.optional().describe('Namespace of the vector. When absent: any namespace; `default` comes first'),
})

/** Maximum number of vectors that one request deletes. */
export const MAX_DELETED_VECTORS = 10_000

export const vectorsDeleteMany = z.object({
  project_id: projectId,
  namespace: namespace.describe('Namespace of the vectors'),
  vector_ids: z
    .array(name)
    .min(1)
    .max(MAX_DELETED_VECTORS)
    .optional()
    .describe('Ids of the vectors. Either these or `metadata_filter`, unless the whole namespace is to be deleted'),
  metadata_filter: metadata.optional().meta({
    description: 'Filter on the metadata. Either this or `vector_ids`, unless the whole namespace is to be deleted',
    examples: [{ source: 'crm' }],
  }),
  limit: integer(0, MAX_DELETED_VECTORS)
    .nullish()
    .describe(
      'Maximum number of vectors to delete, oldest first; 0, null or absent: all that match, of which there may be at most 10,000',
    ),
  confirm_large_operation: flag
    .default(false)
    .describe('True: without ids and filter, delete all vectors of the namespace'),
})
export const vectorsDeleted = z
  .object({
    deleted_count: z.number().describe('Number of vectors that were deleted'),
    vector_ids: z.array(z.string()).describe('Ids of the deleted vectors, oldest first'),
    missing_ids: z.array(z.string()).describe('Those of the given `vector_ids` that the namespace does not have'),
    has_more: z.boolean().describe('True when `limit` left matching vectors: repeat the request'),
  })
  .meta({ id: 'VectorsDeleted', description: 'Result of deleting many vectors' })

/** Maximum number of vectors that are counted in one namespace of a list. */
export const MAX_NAMESPACE_VECTORS = 10_000

export const vectorNamespaceList = z.object({
  project_id: projectId,
  limit: integer(1, 100).default(100).describe('Maximum number of results'),
  cursor,
})
export const vectorNamespace = z
  .object({
    namespace: z.string().describe('Name of the namespace'),
    vector_count: z.number().describe('Number of its vectors, up to 10,000'),
    count_is_exact: z.boolean().describe('False when the namespace has more vectors, which were not counted'),
  })
  .meta({ id: 'VectorNamespace', description: 'A namespace and the number of its vectors' })
export type VectorNamespace = z.infer<typeof vectorNamespace>
export const vectorNamespacePage = z
  .object({ items: z.array(vectorNamespace).describe('The namespaces, sorted by name'), next_cursor: nextCursor })
  .meta({ id: 'VectorNamespacePage', description: 'A page of namespaces' })

/** Maximum numbers of vectors and of namespaces that the statistics count. */
export const MAX_STATS_VECTORS = 10_000
export const MAX_STATS_NAMESPACES = 1_000

export const vectorStatsInput = z.object({
  project_id: projectId,
  namespace: name.optional().describe('Only vectors of this namespace. When absent: of all namespaces'),
})
export const vectorStats = z
  .object({
    total_vectors: z.number().describe('Number of vectors, up to 10,000'),
    total_is_exact: totalIsExact,
    namespaces: z.number().describe('Number of namespaces that have vectors, up to 1,000'),
    namespaces_is_exact: z.boolean().describe('False when there are more namespaces, which were not counted'),
    avg_dimensions: z
      .number()
      .nullable()
      .describe('Mean length of the embeddings of the counted vectors; null when none has an embedding'),
    total_size_mb: z
      .number()
      .describe('Size of embeddings, documents and metadata of the counted vectors as stored, in millions of bytes'),
  })
  .meta({ id: 'VectorStats', description: 'Numbers about the vectors of a project or a namespace' })
export type VectorStats = z.infer<typeof vectorStats>

export const vectorUpdate = vectorKey.extend({
  vector_metadata: metadata.optional().describe('Metadata that replaces the old metadata. When absent, it stays'),
  source: z.string().max(255).optional().describe('Source of the vector. When absent, it stays'),
})

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
