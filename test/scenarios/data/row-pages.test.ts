import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app.close())

type Body = Record<string, unknown>

let tables = 0
async function newTable(rows: Body[]): Promise<string> {
  const name = `t${++tables}`
  await user.post(`${user.database}/tables`, { table_name: name })
  await user.post(`${user.database}/tables/${name}/rows`, { rows })
  return `${user.database}/tables/${name}`
}

/** Returns the rows of all pages of a query. `between` runs after each page. */
async function allPages(table: string, query: Body, between = async () => {}): Promise<Body[]> {
  const rows: Body[] = []
  let cursor: string | null = null
  do {
    const { status, body } = await user.post(`${table}/query`, {
      limit: 2,
      ...query,
      ...(cursor === null ? {} : { cursor }),
    })
    expect(status).toBe(200)
    rows.push(...body.data)
    cursor = body.next_cursor
    await between()
  } while (cursor !== null && rows.length < 100)
  return rows
}

/** Rows with values of all types, equal ones and null, and rows without the field. As text, because a number has more digits than a double. */
const MIXED = `[
  {"a": 3, "b": 0}, {"a": 1, "b": 1}, {"a": "b", "b": 2}, {"a": 1, "b": 0}, {"a": null, "b": 1}, {"a": true, "b": 2}, {"a": "a", "b": 0},
  {"a": 2.5, "b": 1}, {"a": [1], "b": 2}, {"a": {"x": 1}, "b": 0}, {"a": null, "b": 1}, {"a": 12345678901234567890, "b": 2},
  {"a": 12345678901234567891, "b": 2}, {"b": 1}, {"b": 0}
]`

test.each([
  ['ascending', { a: 1 }],
  ['descending', { a: -1 }],
  ['by two fields', { b: -1, a: 1 }],
  ['by insertion', {}],
])('pages that follow the cursor have each row once, in the order of the whole list: %s', async (_, sort) => {
  const table = await newTable([{ b: 2 }])
  await app.request('POST', `${table}/rows`, {
    payload: `{"rows": ${MIXED}}`,
    headers: { 'x-api-key': user.key, 'content-type': 'application/json' },
  })
  const whole = (await user.post(`${table}/query`, { sort, limit: 100 })).body.data
  expect(whole).toHaveLength(16)
  expect(await allPages(table, { sort })).toEqual(whole)
})

test('rows that are stored between two pages shift nothing', async () => {
  const table = await newTable([{ n: 5 }, { n: 3 }, { n: 9 }, { n: 7 }])
  const rows = await allPages(table, { sort: { n: 1 } }, async () => {
    await user.post(`${table}/rows`, { row_data: { n: 1 } })
  })
  expect(rows.map((row) => (row['row_data'] as Body)['n'])).toEqual([3, 5, 7, 9])
})

test('a cursor counts all matches in the total, and is refused for another table or order', async () => {
  const table = await newTable([{ n: 1 }, { n: 2 }, { n: 3 }])
  const first = await user.post(`${table}/query`, { sort: { n: 1 }, limit: 2 })
  const { next_cursor: cursor } = first.body
  const second = await user.post(`${table}/query`, { sort: { n: 1 }, limit: 2, cursor })
  expect(second.body).toMatchObject({ total: 3, total_is_exact: true, has_more: false, next_cursor: null })
  for (const [other, sort] of [
    [table, { n: -1 }],
    [await newTable([{ n: 1 }]), { n: 1 }],
  ] as const) {
    const reply = await user.post(`${other}/query`, { sort, limit: 2, cursor })
    expect({ status: reply.status, detail: reply.body.detail }).toEqual({
      status: 422,
      detail: expect.stringContaining('cursor: send the next_cursor'),
    })
  }
})

test('a query finds the few matching rows of a large table, in the order of insertion or sorted, and counts them', async () => {
  const table = await newTable(
    Array.from({ length: 4_500 }, (_, n) => ({
      n,
      group: n % 1500,
      kind: n % 2 ? 'odd' : 'even',
      tags: [`t${n % 1500}`],
    })),
  )
  const found = async (filters: Body, more: Body = {}) => {
    const { body } = await user.post(`${table}/query`, { filters, limit: 2, ...more })
    return {
      rows: body.data.map((row: { row_data: { n: number } }) => row.row_data.n),
      total: body.total,
      more: body.has_more,
    }
  }
  const three = { rows: [1400, 2900], total: 3, more: true }
  expect(await found({ group: 1400 })).toEqual(three)
  expect(await found({ tags: 't1400' })).toEqual(three)
  expect(await found({ 'tags.0': 't1400' })).toEqual(three)
  expect(await found({ tags: { $contains: 't1400' }, n: { $gte: 0 } })).toEqual(three)
  expect(await found({ group: 1400 }, { sort: { n: -1 } })).toEqual({ ...three, rows: [4400, 2900] })
  expect(await found({ group: 1400 }, { offset: 2 })).toEqual({ rows: [4400], total: 3, more: false })
  expect(await found({ n: { $in: [4400, 'x', 4401] } })).toEqual({ rows: [4400, 4401], total: 2, more: false })
  expect(await found({ n: { $in: Array.from({ length: 30 }, (_, n) => 4400 + n) } })).toEqual({
    rows: [4400, 4401],
    total: 30,
    more: true,
  })
  expect(await found({ $or: [{ n: 4000 }, { n: 10 }] })).toEqual({ rows: [10, 4000], total: 2, more: false })
  expect(await found({ $or: [{ n: 4000 }, { n: { $gt: 4498 } }] })).toEqual({
    rows: [4000, 4499],
    total: 2,
    more: false,
  })
  expect(await found({ kind: { $ne: 'odd' }, group: 1401 })).toEqual({ rows: [], total: 0, more: false })
  expect(await found({ group: 'none' })).toEqual({ rows: [], total: 0, more: false })
  expect(
    (await allPages(table, { filters: { group: 1400 }, limit: 1 })).map((row) => (row['row_data'] as Body)['n']),
  ).toEqual([1400, 2900, 4400])
})
