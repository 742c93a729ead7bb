import type { Relationship } from '../../schema/graph.ts'
import type { GraphEdge } from '../../store/data/graph.ts'

/** Returns a relation in the form of the API. */
export function relationshipOf({
  id,
  subject,
  predicate,
  object,
  confidence,
  sources,
  created_at,
}: GraphEdge): Relationship {
  return { id, subject, predicate, object, confidence, sources, created_at }
}
