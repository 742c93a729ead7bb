import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

interface Tabled extends TestUser {
  table: string
  rows: string
  /** Returns the fields of all rows, oldest first. */
  stored(): Promise<Record<string, unknown>[]>
  /** Returns the last part of the names of all events, oldest first. */
  emitted(): Promise<string[]>
}

async function withTable(rules: object = {}, rows: object[] = []): Promise<Tabled> {
  const user = await app.newUser()
  const created = await user.post(`${user.database}/tables`, { table_name: 'people', ...rules })
  expect(created.status, JSON.stringify(created.body)).toBe(201)
  const table = `${user.database}/tables/people`
  if (rows.length > 0) expect((await user.post(`${table}/rows`, { rows })).status).toBe(201)
  return {
    ...user,
    table,
    rows: `${table}/rows`,
    stored: async () =>
      (await user.get(`${table}/rows`)).body.data.map(({ row_data }: { row_data: object }) => row_data),
    emitted: async () => (await user.events()).map(({ event }) => event.split('_').at(-1)!),
  }
}

test('a unique key refuses a second row with its values, in every kind of write, and stores nothing', async () => {
  const user = await withTable({ unique_keys: ['email', ['year', 'number']] }, [
    { email: 'a@x', year: 2026, number: 1 },
    { email: 'b@x', year: 2026, number: 2 },
    { email: null, year: 2026 },
    { year: 2026 },
  ])
  const [, second] = (await user.get(user.rows)).body.data
  const before = await user.stored()
  const refused = (detail: string) => ({ status: 409, body: { code: 'row_exists', detail } })
  const email = refused('Table "people" has a row with the same "email": update that row, or upsert')
  expect(await user.post(user.rows, { rows: [{ email: 'c@x' }, { email: 'a@x' }] })).toMatchObject(email)
  expect(await user.post(user.rows, { row_data: { year: 2026.0, number: 1.0 } })).toMatchObject(
    refused('Table "people" has a row with the same "year" and "number": update that row, or upsert'),
  )
  expect(await user.patch(`${user.rows}/${second.row_id}`, { row_data: { email: 'a@x' } })).toMatchObject(email)
  expect(
    await user.request('PUT', user.rows, { body: { filter: { number: 2 }, update: { email: 'a@x' } } }),
  ).toMatchObject(email)
  expect(await user.stored()).toEqual(before)
  expect(await user.emitted()).toEqual(Array(4).fill('inserted'))
  // The values of a deleted row are free again.
  await user.delete(`${user.rows}/${second.row_id}`)
  expect((await user.post(user.rows, { row_data: { email: 'b@x' } })).status).toBe(201)
})

test('a strict table refuses rows that its schema does not allow, in every kind of write', async () => {
  const schema_definition = {
    type: 'object',
    properties: { name: { type: 'string', minLength: 1 }, age: { type: 'integer', minimum: 0 } },
    required: ['name'],
    additionalProperties: false,
  }
  const user = await withTable({ schema_definition, strict: true }, [{ name: 'Ann', age: 30 }])
  const [row] = (await user.get(user.rows)).body.data
  const refusals = [
    await user.post(user.rows, { row_data: { age: 1 } }),
    await user.post(user.rows, { rows: [{ name: 'Bob' }, { name: '' }] }),
    await user.request('PUT', `${user.rows}/${row.row_id}`, { body: { row_data: {} } }),
    await user.patch(`${user.rows}/${row.row_id}`, { update: { $inc: { age: -31 } } }),
    await user.request('PUT', user.rows, { body: { filter: { name: 'Ann' }, update: { $set: { city: 'Oslo' } } } }),
    await user.post(`${user.rows}/upsert`, { row_data: { name: 'Ann', age: 'x' }, upsert_key: 'name' }),
  ]
  for (const refused of refusals) {
    expect(refused.status).toBe(422)
    expect(refused.body.detail[0].msg).toContain('does not match the schema of table "people"')
  }
  expect(refusals[1]!.body.detail[0].loc).toEqual(['body', 'rows', 1])
  expect(await user.stored()).toEqual([{ name: 'Ann', age: 30 }])
  expect(await user.emitted()).toEqual(['inserted'])
  expect(await user.patch(`${user.rows}/${row.row_id}`, { update: { $inc: { age: 1 } } })).toMatchObject({
    status: 200,
    body: { row_data: { name: 'Ann', age: 31 } },
  })
  expect((await user.patch(user.table, { strict: false })).body).toMatchObject({ strict: false, schema_definition })
  expect((await user.post(user.rows, { row_data: { age: 1 } })).status).toBe(201)
})

test('a strict table needs a schema, and unique keys are at most three lists of fields', async () => {
  const user = await withTable()
  const create = (rules: object) => user.post(`${user.database}/tables`, { table_name: 'other', ...rules })
  for (const [rules, loc] of [
    [{ strict: true }, ['body', 'schema_definition']],
    [{ unique_keys: ['a', 'b', 'c', 'd'] }, ['body', 'unique_keys']],
    [{ unique_keys: [[]] }, ['body', 'unique_keys', 0]],
  ] as const) {
    const refused = await create(rules)
    expect(refused.status, JSON.stringify(rules)).toBe(422)
    expect(refused.body.detail[0].loc.slice(0, loc.length)).toEqual(loc)
  }
  expect((await create({ strict: true, schema_definition: { $ref: '#/none' } })).status).toBe(422)
  expect((await user.patch(user.table, { strict: true })).status).toBe(422)
  expect((await user.get(`${user.database}/tables`)).body).toHaveLength(1)
})

test.each([[{ unique_keys: ['email'] }], [{}]])(
  'an upsert updates the row with the key or inserts it, with one event each: %o',
  async (rules) => {
    const user = await withTable(rules, [
      { email: 'a@x', n: 1, kept: true },
      { email: ['a@x'], n: 9 },
      { email: 'c@x', n: 3 },
    ])
    const upserted = await user.post(`${user.rows}/upsert`, {
      rows: [
        { email: 'b@x', n: 2 },
        { email: 'a@x', n: 10 },
        { email: 'c@x', n: 3 },
        { email: 'd@x', n: 4 },
      ],
      upsert_key: 'email',
    })
    expect(upserted).toMatchObject({ status: 200, body: { inserted_count: 2, modified_count: 1 } })
    expect(upserted.body.rows.map(({ row_data }: { row_data: object }) => row_data)).toEqual([
      { email: 'b@x', n: 2 },
      { email: 'a@x', n: 10, kept: true },
      { email: 'c@x', n: 3 },
      { email: 'd@x', n: 4 },
    ])
    expect(upserted.body.row_ids).toEqual(upserted.body.rows.map(({ row_id }: { row_id: string }) => row_id))
    expect(await user.stored()).toEqual([
      { email: 'a@x', n: 10, kept: true },
      { email: ['a@x'], n: 9 },
      { email: 'c@x', n: 3 },
      { email: 'b@x', n: 2 },
      { email: 'd@x', n: 4 },
    ])
    expect(await user.emitted()).toEqual(['inserted', 'inserted', 'inserted', 'updated', 'inserted', 'inserted'])
    // The same request again changes nothing.
    const again = await user.post(`${user.rows}/upsert`, { row_data: { email: 'd@x', n: 4 }, upsert_key: ['email'] })
    expect(again.body).toMatchObject({ inserted_count: 0, modified_count: 0 })
    expect(await user.emitted()).toHaveLength(6)
  },
)

test('concurrent upserts of one key make one row', async () => {
  const user = await withTable()
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      user.post(`${user.rows}/upsert`, { row_data: { id: 7, [`f${n}`]: n }, upsert_key: 'id' }),
    ),
  )
  expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200))
  const rows = await user.stored()
  expect(rows).toHaveLength(1)
  expect(Object.keys(rows[0]!)).toHaveLength(21)
  expect((await user.emitted()).sort()).toEqual(['inserted', ...Array(19).fill('updated')])
})

test('an upsert is refused for a row without the key, two rows with one key, and a key that several rows have', async () => {
  const user = await withTable({}, [
    { id: 1, n: 1 },
    { id: 1, n: 2 },
  ])
  const upsert = (body: object) => user.post(`${user.rows}/upsert`, { upsert_key: 'id', ...body })
  expect((await upsert({ rows: [{ id: 2 }, { n: 1 }] })).body.detail).toMatchObject([
    { loc: ['body', 'rows', 1, 'id'] },
  ])
  expect((await upsert({ row_data: { id: null } })).status).toBe(422)
  expect((await upsert({ rows: [{ id: 3 }, { id: 3 }] })).body.detail).toMatchObject([{ loc: ['body', 'rows', 1] }])
  expect((await upsert({})).status).toBe(422)
  const several = await upsert({ rows: [{ id: 5 }, { id: 1, n: 3 }] })
  expect(several).toMatchObject({ status: 422, body: { code: 'invalid' } })
  expect(several.body.detail).toContain('Several rows have these values of id')
  expect(await user.stored()).toEqual([
    { id: 1, n: 1 },
    { id: 1, n: 2 },
  ])
  expect(await user.emitted()).toEqual(['inserted', 'inserted'])
})

test('an update by filter with upsert inserts the row that the filter requires', async () => {
  const user = await withTable()
  const put = () =>
    user.request('PUT', user.rows, {
      body: { filter: { page: '/', day: { $eq: 1 }, n: { $gt: -1 } }, update: { $inc: { n: 1 } }, upsert: true },
    })
  const inserted = await put()
  expect(inserted).toMatchObject({ status: 200, body: { matched_count: 0, modified_count: 0, has_more: false } })
  expect((await user.get(`${user.rows}/${inserted.body.upserted_id}`)).body.row_data).toEqual({
    page: '/',
    day: 1,
    n: 1,
  })
  expect((await put()).body).toMatchObject({ matched_count: 1, modified_count: 1, upserted_id: null })
  expect(await user.stored()).toEqual([{ page: '/', day: 1, n: 2 }])
  expect(await user.emitted()).toEqual(['inserted', 'updated'])
})

test('a query returns the fields of its projection', async () => {
  const user = await withTable({}, [{ a: 1, b: { c: 2, d: 3 }, 'x.y': 4 }])
  const rows = async (projection: unknown) =>
    (await user.post(`${user.table}/query`, { projection })).body.rows.map((row: { row_data: object }) => row.row_data)
  expect(await rows(['a', 'b.c', 'none'])).toEqual([{ a: 1, b: { c: 2 } }])
  expect(await rows({ b: 1, 'x\\.y': true })).toEqual([{ b: { c: 2, d: 3 }, 'x.y': 4 }])
  expect(await rows({ a: 0, 'b.d': 0 })).toEqual([{ b: { c: 2 }, 'x.y': 4 }])
  expect(await rows(null)).toEqual([{ a: 1, b: { c: 2, d: 3 }, 'x.y': 4 }])
})

test('aggregates are computed for each group, in the order of the keys', async () => {
  const user = await withTable({}, [
    { status: 'paid', total: 10, at: '2026-02' },
    { status: 'open', total: 5 },
    { status: 'paid', total: 30, at: '2026-01' },
    { status: 'paid', total: 'unknown', at: '2026-03' },
    { total: 1 },
  ])
  const aggregate = (body: object) => user.post(`${user.table}/aggregate`, body)
  expect((await aggregate({})).body).toEqual({ groups: [{ key: {}, values: { count: 5 } }], has_more: false })
  expect(
    (
      await aggregate({
        filters: { total: { $ne: 5 } },
        group_by: ['status'],
        aggregates: {
          n: { count: true },
          dated: { count: 'at' },
          sum: { sum: 'total' },
          avg: { avg: 'total' },
          max: { max: 'total' },
          first: { min: 'at' },
        },
      })
    ).body,
  ).toEqual({
    groups: [
      { key: { status: 'paid' }, values: { n: 3, dated: 3, sum: 40, avg: 20, max: 30, first: '2026-01' } },
      { key: { status: null }, values: { n: 1, dated: 0, sum: 1, avg: 1, max: 1, first: null } },
    ],
    has_more: false,
  })
  expect((await aggregate({ group_by: 'status', limit: 1 })).body).toMatchObject({
    groups: [{ key: { status: 'open' } }],
    has_more: true,
  })
  for (const aggregates of [{ x: { median: 'total' } }, { x: { sum: true } }, { x: {} }, { x: { sum: 'a', avg: 'a' } }])
    expect((await aggregate({ aggregates })).body.detail, JSON.stringify(aggregates)).toMatchObject([
      { loc: ['body', 'aggregates', 'x'] },
    ])
})
