import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { autoGraph } from '../handlers/auto-graph.ts'
import { relationsWithin, shortestPath } from '../memory/neighborhood.ts'
import { baseForm, functionalOf } from '../memory/predicates.ts'
import {
  type Neighbors,
  neighbors,
  neighborsQuery,
  path,
  pathQuery,
  relate,
  related,
  relationKey,
} from '../schema/graph.ts'
import { findEntity, invalidField, namedEntity } from './lib/entity.ts'
import { relationshipOf } from './lib/relationship.ts'
import { defineJson } from './operation.ts'

export const graphNeighbors = defineJson({
  name: 'graph.neighbors',
  summary: 'Get the relations of an entity',
  description:
    'Returns the entities that an entity is related to, directly or over up to two others, now or at another time, and the memories that support each relation. Waits for the extraction of what you have just stored, at most `wait` seconds.',
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
    const found = await relationsWithin(app, scope, entity.id, input)
    const edges = found.map(({ edge }) => edge)
    const others = found.map(({ edge, from, distance }) => {
      const out = edge.subject_id === from
      return {
        id: out ? edge.object_id : edge.subject_id,
        name: out ? edge.object : edge.subject,
        type: out ? edge.object_type : edge.subject_type,
        predicate: edge.predicate,
        direction: out ? ('out' as const) : ('in' as const),
        confidence: edge.confidence,
        distance,
      }
    })
    const nodes = new Map([...others, entity].map(({ id, name, type }) => [id, { id, label: name, type }]))
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

export const graphPath = defineJson({
  name: 'graph.path',
  summary: 'Find a shortest path between two entities',
  description:
    'Returns the relations that connect two entities, in any direction. The search follows at most 200 entities at each distance, so that it can miss a path through entities with very many relations.',
  route: 'GET /api/v1/public/memory/v2/graph/path/:from/:to',
  permission: 'memory:read',
  idempotent: true,
  input: pathQuery,
  output: path,
  async run(app, caller, input) {
    const scope = scopeOf(caller)
    const [from, to] = [
      await findEntity(app, scope, input.namespace, input.from),
      await findEntity(app, scope, input.namespace, input.to),
    ]
    if (!from) throw new ZeroError('not_found', `No entity "${input.from}" in the graph`)
    if (!to) throw new ZeroError('not_found', `No entity "${input.to}" in the graph`)
    const edges = await shortestPath(app, scope, from.id, to.id, input)
    return { from, to, length: edges?.length ?? null, relationships: (edges ?? []).map(relationshipOf) }
  },
})

export const graphRelate = defineJson({
  name: 'graph.relate',
  summary: 'State a relation of two entities',
  description:
    'Adds a relation to the graph, and its entities if they are new. Emits `zeromemory.relation_added` for a new relation, and `zeromemory.relation_ended` for each one that it ends: with `replace`, or because a subject has one employer, residence and spouse at a time.',
  route: 'POST /api/v1/public/memory/v2/relate',
  permission: 'memory:write',
  idempotent: true,
  input: relate,
  output: related,
  async run(app, caller, { namespace, predicate, confidence, replace, valid_from = null, ...input }) {
    const from = namedEntity('subject', input.subject, input.subject_type)
    const to = namedEntity('object', input.object, input.object_type)
    if (from.norm === to.norm) throw invalidField('object', 'The subject and the object have the same name')
    const lemma = baseForm(predicate)
    const functional = functionalOf(lemma)
    const stated = { namespace, subject: from, predicate, object: to, confidence, lemma, functional, valid_from }
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
