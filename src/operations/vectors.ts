import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import type { Embedder } from '../embedding/index.ts'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { wording } from '../schema/common.ts'
import {
  MAX_FOUND_VECTORS,
  type VectorInput,
  vector,
  vectorBatchResult,
  vectorKey,
  vectorList,
  vectorMatches,
  vectorPage,
  vectorSearch,
  vectorsDeleted,
  vectorsDeleteMany,
  vectorUpdate,
  vectorUpsert,
  vectorUpsertBatch,
} from '../schema/vector.ts'
import type { Scope } from '../store/context.ts'
import type { VectorSpace } from '../store/data/vector-search.ts'
import { decodeCursor, decodeSeen, encodePlace, encodeSeen } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/vectors'

function plain<Row extends { vector_embedding: Float32Array | null }>(
  row: Row,
): Omit<Row, 'vector_embedding'> & { vector_embedding: number[] | null } {
  return { ...row, vector_embedding: row.vector_embedding && Array.from(row.vector_embedding) }
}

/** Throws `validation_failed` for a vector without document and embedding, which no search could find. */
function check(item: VectorInput, at: (string | number)[]): void {
  if (item.vector_embedding || wording.safeParse(item.document).success) return
  throw new ZeroError('validation_failed', undefined, {
    fields: [
      {
        type: 'missing',
        loc: ['body', ...at, 'vector_embedding'],
        msg: 'Field required: send vector_embedding, or a document with text to be embedded',
      },
    ],
  })
}

export const vectorsUpsert = defineJson({
  name: 'vectors.upsert',
  summary: 'Store a vector',
  description: 'Stores a vector, or replaces the one with the same id in the namespace. Emits `zerodb.vector.stored`.',
  route: `POST ${BASE}/upsert`,
  permission: 'zerodb:write',
  idempotent: false,
  input: vectorUpsert,
  output: vector,
  async run(app, caller, { project_id, ...item }) {
    check(item, [])
    return plain(await app.store.vectors.upsert(scopeOf(caller, project_id), item))
  },
})

export const vectorsUpsertBatch = defineJson({
  name: 'vectors.upsert_batch',
  summary: 'Store many vectors',
  description: 'Stores all vectors or none. Emits one `zerodb.vector.batch_stored`.',
  route: `POST ${BASE}/upsert-batch`,
  permission: 'zerodb:write',
  idempotent: false,
  input: vectorUpsertBatch,
  output: vectorBatchResult,
  array: 'vectors',
  async run(app, caller, { project_id, namespace, vectors: given }) {
    const vectors = given.map((item) => ({ ...item, namespace: item.namespace ?? namespace }))
    const { maxBatch } = app.config
    if (vectors.length > maxBatch) {
      throw new ZeroError('validation_failed', undefined, {
        fields: [
          {
            type: 'too_long',
            loc: ['body', 'vectors'],
            msg: `List should have at most ${maxBatch} items`,
            ctx: { max_length: maxBatch },
          },
        ],
      })
    }
    vectors.forEach((item, i) => {
      check(item, ['vectors', i])
    })
    const start = app.clock.now()
    const { vector_ids, count } = await app.store.vectors.upsertBatch(scopeOf(caller, project_id), vectors)
    return {
      success_count: count,
      error_count: 0,
      inserted: count,
      errors: [],
      vector_ids,
      total_time_ms: app.clock.now() - start,
    }
  },
})

export const vectorsSearch = defineJson({
  name: 'vectors.search',
  summary: 'Search vectors by similarity',
  description:
    'Returns the vectors of a namespace that are nearest to a vector or to a text. Only vectors of one model and size are compared.',
  route: `POST ${BASE}/search`,
  permission: 'zerodb:read',
  idempotent: true,
  input: vectorSearch,
  errors: ['dimension_mismatch', 'provider_refused'],
  output: vectorMatches,
  run: (app, caller, input) => searchVectors(app, scopeOf(caller, input.project_id), input),
})

/** Searches a namespace with a vector or a text. Throws the errors of `vectors.search`. */
export async function searchVectors(app: App, scope: Scope, input: z.infer<typeof vectorSearch>) {
  const start = app.clock.now()
  const spaces = await app.store.vectorSearch.spaces(scope, input.namespace)
  // An empty result is either an empty project or one of another user, so only then the project is checked.
  if (spaces.length === 0) await app.store.projects.get(scope)
  const text = input.query?.trim() ?? ''
  if (input.hybrid && text === '')
    throw invalid('query', 'missing', 'Field required: a hybrid search compares the words of a text')
  const { query, model } = await queryVector(app, scope, input, spaces)
  const space = chooseSpace(spaces, query.length, model, input.namespace)
  const asked = searchOf(input, query, space)
  const seen = input.cursor === undefined ? [] : decodeSeen(app, input.cursor, asked)
  const options = {
    limit: Math.min(input.limit, MAX_FOUND_VECTORS - seen.length),
    seen,
    threshold: input.threshold ?? null,
    filter: input.metadata_filter ?? null,
    canBeHalf: app.store.kind === 'postgres',
  }
  const { rows, total, total_is_exact, has_more } = space
    ? input.hybrid
      ? await searchBoth(app, scope, { ...space, namespace: input.namespace }, { query, text }, input.explain, options)
      : await search(app, scope, { ...space, namespace: input.namespace }, query, options)
    : { rows: [], total: 0, total_is_exact: true, has_more: false }
  const found = [...seen, ...rows.map(({ id }) => id)]
  const vectors = rows.map(({ id: _, ...row }) => row)
  return {
    vectors,
    results: vectors,
    total_count: total,
    total_is_exact,
    next_cursor: has_more && found.length < MAX_FOUND_VECTORS ? encodeSeen(app, found, asked) : null,
    model: space?.model ?? null,
    search_time_ms: app.clock.now() - start,
  }
}

/** What a search asks for, as the context of its cursors. Pages may have different sizes. */
function searchOf(input: z.infer<typeof vectorSearch>, query: Float32Array, space: VectorSpace | null): string {
  const { project_id, namespace, threshold, metadata_filter, hybrid } = input
  const parts = [project_id, namespace, space, threshold, metadata_filter, hybrid && input.query, [...query]]
  return `vectors ${createHash('sha256').update(stringifyJson(parts)).digest('hex')}`
}

/** Returns the query as a vector, and the model whose vectors it is compared with (undefined for any model with its dimensions). */
async function queryVector(
  app: App,
  scope: Scope,
  input: z.infer<typeof vectorSearch>,
  spaces: readonly VectorSpace[],
): Promise<{ query: Float32Array; model: string | undefined }> {
  if (input.query_vector) return { query: Float32Array.from(input.query_vector), model: input.model }
  if (input.query?.trim()) {
    const embedder = await embedderFor(app, scope, input.model, spaces)
    const [query] = await embedder.embed([input.query])
    return { query: query!, model: embedder.model }
  }
  throw new ZeroError('validation_failed', undefined, {
    fields: [
      { type: 'missing', loc: ['body', 'query_vector'], msg: 'Field required: send query_vector, or query as text' },
    ],
  })
}

/** Returns the embedder for a text query: the model of the stored vectors, which is the previous one during a conversion. */
async function embedderFor(
  app: App,
  scope: Scope,
  model: string | undefined,
  spaces: readonly VectorSpace[],
): Promise<Embedder> {
  if (model !== undefined) {
    const named = app.embedders.find((embedder) => embedder.model === model)
    if (named) return named
    const known = app.embedders.map((embedder) => embedder.model).join(', ')
    throw new ZeroError(
      'invalid',
      `The model "${model}" cannot embed a text here; one of: ${known}. Or send query_vector`,
    )
  }
  const there = app.embedders.filter((embedder) => spaces.some((space) => space.model === embedder.model))
  const converting = there.length > 1 && (await app.store.reembed.isRunning(scope))
  return (converting ? there.at(-1) : there[0]) ?? app.embedder
}

/** Returns the model and dimensions to search, because vectors of different models are not comparable. Null if the namespace is empty. */
function chooseSpace(
  spaces: readonly VectorSpace[],
  dims: number,
  model: string | undefined,
  namespace: string,
): VectorSpace | null {
  if (spaces.length === 0) return null
  const fitting = spaces.filter((space) => space.dims === dims && (model === undefined || space.model === model))
  const own = fitting.find((space) => space.model === null)
  if (fitting.length === 1 || own) return own ?? fitting[0]!
  const there = spaces.map((space) => `${space.dims} (${space.model ?? 'your own vectors'})`).join(', ')
  if (fitting.length > 1)
    throw new ZeroError(
      'invalid',
      `Several models have ${dims} dimensions in namespace "${namespace}": ${there}. Name one as "model"`,
    )
  throw new ZeroError(
    'dimension_mismatch',
    `The query has ${dims} dimensions${model ? ` (${model})` : ''}; namespace "${namespace}" has ${there}`,
  )
}

async function search(
  app: App,
  scope: Scope,
  ...rest: Parameters<App['store']['vectorSearch']['search']> extends [unknown, ...infer Rest] ? Rest : never
) {
  const { rows, ...page } = await app.store.vectorSearch.search(scope, ...rest)
  return {
    ...page,
    rows: rows.map((row) => ({ ...plain(row), score: row.similarity, distance: 1 - row.similarity })),
  }
}

/** Searches by vector and by words. */
async function searchBoth(
  app: App,
  scope: Scope,
  space: VectorSpace & { namespace: string },
  wanted: { query: Float32Array; text: string },
  isExplained: boolean,
  options: { limit: number; threshold: number | null; filter: Record<string, unknown> | null; seen: readonly string[] },
) {
  const { rows, ...page } = await app.store.hybridSearch.find(scope, space, wanted, options)
  return {
    ...page,
    rows: rows.map(({ vector_rank, word_rank, ...row }) => ({
      ...plain(row),
      distance: 1 - row.similarity,
      ...(isExplained ? { explain: { vector_rank, word_rank } } : {}),
    })),
  }
}

export const vectorsList = defineJson({
  name: 'vectors.list',
  summary: 'List vectors, oldest first',
  description:
    'Returns a page of the vectors of a namespace or of all namespaces, all or those of a filter. The total is exact up to 10,000.',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  idempotent: true,
  input: vectorList,
  output: vectorPage,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    const selection = { namespace: input.namespace ?? null, filter: input.metadata_filter ?? null }
    if (input.count_only)
      return { vectors: [], ...(await app.store.vectors.count(scope, selection)), next_cursor: null }
    const { rows, total, total_is_exact, last } = await app.store.vectors.list(scope, selection, {
      limit: input.limit,
      offset: input.offset,
      after: decodeCursor(input.cursor),
    })
    return { vectors: rows.map(plain), total, total_is_exact, next_cursor: encodePlace(last) }
  },
})

export const vectorsGet = defineJson({
  name: 'vectors.get',
  summary: 'Get a vector',
  description: 'Returns one vector by its id.',
  route: `GET ${BASE}/:vector_id`,
  permission: 'zerodb:read',
  idempotent: true,
  input: vectorKey,
  output: vector,
  run: async (app, caller, input) =>
    plain(await app.store.vectors.get(scopeOf(caller, input.project_id), input.vector_id, input.namespace ?? null)),
})

export const vectorsUpdate = defineJson({
  name: 'vectors.update',
  summary: 'Update the metadata of a vector',
  description:
    'Changes metadata and source of a vector; its embedding and document stay. Emits `zerodb.vector.updated`, unless the vector has these values already.',
  route: `PATCH ${BASE}/:vector_id`,
  permission: 'zerodb:write',
  idempotent: true,
  input: vectorUpdate,
  output: vector,
  run: async (app, caller, { project_id, vector_id, namespace, vector_metadata, source }) =>
    plain(
      await app.store.vectors.update(scopeOf(caller, project_id), vector_id, namespace ?? null, {
        metadata: vector_metadata,
        source,
      }),
    ),
})

export const vectorsDelete = defineJson({
  name: 'vectors.delete',
  summary: 'Delete a vector',
  description: 'Deletes one vector by its id. Emits `zerodb.vector.deleted`.',
  route: `DELETE ${BASE}/:vector_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: vectorKey,
  output: z.null(),
  status: 204,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    const removed = await app.store.vectors.remove(scope, input.vector_id, input.namespace ?? null)
    if (!removed) throw new ZeroError('not_found', 'Vector not found')
    return null
  },
})

export const vectorsDeleteManyOperation = defineJson({
  name: 'vectors.delete_many',
  summary: 'Delete many vectors',
  description:
    'Deletes the vectors of a namespace that have the given ids or match a filter, or all of them, or none. Emits one `zerodb.vector.deleted` for each vector.',
  route: `POST ${BASE}/delete`,
  permission: 'zerodb:write',
  idempotent: false,
  input: vectorsDeleteMany,
  output: vectorsDeleted,
  async run(app, caller, input) {
    const { project_id, namespace, vector_ids: ids, metadata_filter: filter, limit, confirm_large_operation } = input
    if (ids !== undefined && filter !== undefined)
      throw invalid('metadata_filter', 'value_error', 'Send vector_ids or metadata_filter, not both')
    const isWhole = ids === undefined && Object.keys(filter ?? {}).length === 0
    if (isWhole && !confirm_large_operation && !limit)
      throw invalid(
        filter === undefined ? 'vector_ids' : 'metadata_filter',
        filter === undefined ? 'missing' : 'value_error',
        'This selects all vectors of the namespace: send vector_ids or metadata_filter, or confirm_large_operation: true',
      )
    const { vector_ids, has_more } = await app.store.vectors.removeMany(scopeOf(caller, project_id), {
      namespace,
      ids: ids ?? null,
      filter: filter ?? null,
      limit: limit || null,
    })
    const deleted = new Set(vector_ids)
    const missing_ids = has_more ? [] : [...new Set(ids)].filter((id) => !deleted.has(id))
    return { deleted_count: vector_ids.length, vector_ids, missing_ids, has_more }
  },
})

const invalid = (field: string, type: string, msg: string) =>
  new ZeroError('validation_failed', undefined, { fields: [{ type, loc: ['body', field], msg }] })
