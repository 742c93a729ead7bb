import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const EVENT_ID = /^evt_[0-9a-f]+$/
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

test('a vector upsert stores the vector and emits exactly one event', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert`, {
    vector_id: 'v1',
    vector_embedding: [0.5, 0.25, 0],
    vector_metadata: { colour: 'red' },
    document: 'a red thing',
  })
  expect(reply.status).toBe(200)
  expect(reply.body).toMatchObject({
    vector_id: 'v1',
    project_id: user.project_id,
    namespace: 'default',
    vector_embedding: [0.5, 0.25, 0],
    dimension: 3,
    vector_metadata: { colour: 'red' },
    document: 'a red thing',
    source: 'api',
  })
  const events = await user.events()
  expect(events).toEqual([
    {
      id: expect.stringMatching(EVENT_ID),
      event: 'zerodb.vector.stored',
      channel: 'zerodb',
      data: {
        vector_id: 'v1',
        project_id: user.project_id,
        namespace: 'default',
        source: 'api',
        user_id: user.user_id,
      },
      timestamp: expect.stringMatching(ISO),
      // Written by the user: a chain begins here.
      chain_id: events[0]!.id,
      depth: 0,
      caused_by: null,
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('a batch emits one event with the number of stored rows, and no single events', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert-batch`, [
    { vector_id: 'a', vector_embedding: [1, 0] },
    { vector_id: 'b', vector_embedding: [0, 1] },
    { vector_id: 'a', vector_embedding: [1, 1] },
  ])
  expect(reply.status).toBe(200)
  expect(reply.body).toMatchObject({ success_count: 2, error_count: 0, inserted: 2, errors: [] })
  expect((await user.events()).map(({ event, data }) => ({ event, data }))).toEqual([
    { event: 'zerodb.vector.batch_stored', data: { project_id: user.project_id, count: 2, user_id: user.user_id } },
  ])
  expect((await user.get(`${user.database}/vectors/a`)).body.vector_embedding).toEqual([1, 1])
})

test('a batch with one invalid item is refused with its index and stores nothing', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/vectors/upsert-batch`, {
    vectors: [
      { id: 'a', vector_embedding: [1, 0] },
      { id: 'b', vector_embedding: 'no' },
    ],
  })
  expect(reply.status).toBe(422)
  expect(reply.body.detail).toEqual([
    {
      type: 'list_type',
      loc: ['body', 'vectors', 1, 'vector_embedding'],
      msg: 'Input should be a valid list',
      input: 'no',
    },
  ])
  expect(await user.events()).toEqual([])
  expect((await user.get(`${user.database}/vectors`)).body).toEqual({
    vectors: [],
    total: 0,
    total_is_exact: true,
    next_cursor: null,
  })
})

test('auto_embed embeds a document, and a text search finds it', async () => {
  const user = await app.newUser()
  const hook = await user.hook('zerodb.vector.stored', 'auto_embed', {
    hook_config: { model: 'bge-m3', dimensions: 1024 },
  })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'cat', document: 'A cat sleeps on the sofa' })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'tax', document: 'The tax return is due in April' })
  const runs = await user.runs()
  expect(runs.map(({ hook_id, status, attempts, handler }) => ({ hook_id, status, attempts, handler }))).toEqual([
    { hook_id: hook.id, status: 'succeeded', attempts: 1, handler: 'auto_embed' },
    { hook_id: hook.id, status: 'succeeded', attempts: 1, handler: 'auto_embed' },
  ])
  expect(runs[0]!.result).toEqual({ requested: 'bge-m3', used: 'use-lite', dimensions: 512, embedded: 1 })
  expect(runs[0]!.logs[0]!.message).toContain('bge-m3')
  const found = await user.post(`${user.database}/vectors/search`, { query: 'kitten on a couch', limit: 2 })
  expect(found.body.vectors.map((vector: { vector_id: string }) => vector.vector_id)).toEqual(['cat', 'tax'])
  expect(found.body.model).toBe('use-lite')
  expect((await user.events()).length).toBe(2)
})

const STORED = 'zerodb.vector.stored'
const DELETED = 'zerodb.vector.deleted'
const BATCH = 'zerodb.vector.batch_stored'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

test('a vector without an id gets a UUID, and can be read by it', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/vectors/upsert`, { vector_embedding: [1, 0] })
  expect(stored.status).toBe(200)
  expect(stored.body.vector_id).toMatch(UUID)
  const read = await user.get(`${user.database}/vectors/${stored.body.vector_id}`)
  expect(read.status).toBe(200)
  expect(read.body).toEqual(stored.body)
  expect((await user.events()).map(({ data }) => data)).toMatchObject([{ vector_id: stored.body.vector_id }])
})

test('namespaces are separate: the same id, searches and deletion in one do not affect the other', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [1, 0], namespace: 'a' })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [0, 1], namespace: 'b' })
  expect((await user.events()).map(({ data }) => data)).toMatchObject([{ namespace: 'a' }, { namespace: 'b' }])
  expect((await user.get(`${user.database}/vectors/v?namespace=b`)).body.vector_embedding).toEqual([0, 1])
  const inA = await user.post(`${user.database}/vectors/search`, { query_vector: [0, 1], namespace: 'a' })
  expect(inA.body.vectors).toMatchObject([{ vector_id: 'v', namespace: 'a', similarity: 0 }])
  const inDefault = await user.post(`${user.database}/vectors/search`, { query_vector: [0, 1] })
  expect(inDefault).toMatchObject({ status: 200, body: { vectors: [], results: [], total_count: 0, model: null } })

  expect((await user.delete(`${user.database}/vectors/v?namespace=a`)).status).toBe(204)
  expect((await user.get(`${user.database}/vectors/v?namespace=a`)).status).toBe(404)
  expect((await user.get(`${user.database}/vectors?namespace=b`)).body.total).toBe(1)
  expect(await user.trail()).toEqual({ events: [STORED, STORED, DELETED], runs: [] })
})

test('an upsert of the same id replaces the vector, keeps one row and emits each time', async () => {
  const user = await app.newUser()
  const first = await user.post(`${user.database}/vectors/upsert`, {
    vector_id: 'v',
    vector_embedding: [1, 0],
    document: 'old',
    vector_metadata: { a: 1 },
    source: 'import',
  })
  const second = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [0, 1, 0] })
  expect(second.body).toMatchObject({ dimension: 3, document: null, metadata: {}, source: 'api' })
  expect(second.body.created_at).toBe(first.body.created_at)
  expect(second.body.updated_at > first.body.updated_at).toBe(true)
  expect((await user.get(`${user.database}/vectors`)).body).toEqual({
    vectors: [second.body],
    total: 1,
    total_is_exact: true,
    next_cursor: null,
  })
  expect((await user.events()).map(({ data }) => data)).toMatchObject([{ source: 'import' }, { source: 'api' }])
})

test('a document alone is stored without an embedding, and a vector search does not find it', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'd', document: 'words' })
  expect(stored).toMatchObject({ status: 200, body: { vector_embedding: null, dimension: null, model: null } })
  const found = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0] })
  expect(found).toMatchObject({ status: 200, body: { vectors: [] } })
  expect(await user.trail()).toEqual({ events: [STORED], runs: [] })
})

test('a vector with neither embedding nor document is refused, and the error names the field', async () => {
  const user = await app.newUser()
  const blank = [{ document: '' }, { document: ' \n' }]
  for (const body of [{ vector_id: 'v' }, ...blank, { vector_embedding: null }, {}]) {
    const reply = await user.post(`${user.database}/vectors/upsert`, body)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toEqual([
      {
        type: 'missing',
        loc: ['body', 'vector_embedding'],
        msg: 'Field required: send vector_embedding, or a document with text to be embedded',
      },
    ])
  }
  const batch = await user.post(`${user.database}/vectors/upsert-batch`, [{ document: 'fine' }, { vector_id: 'v' }])
  expect(batch.status).toBe(422)
  expect(batch.body.detail).toMatchObject([{ type: 'missing', loc: ['body', 'vectors', 1, 'vector_embedding'] }])
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('camelCase bodies are accepted, and responses use snake_case', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/vectors/upsert`, {
    vectorId: 'v',
    vectorEmbedding: [1, 0],
    vectorMetadata: { someKey: 'kept as it is' },
  })
  expect(stored).toMatchObject({ status: 200, body: { vector_id: 'v', metadata: { someKey: 'kept as it is' } } })
  const batch = await user.post(`${user.database}/vectors/upsert-batch`, [{ vectorId: 'w', vectorEmbedding: [0, 1] }])
  expect(batch.body.vector_ids).toEqual(['w'])
  const found = await user.post(`${user.database}/vectors/search`, {
    queryVector: [1, 0],
    topK: 1,
    similarityThreshold: 0.9,
    metadataFilter: { someKey: 'kept as it is' },
  })
  expect(found.body.vectors).toMatchObject([{ vector_id: 'v', similarity: 1 }])
  expect(await user.trail()).toEqual({ events: [STORED, BATCH], runs: [] })
})

test('other names of the fields are accepted, too', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert`, { id: 'near', vector: [1, 0], metadata: { colour: 'red' } })
  await user.post(`${user.database}/vectors/upsert`, { id: 'far', embedding: [0, 1], metadata: { colour: 'blue' } })
  const ids = async (body: object) => {
    const reply = await user.post(`${user.database}/vectors/search`, body)
    expect(reply.status).toBe(200)
    return reply.body.results.map((match: { vector_id: string }) => match.vector_id)
  }
  expect(await ids({ vector: [1, 0], top_k: 1 })).toEqual(['near'])
  expect(await ids({ query_embedding: [1, 0], topK: 1 })).toEqual(['near'])
  expect(await ids({ query_vector: [1, 0], filter: { colour: 'blue' } })).toEqual(['far'])
  expect(await ids({ query_vector: [1, 0], filter_metadata: { colour: 'blue' } })).toEqual(['far'])
  expect(await ids({ query_vector: [1, 0], similarity_threshold: 0.5 })).toEqual(['near'])
})

test('a search returns the nearest first, with score and distance, and respects filter, threshold and limit', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert-batch`, [
    { id: 'same', vector: [2, 0], metadata: { n: 1, tag: { kind: 'x' } } },
    { id: 'close', vector: [1, 1], metadata: { n: 2, tag: { kind: 'x' } } },
    { id: 'across', vector: [0, 1], metadata: { n: 3 } },
    { id: 'opposite', vector: [-1, 0], metadata: { n: 'four' } },
  ])
  const search = async (rest: object) => {
    const reply = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0], ...rest })
    expect(reply.status).toBe(200)
    expect(reply.body.total_count).toBeGreaterThanOrEqual(reply.body.vectors.length)
    return reply.body.vectors
  }
  const ids = async (rest: object) => (await search(rest)).map((match: { vector_id: string }) => match.vector_id)

  const all = await search({})
  expect(all.map((match: { vector_id: string }) => match.vector_id)).toEqual(['same', 'close', 'across', 'opposite'])
  for (const match of all) {
    expect(match.score).toBe(match.similarity)
    expect(match.distance).toBeCloseTo(1 - match.similarity, 6)
    expect(match.metadata).toEqual(match.vector_metadata)
  }
  expect(all[1].similarity).toBeCloseTo(Math.SQRT1_2, 6)
  expect(all[3].similarity).toBeCloseTo(-1, 6)
  expect(await ids({ limit: 2 })).toEqual(['same', 'close'])
  expect(await ids({ threshold: 0.5 })).toEqual(['same', 'close'])
  expect(await ids({ metadata_filter: { n: { $gte: 2 } } })).toEqual(['close', 'across'])
  expect(await ids({ metadata_filter: { 'tag.kind': 'x' }, limit: 1 })).toEqual(['same'])
  expect(await ids({ metadata_filter: { n: { $in: [3, 'four'] } } })).toEqual(['across', 'opposite'])
  const unknown = await user.post(`${user.database}/vectors/search`, {
    query_vector: [1, 0],
    metadata_filter: { n: { $near: 1 } },
  })
  expect(unknown.status).toBe(422)
  expect(unknown.body.detail).toContain('$near')
})

test('a zero vector is similar to none: it never reaches a threshold', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert-batch`, [
    { id: 'zero', vector: [0, 0] },
    { id: 'same', vector: [1, 0] },
  ])
  const found = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0], threshold: 0.5 })
  expect(found.body.vectors).toMatchObject([{ vector_id: 'same' }])
  const all = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0] })
  expect(all.body.vectors).toMatchObject([{ vector_id: 'same' }, { vector_id: 'zero', similarity: 0, distance: 1 }])
})

test('a search with another number of dimensions is refused and lists the existing ones', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert-batch`, [
    { vector: [1, 0] },
    { vector: [0, 1] },
    { vector: [1, 0, 0] },
  ])
  const reply = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0, 0, 0] })
  expect(reply.status).toBe(422)
  expect(reply.body).toMatchObject({
    code: 'dimension_mismatch',
    detail: 'The query has 4 dimensions; namespace "default" has 2 (your own vectors), 3 (your own vectors)',
  })
  const text = await user.post(`${user.database}/vectors/search`, { query: 'anything' })
  expect(text.status).toBe(422)
  expect(text.body.detail).toContain('512 dimensions (use-lite)')
  const nothing = await user.post(`${user.database}/vectors/search`, {})
  expect(nothing.status).toBe(422)
  expect(nothing.body.detail).toMatchObject([{ type: 'missing', loc: ['body', 'query_vector'] }])
})

test('vectors of different models are never compared, even with the same dimensions', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  const own = Array.from({ length: 512 }, (_, i) => (i === 0 ? 1 : 0))
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'own', vector_embedding: own })
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'text', document: 'a text' })
  expect(await user.trail()).toEqual({
    events: [STORED, STORED],
    runs: ['auto_embed succeeded', 'auto_embed succeeded'],
  })

  const search = async (body: object) => {
    const { vectors, model } = (await user.post(`${user.database}/vectors/search`, body)).body
    return { model, ids: vectors.map((match: { vector_id: string }) => match.vector_id) }
  }
  expect(await search({ query: 'a text' })).toEqual({ model: 'use-lite', ids: ['text'] })
  expect(await search({ query_vector: own })).toEqual({ model: null, ids: ['own'] })
  expect(await search({ query_vector: own, model: 'use-lite' })).toEqual({ model: 'use-lite', ids: ['text'] })
})

test('a deleted vector is gone, and deleting it again is 404', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [1] })
  const deleted = await user.delete(`${user.database}/vectors/v`)
  expect(deleted.status).toBe(204)
  expect(deleted.raw).toHaveLength(0)
  expect(await user.get(`${user.database}/vectors/v`)).toMatchObject({
    status: 404,
    body: { detail: 'Vector not found' },
  })
  expect((await user.delete(`${user.database}/vectors/v`)).status).toBe(404)
  expect(await user.trail()).toEqual({ events: [STORED, DELETED], runs: [] })
})

test('B12: a search counts all matching vectors, also beyond its limit; the count is exact up to 1,000', async () => {
  const user = await app.newUser()
  const store = async (count: number, rest: object) => {
    for (let stored = 0; stored < count; stored += 100) {
      const vectors = Array.from({ length: Math.min(100, count - stored) }, () => ({
        vector_embedding: [1, 0],
        ...rest,
      }))
      expect((await user.post(`${user.database}/vectors/upsert-batch`, { vectors })).status).toBe(200)
    }
  }
  await store(12, { vector_metadata: { kind: 'a' } })
  await store(5, { vector_metadata: { kind: 'b' }, vector_embedding: [0, 1] })
  await store(2, { namespace: 'other' })
  const counts = async (rest: object) => {
    const { status, body } = await user.post(`${user.database}/vectors/search`, { query_vector: [1, 0], ...rest })
    expect(status).toBe(200)
    return [body.vectors.length, body.total_count, body.total_is_exact]
  }
  expect(await counts({ limit: 3, metadata_filter: { kind: 'a' } })).toEqual([3, 12, true])
  expect(await counts({ limit: 3 })).toEqual([3, 17, true])
  expect(await counts({ limit: 3, threshold: 0.5 })).toEqual([3, 12, true])
  expect(await counts({ limit: 100, threshold: 0.5 })).toEqual([12, 12, true])
  expect(await counts({ limit: 17 })).toEqual([17, 17, true])
  expect(await counts({ metadata_filter: { kind: 'c' } })).toEqual([0, 0, true])
  await store(1_000, { vector_metadata: { kind: 'a' } })
  expect(await counts({ limit: 3, metadata_filter: { kind: 'a' } })).toEqual([3, 1_000, false])
  expect(await counts({ limit: 3, metadata_filter: { kind: 'b' } })).toEqual([3, 5, true])
}, 60_000)

test('the list pages through all vectors once, counts them, and can return the count alone', async () => {
  const user = await app.newUser()
  for (const id of ['a', 'b', 'c', 'd', 'e'])
    await user.post(`${user.database}/vectors/upsert`, { vector_id: id, vector_embedding: [1] })
  const ids: string[] = []
  for (const offset of [0, 2, 4]) {
    const page = (await user.get(`${user.database}/vectors?limit=2&offset=${offset}`)).body
    expect(page.total).toBe(5)
    ids.push(...page.vectors.map((vector: { vector_id: string }) => vector.vector_id))
  }
  expect(ids).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect((await user.get(`${user.database}/vectors?skip=4`)).body.vectors).toMatchObject([{ vector_id: 'e' }])
  for (const flag of ['true', '1', 'yes', 'on'])
    expect((await user.get(`${user.database}/vectors?count_only=${flag}`)).body).toEqual({
      ...{ vectors: [], total: 5, total_is_exact: true, next_cursor: null },
    })
  expect((await user.get(`${user.database}/vectors?count_only=maybe`)).status).toBe(422)
})

test('an id can be any text of 1 to 255 characters', async () => {
  const user = await app.newUser()
  const ids = ['a/b/../c?d#e', 'ключ 🔑', ' ', '%2F', 'x'.repeat(255), '🔑'.repeat(127), '語'.repeat(255)]
  for (const id of ids) {
    const stored = await user.post(`${user.database}/vectors/upsert`, { vector_id: id, vector_embedding: [1] })
    expect(stored).toMatchObject({ status: 200, body: { vector_id: id } })
    const url = `${user.database}/vectors/${encodeURIComponent(id)}`
    expect(await user.get(url)).toMatchObject({ status: 200, body: { vector_id: id } })
    expect((await user.delete(url)).status).toBe(204)
  }
  expect((await user.events()).map(({ data }) => (data as { vector_id: string }).vector_id)).toEqual(
    ids.flatMap((id) => [id, id]),
  )

  const long = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'x'.repeat(256), vector_embedding: [1] })
  expect(long.status).toBe(422)
  expect(long.body.detail).toMatchObject([
    { type: 'string_too_long', loc: ['body', 'vector_id'], ctx: { max_length: 255 } },
  ])
  const empty = await user.post(`${user.database}/vectors/upsert`, { vector_id: '', vector_embedding: [1] })
  expect(empty.body.detail).toMatchObject([
    { type: 'string_too_short', loc: ['body', 'vector_id'], ctx: { min_length: 1 } },
  ])
})

test('a changed document gets a new embedding, an unchanged one keeps its embedding', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  const upsert = (document: string, rest = {}) =>
    user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document, ...rest })
  const read = async () => (await user.get(`${user.database}/vectors/v`)).body
  await upsert('The cat sleeps')
  await app.drained()
  const first = await read()
  expect(first).toMatchObject({ dimension: 512, model: 'use-lite' })

  const again = await upsert('The cat sleeps', { vector_metadata: { seen: 'twice' } })
  expect(again.body).toMatchObject({ dimension: 512, model: 'use-lite', vector_embedding: first.vector_embedding })
  expect((await user.runs()).map(({ result }) => (result as { embedded: number }).embedded)).toEqual([1, 0])
  expect(await read()).toMatchObject({ vector_embedding: first.vector_embedding, metadata: { seen: 'twice' } })

  const changed = await upsert('The stock market fell')
  expect(changed.body).toMatchObject({ dimension: null, model: null, vector_embedding: null })
  expect((await user.runs()).map(({ result }) => (result as { embedded: number }).embedded)).toEqual([1, 0, 1])
  const second = await read()
  expect(second.model).toBe('use-lite')
  expect(second.vector_embedding).not.toEqual(first.vector_embedding)

  await upsert('The stock market fell', { vector_embedding: [1, 2] })
  await app.drained()
  expect(await read()).toMatchObject({ dimension: 2, model: null, vector_embedding: [1, 2] })
  expect((await user.events()).length).toBe(4)
})

test('auto_embed on a batch embeds the documents that need it in one run, and emits no events', async () => {
  const user = await app.newUser()
  const hook = await user.hook(BATCH, 'auto_embed')
  const reply = await user.post(`${user.database}/vectors/upsert-batch`, {
    vectors: [
      { id: 'a', document: 'A cat' },
      { id: 'b', vector_embedding: [1, 0], document: 'brought' },
      { id: 'c', document: 'A dog' },
    ],
  })
  expect(reply.body).toMatchObject({ success_count: 3, vector_ids: ['a', 'b', 'c'] })
  expect(await user.runs()).toMatchObject([
    { hook_id: hook.id, status: 'succeeded', event_type: BATCH, result: { embedded: 2, used: 'use-lite' } },
  ])
  const { vectors } = (await user.get(`${user.database}/vectors`)).body
  const sizes = Object.fromEntries(
    vectors.map((vector: { vector_id: string; dimension: number }) => [vector.vector_id, vector.dimension]),
  )
  expect(sizes).toEqual({ a: 512, b: 2, c: 512 })
  expect((await user.events()).map(({ event }) => event)).toEqual([BATCH])
})

test('a batch is a bare array or an object, and has at most ZERODB_MAX_BATCH items', async () => {
  const user = await app.newUser()
  const items = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ vector_id: `v${i}`, vector_embedding: [1] }))
  const full = await user.post(`${user.database}/vectors/upsert-batch`, items(100))
  expect(full).toMatchObject({ status: 200, body: { success_count: 100 } })
  for (const body of [items(101), { vectors: items(101) }]) {
    const reply = await user.post(`${user.database}/vectors/upsert-batch`, body)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toEqual([
      {
        type: 'too_long',
        loc: ['body', 'vectors'],
        msg: 'List should have at most 100 items',
        ctx: { max_length: 100 },
      },
    ])
  }
  const none = await user.post(`${user.database}/vectors/upsert-batch`, [])
  expect(none.status).toBe(422)
  expect(none.body.detail).toMatchObject([{ type: 'too_short', loc: ['body', 'vectors'] }])
  expect((await user.events()).map(({ data }) => data)).toMatchObject([{ count: 100 }])
})
