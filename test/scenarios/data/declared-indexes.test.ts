import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app.close())

type Body = Record<string, unknown>

let tables = 0
async function newTable(fields: Body, rows: Body[] = []): Promise<string> {
  const table_name = `t${++tables}`
  const created = await user.post(`${user.database}/tables`, { table_name, ...fields })
  expect(created.status, JSON.stringify(created.body)).toBe(201)
  const table = `${user.database}/tables/${table_name}`
  if (rows.length > 0) expect((await user.post(`${table}/rows`, { rows })).status).toBe(201)
  return table
}

async function found(table: string, query: Body): Promise<{ n: unknown[]; total: number }> {
  const { status, body } = await user.post(`${table}/query`, query)
  expect(status, JSON.stringify(body)).toBe(200)
  return { n: body.rows.map(({ row_data }: { row_data: Body }) => row_data['n']), total: body.total }
}

async function whenReady(table: string): Promise<Body[]> {
  return eventually(async () => {
    const { indexes } = (await user.get(table)).body
    expect(indexes.map(({ state }: Body) => state)).not.toContain('building')
    return indexes
  })
}

/** Returns the number of entries of the indexes of a table. */
async function entriesOf(table: string): Promise<number> {
  const { table_id } = (await user.get(table)).body
  const [row] = await app.system.database.query<{ entries: number }>(sql`
    select count(*) as entries
    from zerodb_row_index_entries
    where index_id in (select id from zerodb_row_indexes where table_id = ${table_id}::uuid)`)
  return row!.entries
}

const numbered = (count: number) =>
  Array.from({ length: count }, (_, n): Body => ({ n, status: n % 4 === 0 ? 'paid' : 'open', total: (n * 7) % 100 }))

/** Queries that an index serves, with the numbers of the rows that they return. */
const QUERIES: [Body, number[], number][] = [
  [{ filters: { total: { $gte: 97 } }, sort: { total: 1 } }, [71, 14, 57], 3],
  [{ filters: { total: { $gt: 97, $lte: 99 } }, sort: { total: -1 } }, [57, 14], 2],
  [{ sort: { total: -1 }, limit: 2 }, [57, 14], 100],
  [{ filters: { status: 'paid', total: { $lt: 9 } }, sort: { total: 1 } }, [0, 72, 44], 3],
  [{ filters: { status: 'paid' }, sort: { total: 1 }, limit: 2, offset: 1 }, [72, 44], 25],
  [{ filters: { total: { $lt: 3 } } }, [0, 43, 86], 3],
]

test('ranges and orders give the same rows while an index is missing, building and ready, and use it when it is ready', async () => {
  const table = await newTable({}, numbered(100))
  const check = async () => {
    for (const [query, n, total] of QUERIES)
      expect(await found(table, query), JSON.stringify(query)).toEqual({ n, total })
  }
  await check()
  const declared = await user.patch(table, { indexes: [{ fields: ['total'] }, ['status', 'total']] })
  expect(declared.body.indexes).toEqual([
    { fields: ['total'], state: 'building' },
    { fields: ['status', 'total'], state: 'building' },
  ])
  await check()
  expect(await whenReady(table)).toEqual([
    { fields: ['total'], state: 'ready' },
    { fields: ['status', 'total'], state: 'ready' },
  ])
  await check()
  expect(await entriesOf(table)).toBe(200)
  // Without their entries, sorted queries find nothing: they read the index and not the table.
  const { table_id } = (await user.get(table)).body
  await app.system.database.query(sql`
    delete from zerodb_row_index_entries
    where index_id in (select id from zerodb_row_indexes where table_id = ${table_id}::uuid)`)
  for (const [query] of QUERIES.filter(([{ sort }]) => sort))
    expect((await found(table, query)).n, JSON.stringify(query)).toEqual([])
})

test('a new table has its indexes at once, and rows stay in them through all kinds of writes', async () => {
  const table = await newTable({ indexes: ['n', { fields: 'total' }] })
  expect((await user.get(table)).body.indexes).toEqual([
    { fields: ['n'], state: 'ready' },
    { fields: ['total'], state: 'ready' },
  ])
  const inserted = await user.post(`${table}/rows`, { rows: numbered(20) })
  const [first, second] = inserted.body.row_ids
  await user.patch(`${table}/rows/${first}`, { row_data: { total: 1000 } })
  await user.delete(`${table}/rows/${second}`)
  await user.request('PUT', `${table}/rows`, {
    body: { filter: { n: { $gte: 18 } }, update: { $inc: { total: 1000 } } },
  })
  await user.request('PUT', `${table}/rows`, {
    body: { filter: { n: 99 }, update: { $set: { total: 1500 } }, upsert: true },
  })
  expect((await user.post(`${table}/rows/upsert`, { upsert_key: 'n', rows: [{ n: 2, total: 2000 }] })).status).toBe(200)
  const high = { filters: { total: { $gte: 1000 } }, sort: { total: 1 } }
  expect(await found(table, high)).toEqual({ n: [0, 18, 19, 99, 2], total: 5 })
  expect(await entriesOf(table)).toBe(40)
  const deleted = await user.request('DELETE', `${table}/rows`, { body: { filter: { total: { $gte: 1000 } } } })
  expect(deleted.body.deleted_count).toBe(5)
  expect(await found(table, high)).toEqual({ n: [], total: 0 })
  expect(await entriesOf(table)).toBe(30)
})

test('rows that are written while an index is built are in it, and rows of others are not', async () => {
  const other = await newTable({ indexes: ['n'] }, numbered(3))
  const table = await newTable({}, numbered(2500))
  await user.patch(table, { indexes: ['n'] })
  for (let n = 2500; n < 2520; n++) await user.post(`${table}/rows`, { row_data: { n } })
  await user.request('PUT', `${table}/rows`, { body: { filter: { n: { $gte: 2510 } }, update: { $inc: { n: 1000 } } } })
  await whenReady(table)
  const last = { filters: { n: { $gt: 2505 } }, sort: { n: -1 }, limit: 12 }
  const n = [...Array.from({ length: 10 }, (_, i) => 3519 - i), 2509, 2508]
  expect(await found(table, last)).toEqual({ n, total: 14 })
  expect(await entriesOf(table)).toBe(2520)
  expect(await entriesOf(other)).toBe(3)
})

test('a list meets a condition with one of its elements, also in an indexed field', async () => {
  const rows = [{ n: 1, at: 5 }, { n: 2, at: [1, 9] }, { n: 3, at: 'x' }, { n: 4 }, { n: 5, at: null }, { n: 6, at: 7 }]
  const table = await newTable({ indexes: ['at'] }, rows)
  expect(await found(table, { filters: { at: { $gt: 5 } } })).toEqual({ n: [2, 6], total: 2 })
  expect(await found(table, { filters: { at: 9 }, sort: { at: 1 } })).toEqual({ n: [2], total: 1 })
  expect(await found(table, { sort: { at: 1 } })).toEqual({ n: [5, 3, 1, 6, 2, 4], total: 6 })
  expect(await found(table, { sort: { at: -1 } })).toEqual({ n: [2, 6, 1, 3, 5, 4], total: 6 })
})

test('an index that is left out of the list is removed with its entries, and one that stays is not built again', async () => {
  const table = await newTable({ indexes: ['n', 'total'] }, numbered(10))
  const { body } = await user.patch(table, { indexes: ['total', ['status', 'n']], description: 'Orders' })
  expect(body).toMatchObject({
    description: 'Orders',
    indexes: [
      { fields: ['total'], state: 'ready' },
      { fields: ['status', 'n'], state: 'building' },
    ],
  })
  await whenReady(table)
  await eventually(async () => expect(await entriesOf(table)).toBe(20))
  // Other fields of a table leave its indexes as they are.
  expect((await user.patch(table, { description: null })).body.indexes).toHaveLength(2)
  expect((await user.patch(table, { indexes: [] })).body.indexes).toEqual([])
  await eventually(async () => expect(await entriesOf(table)).toBe(0))
})

test('the entries of a deleted table are deleted', async () => {
  const table = await newTable({ indexes: ['n'] }, numbered(10))
  const { table_id } = (await user.get(table)).body
  expect((await user.delete(table)).status).toBe(204)
  await eventually(async () => {
    const left = await app.system.database.query(sql`
      select from zerodb_row_indexes where table_id = ${table_id}::uuid`)
    expect(left).toEqual([])
  })
})

test.each([
  [['a', 'b', 'c', 'd', 'e', 'f'], 'indexes', 'List should have at most 5 items'],
  [[['a', 'b', 'c', 'd', 'e']], 'indexes', 'at most 4'],
  [[{ fields: [] }], 'indexes', 'at least 1'],
  [['a', { fields: ['a'] }], 'indexes', 'Two indexes may not have the same fields'],
  [[['a', 'a']], 'indexes', 'A field may be in an index only once'],
  [[{ columns: ['a'] }], 'indexes', ''],
  ['a', 'indexes', ''],
])('the indexes %j are refused', async (indexes, field, message) => {
  const table = await newTable({ indexes: ['n'] })
  for (const { status, body } of [
    await user.post(`${user.database}/tables`, { table_name: 'refused', indexes }),
    await user.patch(table, { indexes }),
  ]) {
    expect(status).toBe(422)
    expect(body.detail[0].loc.slice(0, 2)).toEqual(['body', field])
    expect(JSON.stringify(body.detail)).toContain(message)
  }
  expect((await user.get(`${user.database}/tables/refused`)).status).toBe(404)
  expect((await user.get(table)).body.indexes).toEqual([{ fields: ['n'], state: 'ready' }])
})
