import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REDIRECTS } from '../../../src/http/dialects/redirects.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

describe('G17: routes without a project', () => {
  const ROOTS = ['/api/v1/public', '/v1/public', '/api/v1/zerodb', '/api/v1/public/zerodb']

  test.each(ROOTS)('%s stores and finds vectors in the project of the key', async (root) => {
    const user = await app.newUser()
    const stored = await user.post(`${root}/vectors/upsert`, { id: 'v', vector: [1, 0], metadata: { a: 1 } })
    expect(stored).toMatchObject({ status: 200, body: { vector_id: 'v', project_id: user.project_id } })
    const found = await user.post(`${root}/vectors/search`, { query_vector: [1, 0], top_k: 1 })
    expect(found.body.vectors).toMatchObject([{ vector_id: 'v', similarity: 1 }])
    const byValues = await user.post(`${root}/vectors/search`, {
      values: [1, 0],
      top_k: 1,
      project_id: user.project_id,
    })
    expect(byValues.body.vectors).toMatchObject([{ vector_id: 'v' }])
    expect((await user.get(`${root}/vectors/v`)).body).toMatchObject({ vector_id: 'v' })
    expect((await user.delete(`${root}/vectors/v`)).status).toBe(204)
    expect((await user.get(`${user.database}/vectors`)).body.total).toBe(0)
  })

  test.each(ROOTS)('%s deletes vectors by one id, a list of ids, or ids separated by commas', async (root) => {
    const user = await app.newUser()
    const vectors = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id, vector: [1, 0] }))
    await user.post(`${root}/vectors`, { vectors })
    for (const [method, url, body, ids] of [
      ['POST', `${root}/vectors/delete`, { ids: ['a'] }, ['a']],
      ['POST', `${root}/vectors/delete`, { ids: 'b, c' }, ['b', 'c']],
      ['POST', `${root}/vectors/delete`, { id: 'd', namespace: 'default' }, ['d']],
      ['DELETE', `${root}/vectors?ids=e,f`, undefined, ['e', 'f']],
    ] as const)
      expect(await user.request(method, url, { body })).toMatchObject({
        status: 200,
        body: { deleted_count: ids.length, vector_ids: expect.arrayContaining([...ids]) },
      })
    expect((await user.delete(`${root}/vectors`)).status).toBe(422)
    expect((await user.events()).filter(({ event }) => event === 'zerodb.vector.deleted')).toHaveLength(6)
  })

  test('a batch of vectors can be sent to the list', async () => {
    const user = await app.newUser()
    const vectors = [{ id: 'a', vector: [1, 0], metadata: { n: 1 } }]
    expect(await user.post(`${user.database}/vectors`, { vectors })).toMatchObject({ status: 200 })
    expect((await user.get(`${user.database}/vectors/a`)).body).toMatchObject({ vector_metadata: { n: 1 } })
    expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.vector.batch_stored'])
  })

  test.each(ROOTS)('%s creates tables, and inserts and queries rows', async (root) => {
    const user = await app.newUser()
    const created = await user.post(`${root}/tables`, { table_name: 'orders' })
    expect(created).toMatchObject({ status: 201, body: { project_id: user.project_id } })
    expect((await user.get(`${root}/tables`)).body).toMatchObject([{ table_name: 'orders' }])
    const inserted = await user.post(`${root}/tables/orders/rows`, { rows: [{ n: 1 }, { n: 2 }] })
    expect(inserted).toMatchObject({ status: 201, body: { inserted_count: 2 } })
    const byBody = await user.post(`${root}/tables/insert`, { table: 'orders', operation: 'insert', rows: [{ n: 3 }] })
    expect(byBody).toMatchObject({
      status: 201,
      body: { inserted_count: 1, warnings: ['"operation" has no effect here and was ignored'] },
    })
    const values = (reply: { body: { data: { row_data: unknown }[] } }) => reply.body.data.map((row) => row.row_data)
    const filter = { n: { $gte: 2 } }
    expect(values(await user.post(`${root}/tables/orders/query`, { filter }))).toEqual([{ n: 2 }, { n: 3 }])
    expect(
      values(
        await user.post(`${root}/tables/query`, {
          table: 'orders',
          filters: [{ column: 'n', op: 'gte', value: 2 }],
          order: { column: 'n', ascending: false },
        }),
      ),
    ).toEqual([{ n: 3 }, { n: 2 }])
    expect(await user.post(`${root}/tables/query`, { filters: {} })).toMatchObject({
      status: 422,
      body: { detail: [{ type: 'missing', loc: ['body', 'table'] }] },
    })
    expect(await user.post(`${root}/tables/query`, { table: 'missing' })).toMatchObject({ status: 404 })
    expect((await user.events()).map(({ event }) => event)).toEqual(Array(3).fill('zerodb.table.row_inserted'))
  })

  test.each(ROOTS)('%s updates and deletes rows of a filter', async (root) => {
    const user = await app.newUser()
    await user.post(`${root}/tables`, { table_name: 'orders' })
    await user.post(`${root}/tables/orders/rows`, { rows: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }] })
    const updated = await user.post(`${root}/tables/update`, {
      table: 'orders',
      operation: 'update',
      filters: [{ column: 'n', op: 'gte', value: 3 }],
      update: { $set: { large: true } },
    })
    expect(updated).toMatchObject({
      status: 200,
      body: { matched_count: 2, modified_count: 2, warnings: ['"operation" has no effect here and was ignored'] },
    })
    const byBody = await user.post(`${root}/tables/delete`, { table: 'orders', filter: { n: 4 } })
    expect(byBody).toMatchObject({ status: 200, body: { deleted_count: 1 } })
    const deleted = await user.request('DELETE', `${root}/tables/orders/rows`, { body: { filter: { n: 1 } } })
    expect(deleted).toMatchObject({ status: 200, body: { deleted_count: 1 } })
    const left = (await user.get(`${root}/tables/orders/rows`)).body.data
    expect(left.map((row: { row_data: unknown }) => row.row_data)).toEqual([{ n: 2 }, { n: 3, large: true }])
    for (const path of ['update', 'delete'])
      expect(
        (await user.post(`${root}/tables/${path}`, { table: 'orders', update: {}, filters: [{ n: 1 }] })).status,
      ).toBe(422)
    const types = (await user.events()).map(({ event }) => event)
    expect(types.slice(4)).toEqual([
      'zerodb.table.row_updated',
      'zerodb.table.row_updated',
      'zerodb.table.row_deleted',
      'zerodb.table.row_deleted',
    ])
  })

  test.each(ROOTS)('%s upserts rows by a key', async (root) => {
    const user = await app.newUser()
    await user.post(`${root}/tables`, { table_name: 'orders' })
    const upsert = (rows: unknown[]) => user.post(`${root}/tables/orders/rows`, { rows, upsert_key: 'n' })
    expect(await upsert([{ n: 1, a: 1 }, { n: 2 }])).toMatchObject({
      status: 200,
      body: { inserted_count: 2, modified_count: 0 },
    })
    expect(await upsert([{ n: 1, b: 1 }, { n: 3 }])).toMatchObject({
      status: 200,
      body: { inserted_count: 1, modified_count: 1 },
    })
    const byBody = { table: 'orders', operation: 'upsert', rows: [{ n: 2, b: 2 }], upsert_key: 'n' }
    expect(await user.post(`${root}/tables/upsert`, byBody)).toMatchObject({ status: 200, body: { modified_count: 1 } })
    const inserted = await user.post(`${root}/tables/orders/rows`, { rows: [{ n: 1 }], upsert_key: null })
    expect(inserted).toMatchObject({ status: 201, body: { inserted_count: 1 } })
    const rows = (await user.get(`${root}/tables/orders/rows`)).body.data
    expect(rows.map((row: { row_data: unknown }) => row.row_data)).toEqual([
      { n: 1, a: 1, b: 1 },
      { n: 2, b: 2 },
      { n: 3 },
      { n: 1 },
    ])
    expect(await upsert([{ a: 1 }])).toMatchObject({ status: 422 })
    expect((await user.events()).map(({ event }) => event).sort()).toEqual([
      ...Array(4).fill('zerodb.table.row_inserted'),
      ...Array(2).fill('zerodb.table.row_updated'),
    ])
  })

  test('an operation that the body selects needs the same permission as the one of the route', () => {
    const permissionOf = (name: string) => OPERATIONS.find((operation) => operation.name === name)?.permission
    for (const [name, { operation }] of Object.entries(REDIRECTS)) {
      expect(permissionOf(operation)).toBeDefined()
      expect({ operation, permission: permissionOf(operation) }).toEqual({ operation, permission: permissionOf(name) })
    }
  })

  test.each(ROOTS)('%s stores, lists and deletes files', async (root) => {
    const user = await app.newUser()
    const stored = await user.post(`${root}/files`, { file_name: 'a.txt', file_content: 'aGk=' })
    expect(stored).toMatchObject({ status: 200, body: { project_id: user.project_id } })
    const { file_id } = stored.body
    expect((await user.get(`${root}/files`)).body).toMatchObject([{ file_id }])
    expect(await user.get(`${root}/files/${file_id}/download`)).toMatchObject({ status: 200, body: 'hi' })
    expect((await user.delete(`${root}/files/${file_id}`)).status).toBe(204)
    expect((await user.get(`${root}/files`)).body).toEqual([])
  })

  test('X-Project-ID selects the project, and must agree with the project of the key', async () => {
    const user = await app.newUser()
    const other = await user.project()
    const inOther = { 'x-project-id': other }
    await user.post('/api/v1/public/tables', { table_name: 'orders' }, inOther)
    expect((await user.get('/api/v1/public/tables', inOther)).body).toMatchObject([{ project_id: other }])
    expect((await user.get('/api/v1/public/tables')).body).toEqual([])
    const key = await app.boundKey(user, other)
    const bound = await app.request('GET', '/api/v1/public/tables', { headers: { 'x-api-key': key } })
    expect(bound.body).toMatchObject([{ project_id: other }])
    const wrong = { 'x-api-key': key, 'x-project-id': user.project_id }
    expect((await app.request('GET', '/api/v1/public/tables', { headers: wrong })).status).toBe(404)
    const stranger = await app.newUser()
    expect((await stranger.get('/api/v1/public/tables', inOther)).status).toBe(404)
    expect((await app.request('GET', '/api/v1/public/tables')).status).toBe(401)
  })
})
