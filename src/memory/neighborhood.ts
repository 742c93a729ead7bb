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

/** Maximum number of entities of one distance, and of relations read for them, in the search of a path. */
const MAX_PATH_ENTITIES = 200
const MAX_PATH_RELATIONS = 2_000

/** Returns the relations of a shortest path between two entities, in order; null if none has at most `maxDepth` relations. */
export async function shortestPath(
  app: App,
  scope: Scope,
  from: string,
  to: string,
  { max_depth, as_of }: { max_depth: number; as_of?: string | undefined },
): Promise<GraphEdge[] | null> {
  const cameBy = new Map<string, { edge: GraphEdge; from: string } | null>([[from, null]])
  let frontier = [from]
  for (let depth = 0; depth < max_depth && !cameBy.has(to) && frontier.length > 0; depth++) {
    const edges = await app.store.graph.edges(scope, frontier, MAX_PATH_RELATIONS, as_of ?? null)
    const next: string[] = []
    for (const edge of edges) {
      for (const [near, far] of [
        [edge.subject_id, edge.object_id],
        [edge.object_id, edge.subject_id],
      ] as const) {
        if (!frontier.includes(near) || cameBy.has(far)) continue
        cameBy.set(far, { edge, from: near })
        next.push(far)
      }
    }
    frontier = next.slice(0, MAX_PATH_ENTITIES)
  }
  if (!cameBy.has(to)) return null
  const path: GraphEdge[] = []
  for (let step = cameBy.get(to); step; step = cameBy.get(step.from)) path.unshift(step.edge)
  return path
}
