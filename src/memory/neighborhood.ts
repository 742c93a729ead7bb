import type { App } from '../app.ts'
import type { Scope } from '../store/context.ts'
import type { GraphEdge } from '../store/data/graph.ts'

/** Maximum number of entities of one distance whose relations are followed, so that a well-connected graph does not multiply the cost. */
const MAX_FOLLOWED = 50

interface Reached {
  edge: GraphEdge
  /** Id of the nearer entity of the relation. */
  from: string
  /** Distance of the other entity. */
  distance: number
}

/** Returns at most `limit` relations up to `depth` relations away from an entity: the nearest first, then the highest confidence. */
export async function relationsWithin(
  app: App,
  scope: Scope,
  entityId: string,
  { depth, limit, as_of }: { depth: number; limit: number; as_of?: string | undefined },
): Promise<Reached[]> {
  const reached = new Map<string, Reached>()
  const visited = new Set([entityId])
  let frontier = [entityId]
  for (let distance = 1; distance <= depth && frontier.length > 0 && reached.size < limit; distance++) {
    // The relations that led here are found again.
    const edges = await app.store.graph.edges(scope, frontier, limit + reached.size, as_of ?? null)
    const next: string[] = []
    for (const edge of edges) {
      if (reached.has(edge.id) || reached.size >= limit) continue
      const from = frontier.includes(edge.subject_id) ? edge.subject_id : edge.object_id
      reached.set(edge.id, { edge, from, distance })
      for (const id of [edge.subject_id, edge.object_id]) {
        if (visited.has(id)) continue
        visited.add(id)
        next.push(id)
      }
    }
    frontier = next.slice(0, MAX_FOLLOWED)
  }
  return [...reached.values()]
}
