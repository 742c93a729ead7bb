import type { App } from '../app.ts'
import type { Recalled } from '../schema/memory.ts'
import type { Scope } from '../store/context.ts'
import type { RecallFilter } from '../store/data/memories.ts'
import { relevanceQuery, relevanceScore } from './relevance.ts'

const MAX_CANDIDATES = 200

/** The query that every memory matches. */
const MATCH_ALL = '*'

/**
 * Returns memories that match `query`, best first. Ranks by words and embeddings together; a memory without an embedding ranks by its words.
 * A filter by entity, session or namespace names a set of memories: those that do not match follow, newest first, with the score 0.
 */
export async function recall(
  app: App,
  scope: Scope,
  query: string,
  filter: RecallFilter,
  { limit, threshold }: { limit: number; threshold: number },
): Promise<Recalled[]> {
  const isAll = query.trim() === MATCH_ALL
  const matches = isAll ? [] : await matching(app, scope, query, filter, limit)
  const isScoped = [filter.entity_id, filter.session_id, filter.namespace].some((value) => value != null)
  const others =
    isAll || (isScoped && matches.length < limit) ? await app.store.remembered.newest(scope, filter, limit) : []
  const found = new Set(matches.map(({ id }) => id))
  const rest = others.filter(({ id }) => !found.has(id)).map((memory) => ({ ...memory, score: 0, similarity: 0 }))
  return [...matches, ...rest].slice(0, limit).filter(({ score }) => score >= threshold)
}

async function matching(
  app: App,
  scope: Scope,
  query: string,
  filter: RecallFilter,
  limit: number,
): Promise<Recalled[]> {
  const relevance = await relevanceQuery(app, scope, 'memories', query)
  const candidates = await app.store.memories.recall(scope, relevance, filter, MAX_CANDIDATES)
  return candidates
    .map((candidate) => ({ candidate, score: relevanceScore(candidate) }))
    .sort((a, b) => b.score - a.score || (a.candidate.created_at < b.candidate.created_at ? 1 : -1))
    .slice(0, limit)
    .map(({ candidate: { coverage: _, rank: __, cosine: ___, ...memory }, score }) => ({
      ...memory,
      score,
      similarity: score,
    }))
}
