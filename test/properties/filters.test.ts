import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { json, sql } from '../../src/db/sql.ts'
import { compileIndexCondition } from '../../src/store/filters/filter.ts'
import { compileHookFilter } from '../../src/store/filters/hook-filter.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { anyFilter, type Filter, HOSTILE_KEYS, meets, objectsOf } from './filter-model.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app.close())

type Document = Record<string, unknown>
const DOCUMENTS = 12
const FILTERS = 12

/** Returns the numbers of the documents in a new table that match each filter. */
async function rowsFound(documents: Document[], filters: Filter[]): Promise<number[][]> {
  const { tables, rowPages } = app.system.app.store
  const name = randomUUID()
  const { id } = await tables.create(user, { name })
  const stored = await tables.insertRows(user, name, documents)
  const places = new Map(stored.map(({ row_id }, place) => [row_id, place]))
  return mapInOrder(filters, async (filter) => {
    const { rows } = await rowPages.list(user, id, { filter, sort: {}, limit: 100, offset: 0, after: null })
    return rows.map(({ row_id }) => places.get(row_id)!)
  })
}

/** Returns the numbers of the documents that a search finds as metadata of vectors. */
async function vectorsFound(documents: Document[], filters: Filter[]): Promise<number[][]> {
  const { vectors, vectorSearch } = app.system.app.store
  const namespace = randomUUID()
  const batch = documents.map((vector_metadata, n) => {
    return {
      vector_id: String(n),
      vector_embedding: [1, n],
      namespace,
      vector_metadata,
      document: null,
      source: 'test',
    }
  })
  await vectors.upsertBatch(user, batch)
  return mapInOrder(filters, async (filter) => {
    const options = { limit: 100, threshold: null, filter }
    const { rows } = await vectorSearch.search(
      user,
      { namespace, dims: 2, model: null },
      Float32Array.of(1, 0),
      options,
    )
    return rows.map(({ vector_id }) => Number(vector_id)).sort((a, b) => a - b)
  })
}

/** Returns the numbers of the documents that hooks with these filters on their rows match. */
async function taken(documents: Document[], filters: Filter[]): Promise<number[][]> {
  return mapInOrder(filters, async (filter) => {
    const met = await app.system.database.query<{ place: number }>(sql`
      select place::int
      from jsonb_array_elements(${json(documents)}::jsonb) with ordinality as d (document, place)
      where jsonb_path_match(jsonb_build_object('row', document), ${compileHookFilter(below(filter))}::jsonpath, '{}', true)
      order by place`)
    return met.map(({ place }) => place - 1)
  })
}

/** Returns the numbers of the documents that the condition for the index excludes. A filter without such a condition excludes none. */
async function excluded(documents: Document[], filters: Filter[]): Promise<number[][]> {
  return mapInOrder(filters, async (filter) => {
    const index = { document: sql`jsonb_build_object('a.key', document)`, key: 'a.key' }
    const condition = compileIndexCondition(filter, index, 'filters')
    if (condition === null) return []
    conditions++
    const found = await app.system.database.query<{ place: number }>(sql`
      select place::int
      from jsonb_array_elements(${json(documents)}::jsonb) with ordinality as d (document, place)
      where ${condition} is not true
      order by place`)
    return found.map(({ place }) => place - 1)
  })
}
let conditions = 0

const expected = (documents: Document[], filters: Filter[]) =>
  filters.map((filter) => documents.flatMap((document, n) => (meets(filter, document as never) ? [n] : [])))

/** Returns the filter with all its paths below `row`. */
function below(filter: Filter): Filter {
  const entries = Object.entries(filter).map(([key, value]): [string, unknown] => {
    if (key === '$not') return [key, below(value as Filter)]
    if (key === '$and' || key === '$or') return [key, (value as Filter[]).map(below)]
    return [`row.${key}`, value]
  })
  return Object.fromEntries(entries)
}

async function mapInOrder<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await work(item))
  return results
}

/** Spellings of a path with one key. */
const ROOTS = ['a', 'b', 'constructor', 'a\\.b', '__proto__']
const documents = fc.array(objectsOf(HOSTILE_KEYS), { minLength: DOCUMENTS, maxLength: DOCUMENTS })
const filtersOf = (isNested: boolean) =>
  fc.array(anyFilter(ROOTS, { keys: HOSTILE_KEYS, isNested, isShort: true }), {
    minLength: FILTERS,
    maxLength: FILTERS,
  })

test('B3, B9: rows, vectors and hooks match the same filters, as documented', async () => {
  let met = 0
  await fc.assert(
    fc.asyncProperty(documents, filtersOf(false), async (all, filters) => {
      const right = expected(all, filters)
      expect(await rowsFound(all, filters)).toEqual(right)
      expect(await vectorsFound(all, filters)).toEqual(right)
      expect(await taken(all, filters)).toEqual(right)
      met += right.flat().length
    }),
    { numRuns: 40 },
  )
  expect(met).toBeGreaterThan(1000)
}, 120_000)

test('B9: comparisons with lists and objects, and long lists of values, mean the same for rows and vectors', async () => {
  let met = 0
  await fc.assert(
    fc.asyncProperty(documents, filtersOf(true), async (all, filters) => {
      const right = expected(all, filters)
      expect(await rowsFound(all, filters)).toEqual(right)
      expect(await vectorsFound(all, filters)).toEqual(right)
      met += right.flat().length
    }),
    { numRuns: 40 },
  )
  expect(met).toBeGreaterThan(1000)
}, 120_000)

test('the condition for the index excludes no row that a filter matches', async () => {
  await fc.assert(
    fc.asyncProperty(documents, filtersOf(true), async (all, filters) => {
      const right = expected(all, filters)
      for (const [n, without] of (await excluded(all, filters)).entries())
        expect(right[n]!.filter((place) => without.includes(place))).toEqual([])
    }),
    { numRuns: 100 },
  )
  expect(conditions).toBeGreaterThan(100)
}, 120_000)
