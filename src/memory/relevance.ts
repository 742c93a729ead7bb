import type { App } from '../app.ts'
import { RetryLater } from '../errors.ts'
import type { Scope } from '../store/context.ts'
import type { EmbeddedKind } from '../store/data/reembed.ts'
import { MAX_WORDS, type Relevance, type RelevanceQuery } from '../store/data/relevance.ts'

/** Unrelated texts have cosines up to about this value, so smaller ones do not count. */
const COSINE_FLOOR = 0.2

/**
 * Builds the query of a search by words and embeddings. The query is embedded with the model that made the stored embeddings; during a
 * re-embedding that is the previous model. The vector is null when there are no embeddings or the model's provider is unavailable: a search by
 * words alone is better than an error.
 */
export async function relevanceQuery(
  app: App,
  scope: Scope,
  kind: EmbeddedKind,
  text: string,
): Promise<RelevanceQuery> {
  const { reembed } = app.store
  const models = await reembed.modelsOf(
    kind,
    scope,
    app.embedders.map((embedder) => embedder.model),
  )
  const converting = models.length > 1 && (await reembed.isRunning(scope))
  const model = converting ? models.at(-1) : models[0]
  const embedder = app.embedders.find((one) => one.model === model)
  if (!embedder || embedder.canRead?.(text) === false) return { text, vector: null, model: app.embedder.model }
  try {
    const [vector] = await embedder.embed([text])
    return { text, vector: vector!, model: embedder.model }
  } catch (error) {
    if (!(error instanceof RetryLater)) throw error
    app.log.warn({ error }, 'failed to embed a search query: searching by words only')
    return { text, vector: null, model: embedder.model }
  }
}

/** Returns the field `warnings` of a response if the query has more words than a search uses. */
export async function queryWarnings(app: App, query: string): Promise<{ warnings?: string[] }> {
  // A query with few characters cannot exceed the limit and needs no SQL statement.
  if (query.length <= MAX_WORDS) return {}
  const words = await app.store.relevance.countWords(query)
  if (words <= MAX_WORDS) return {}
  return { warnings: [`query has ${words} different words: only the first ${MAX_WORDS} were used`] }
}

/** Returns a score from 0 to 1. Words count by the share of the query's words that occur; frequency and proximity break ties. */
export function relevanceScore({ coverage, rank, cosine }: Relevance): number {
  const words = 0.9 * coverage + 0.1 * rank
  const meaning = cosine === null ? null : Math.max(0, (cosine - COSINE_FLOOR) / (1 - COSINE_FLOOR))
  const score = meaning === null ? words : 0.6 * words + 0.4 * meaning
  return Math.round(score * 1e6) / 1e6
}
