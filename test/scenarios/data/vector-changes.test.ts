import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const STORED = 'zerodb.vector.stored'
const DELETED = 'zerodb.vector.deleted'
const BATCH = 'zerodb.vector.batch_stored'

interface Item {
  vector_id: string
  vector_embedding?: number[]
  document?: string
  vector_metadata?: Record<string, unknown>
  source?: string
}

/** Stores vectors one after the other, and so with increasing times of creation. */
async function store(user: TestUser, items: readonly Item[], namespace = 'default'): Promise<void> {
  for (const item of items)
    expect((await user.post(`${user.database}/vectors/upsert`, { ...item, namespace })).status).toBe(200)
}

/** Returns the before-images of all vectors of the user, in the order of the events. */
async function images(user: TestUser) {
  return app.system.database.query<{ event: string; n: number; vector: string; vectors: (string | null)[] }>(sql`
    select
      e.event, c.n, c.before ->> 'vector_id' as vector, c.before ->> 'document' as document, c.before -> 'metadata' as metadata,
      c.before ->> 'source' as source, array[c.before_vectors[1]::text, c.before_vectors[2]::text] as vectors
    from zerodb_changes c join zerodb_events e on e.seq = c.seq
    where c.before ->> 'project_id' = ${user.project_id}
    order by c.seq, c.n`)
}

/** Returns the deletions in the log, as `namespace/id` of the vector. */
async function deletions(user: TestUser): Promise<string[]> {
  const events = (await user.events()).filter(({ event }) => event === DELETED)
  return events.map(({ data }) => {
    const { vector_id, namespace, ...rest } = data as Record<string, string>
    expect(rest).toEqual({ project_id: user.project_id, user_id: user.user_id, source: 'api' })
    return `${namespace}/${vector_id}`
  })
}

const listed = async (user: TestUser, query = '') => {
  const { body } = await user.get(`${user.database}/vectors?${query}`)
  return body.vectors.map(({ vector_id }: { vector_id: string }) => vector_id)
}

test('an upsert that replaces a vector keeps the old one as the before-image of its event', async () => {
  const user = await app.newUser()
  const first = { vector_embedding: [0.5, -2, 1e-7], document: 'old', vector_metadata: { a: 1 }, source: 'import' }
  await store(user, [
    { vector_id: 'v', ...first },
    { vector_id: 'v', vector_embedding: [1, 0] },
  ])
  await store(user, [{ vector_id: 'v', vector_embedding: [1, 0] }], 'other')
  expect(await images(user)).toEqual([
    {
      event: STORED,
      n: 0,
      vector: 'v',
      document: 'old',
      metadata: { a: 1 },
      source: 'import',
      vectors: ['[0.5,-2,1e-07]', null],
    },
  ])
  expect(await user.trail()).toEqual({ events: [STORED, STORED, STORED], runs: [] })
})

test('a batch keeps each vector that it replaces as a before-image of its one event', async () => {
  const user = await app.newUser()
  await store(user, [
    { vector_id: 'a', vector_embedding: [1, 0], vector_metadata: { n: 1 } },
    { vector_id: 'b', document: 'words only' },
  ])
  const batch = await user.post(`${user.database}/vectors/upsert-batch`, [
    { vector_id: 'b', vector_embedding: [3, 3] },
    { vector_id: 'new', vector_embedding: [0, 1] },
    { vector_id: 'a', vector_embedding: [2, 2] },
  ])
  expect(batch.body.success_count).toBe(3)
  const kept = await images(user)
  expect(kept.map(({ event, n }) => [event, n])).toEqual([
    [BATCH, 0],
    [BATCH, 1],
  ])
  const common = { source: 'api', event: BATCH, n: expect.any(Number) }
  expect(kept.sort((a, b) => (a.vector < b.vector ? -1 : 1))).toEqual([
    { ...common, vector: 'a', document: null, metadata: { n: 1 }, vectors: ['[1,0]', null] },
    { ...common, vector: 'b', document: 'words only', metadata: {}, vectors: [null, null] },
  ])
  expect(await user.trail()).toEqual({ events: [STORED, STORED, BATCH], runs: [] })
})

test('vectors are deleted by id, with one event and the vector as it was for each', async () => {
  const user = await app.newUser()
  await store(user, [
    { vector_id: 'a', vector_embedding: [1, 0], vector_metadata: { n: 1 } },
    { vector_id: 'b', vector_embedding: [0, 1] },
    { vector_id: 'c', document: 'text' },
  ])
  await store(user, [{ vector_id: 'a', vector_embedding: [1, 1] }], 'other')
  const deleted = await user.post(`${user.database}/vectors/delete`, { vector_ids: ['c', 'none', 'a', 'c'] })
  expect(deleted).toMatchObject({
    status: 200,
    body: { deleted_count: 2, vector_ids: ['a', 'c'], missing_ids: ['none'], has_more: false },
  })
  expect(await deletions(user)).toEqual(['default/a', 'default/c'])
  const common = { source: 'api', event: DELETED, n: 0 }
  expect(await images(user)).toEqual([
    { ...common, vector: 'a', document: null, metadata: { n: 1 }, vectors: ['[1,0]', null] },
    { ...common, vector: 'c', document: 'text', metadata: {}, vectors: [null, null] },
  ])
  expect(await listed(user)).toEqual(['b', 'a'])
  const again = await user.post(`${user.database}/vectors/delete`, { ids: ['a'] })
  expect(again.body).toEqual({ deleted_count: 0, vector_ids: [], missing_ids: ['a'], has_more: false })
})

test('the vectors of a filter are deleted, oldest first, up to the limit', async () => {
  const user = await app.newUser()
  const item = (vector_id: string, n: number) => ({ vector_id, vector_embedding: [1], vector_metadata: { n } })
  await store(user, [item('a', 1), item('b', 2), item('c', 3), item('d', 4)])
  await store(user, [item('e', 4)], 'other')
  const remove = async (body: object) => (await user.post(`${user.database}/vectors/delete`, body)).body
  expect(await remove({ metadata_filter: { n: { $gte: 2 } }, limit: 2 })).toEqual({
    deleted_count: 2,
    vector_ids: ['b', 'c'],
    missing_ids: [],
    has_more: true,
  })
  expect(await remove({ filter: { n: { $gte: 2 } }, limit: 0 })).toMatchObject({ vector_ids: ['d'], has_more: false })
  expect(await remove({ namespace: 'other', confirm_large_operation: true })).toMatchObject({ vector_ids: ['e'] })
  expect(await remove({ limit: 5 })).toMatchObject({ vector_ids: ['a'], has_more: false })
  expect(await deletions(user)).toEqual(['default/b', 'default/c', 'default/d', 'other/e', 'default/a'])
})

test('a deletion of many needs ids, a filter or a confirmation, and says which field is wrong', async () => {
  const user = await app.newUser()
  await store(user, [{ vector_id: 'a', vector_embedding: [1] }])
  for (const [body, field] of [
    [{}, 'vector_ids'],
    [{ namespace: 'default' }, 'vector_ids'],
    [{ metadata_filter: {} }, 'metadata_filter'],
    [{ vector_ids: [] }, 'vector_ids'],
    [{ vector_ids: ['a'], metadata_filter: { n: 1 } }, 'metadata_filter'],
    [{ vector_ids: [1] }, 'vector_ids'],
    [{ vector_ids: ['a'], limit: 10_001 }, 'limit'],
  ] as const) {
    const refused = await user.post(`${user.database}/vectors/delete`, body)
    expect(refused.status, JSON.stringify(body)).toBe(422)
    expect(refused.body.detail[0].loc.slice(0, 2)).toEqual(['body', field])
  }
  const wrong = await user.post(`${user.database}/vectors/delete`, { metadata_filter: { n: { $near: 1 } } })
  expect(wrong).toMatchObject({ status: 422, body: { code: 'invalid' } })
  const stranger = await app.newUser()
  expect((await stranger.post(`${user.database}/vectors/delete`, { vector_ids: ['a'] })).status).toBe(404)
  expect(await listed(user)).toEqual(['a'])
  expect(await user.trail()).toEqual({ events: [STORED], runs: [] })
})

/** Stores `count` vectors of one dimension directly. */
const seed = (user: TestUser, namespace: string, count: number) =>
  app.system.database.query(sql`
    insert into zerodb_vectors (project_id, namespace, vector_id, embedding, metadata, source)
    select ${user.project_id}::uuid, ${namespace}, n::text, '[1]'::vector, jsonb_build_object('n', n), 'api'
    from generate_series(1, ${count}::int) n`)

test('more vectors than one request may delete are refused as a whole', async () => {
  const user = await app.newUser()
  await seed(user, 'default', 10_001)
  const url = `${user.database}/vectors/delete`
  const refused = await user.post(url, { metadata_filter: { n: { $gt: 0 } } })
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } })
  expect(refused.body.detail).toContain('More than 10000 vectors match')
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  expect((await user.post(url, { limit: 10_000 })).body).toMatchObject({ deleted_count: 10_000, has_more: true })
  expect((await user.get(`${user.database}/vectors`)).body.total).toBe(1)
})

test('a list of vectors can be filtered by metadata', async () => {
  const user = await app.newUser()
  const item = (vector_id: string, n: number) => ({ vector_id, vector_embedding: [1], vector_metadata: { n } })
  await store(user, [item('a', 1), item('b', 2), item('c', 2)])
  await store(user, [item('d', 2)], 'other')
  const filter = (value: unknown) => `metadata_filter=${encodeURIComponent(JSON.stringify(value))}`
  expect(await listed(user, filter({ n: 2 }))).toEqual(['b', 'c', 'd'])
  expect(await listed(user, `namespace=default&${filter({ n: { $gt: 1 } })}`)).toEqual(['b', 'c'])
  const counted = await user.get(`${user.database}/vectors?count_only=true&${filter({ n: 2 })}`)
  expect(counted.body).toMatchObject({ vectors: [], total: 3, total_is_exact: true })
  expect((await user.get(`${user.database}/vectors?limit=1&${filter({ n: 2 })}`)).body.total).toBe(3)
  for (const text of ['no', '[1]', '1', '{"n":']) {
    const refused = await user.get(`${user.database}/vectors?metadata_filter=${encodeURIComponent(text)}`)
    expect(refused.status, text).toBe(422)
    expect(refused.body.detail[0].loc).toEqual(['query', 'metadata_filter'])
  }
})

test('the namespaces of a project are listed by name with the number of their vectors, page by page', async () => {
  const user = await app.newUser()
  expect((await user.get(`${user.database}/vectors/namespaces`)).body).toEqual({ items: [], next_cursor: null })
  await store(user, [{ vector_id: 'a', vector_embedding: [1] }], 'small')
  await store(user, [{ vector_id: 'a', document: 'x' }], 'Ünï')
  await seed(user, 'large', 10_001)
  await store(await app.newUser(), [{ vector_id: 'a', vector_embedding: [1] }], 'of another')
  const expected = [
    { namespace: 'large', vector_count: 10_000, count_is_exact: false },
    { namespace: 'small', vector_count: 1, count_is_exact: true },
    { namespace: 'Ünï', vector_count: 1, count_is_exact: true },
  ]
  const whole = await user.get(`${user.database}/vectors/namespaces`)
  expect(whole.body.items).toHaveLength(3)
  expect(whole.body.items).toEqual(expect.arrayContaining(expected))
  const paged: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: unknown[]; next_cursor: string | null } = (
      await user.get(`${user.database}/vectors/namespaces?limit=1${cursor && `&cursor=${cursor}`}`)
    ).body
    paged.push(...page.items)
    cursor = page.next_cursor
  }
  expect(paged).toEqual(whole.body.items)
  for (const cursor of ['%00', 'AA', 'not a cursor'])
    expect((await user.get(`${user.database}/vectors/namespaces?cursor=${cursor}`)).status, cursor).toBe(422)
})

test('statistics of vectors count up to a limit, and say when there are more', async () => {
  const user = await app.newUser()
  const stats = async (query = '') => (await user.get(`${user.database}/vectors/stats${query}`)).body
  const exact = { total_is_exact: true, namespaces_is_exact: true }
  expect(await stats()).toEqual({
    ...exact,
    total_vectors: 0,
    namespaces: 0,
    avg_dimensions: null,
    total_size_mb: 0,
  })
  await store(user, [
    { vector_id: 'a', vector_embedding: Array(1000).fill(0.5) },
    { vector_id: 'b', vector_embedding: Array(500).fill(0.5) },
    { vector_id: 'c', document: 'no embedding' },
  ])
  await seed(user, 'large', 10_001)
  const one = await stats('?namespace=default')
  expect(one).toEqual({
    ...exact,
    total_vectors: 3,
    namespaces: 1,
    avg_dimensions: 750,
    total_size_mb: expect.closeTo(0.006, 3),
  })
  expect(await stats()).toMatchObject({ total_vectors: 10_000, total_is_exact: false, namespaces: 2 })
  expect(await stats('?namespace=none')).toMatchObject({ total_vectors: 0, namespaces: 0 })
  expect((await (await app.newUser()).get(`${user.database}/vectors/stats`)).status).toBe(404)
})

test('vectors of 2,001 to 4,000 dimensions can have an index, which finds the nearest and accepts large numbers', async () => {
  const user = await app.newUser()
  const { store: tables } = app.system.app
  const dims = 2500
  const embedding = (at: number, value: number) => Array.from({ length: dims }, (_, i) => (i === at ? value : 0))
  await store(user, [
    { vector_id: 'a', vector_embedding: embedding(0, 1) },
    { vector_id: 'b', vector_embedding: embedding(1, 1e6) },
  ])
  expect(await tables.vectorSearch.dimsWithoutIndex(2)).not.toContain(dims)
  expect(await tables.vectorSearch.dimsWithoutIndex(2, 4000)).toContain(dims)
  await tables.vectorSearch.buildIndex(dims, tables.kind === 'postgres')
  expect(await tables.vectorSearch.dimsWithoutIndex(2, 4000)).not.toContain(dims)
  await store(user, [{ vector_id: 'c', vector_embedding: embedding(2, -1e6) }])
  const found = await user.post(`${user.database}/vectors/search`, { query_vector: embedding(1, 5), limit: 1 })
  expect(found.body).toMatchObject({ vectors: [{ vector_id: 'b', similarity: 1 }] })
  const space = { namespace: 'default', dims, model: null }
  const scope = { user_id: user.user_id, project_id: user.project_id }
  const options = { limit: 1, threshold: null, filter: null, canBeHalf: true }
  const half = await tables.vectorSearch.search(scope, space, Float32Array.from(embedding(2, -1)), options)
  expect(half.rows).toMatchObject([{ vector_id: 'c', similarity: 1 }])
})

test('a hybrid search fuses the ranks by similarity and by words, and explains them', async () => {
  const user = await app.newUser()
  await store(user, [
    { vector_id: 'both', vector_embedding: [1, 0.1], document: 'The parcel A17 is late' },
    { vector_id: 'near', vector_embedding: [1, 0], document: 'Something else' },
    {
      vector_id: 'words',
      vector_embedding: [-1, 0],
      document: 'Parcel A17: parcel A17 was paid',
      vector_metadata: { n: 1 },
    },
    { vector_id: 'bare', vector_embedding: [0, 1] },
  ])
  await store(user, [{ vector_id: 'elsewhere', vector_embedding: [1, 0], document: 'parcel A17' }], 'other')
  const search = async (body: object) => {
    const reply = await user.post(`${user.database}/vectors/search`, {
      query_vector: [1, 0],
      query: 'parcels A17',
      hybrid: true,
      ...body,
    })
    expect(reply.status).toBe(200)
    return reply.body
  }
  const { results, total_count, total_is_exact } = await search({ explain: true })
  const ranks = results.map(({ vector_id, explain }: { vector_id: string; explain: object }) => [vector_id, explain])
  expect(Object.fromEntries(ranks)).toEqual({
    both: { vector_rank: 2, word_rank: 2 },
    words: { vector_rank: 4, word_rank: 1 },
    near: { vector_rank: 1, word_rank: null },
    bare: { vector_rank: 3, word_rank: null },
  })
  expect({ total_count, total_is_exact }).toEqual({ total_count: 4, total_is_exact: true })
  expect(ranks.map(([id]: [string]) => id)).toEqual(['both', 'words', 'near', 'bare'])
  expect(results[0]).toMatchObject({ vector_id: 'both', score: expect.closeTo((61 / 62 + 61 / 62) / 2, 6) })
  expect(results[1]).toMatchObject({ similarity: -1, distance: 2, score: expect.closeTo((61 / 64 + 1) / 2, 6) })
  expect((await search({ limit: 1 })).results).toMatchObject([{ vector_id: 'both' }])
  expect((await search({})).results[0]).not.toHaveProperty('explain')
  expect((await search({ metadata_filter: { n: 1 } })).results).toMatchObject([{ vector_id: 'words' }])
  expect((await search({ threshold: 0.9 })).results).toHaveLength(2)
  expect((await search({ query: 'the' })).results[0]).toMatchObject({ vector_id: 'near' })
  const refused = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0], hybrid: true })
  expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'query'] }] } })
})

test('a document with more words than an index can hold is stored, and found by its first words', async () => {
  const user = await app.newUser()
  const document = `alpha ${Array.from({ length: 200_000 }, (_, n) => `w${n}`).join(' ')}`
  await store(user, [{ vector_id: 'long', vector_embedding: [1], document }])
  const body = { query_vector: [-1], query: 'alpha', hybrid: true, explain: true }
  const found = await user.post(`${user.database}/vectors/search`, body)
  expect(found.body.results).toMatchObject([{ vector_id: 'long', explain: { word_rank: 1 } }])
})

test.each([
  ['by similarity', { query_vector: [1, 0] }],
  ['by similarity and words', { query: 'late parcel', query_vector: [1, 0], hybrid: true }],
  ['with a filter and a threshold', { query_vector: [1, 0], metadata_filter: { part: 1 }, threshold: 0.5 }],
])('the pages of a search have each vector once, also equal ones: %s', async (_, search) => {
  const user = await app.newUser()
  const vectors = Array.from({ length: 60 }, (_, n) => ({
    vector_id: `v${n}`,
    // Groups of ten vectors are equal.
    vector_embedding: [Math.cos(Math.floor(n / 10) / 4), Math.sin(Math.floor(n / 10) / 4)],
    vector_metadata: { part: n % 2 },
    document: n % 3 === 0 ? 'The parcel is late' : 'Something else',
  }))
  await store(user, vectors)
  const whole = (await user.post(`${user.database}/vectors/search`, { ...search, limit: 100 })).body
  expect(whole.next_cursor).toBeNull()
  const pages: { vector_id: string; similarity: number }[][] = []
  let cursor: string | null = null
  do {
    const body: object = { ...search, limit: 7, ...(cursor === null ? {} : { cursor }) }
    const reply = await user.post(`${user.database}/vectors/search`, body)
    expect(reply).toMatchObject({ status: 200, body: { total_count: whole.total_count } })
    pages.push(reply.body.vectors)
    cursor = reply.body.next_cursor
  } while (cursor !== null)
  const ids = pages.flat().map(({ vector_id }) => vector_id)
  expect(ids.toSorted()).toEqual(whole.vectors.map(({ vector_id }: { vector_id: string }) => vector_id).toSorted())
  expect(pages.map(({ length }) => length)).toEqual([
    ...Array(Math.floor(ids.length / 7)).fill(7),
    ...(ids.length % 7 === 0 ? [] : [ids.length % 7]),
  ])
  if (!('hybrid' in search)) {
    const similarities = pages.flat().map(({ similarity }) => similarity)
    expect(similarities).toEqual(similarities.toSorted((a, b) => b - a))
  }
})

test('a cursor of a search is refused for another search', async () => {
  const user = await app.newUser()
  await store(user, [
    { vector_id: 'a', vector_embedding: [1, 0] },
    { vector_id: 'b', vector_embedding: [0, 1] },
  ])
  const search = { query_vector: [1, 0.5], limit: 1 }
  const { next_cursor: cursor } = (await user.post(`${user.database}/vectors/search`, search)).body
  const last = await user.post(`${user.database}/vectors/search`, { ...search, cursor, limit: 5 })
  expect(last.body).toMatchObject({ vectors: [{ vector_id: 'b' }], total_count: 2, next_cursor: null })
  const refused = {
    status: 422,
    body: { detail: 'cursor: send the next_cursor of the previous page of the same list' },
  }
  for (const changed of [
    { query_vector: [1, 0.6] },
    { threshold: 0 },
    { metadata_filter: { n: 1 } },
    { namespace: 'other' },
    { cursor: 'x' },
    { cursor: '' },
  ])
    expect(await user.post(`${user.database}/vectors/search`, { ...search, cursor, ...changed })).toMatchObject(refused)
})
