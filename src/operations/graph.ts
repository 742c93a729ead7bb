import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { autoGraph } from '../handlers/auto-graph.ts'
import { normalizeName } from '../memory/names.ts'
import { type Neighbors, neighbors, neighborsQuery } from '../schema/graph.ts'
import { relationshipOf } from './lib/relationship.ts'
import { defineJson } from './operation.ts'

export const graphNeighbors = defineJson({
  name: 'graph.neighbors',
  summary: 'Get the relations of an entity',
  description:
    'Returns the entities that an entity is related to, and the memories that support each relation. Waits for the extraction of what you have just stored, at most `wait` seconds.',
  route: 'GET /api/v1/public/memory/v2/graph/neighbors/:entity',
  permission: 'memory:read',
  idempotent: true,
  input: neighborsQuery,
  output: neighbors,
  async run(app, caller, input): Promise<Neighbors> {
    const scope = scopeOf(caller)
    const pending = await app.runs.runsDrained(scope, [autoGraph.name], autoGraph.on, input.wait)
    const entity = await app.store.graph.find(scope, input.entity, normalizeName(input.entity))
    if (!entity) {
      const soon = pending > 0 ? `; ${pending} extractions are not finished: try again` : ''
      throw new ZeroError('not_found', `No entity "${input.entity}" in the graph${soon}`)
    }
    const edges = await app.store.graph.edges(scope, entity.id, input.limit)
    const others = edges.map((edge) => {
      const out = edge.subject_id === entity.id
      return {
        id: out ? edge.object_id : edge.subject_id,
        name: out ? edge.object : edge.subject,
        type: out ? edge.object_type : edge.subject_type,
        predicate: edge.predicate,
        direction: out ? ('out' as const) : ('in' as const),
        confidence: edge.confidence,
      }
    })
    const nodes = new Map([entity, ...others].map(({ id, name, type }) => [id, { id, label: name, type }]))
    return {
      entity,
      neighbors: others,
      relationships: edges.map(relationshipOf),
      nodes: [...nodes.values()],
      edges: edges.map((edge) => ({
        id: edge.id,
        source: edge.subject_id,
        target: edge.object_id,
        predicate: edge.predicate,
      })),
      count: others.length,
      pending,
    }
  },
})
