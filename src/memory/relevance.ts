import type { App } from '../app.ts'
import { RetryLater } from '../errors.ts'
import type { Scope } from '../store/context.ts'
import type { EmbeddedKind } from '../store/data/reembed.ts'
import { MAX_WORDS, type Relevance, type RelevanceQuery } from '../store/data/relevance.ts'

/** Cosines of unrelated texts scatter below this: they are no evidence. */
const COSINE_FLOOR = 0.2

/**
 * The query for a search by words and meaning: its vector by the model that has made the embeddings here, which while they are being
 * converted is the one before. No vector where there are none, or while the model's provider cannot be asked: words alone are better than
 * no answer.
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
  if (!embedder) return { text, vector: null, model: app.embedder.model }
  try {
    const [vector] = await embedder.embed([text])
    return { text, vector: vector!, model: embedder.model }
  } catch (error) {
    if (!(error instanceof RetryLater)) throw error
    app.log.warn({ error }, 'this search goes by words alone')
    return { text, vector: null, model: embedder.model }
  }
}

/** Says if a query has more words than a search looks for; as a field of the answer. */
export async function queryWarnings(app: App, query: string): Promise<{ warnings?: string[] }> {
  // Most queries are too short to have more, and need no statement.
  if (query.length <= MAX_WORDS) return {}
  const words = await app.store.relevance.countWords(query)
  if (words <= MAX_WORDS) return {}
  return { warnings: [`query has ${words} different words: only the first ${MAX_WORDS} of them were looked for`] }
}

/** 0 to 1. Words count by the share of the query's that are there; how often and how near breaks ties. */
export function relevanceScore({ coverage, rank, cosine }: Relevance): number {
  const words = 0.9 * coverage + 0.1 * rank
  const meaning = cosine === null ? null : Math.max(0, (cosine - COSINE_FLOOR) / (1 - COSINE_FLOOR))
  const score = meaning === null ? words : 0.6 * words + 0.4 * meaning
  return Math.round(score * 1e6) / 1e6
}
