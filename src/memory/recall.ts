import type { App } from '../app.ts'
import type { Recalled } from '../schema/memory.ts'
import type { Scope } from '../store/context.ts'
import type { RecallFilter } from '../store/data/memories.ts'
import { relevanceQuery, relevanceScore } from './relevance.ts'

const MAX_CANDIDATES = 200

/** Returns memories that match `query`, best first. Ranks by words and embeddings together; a memory without an embedding ranks by its words. */
export async function recall(
  app: App,
  scope: Scope,
  query: string,
  filter: RecallFilter,
  limit: number,
): Promise<Recalled[]> {
  if (query.trim() === '') return []
  const relevance = await relevanceQuery(app, scope, 'memories', query)
  const candidates = await app.store.memories.recall(scope, relevance, filter, MAX_CANDIDATES)
  return candidates
    .map((candidate) => ({ candidate, score: relevanceScore(candidate) }))
    .sort((a, b) => b.score - a.score || (a.candidate.created_at < b.candidate.created_at ? 1 : -1))
    .slice(0, limit)
    .map(({ candidate: { coverage: _, rank: __, cosine, ...memory }, score }) => ({
      ...memory,
      memory_id: memory.id,
      score,
      similarity: score,
    }))
}
