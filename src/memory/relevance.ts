import type { App } from '../app.ts'
import { RetryLater } from '../errors.ts'
import type { Relevance } from '../store/relevance.ts'

/** Cosines of unrelated texts scatter below this: they are no evidence. */
const COSINE_FLOOR = 0.2

/** Null while the model's provider cannot be asked: words alone are better than no answer. */
export async function queryVector(app: App, query: string): Promise<Float32Array | null> {
  try {
    const [vector] = await app.embedder.embed([query])
    return vector!
  } catch (error) {
    if (!(error instanceof RetryLater)) throw error
    app.log.warn({ error }, 'this search goes by words alone')
    return null
  }
}

/** 0 to 1. Words count by the share of the query's that are there; how often and how near breaks ties. */
export function relevanceScore({ coverage, rank, cosine }: Relevance): number {
  const words = 0.9 * coverage + 0.1 * rank
  const meaning = cosine === null ? null : Math.max(0, (cosine - COSINE_FLOOR) / (1 - COSINE_FLOOR))
  const score = meaning === null ? words : 0.6 * words + 0.4 * meaning
  return Math.round(score * 1e6) / 1e6
}
