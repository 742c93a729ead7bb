import type { App } from '../app.ts'
import type { Scope } from '../store/context.ts'
import type { RecordCandidate, RecordFilter } from '../store/data/records.ts'
import { relevanceQuery, relevanceScore } from './relevance.ts'

const MAX_CANDIDATES = 200

/**
 * Returns records that match `query` with at least the score `threshold`, best first. Ranks by words and embeddings together; a record without an
 * embedding ranks by its words.
 */
export async function searchRecords(
  app: App,
  scope: Scope,
  query: string,
  filter: RecordFilter,
  { limit, threshold }: { limit: number; threshold: number },
): Promise<(Omit<RecordCandidate, 'coverage' | 'rank' | 'cosine'> & { score: number; similarity: number })[]> {
  const relevance = await relevanceQuery(app, scope, 'memories', query)
  const found = await app.store.records.search(scope, relevance, filter, Math.max(limit, MAX_CANDIDATES))
  return found
    .map(({ coverage, rank, cosine, ...record }) => {
      const score = relevanceScore({ coverage, rank, cosine })
      return { ...record, score, similarity: score }
    })
    .filter(({ score }) => score >= threshold)
    .sort((a, b) => b.score - a.score || (a.created_at < b.created_at ? 1 : -1))
    .slice(0, limit)
}
