import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { autoGraph } from '../handlers/auto-graph.ts'
import { type Neighbors, neighbors, neighborsQuery, relate, related, relationKey } from '../schema/graph.ts'
import { findEntity, invalidField, namedEntity } from './lib/entity.ts'
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
    const entity = await findEntity(app, scope, input.namespace, input.entity)
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

export const graphRelate = defineJson({
  name: 'graph.relate',
  summary: 'State a relation of two entities',
  description:
    'Adds a relation to the graph, and its entities if they are new. Emits `zeromemory.relation_added` for a new relation, and `zeromemory.relation_ended` for each one that `replace` ends.',
  route: 'POST /api/v1/public/memory/v2/relate',
  permission: 'memory:write',
  idempotent: true,
  input: relate,
  output: related,
  async run(app, caller, { namespace, predicate, confidence, replace, ...input }) {
    const from = namedEntity('subject', input.subject, input.subject_type)
    const to = namedEntity('object', input.object, input.object_type)
    if (from.norm === to.norm) throw invalidField('object', 'The subject and the object have the same name')
    const stated = { namespace, subject: from, predicate, object: to, confidence }
    const { relation, is_new, ended } = await app.store.transaction((tx) =>
      tx.graph.relate(scopeOf(caller), stated, replace),
    )
    const status = is_new ? ('created' as const) : ('exists' as const)
    return { status, ...relationshipOf(relation), relation_id: relation.id, ended }
  },
})

export const graphEndRelation = defineJson({
  name: 'graph.end_relation',
  summary: 'End a relation',
  description:
    'Ends a relation that does not hold any more: reads of the graph leave it out. Emits `zeromemory.relation_ended`.',
  route: 'DELETE /api/v1/public/memory/v2/graph/relations/:relation_id',
  permission: 'memory:write',
  idempotent: false,
  input: relationKey,
  output: z.null(),
  status: 204,
  async run(app, caller, { relation_id }) {
    await app.store.graph.endRelation(scopeOf(caller), relation_id)
    return null
  },
})
