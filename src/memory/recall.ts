import type { App } from '../app.ts'
import { RetryLater } from '../errors.ts'
import type { Recalled } from '../schema/memory.ts'
import type { Scope } from '../store/context.ts'
import type { RecallCandidate, RecallFilter } from '../store/memories.ts'

const CANDIDATES = 200
/** Cosines of unrelated texts scatter below this: they are no evidence. */
const COSINE_FLOOR = 0.2

/** Memories about `query`, best first. Words and meaning are weighed together; a memory without an embedding is found by its words. */
export async function recall(
  app: App,
  scope: Scope,
  query: string,
  filter: RecallFilter,
  limit: number,
): Promise<Recalled[]> {
  if (query.trim() === '') return []
  const { model } = app.embedder
  const byMeaning = await app.store.memories.hasVectors(scope, model)
  const vector = byMeaning ? await vectorOf(app, query) : null
  const candidates = await app.store.memories.recall(scope, { text: query, vector, model }, filter, CANDIDATES)
  return candidates
    .map((candidate) => ({ candidate, score: scoreOf(candidate) }))
    .sort((a, b) => b.score - a.score || (a.candidate.created_at < b.candidate.created_at ? 1 : -1))
    .slice(0, limit)
    .map(({ candidate: { coverage: _, rank: __, cosine, ...memory }, score }) => ({
      ...memory,
      memory_id: memory.id,
      score,
      similarity: score,
    }))
}

/** Null while the model's provider cannot be asked: words alone are better than no answer. */
async function vectorOf(app: App, query: string): Promise<Float32Array | null> {
  try {
    const [vector] = await app.embedder.embed([query])
    return vector!
  } catch (error) {
    if (!(error instanceof RetryLater)) throw error
    app.log.warn({ error }, 'recall goes by words alone')
    return null
  }
}

/** 0 to 1. Words count by the share of the query's that are there; how often and how near breaks ties. */
function scoreOf({ coverage, rank, cosine }: RecallCandidate): number {
  const words = 0.9 * coverage + 0.1 * rank
  const meaning = cosine === null ? null : Math.max(0, (cosine - COSINE_FLOOR) / (1 - COSINE_FLOOR))
  const score = meaning === null ? words : 0.6 * words + 0.4 * meaning
  return Math.round(score * 1e6) / 1e6
}
