import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { instant } from '../../support/gate.ts'

const STORED = 'zerodb.vector.stored'
const INSERTED = 'zerodb.table.row_inserted'
const TEST_FILTER = '/api/v1/hooks/test-filter'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

async function insert(user: TestUser, rows: unknown[], table = 't'): Promise<void> {
  await user.post(`${user.database}/tables`, { table_name: table })
  const reply = await user.post(`${user.database}/tables/${table}/rows`, { rows })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
}

describe('a filter', () => {
  // Each row describes itself.
  const ROWS = [
    { is: 'ten', n: 10, tags: ['a', 'b'], nested: { deep: [{ x: 1 }, { x: 2 }] } },
    { is: 'text', n: '10', tags: 'abc' },
    { is: 'null', n: null, tags: [] },
    { is: 'missing' },
    { is: 'list', n: [5, 10], tags: [['a']] },
    { is: 'object', n: { n: 10 }, tags: { a: true } },
    { is: 'false', n: false, tags: [null] },
  ]
  beforeAll(async () => {
    user = await app.newUser()
    await insert(user, ROWS)
  })

  test.each<[Record<string, unknown>, string]>([
    [{}, 'ten text null missing list object false'],
    [{ 'row.n': 10 }, 'ten list'],
    [{ 'row.n': '10' }, 'text'],
    [{ 'row.n': null }, 'null missing'],
    [{ 'row.n': { $eq: false } }, 'false'],
    [{ 'row.n': { $ne: 10 } }, 'text null missing object false'],
    [{ 'row.n': { $ne: null } }, 'ten text list object false'],
    [{ 'row.n': { $gt: 9 } }, 'ten list'],
    [{ 'row.n': { $gte: 10, $lt: 11 } }, 'ten list'],
    [{ 'row.n': { $lte: 5 } }, 'list'],
    [{ 'row.n': { $gt: '09' } }, 'text'],
    [{ 'row.n': { $in: ['10', false] } }, 'text false'],
    [{ 'row.n': { $in: [null] } }, 'null missing'],
    [{ 'row.n': { $nin: [10, '10', null] } }, 'object false'],
    [{ 'row.tags': { $contains: 'a' } }, 'ten text'],
    [{ 'row.tags': { $contains: null } }, 'false'],
    [{ 'row.tags': { $regex: '^a.c$' } }, 'text'],
    [{ 'row.tags': { $regex: '(?i)^B' } }, 'ten'],
    [{ 'row.nested': { $exists: true } }, 'ten'],
    [{ 'row.n': { $exists: false } }, 'missing'],
    [{ 'row.nested.deep.x': 2 }, 'ten'],
    [{ 'row.n.n': 10 }, 'object'],
    [{ $or: [{ 'row.is': 'ten' }, { 'row.is': 'text' }] }, 'ten text'],
    [{ $and: [{ 'row.is': { $ne: 'ten' } }, { 'row.n': { $gte: 5 } }] }, 'list'],
    [{ $not: { 'row.n': 10 } }, 'text null missing object false'],
    [{ 'data.table_name': 't' }, 'ten text null missing list object false'],
    [{ 'data.table_name': 'u' }, ''],
    [{ 'data.nothing': { $gt: 1 } }, ''],
  ])('%j matches %s', async (filter, met) => {
    const { status, body } = await user.post(TEST_FILTER, { event_type: INSERTED, filter })
    expect(status).toBe(200)
    expect(
      body.items
        .filter(({ matches }: { matches: boolean }) => matches)
        .map(({ row }: { row: { is: string } }) => row.is)
        .reverse()
        .join(' '),
    ).toBe(met)
    expect({ tested: body.tested, matched: body.matched }).toEqual({
      tested: ROWS.length,
      matched: met === '' ? 0 : met.split(' ').length,
    })
  })
})

describe('rows, vectors and hooks share one filter language', () => {
  const ROWS: Record<string, unknown>[] = [
    { is: 'text', tags: 'x', 'a.b': 1, 'c\\': 1 },
    { is: 'list', tags: ['x', 'y'], a: { b: 1 } },
    { is: 'numbers', tags: [3, 7], constructor: 1 },
    { is: 'nested', tags: [['x']], 'a.b': [{ c: 2 }] },
    { is: 'none' },
  ]
  let user: TestUser
  beforeAll(async () => {
    user = await app.newUser()
    await insert(user, ROWS)
    const vectors = ROWS.map((vector_metadata, n) => ({
      vector_id: `v${n}`,
      vector_embedding: [1, n],
      vector_metadata,
    }))
    expect((await user.post(`${user.database}/vectors/upsert-batch`, { vectors })).status).toBe(200)
  })

  const below = (filter: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(filter).map(([key, value]) => [`row.${key}`, value]))
  const names = (rows: { is: string }[]) =>
    ROWS.map(({ is }) => is)
      .filter((name) => rows.some(({ is }) => is === name))
      .join(' ')
  async function found(filter: Record<string, unknown>): Promise<string[]> {
    const rows = await user.post(`${user.database}/tables/t/query`, { filters: filter })
    const search = { query_vector: [1, 0], metadata_filter: filter }
    const vectors = await user.post(`${user.database}/vectors/search`, search)
    const tried = await user.post(TEST_FILTER, { event_type: INSERTED, filter: below(filter) })
    expect([rows.status, vectors.status, tried.status]).toEqual([200, 200, 200])
    return [
      names(rows.body.data.map(({ row_data }: { row_data: object }) => row_data)),
      names(vectors.body.vectors.map(({ metadata }: { metadata: object }) => metadata)),
      names(
        tried.body.items.filter(({ matches }: { matches: boolean }) => matches).map(({ row }: { row: object }) => row),
      ),
    ]
  }

  test.each<[Record<string, unknown>, string]>([
    [{ tags: 'x' }, 'text list'],
    [{ tags: { $ne: 'x' } }, 'numbers nested none'],
    [{ tags: { $in: ['y', 7] } }, 'list numbers'],
    [{ tags: { $nin: ['y', 7] } }, 'text nested none'],
    [{ tags: { $gt: 6 } }, 'numbers'],
    [{ tags: { $gt: 3, $lt: 7 } }, 'numbers'],
    [{ tags: { $regex: '^[xy]$' } }, 'text list'],
    [{ tags: { $contains: 'x' } }, 'text list'],
    [{ tags: null }, 'none'],
    [{ 'tags.1': 'y' }, 'list'],
  ])('B9: %j matches %s, for rows, vectors and hooks', async (filter, met) => {
    expect(await found(filter)).toEqual([met, met, met])
  })

  test.each<[Record<string, unknown>, string]>([
    [{ 'a.b': 1 }, 'list'],
    [{ 'a\\.b': 1 }, 'text'],
    [{ 'a\\.b.c': 2 }, 'nested'],
    [{ 'c\\\\': 1 }, 'text'],
    [{ constructor: 1 }, 'numbers'],
    [{ toString: { $exists: true } }, ''],
  ])('B3: %j addresses keys literally, for rows, vectors and hooks', async (filter, met) => {
    expect(await found(filter)).toEqual([met, met, met])
  })

  test('B3: rows are sorted, and runs ordered, by a key with a dot', async () => {
    const sorted = await user.post(`${user.database}/tables/t/query`, { sort: { 'a\\.b': -1 }, limit: 2 })
    expect(sorted.body.data.map(({ row_data }: { row_data: { is: string } }) => row_data.is)).toEqual([
      'nested',
      'text',
    ])
    const tried = await user.post(TEST_FILTER, { event_type: INSERTED, ordering_key: 'row.a\\.b' })
    expect(tried.body.items.map(({ ordering_key }: { ordering_key: string }) => ordering_key).reverse()).toEqual([
      '1',
      null,
      null,
      '[{"c": 2}]',
      null,
    ])
    await user.hook(INSERTED, 'webhook:ordered', {
      paused: true,
      hook_config: { url: 'https://hooks.example.com/' },
      ordering_key: 'row.a\\.b',
    })
    await insert(user, [{ 'a.b': 'one' }])
    expect((await user.runs()).map(({ ordering_key }) => ordering_key)).toEqual(['one'])
  })

  test.each<[string, unknown]>([
    ['repetitions within repetitions', { $regex: '^(((a{1,50}){1,50}){1,50})$' }],
    ['a pattern that needs too much memory', { $regex: '^((b{1,40}){1,40}c?){1,40}$' }],
    ['a back reference', { $regex: '(a*)*\\1' }],
    ['lookahead', { $regex: '(?=a)' }],
    ['many anchors', { $regex: '^'.repeat(11) }],
    ['an error that only the database finds', { $regex: '[b-a]' }],
    ['a comparison of lists', { $gt: [1] }],
  ])('A2: %s is 422 with the field, for rows, vectors and hooks', async (_, condition) => {
    const replies = [
      await user.post(`${user.database}/tables/t/query`, { filters: { tags: condition } }),
      await user.post(`${user.database}/vectors/search`, {
        query_vector: [1, 0],
        metadata_filter: { tags: condition },
      }),
      await user.post(TEST_FILTER, { event_type: INSERTED, filter: { 'row.tags': condition } }),
      await user.post('/api/v1/hooks', {
        event_type: INSERTED,
        hook_name: 'auto_embed',
        filter: { 'row.tags': condition },
      }),
    ]
    expect(replies.map(({ status, body }) => [status, body.detail.split(':')[0]])).toEqual([
      [422, 'filters'],
      [422, 'metadata_filter'],
      [422, 'filter'],
      [422, 'filter'],
    ])
  })
})

describe('testing a filter', () => {
  beforeEach(async () => {
    user = await app.newUser()
  })

  test('shows the latest events, newest first, with the row that the filter sees and the ordering key', async () => {
    await insert(user, [{ customer: 'a' }, { customer: '' }, { customer: 7, large: 'x'.repeat(9_000) }])
    const events = (await user.get('/api/v1/event-log')).body.items
    const { body } = await user.post(TEST_FILTER, {
      event_type: INSERTED,
      filter: { 'row.customer': { $exists: true } },
      ordering_key: 'row.customer',
      limit: 2,
    })
    expect(body).toEqual({
      tested: 2,
      matched: 2,
      items: [
        { event: events[0], row: null, previous: null, matches: true, ordering_key: '7' },
        { event: events[1], row: { customer: '' }, previous: null, matches: true, ordering_key: null },
      ],
    })
    expect(await user.trail()).toEqual({ events: Array(3).fill(INSERTED), runs: [] })
  })

  test('a row that was deleted later is shown as it was after the event; a forgotten one is null', async () => {
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'a text' })
    await user.delete(`${user.database}/vectors/v`)
    const tried = async (filter: object) => (await user.post(TEST_FILTER, { event_type: STORED, filter })).body
    const items = [{ row: { vector_id: 'v', document: 'a text' }, previous: null, matches: true }]
    expect(await tried({ 'row.document': 'a text' })).toMatchObject({ matched: 1, items })
    const { memory_id } = (await user.post(`${user.database}/memory/store`, { content: 'a text' })).body
    await user.post('/api/v1/public/memory/v2/forget', { memory_id })
    const forgotten = async (filter: object) =>
      (await user.post(TEST_FILTER, { event_type: 'zerodb.memory.stored', filter })).body
    expect(await forgotten({ 'data.memory_id': memory_id })).toMatchObject({ matched: 1, items: [{ row: null }] })
    expect(await forgotten({ 'row.content': { $exists: true } })).toMatchObject({ tested: 1, matched: 0 })
  })

  test('is limited to one project on request, and to the project of a bound key', async () => {
    const other = await user.project()
    await insert(user, [{}])
    await user.post(`/api/v1/projects/${other}/database/tables`, { table_name: 't' })
    await user.post(`/api/v1/projects/${other}/database/tables/t/rows`, { rows: [{}, {}] })
    const tested = async (body: object, key = user.key) =>
      (
        await app.request('POST', TEST_FILTER, {
          body: { event_type: INSERTED, ...body },
          headers: { 'x-api-key': key },
        })
      ).body.tested
    expect(await tested({})).toBe(3)
    expect(await tested({ project_id: other })).toBe(2)
    expect(await tested({}, await app.boundKey(user, other))).toBe(2)
  })

  test('a filter that cannot be compiled is 422 with the same message as at the creation of a hook', async () => {
    for (const filter of [
      { 'row.n': { $near: 1 } },
      { n: 1 },
      { 'row.n': { $regex: '[b-a]' } },
      { 'row.n': { $regex: '(?=a)' } },
    ]) {
      const tried = await user.post(TEST_FILTER, { event_type: INSERTED, filter })
      const made = await user.post('/api/v1/hooks', { event_type: INSERTED, hook_name: 'auto_embed', filter })
      expect({ status: made.status, detail: made.body.detail }).toEqual({
        status: 422,
        detail: expect.stringMatching(/^filter: /),
      })
      expect({ status: tried.status, detail: tried.body.detail }).toEqual({ status: 422, detail: made.body.detail })
    }
    expect((await user.post(TEST_FILTER, { event_type: INSERTED, ordering_key: 'n' })).body.detail).toMatch(
      /^ordering_key: /,
    )
    expect((await user.post(TEST_FILTER, { event_type: 'x' })).body.detail).toMatch(/^Invalid event_type "x"/)
    expect((await user.get('/api/v1/hooks?active_only=false')).body).toEqual([])
  })
})

describe('a hook with a filter', () => {
  beforeEach(async () => {
    user = await app.newUser()
  })

  const store = async (document: string, metadata: object) =>
    expect(
      (await user.post(`${user.database}/vectors/upsert`, { vector_id: document, document, vector_metadata: metadata }))
        .status,
    ).toBe(200)
  const firedFor = async () => {
    const runs = await user.runs()
    const events = await user.events()
    return runs.map(({ event_id }) => events.find(({ id }) => id === event_id)!.data['vector_id' as never])
  }

  test('creates runs for matching events only; PATCH replaces the filter, and null removes it', () =>
    app.withEmbedder(instant, async () => {
      const filter = { 'row.metadata.level': { $gte: 3 }, 'data.namespace': 'default' }
      const hook = await user.hook(STORED, 'auto_embed', { filter })
      expect(hook['filter']).toEqual(filter)
      for (const [name, level] of [
        ['low', 1],
        ['high', 5],
        ['odd', 'x'],
      ] as const)
        await store(name, { level })
      expect(await firedFor()).toEqual(['high'])
      const changed = await user.patch(`/api/v1/hooks/${hook.id}`, { filter: { 'row.metadata.level': 'x' } })
      expect(changed.body.filter).toEqual({ 'row.metadata.level': 'x' })
      for (const [name, level] of [
        ['high 2', 5],
        ['odd 2', 'x'],
      ] as const)
        await store(name, { level })
      expect(await firedFor()).toEqual(['high', 'odd 2'])
      const refused = await user.patch(`/api/v1/hooks/${hook.id}`, { filter: { 'row.n': { $regex: '(' } } })
      expect(refused.status).toBe(422)
      expect((await user.get(`/api/v1/hooks/${hook.id}`)).body).toEqual(changed.body)
      const freed = await user.patch(`/api/v1/hooks/${hook.id}`, { filter: null })
      expect(freed.body).not.toHaveProperty('filter')
      await store('low 2', { level: 1 })
      expect(await firedFor()).toEqual(['high', 'odd 2', 'low 2'])
    }))

  test('that is as expensive as allowed delays neither writes nor other hooks for long', async () => {
    const costly = { $and: Array.from({ length: 3 }, () => ({ 'row.document': { $regex: '(a|b|ab){1,16}c$' } })) }
    await user.hook(STORED, 'auto_summarize', { filter: costly })
    await user.hook(STORED, 'auto_embed')
    await app.withEmbedder(instant, async () => {
      await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'ab'.repeat(100_000) })
      expect((await user.runs()).map(({ handler, status }) => `${handler} ${status}`)).toEqual(['auto_embed succeeded'])
    })
  })
})
