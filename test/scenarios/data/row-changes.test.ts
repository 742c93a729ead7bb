import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

interface Orders extends TestUser {
  table: string
  ids: string[]
  /** Returns type and data of the events that are not insertions, without the fields that all have. */
  changes(): Promise<{ event: string; row: string; changed?: string[] }[]>
  /** Returns the before-images of all events, oldest first. */
  images(): Promise<{ row_id: string; data: unknown; version: number }[]>
}

/** Creates a user with a table `orders`, and its rows in this order. */
async function withOrders(...rows: Record<string, unknown>[]): Promise<Orders> {
  const user = await app.newUser()
  expect((await user.post(`${user.database}/tables`, { table_name: 'orders' })).status).toBe(201)
  const table = `${user.database}/tables/orders`
  const inserted = rows.length === 0 ? { row_ids: [] } : (await user.post(`${table}/rows`, { rows })).body
  return {
    ...user,
    table,
    ids: inserted.row_ids,
    async changes() {
      const events = (await user.events()).filter(({ event }) => event !== 'zerodb.table.row_inserted')
      return events.map(({ event, data }) => {
        const { table_name, project_id, user_id, row_id, ...rest } = data as Record<string, unknown>
        expect({ table_name, project_id, user_id }).toEqual({
          table_name: 'orders',
          project_id: user.project_id,
          user_id: user.user_id,
        })
        return { event, row: String(row_id), ...rest }
      })
    },
    images: () =>
      app.system.database.query(sql`
        select row_id, before -> 'data' as data, (before ->> 'version')::int as version
        from zerodb_changes
        where before ->> 'project_id' = ${user.project_id}
        order by seq, n`),
  }
}

const UPDATED = 'zerodb.table.row_updated'
const DELETED = 'zerodb.table.row_deleted'

test('PUT replaces all fields of a row, with one event and the row as it was', async () => {
  const user = await withOrders({ customer: 'acme', total: 120, note: null })
  const [id] = user.ids
  const replaced = await user.request('PUT', `${user.table}/rows/${id}`, {
    body: { row_data: { customer: 'acme', total: 150 } },
  })
  expect(replaced).toMatchObject({
    status: 200,
    body: { row_id: id, table_name: 'orders', row_data: { customer: 'acme', total: 150 }, version: 2 },
  })
  expect((await user.get(`${user.table}/rows/${id}`)).body).toEqual(replaced.body)
  expect(await user.changes()).toEqual([{ event: UPDATED, row: id, changed: ['note', 'total'] }])
  expect(await user.images()).toEqual([{ row_id: id, data: { customer: 'acme', total: 120, note: null }, version: 1 }])
})

test('PATCH sets fields, or executes operators; other fields stay', async () => {
  const user = await withOrders({ total: 120, tags: ['a', 'b', 'a'], address: { city: 'Oslo' }, old: 1 })
  const url = `${user.table}/rows/${user.ids[0]}`
  const merged = await user.patch(url, { row_data: { status: 'paid' } })
  expect(merged.body.row_data).toEqual({
    total: 120,
    tags: ['a', 'b', 'a'],
    address: { city: 'Oslo' },
    old: 1,
    status: 'paid',
  })
  const operated = await user.patch(url, {
    update: {
      $set: { 'address.zip': '0150', 'deep.er.value': true },
      $unset: { old: '' },
      $inc: { total: -0.5, count: 2 },
      $push: { tags: { $each: ['c', 'd'] }, log: 'sent' },
    },
  })
  expect(operated.body.row_data).toEqual({
    total: 119.5,
    count: 2,
    tags: ['a', 'b', 'a', 'c', 'd'],
    log: ['sent'],
    address: { city: 'Oslo', zip: '0150' },
    deep: { er: { value: true } },
    status: 'paid',
  })
  const pulled = await user.patch(url, { update: { $pull: { tags: 'a', none: 1 }, $unset: ['deep.er'] } })
  expect(pulled.body).toMatchObject({ row_data: { tags: ['b', 'c', 'd'], deep: {} }, version: 4 })
  expect((await user.changes()).map(({ changed }) => changed)).toEqual([
    ['status'],
    ['address', 'count', 'deep', 'log', 'old', 'tags', 'total'],
    ['deep', 'tags'],
  ])
  expect((await user.images()).map(({ version }) => version)).toEqual([1, 2, 3])
})

test('B2: $inc and $set keep all digits of a number', async () => {
  const user = await withOrders({ n: 1 })
  const url = `${user.table}/rows/${user.ids[0]}`
  const payload = '{"update":{"$inc":{"n":9007199254740993},"$set":{"e":0.1000000000000000000001}}}'
  const changed = await user.request('PATCH', url, { payload, headers: { 'content-type': 'application/json' } })
  expect(changed.raw.toString()).toContain('"n":9007199254740994')
  expect(changed.raw.toString()).toContain('"e":0.1000000000000000000001')
})

test('an update that changes nothing writes nothing and emits no event', async () => {
  const user = await withOrders({ total: 120 })
  const url = `${user.table}/rows/${user.ids[0]}`
  const before = (await user.get(url)).body
  expect((await user.request('PUT', url, { body: { row_data: { total: 120.0 } } })).body).toEqual(before)
  expect((await user.patch(url, { row_data: {} })).body).toEqual(before)
  expect((await user.patch(url, { update: { $set: { total: 120 }, $unset: { none: 1 } } })).body).toEqual(before)
  const many = await user.request('PUT', `${user.table}/rows`, {
    body: { filter: { total: 120 }, update: { $set: { total: 120 } } },
  })
  expect(many.body).toEqual({ matched_count: 1, modified_count: 0, row_ids: [], upserted_id: null, has_more: false })
  expect(await user.changes()).toEqual([])
  expect(await user.images()).toEqual([])
})

test('if_match changes only the version that the client has read', async () => {
  const user = await withOrders({ n: 1 })
  const url = `${user.table}/rows/${user.ids[0]}`
  expect(await user.patch(url, { row_data: { n: 2 }, if_match: 1 })).toMatchObject({
    status: 200,
    body: { version: 2 },
  })
  for (const [method, body] of [
    ['PATCH', { row_data: { n: 3 }, if_match: 1 }],
    ['PUT', { row_data: { n: 3 }, if_match: 1 }],
    ['DELETE', { if_match: 1 }],
  ] as const)
    expect(await user.request(method, url, { body })).toMatchObject({
      status: 409,
      body: { code: 'version_conflict', detail: 'The row has version 2, and if_match is 1: read the row again' },
    })
  expect((await user.get(url)).body.row_data).toEqual({ n: 2 })
  expect(await user.changes()).toHaveLength(1)
  expect((await user.delete(`${url}?if_match=2`)).status).toBe(200)
})

test('a row is deleted with one event and its last state', async () => {
  const user = await withOrders({ n: 1 }, { n: 2 })
  const [id] = user.ids
  const deleted = await user.delete(`${user.table}/rows/${id}`)
  expect(deleted).toMatchObject({ status: 200, body: { row_id: id, deleted: true, deleted_count: 1 } })
  expect((await user.get(`${user.table}/rows/${id}`)).status).toBe(404)
  expect((await user.delete(`${user.table}/rows/${id}`)).status).toBe(404)
  expect(await user.changes()).toEqual([{ event: DELETED, row: id }])
  expect(await user.images()).toEqual([{ row_id: id, data: { n: 1 }, version: 1 }])
})

test('the rows of a filter are updated and deleted, oldest first, with one event each', async () => {
  const user = await withOrders(...[1, 2, 3, 4, 5].map((n) => ({ n, status: n === 3 ? 'sent' : 'draft' })))
  const [a, b, c, d, e] = user.ids as [string, string, string, string, string]
  const rows = `${user.table}/rows`
  const updated = await user.request('PUT', rows, {
    body: { filter: { status: 'draft' }, update: { $set: { status: 'sent' }, $inc: { n: 10 } }, limit: 3 },
  })
  expect(updated).toMatchObject({
    status: 200,
    body: { matched_count: 3, modified_count: 3, row_ids: [a, b, d], has_more: true },
  })
  expect(
    await user.request('PUT', `${rows}/bulk`, { body: { filters: { status: 'draft' }, update: { status: 'late' } } }),
  ).toMatchObject({ status: 200, body: { matched_count: 1, modified_count: 1, row_ids: [e], has_more: false } })
  const deleted = await user.request('DELETE', rows, { body: { filter: { n: { $gt: 10 } }, limit: 2 } })
  expect(deleted).toMatchObject({ status: 200, body: { deleted_count: 2, row_ids: [a, b], has_more: true } })
  expect(await user.request('DELETE', rows, { body: { filter: { n: { $gt: 10 } }, limit: 0 } })).toMatchObject({
    body: { deleted_count: 1, row_ids: [d], has_more: false },
  })
  const changed = ['n', 'status']
  expect(await user.changes()).toEqual([
    { event: UPDATED, row: a, changed },
    { event: UPDATED, row: b, changed },
    { event: UPDATED, row: d, changed },
    { event: UPDATED, row: e, changed: ['status'] },
    { event: DELETED, row: a },
    { event: DELETED, row: b },
    { event: DELETED, row: d },
  ])
  expect((await user.images()).map(({ data }) => data)).toEqual([
    { n: 1, status: 'draft' },
    { n: 2, status: 'draft' },
    { n: 4, status: 'draft' },
    { n: 5, status: 'draft' },
    { n: 11, status: 'sent' },
    { n: 12, status: 'sent' },
    { n: 14, status: 'sent' },
  ])
  expect((await user.get(rows)).body.data.map((row: { row_id: string }) => row.row_id)).toEqual([c, e])
  expect(
    (await user.request('DELETE', rows, { body: { filter: {}, confirm_large_operation: true } })).body,
  ).toMatchObject({ deleted_count: 2 })
})

test('more rows than one request may change are refused as a whole', async () => {
  const user = await withOrders()
  const { table_id } = (await user.get(user.table)).body
  await app.system.database.query(sql`
    insert into zerodb_rows (table_id, project_id, data)
    select ${table_id}::uuid, ${user.project_id}::uuid, jsonb_build_object('n', n) from generate_series(1, 10001) n`)
  const refused = await user.request('DELETE', `${user.table}/rows`, { body: { filter: { n: { $gt: 0 } } } })
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } })
  expect(refused.body.detail).toContain('More than 10000 rows match')
  expect(await user.changes()).toEqual([])
  expect(
    (await user.request('DELETE', `${user.table}/rows`, { body: { filter: {}, limit: 10_000 } })).body,
  ).toMatchObject({
    deleted_count: 10_000,
    has_more: true,
  })
})

test('a hook can filter by the row before and after an update, and by the fields that changed', async () => {
  const user = await withOrders({ status: 'draft' }, { status: 'approved' })
  const becomes = { 'row.status': 'approved', 'previous.status': { $ne: 'approved' } }
  const hook = await user.hook(UPDATED, 'webhook:approved', {
    hook_config: { url: 'https://hooks.example.com/x' },
    filter: becomes,
    ordering_key: 'previous.status',
    paused: true,
  })
  await user.hook(UPDATED, 'webhook:noted', {
    hook_config: { url: 'https://hooks.example.com/x' },
    filter: { changed: 'note' },
    paused: true,
  })
  const [a, b] = user.ids
  // Both updates commit before the first event is dispatched, in a replay: the event shows the row between them.
  await user.patch(`${user.table}/rows/${a}`, { row_data: { status: 'approved' } })
  await user.patch(`${user.table}/rows/${a}`, { row_data: { status: 'archived' } })
  await user.patch(`${user.table}/rows/${b}`, { row_data: { note: 'x' } })
  const tested = await user.post('/api/v1/hooks/test-filter', {
    event_type: UPDATED,
    filter: becomes,
    ordering_key: 'previous.status',
  })
  expect(tested.body.items.map(({ event: _, ...item }: { event: unknown }) => item)).toEqual([
    {
      row: { status: 'approved', note: 'x' },
      previous: { status: 'approved' },
      matches: false,
      ordering_key: 'approved',
    },
    { row: { status: 'archived' }, previous: { status: 'approved' }, matches: false, ordering_key: 'approved' },
    { row: { status: 'approved' }, previous: { status: 'draft' }, matches: true, ordering_key: 'draft' },
  ])
  expect((await user.trail()).runs).toEqual(['webhook:approved queued', 'webhook:noted queued'])
  await user.post('/api/v1/replays', { hook_id: hook.id })
  await app.drained()
  expect((await user.trail()).runs).toEqual([
    'webhook:approved queued',
    'webhook:approved queued',
    'webhook:noted queued',
  ])
  const backfill = await user.post(`/api/v1/hooks/${hook.id}/backfill`, {})
  expect(backfill).toMatchObject({ status: 422, body: { code: 'invalid' } })
})

test('the history of a row has every state, back to its insertion', async () => {
  const user = await withOrders({ n: 1 })
  const [id] = user.ids
  const url = `${user.table}/rows/${id}`
  await user.patch(url, { row_data: { n: 2 } })
  await user.patch(url, { update: { $set: { m: 1 } } })
  await user.delete(url)
  const log = (await user.events()).map((event) => event.id)
  const history = await user.get(`${url}/history`)
  const state = (
    event: string,
    event_id: string | null,
    before: object | null,
    after: object | null,
    changed: string[],
  ) => ({
    event_id,
    event,
    at: expect.any(String),
    before,
    after,
    changed,
    caused_by: null,
  })
  const expected = [
    state(DELETED, log[3]!, { n: 2, m: 1 }, null, ['m', 'n']),
    state(UPDATED, log[2]!, { n: 2 }, { n: 2, m: 1 }, ['m']),
    state(UPDATED, log[1]!, { n: 1 }, { n: 2 }, ['n']),
    state('zerodb.table.row_inserted', null, null, { n: 1 }, ['n']),
  ]
  expect(history).toMatchObject({ status: 200, body: { items: expected, next_cursor: null } })
  const paged: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Reply['body'] = (await user.get(`${url}/history?limit=2${cursor && `&cursor=${cursor}`}`)).body
    paged.push(...page.items)
    cursor = page.next_cursor
  }
  expect(paged).toEqual(expected)
  expect((await user.get(`${user.table}/rows/${randomUUID()}/history`)).status).toBe(404)
  const other = await withOrders()
  expect((await other.get(`${other.table}/rows/${id}/history`)).status).toBe(404)
})

test.each<[string, object, unknown[]]>([
  ['an unknown operator', { $sett: { a: 1 } }, ['body', 'update', '$sett']],
  ['an operator beside a field', { a: 1, $set: { b: 1 } }, ['body', 'update', 'a']],
  ['an operator without an object', { $set: 1 }, ['body', 'update', '$set']],
  ['an increment by a text', { $inc: { n: '1' } }, ['body', 'update', '$inc', 'n']],
  ['two changes of one value', { $set: { a: 1 }, $inc: { a: 1 } }, ['body', 'update', '$inc', 'a']],
  ['a change inside a changed value', { $set: { a: {} }, $push: { 'a.b': 1 } }, ['body', 'update', '$push', 'a.b']],
  ['no operator', {}, ['body', 'update']],
])('%s is 422 and names the place', async (_, update, loc) => {
  const user = await withOrders({ n: 1 })
  const refused = await user.patch(`${user.table}/rows/${user.ids[0]}`, { update })
  expect(refused.status).toBe(422)
  expect(refused.body.detail).toMatchObject([{ loc }])
  expect(await user.changes()).toEqual([])
})

test.each<[object, string]>([
  [{ $inc: { s: 1 } }, '$inc needs a number at "s", which has a value of type string'],
  [{ $push: { n: 1 } }, '$push needs a list at "n", which has a value of type number'],
  [{ $pull: { o: 1 } }, '$pull needs a list at "o", which has a value of type object'],
  [{ $set: { 's.x': 1 } }, '"x" leads through a value of type string'],
  [{ $set: { 'l.7': 1 } }, '"7" is not an index of the list, which has 1 items'],
])('%o on a value of another type is 422, and no row is changed', async (update, message) => {
  const user = await withOrders({ s: 'x', n: 1, o: {}, l: [0] }, { other: 1 })
  const refused = await user.request('PUT', `${user.table}/rows`, { body: { filter: {}, limit: 0, update } })
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } })
  expect(refused.body.detail).toContain(message)
  expect(await user.changes()).toEqual([])
})

test('a change needs a filter, and a row of the caller’s table', async () => {
  const user = await withOrders({ n: 1 })
  const rows = `${user.table}/rows`
  for (const [method, body] of [
    ['PUT', { update: { n: 2 } }],
    ['PUT', { filter: {}, update: { n: 2 } }],
    ['DELETE', {}],
    ['DELETE', { filter: {} }],
  ] as const) {
    const refused = await user.request(method, rows, { body })
    expect(refused.status).toBe(422)
    expect(refused.body.detail).toMatchObject([
      { loc: ['filter' in body || method === 'PUT' ? 'body' : expect.anything(), 'filter'] },
    ])
  }
  expect((await user.patch(`${rows}/${user.ids[0]}`, {})).status).toBe(422)
  const other = await withOrders({ n: 9 })
  for (const [method, body] of [
    ['PUT', { row_data: { n: 2 } }],
    ['PATCH', { row_data: { n: 2 } }],
    ['DELETE', undefined],
  ] as const) {
    const options = body === undefined ? {} : { body }
    for (const url of [`${rows}/${other.ids[0]}`, `${rows}/${randomUUID()}`, `${other.table}/rows/${other.ids[0]}`])
      expect((await user.request(method, url, options)).status, `${method} ${url}`).toBe(404)
  }
  expect((await user.request('DELETE', `${other.table}/rows`, { body: { filter: { n: 9 } } })).status).toBe(404)
  expect(await user.changes()).toEqual([])
  expect(await other.changes()).toEqual([])
})
