import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const INSERTED = 'zerodb.table.row_inserted'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Creates a user with a table `people`, and its rows in this order. */
async function withRows(
  rows: readonly Record<string, unknown>[] = [],
): Promise<TestUser & { rows: string; query: string }> {
  const user = await app.newUser()
  expect((await user.post(`${user.database}/tables`, { table_name: 'people' })).status).toBe(201)
  const table = `${user.database}/tables/people`
  if (rows.length > 0) expect((await user.post(`${table}/rows`, { rows })).status).toBe(201)
  return { ...user, rows: `${table}/rows`, query: `${table}/query` }
}

test('a table is created once; another one with its name is 409, in another project it is not', async () => {
  const user = await app.newUser()
  const body = { name: 'people', schema: { name: 'text' }, description: 'Staff list' }
  const created = await user.post(`${user.database}/tables`, body)
  expect(created.status).toBe(201)
  expect(created.body).toEqual({
    table_id: expect.stringMatching(UUID),
    id: created.body.table_id,
    project_id: user.project_id,
    table_name: 'people',
    schema_definition: { name: 'text' },
    strict: false,
    unique_keys: [],
    indexes: [],
    description: 'Staff list',
    created_at: expect.any(String),
  })
  const again = await user.post(`${user.database}/tables`, { table_name: 'people' })
  expect(again).toMatchObject({
    status: 409,
    body: { detail: 'A table "people" exists already', code: 'table_exists' },
  })
  const other = await user.project()
  expect((await user.post(`/api/v1/projects/${other}/database/tables`, body)).status).toBe(201)
  expect((await user.get(`${user.database}/tables`)).body).toEqual([created.body])
  for (const name of ['people', created.body.table_id, created.body.table_id.toUpperCase()])
    expect(await user.get(`${user.database}/tables/${name}`)).toMatchObject({ status: 200, body: created.body })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('one row is returned unchanged with 201, and emits one event', async () => {
  const user = await withRows()
  const row_data = { name: 'Ann', address: { city: 'Oslo' }, tags: ['a', null], '': 0, camelCase: true }
  const inserted = await user.post(user.rows, { row_data })
  expect(inserted.status).toBe(201)
  expect(inserted.body).toEqual({
    row_id: expect.stringMatching(UUID),
    id: inserted.body.row_id,
    project_id: user.project_id,
    table_id: expect.stringMatching(UUID),
    table_name: 'people',
    row_data,
    version: 1,
    created_at: expect.any(String),
    updated_at: expect.any(String),
  })
  expect((await user.get(`${user.rows}/${inserted.body.row_id}`)).body).toEqual(inserted.body)
  expect((await user.events()).map(({ event, channel, data }) => ({ event, channel, data }))).toEqual([
    {
      event: INSERTED,
      channel: 'zerodb',
      data: {
        table_name: 'people',
        row_id: inserted.body.row_id,
        project_id: user.project_id,
        user_id: user.user_id,
      },
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('many rows are inserted by one request, in order, with one event each', async () => {
  const user = await withRows()
  const rows = Array.from({ length: 20 }, (_, n) => ({ n }))
  const inserted = await user.post(user.rows, { rows })
  expect(inserted).toMatchObject({ status: 201, body: { inserted_count: 20 } })
  expect(inserted.body.rows.map((row: { row_data: object }) => row.row_data)).toEqual(rows)
  expect(inserted.body.row_ids).toEqual(inserted.body.rows.map((row: { row_id: string }) => row.row_id))
  const events = await user.events()
  expect(events.map(({ event }) => event)).toEqual(Array(20).fill(INSERTED))
  expect(events.map(({ data }) => (data as { row_id: string }).row_id)).toEqual(inserted.body.row_ids)
  const listed = (await user.get(`${user.rows}?limit=100`)).body
  expect(listed.data.map((row: { row_id: string }) => row.row_id)).toEqual(inserted.body.row_ids)
})

test('an insert has either row_data or rows; other input stores nothing', async () => {
  const user = await withRows()
  for (const body of [{}, { row_data: { a: 1 }, rows: [{ a: 1 }] }]) {
    const reply = await user.post(user.rows, body)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([{ type: 'missing', loc: ['body', 'row_data'] }])
  }
  for (const [body, loc] of [
    [{ row_data: 'Ann' }, ['body', 'row_data']],
    [{ row_data: ['Ann'] }, ['body', 'row_data']],
    [{ rows: [{ a: 1 }, 'Ann'] }, ['body', 'rows', 1]],
  ] as const) {
    const reply = await user.post(user.rows, body)
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([{ type: 'dict_type', loc }])
  }
  expect((await user.post(user.rows, { rows: [] })).status).toBe(422)
  expect((await user.post(user.rows, { rows: Array(10_001).fill({}) })).status).toBe(422)
  expect((await user.get(user.rows)).body).toMatchObject({ total: 0, data: [] })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('rows are accessible by the table’s id and name', async () => {
  const user = await app.newUser()
  const name = 'Päöple & places/2026 🔑'
  const { table_id } = (await user.post(`${user.database}/tables`, { table_name: name })).body
  const url = (table: string) => `${user.database}/tables/${encodeURIComponent(table)}`
  const first = await user.post(`${url(name)}/rows`, { row_data: { n: 1 } })
  const second = await user.post(`${url(table_id)}/rows`, { row_data: { n: 2 } })
  expect([first.status, second.status]).toEqual([201, 201])
  for (const table of [name, table_id])
    expect((await user.post(`${url(table)}/query`, {})).body).toMatchObject({
      total: 2,
      data: [{ table_id }, { table_id }],
    })
  expect((await user.events()).map(({ data }) => (data as { table_name: string }).table_name)).toEqual([name, name])
})

const PEOPLE = [
  { id: 'ann', age: 30, city: 'Oslo', tags: ['a', 'b'], address: { zip: '0150', geo: { lat: 59.9 } }, active: true },
  { id: 'bob', age: 41, city: 'Bergen', tags: [], address: { zip: '5003' }, active: false },
  { id: 'cid', age: '35', city: 'Oslo', tags: 'a', note: null },
  { id: 'dot', city: 'oslo', tags: [1, 'a b'], address: 'unknown', age: 41.5 },
]

test('a query supports every operator; a missing field or another type does not match', async () => {
  const user = await withRows(PEOPLE)
  const ids = async (filters: unknown) => {
    const reply = await user.post(user.query, { filters })
    expect({ filters, status: reply.status }).toEqual({ filters, status: 200 })
    expect(reply.body.total).toBe(reply.body.data.length)
    return reply.body.data.map((row: { row_data: { id: string } }) => row.row_data.id).join(' ')
  }
  const cases: [unknown, string][] = [
    [{}, 'ann bob cid dot'],
    [{ city: 'Oslo' }, 'ann cid'],
    [{ city: 'Oslo', age: 30 }, 'ann'],
    [{ city: { $eq: 'Oslo' } }, 'ann cid'],
    [{ city: { $ne: 'Oslo' } }, 'bob dot'],
    [{ active: true }, 'ann'],
    [{ active: { $ne: true } }, 'bob cid dot'],
    [{ age: { $gt: 30 } }, 'bob dot'],
    [{ age: { $gte: 30 } }, 'ann bob dot'],
    [{ age: { $lt: 41 } }, 'ann'],
    [{ age: { $lte: 41 } }, 'ann bob'],
    [{ age: { $gt: 30, $lt: 41.2 } }, 'bob'],
    [{ age: { $gt: '30' } }, 'cid'],
    [{ city: { $gt: 'Oslo' } }, 'dot'],
    [{ age: { $in: [30, '35', 99] } }, 'ann cid'],
    [{ age: { $nin: [30, '35'] } }, 'bob dot'],
    [{ note: { $exists: true } }, 'cid'],
    [{ note: { $exists: false } }, 'ann bob dot'],
    [{ note: null }, 'ann bob cid dot'],
    [{ note: { $ne: null } }, ''],
    [{ tags: { $contains: 'a' } }, 'ann cid dot'],
    [{ tags: { $contains: 1 } }, 'dot'],
    [{ city: { $contains: 'slo' } }, 'ann cid dot'],
    [{ age: { $contains: '3' } }, 'cid'],
    [{ tags: { $contains: { toString: 1 } } }, ''],
    [{ city: { $contains: ['slo'] } }, ''],
    [{ city: { $regex: '^[Oo]s' } }, 'ann cid dot'],
    [{ age: { $regex: '3' } }, 'cid'],
    [{ tags: ['a', 'b'] }, 'ann'],
    [{ tags: [] }, 'bob'],
    [{ tags: { $ne: ['a', 'b'] } }, 'bob cid dot'],
    [{ tags: { $in: [[], 'a', ['b', 'a']] } }, 'ann bob cid'],
    [{ $not: { tags: { $nin: [[], 1] } } }, 'bob dot'],
    [{ address: { $contains: { geo: { lat: 59.9 } } } }, 'ann'],
    [{ tags: 'a', $or: [{ address: { zip: '5003' } }, { age: '35' }, { age: 30 }] }, 'ann cid'],
    [{ age: { $in: [...Array.from({ length: 50 }, (_, n) => n), 'x'] } }, 'ann bob'],
    [{ age: { $nin: [...Array.from({ length: 50 }, (_, n) => n), null] } }, 'cid dot'],
    [{ address: { zip: '5003' } }, 'bob'],
    [{ 'address.zip': '0150' }, 'ann'],
    [{ 'address.geo.lat': { $gt: 50 } }, 'ann'],
    [{ 'tags.0': 'a' }, 'ann'],
    [{ 'tags.1': { $regex: '^(b|a b)$' } }, 'ann dot'],
    [{ 'address.zip.deeper': 'x' }, ''],
    [{ 'address.zip': { $exists: true } }, 'ann bob'],
    [{ '': 'x' }, ''],
    [{ $and: [{ city: 'Oslo' }, { age: 30 }] }, 'ann'],
    [{ $or: [{ id: 'ann' }, { age: 41 }] }, 'ann bob'],
    [{ $not: { city: 'Oslo' } }, 'bob dot'],
    [{ $not: { age: { $gt: 30 } } }, 'ann cid'],
    [{ $or: [{ $and: [{ city: 'Oslo' }, { $not: { id: 'ann' } }] }, { 'address.zip': '5003' }] }, 'bob cid'],
    [{ city: 'Oslo', $or: [{ id: 'bob' }, { id: 'cid' }] }, 'cid'],
    [{ constructor: 'x', __proto__x: 1 }, ''],
  ]
  for (const [filters, expected] of cases)
    expect({ filters, ids: await ids(filters) }).toEqual({ filters, ids: expected })
})

test('an invalid query is 422 with the reason', async () => {
  const user = await withRows(PEOPLE)
  const deep = (levels: number): object => (levels === 0 ? { a: 1 } : { $not: deep(levels - 1) })
  for (const [filters, word] of [
    [{ age: { $above: 3 } }, '$above'],
    [{ $nor: [] }, '$nor'],
    [{ age: { $gt: 1, plain: 2 } }, 'plain'],
    [{ age: { $gt: 1, constructor: 2 } }, 'constructor'],
    [{ age: { $gt: 1, toString: 2 } }, 'toString'],
    [{ age: { $in: 3 } }, '$in'],
    [{ age: { $in: [] } }, '$in'],
    [{ $and: {} }, '$and'],
    [{ $or: ['x'] }, '$or'],
    [{ $not: [] }, '$not'],
    [{ city: { $regex: '(' } }, '$regex'],
    [{ city: { $regex: '[b-a]' } }, 'invalid regular expression'],
    [{ age: { $gt: null } }, '"$gt" compares with a number or a text'],
    [{ age: { $lte: [1] } }, '"$lte" compares with a number or a text'],
    [{ age: { $exists: 'yes' } }, '$exists'],
    [{ city: { $regex: '(a)\\1' } }, '$regex'],
    [{ city: { $regex: 5 } }, '$regex'],
    [deep(11), '10 levels'],
    [{ $and: Array.from({ length: 100 }, () => ({ a: 1 })) }, 'at most 100 conditions'],
    [{ [Array(21).fill('a').join('.')]: 1 }, '20 keys'],
    [{ a: { $in: Array(1001).fill(1) } }, '1 to 1000 values'],
    [Object.fromEntries(['a', 'b', 'c'].map((key) => [key, { $in: Array(1000).fill(1) }])), '2000 values together'],
    [{ a: { $contains: 'x'.repeat(1001) } }, '1000 characters'],
    [Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`f${i}`, i])), 'conditions'],
  ] as const) {
    const reply = await user.post(user.query, { filters })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toContain(word)
    expect(reply.body.detail).toMatch(/^filters: /)
  }
  const list = await user.post(user.query, { filters: ['n'] })
  expect(list.body.detail).toMatchObject([{ type: 'dict_type', loc: ['body', 'filters'] }])
  // Nine levels and 100 conditions are accepted.
  expect(await user.post(user.query, { filters: deep(9) })).toMatchObject({ status: 200, body: { total: 4 } })
  const wide = { $or: Array.from({ length: 99 }, (_, n) => ({ age: n })) }
  expect(await user.post(user.query, { filters: wide })).toMatchObject({ status: 200, body: { total: 2 } })
})

test('rows are sorted up and down by any path, rows without the field last, equal ones by insertion in this direction', async () => {
  const user = await withRows([
    { id: 1, n: 10, a: { b: 'x' } },
    { id: 2, n: 9, a: { b: 'y' } },
    { id: 3 },
    { id: 4, n: 10, a: { b: 'w' } },
  ])
  const ids = async (sort: unknown) => {
    const reply = await user.post(user.query, { sort })
    expect(reply.status).toBe(200)
    return reply.body.data.map((row: { row_data: { id: number } }) => row.row_data.id)
  }
  expect(await ids(null)).toEqual([1, 2, 3, 4])
  expect(await ids({ n: 1 })).toEqual([2, 1, 4, 3])
  expect(await ids({ n: -1 })).toEqual([4, 1, 2, 3])
  expect(await ids({ 'a.b': 1 })).toEqual([4, 1, 2, 3])
  expect(await ids({ n: -1, 'a.b': 1 })).toEqual([4, 1, 2, 3])
  for (const sort of [
    { n: 2 },
    { n: 'up' },
    'n',
    Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}`, 1])),
  ])
    expect((await user.post(user.query, { sort })).status).toBe(422)
})

test('pages say whether more rows follow', async () => {
  const user = await withRows(Array.from({ length: 5 }, (_, n) => ({ n })))
  const page = async (body: object) => {
    const { data, rows, execution_time_ms, total_is_exact, next_cursor, ...rest } = (await user.post(user.query, body))
      .body
    expect(execution_time_ms).toBeGreaterThanOrEqual(0)
    expect(total_is_exact).toBe(true)
    expect(next_cursor !== null).toBe(rest.has_more)
    expect(rows).toEqual(data)
    return { ...rest, n: data.map((row: { row_data: { n: number } }) => row.row_data.n) }
  }
  expect(await page({ limit: 2 })).toEqual({ total: 5, skip: 0, limit: 2, has_more: true, n: [0, 1] })
  expect(await page({ limit: 2, skip: 2 })).toEqual({ total: 5, skip: 2, limit: 2, has_more: true, n: [2, 3] })
  expect(await page({ limit: 2, offset: 4 })).toEqual({ total: 5, skip: 4, limit: 2, has_more: false, n: [4] })
  expect(await page({ filter: { n: { $gt: 2 } } })).toEqual({
    total: 2,
    skip: 0,
    limit: 100,
    has_more: false,
    n: [3, 4],
  })
  expect(await page({ skip: 9 })).toEqual({ total: 5, skip: 9, limit: 100, has_more: false, n: [] })
  expect((await user.get(`${user.rows}?limit=2&skip=3`)).body).toMatchObject({ total: 5, skip: 3, has_more: false })
  for (const wrong of [{ limit: 1001 }, { limit: -1 }, { limit: 1.5 }, { offset: -1 }])
    expect((await user.post(user.query, wrong)).status).toBe(422)
})

test('B12: rows are counted up to 10,000; then the page says that there are more', async () => {
  const user = await withRows(Array.from({ length: 10_000 }, (_, n) => ({ n, even: n % 2 === 0 })))
  const page = async (body: object) => {
    const {
      data,
      execution_time_ms: _,
      skip: __,
      limit: ___,
      next_cursor: ____,
      rows: _____,
      ...rest
    } = (await user.post(user.query, body)).body
    return { ...rest, shown: data.length }
  }
  expect(await page({ limit: 3 })).toEqual({ total: 10_000, total_is_exact: true, has_more: true, shown: 3 })
  await user.post(user.rows, { rows: [{ n: -1 }, { n: -2 }] })
  expect(await page({ limit: 3 })).toEqual({ total: 10_000, total_is_exact: false, has_more: true, shown: 3 })
  expect(await page({ limit: 3, filters: { even: true } })).toEqual({
    ...{ total: 5_000, total_is_exact: true, has_more: true, shown: 3 },
  })
  expect(await page({ limit: 1, offset: 10_000 })).toEqual({
    ...{ total: 10_002, total_is_exact: false, has_more: true, shown: 1 },
  })
  expect(await page({ limit: 5, offset: 10_000 })).toEqual({
    ...{ total: 10_002, total_is_exact: true, has_more: false, shown: 2 },
  })
  expect(await page({ offset: 1_000_000_000 })).toEqual({
    ...{ total: 10_000, total_is_exact: false, has_more: false, shown: 0 },
  })
})

test('an unknown table is 404 on every route, and so is a row', async () => {
  const user = await withRows()
  const stranger = await app.newUser()
  const missing = `${user.database}/tables/nothing`
  const replies = [
    await user.get(missing),
    await user.delete(missing),
    await user.get(`${missing}/rows`),
    await user.post(`${missing}/rows`, { row_data: {} }),
    await user.post(`${missing}/query`, {}),
    await user.get(`${missing}/rows/${randomUUID()}`),
    await user.get(`${user.rows}/${randomUUID()}`),
    await stranger.post(user.rows, { row_data: {} }),
    await stranger.post(user.query, {}),
  ]
  for (const { status, body } of replies)
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'not_found' })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  expect(await stranger.trail()).toEqual({ events: [], runs: [] })
})

test('a deleted table is gone with its rows, and its name can be used again', async () => {
  const user = await withRows([{ n: 1 }])
  const table = `${user.database}/tables/people`
  const deleted = await user.delete(table)
  expect(deleted.status).toBe(204)
  expect(deleted.raw).toHaveLength(0)
  expect((await user.delete(table)).status).toBe(404)
  expect((await user.post(`${user.database}/tables`, { table_name: 'people' })).status).toBe(201)
  expect((await user.get(user.rows)).body.total).toBe(0)
  expect(await user.trail()).toEqual({ events: [INSERTED], runs: [] })
})
