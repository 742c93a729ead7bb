import type { Relationship } from '../../schema/graph.ts'
import type { GraphEdge } from '../../store/data/graph.ts'

/** Returns a relation in the form of the API. */
export function relationshipOf(edge: GraphEdge): Relationship {
  const { subject_id: _, subject_type: __, object_id: ___, object_type: ____, ...relationship } = edge
  return relationship
}
