import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson } from '../exact-json.ts'
import { forgetSelected } from '../memory/forget.ts'
import { DEFAULT_NAMESPACE } from '../schema/graph.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { forget, forgetResult, memoriesList, memoriesPage, profile, profileInput } from '../schema/memory.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { findEntity } from './lib/entity.ts'
import { relationshipOf } from './lib/relationship.ts'
import { defineJson } from './operation.ts'

const MEMORY = '/api/v1/public/memory/v2'

export const memoriesListOperation = defineJson({
  name: 'memory.memories',
  summary: 'List memories, newest first',
  description: 'Returns a page of the memories that remember has stored. Records of conversations are in another list.',
  route: `GET ${MEMORY}/memories`,
  permission: 'memory:read',
  idempotent: true,
  input: memoriesList,
  output: memoriesPage,
  async run(app, caller, { limit, cursor, ...filter }) {
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const memories = await app.store.remembered.list(scope, filter, { limit, after: decodeCursor(cursor) })
    return { memories, next_cursor: encodeCursor(memories, limit) }
  },
})

export const profileOperation = defineJson({
  name: 'memory.profile',
  summary: 'Get the profile of a person or thing',
  description:
    'Returns what is stored about a person or thing: numbers, the newest memories, the relations of the graph, and the configuration of its agent. Nothing is generated.',
  route: `GET ${MEMORY}/profile`,
  permission: 'memory:read',
  idempotent: true,
  input: profileInput,
  output: profile,
  async run(app, caller, { entity_id = null, namespace, limit }) {
    const scope = scopeOf(caller)
    await app.store.projects.get(scope)
    const { remembered, graph } = app.store
    const filter = { entity_id, namespace }
    const counts = await remembered.counts(scope, filter)
    const memories = limit === 0 ? [] : await remembered.newest(scope, filter, limit)
    const entity = entity_id === null ? null : await findEntity(app, scope, namespace ?? DEFAULT_NAMESPACE, entity_id)
    const edges = entity === null || limit === 0 ? [] : await graph.edges(scope, [entity.id], limit, null)
    const config = await remembered.config(scope, entity_id)
    if (entity_id !== null && counts.memory_count === 0 && entity === null && config === null)
      throw new ZeroError('not_found', `No memory is about "${entity_id}", and the graph has no entity of this name`)
    return {
      entity_id,
      entity,
      ...counts,
      memories,
      relationships: edges.map(relationshipOf),
      auto_context_config: config && configOf(config),
    }
  },
})

/** Returns the configuration that a memory has: in its text, or in its metadata. */
function configOf({ content, metadata }: { content: string; metadata: Record<string, unknown> }): unknown {
  const isObject = /^\s*\{/.test(content)
  if (isObject) {
    try {
      const parsed = parseJson(content)
      if (isJsonObject(parsed)) return parsed
    } catch {
      // Text that only begins like an object is returned as text.
    }
  }
  return Object.keys(metadata).length > 0 ? metadata : content
}

export const forgetOperation = defineJson({
  name: 'memory.forget',
  summary: 'Forget a memory, or all memories of a person, session or namespace',
  description:
    'Deletes memories and everything that was derived from them alone: mentions, relations, entities, before-images, and the results and logs of their runs. Send `memory_id`, or fields that select memories: a memory must have all of them. A field that is null is refused, and a selection that has no memory deletes nothing. Emits `zeromemory.forgotten` for each memory, `zeromemory.relation_ended` for each relation that ends, and `zeromemory.relation_added` for each that a forgotten memory had ended. Records of conversations are only forgotten by id.',
  route: `POST ${MEMORY}/forget`,
  permission: 'memory:write',
  idempotent: false,
  input: forget,
  output: forgetResult,
  async run(app, caller, { memory_id, limit, ...filter }) {
    const scope = scopeOf(caller)
    const given = Object.entries(filter).filter(([, value]) => value != null)
    if (memory_id == null) {
      // Read as "any", null would forget the memories of all persons for a client whose variable has no value.
      const empty = Object.entries(filter).find(([, value]) => value === null)
      if (empty)
        throw invalid(
          'value_error',
          empty[0],
          `${empty[0]} is null, which selects nothing: send a value, or leave it out`,
        )
      if (given.length === 0)
        throw invalid(
          'missing',
          'memory_id',
          `Send memory_id, or one of ${Object.keys(forget.shape).slice(1, -1).join(', ')}`,
        )
      await app.store.projects.get(scope)
      const { receipt, has_more } = await forgetSelected(app, scope, filter, limit)
      return { status: 'forgotten' as const, memory_id: null, count: receipt.memories, has_more, receipt }
    }
    if (given.length > 0)
      throw invalid('value_error', given[0]![0], 'Send memory_id or fields that select memories, not both')
    const receipt = await app.store.transaction((tx) => tx.forgetting.forget(scope, [memory_id]))
    if (receipt.memories === 0) throw new ZeroError('not_found', 'Memory not found')
    return { status: 'forgotten' as const, memory_id, count: 1, has_more: false, receipt }
  },
})

const invalid = (type: string, field: string, msg: string) =>
  new ZeroError('validation_failed', undefined, { fields: [{ type, loc: ['body', field], msg }] })
