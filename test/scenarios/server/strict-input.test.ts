import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { IGNORED_FIELDS } from '../../../src/operations/lib/ignored-fields.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { innerTypes } from '../../../src/schema/nearest-name.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { createFixtures, type Fixtures, fixtureOf } from '../../support/fixtures.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
let fixtures: Fixtures
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
  user = await app.newUser()
  fixtures = await createFixtures(app, user, user.project_id)
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'

function requestTo(operation: Operation, query = ''): [method: string, url: string] {
  const [method, route] = operation.route.split(' ') as [string, string]
  const path = route.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(fixtureOf(fixtures, operation, key)))
  return [method, `${path}${query}`]
}

const refusal = (place: string, name: string) => ({
  type: 'extra_forbidden',
  loc: [place, name],
  msg: expect.stringMatching(/^Extra inputs are not permitted/),
})

describe('B1: every operation refuses', () => {
  test.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
    '%s: unknown fields and query parameters',
    async (_, operation) => {
      const [method, url] = requestTo(operation, '?satus=dead')
      const query = await user.request(method, url)
      expect(query).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
      expect(query.body.detail).toContainEqual(expect.objectContaining(refusal('query', 'satus')))

      // The body of a GET is not parsed, and neither is the content of a file.
      if (method === 'GET' || (operation.kind === 'upload' && operation.isRaw)) return
      const [, plain] = requestTo(operation)
      const body = await user.request(method, plain, { body: { unknown_field: { a: 1 } } })
      expect(body).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
      expect(body.body.detail).toContainEqual(
        expect.objectContaining({ ...refusal('body', 'unknown_field'), input: { a: 1 } }),
      )
    },
  )

  test('unknown fields of nested objects, too', () => {
    const loose: string[] = []
    const visit = (type: z.ZodType, at: string): void => {
      if (type instanceof z.ZodObject) {
        if (!(type.def.catchall instanceof z.ZodNever)) loose.push(at)
        for (const [name, inner] of Object.entries(type.shape)) visit(inner as z.ZodType, `${at}.${name}`)
      } else if (type instanceof z.ZodArray) visit(type.element as z.ZodType, `${at}[]`)
      else for (const inner of innerTypes(type)) visit(inner, at)
    }
    for (const { name, input } of OPERATIONS) visit(input, name)
    expect(loose).toEqual([])
  })
})

test.each([
  ['rows.query', 'POST', () => `${user.database}/tables/${fixtures.table}/query`, { fliters: { n: 1 } }, 'filters'],
  ['memory.recall', 'POST', () => `${MEMORY}/recall`, { query: 'x', entty_id: 'bob' }, 'entity_id'],
  ['memory.remember', 'POST', () => `${MEMORY}/remember`, { content: 'x', memoryTyp: 'semantic' }, 'memory_type'],
  ['hooks.create', 'POST', () => '/api/v1/hooks', { event_type: 'zerodb.vector.stored', hook_nam: 'a' }, 'hook_name'],
])('B1: %s suggests the known field for an unknown one', async (_, method, url, body, nearest) => {
  const reply = await user.request(method, url(), { body })
  expect(reply.status).toBe(422)
  const name = Object.keys(body).at(-1)!
  expect(reply.body.detail).toContainEqual(
    expect.objectContaining({
      type: 'extra_forbidden',
      loc: ['body', name],
      msg: `Extra inputs are not permitted. Did you mean "${nearest}"?`,
    }),
  )
})

test('B1: an unknown name without similar names is answered with the list of known ones', async () => {
  const reply = await user.post(`${user.database}/tables/${fixtures.table}/query`, { where: { n: 1 } })
  expect(reply.body.detail).toEqual([
    {
      ...refusal('body', 'where'),
      msg: 'Extra inputs are not permitted. Known: project_id, table, limit, offset, cursor, filters, projection, sort',
      input: { n: 1 },
    },
  ])
  const runs = await user.get('/api/v1/runs?satus=dead')
  expect(runs.body.detail).toEqual([
    { ...refusal('query', 'satus'), msg: 'Extra inputs are not permitted. Did you mean "status"?', input: 'dead' },
  ])
  const nested = await user.post(`${user.database}/vectors/upsert-batch`, {
    vectors: [{ document: 'a', vector_idd: 'a' }],
  })
  expect(nested.body.detail).toMatchObject([
    { loc: ['body', 'vectors', 0, 'vector_idd'], msg: expect.stringContaining('Did you mean "vector_id"?') },
  ])
})

test('B1: a refused request changes nothing', async () => {
  const other = await app.newUser()
  const refused = [
    await other.post(`${other.database}/files/upload`, { file_name: 'a', file: {} }),
    await other.post(`${other.database}/vectors/upsert`, { document: 'a', namspace: 'b' }),
    await other.post(`${other.database}/events/publish`, { topic: 'a', event_paylod: {} }),
    await other.post(`${MEMORY}/remember`, { content: 'a', metdata: {} }),
    await other.post(`${other.database}/memory/store`, { content: 'a', sesion_id: 's' }),
  ]
  expect(refused.map(({ status }) => status)).toEqual([422, 422, 422, 422, 422])
  expect(await other.trail()).toEqual({ events: [], runs: [] })
  expect((await other.get(`${other.database}/files`)).body).toEqual([])
})

test('B1: a multipart upload refuses an unknown field and a repeated field', async () => {
  const upload = (...fields: [string, string][]) => {
    const parts = [...fields.map(([name, value]) => `name="${name}"\r\n\r\n${value}`)]
    const file = 'name="file"; filename="a.txt"\r\ncontent-type: text/plain\r\n\r\nhello'
    const payload = `${[...parts, file].map((part) => `--x\r\ncontent-disposition: form-data; ${part}\r\n`).join('')}--x--\r\n`
    return user.request('POST', `${user.database}/files/upload`, {
      payload,
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    })
  }
  expect(await upload(['foldr', 'a'])).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'foldr'], msg: expect.stringContaining('Did you mean "folder"?') }] },
  })
  expect(await upload(['folder', 'a'], ['folder', 'b'])).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'folder'], msg: expect.stringContaining('twice') }] },
  })
  const stored = await upload(['folder', 'a'], ['tags', 'x'])
  expect(stored).toMatchObject({
    status: 200,
    body: { folder: 'a', file_name: 'a.txt', warnings: ['"tags" has no effect here and was ignored'] },
  })
})

test('B1: only uploads accept a multipart body', async () => {
  const reply = await user.request('POST', `${MEMORY}/remember`, {
    payload: '--x\r\ncontent-disposition: form-data; name="content"\r\n\r\nhello\r\n--x--\r\n',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  })
  expect(reply).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
})

test('B1: one field under two names must have equal values', async () => {
  const url = `${user.database}/vectors/search`
  const same = await user.post(url, { query_vector: [1, 0], limit: 3, top_k: 3 })
  expect(same.status).toBe(200)
  const contrary = await user.post(url, { query_vector: [1, 0], limit: 3, topK: 4 })
  expect(contrary).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'topK'], msg: expect.stringContaining('contradicts "limit"') }] },
  })
  const places = await user.post(`${MEMORY}/recall?limit=2`, { query: 'x', limit: 3 })
  expect(places).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'limit'] }] } })
})

test('B1: a field that repeats a key of the path must have the same value', async () => {
  const url = `${user.database}/tables/${fixtures.table}/query`
  expect((await user.post(url, { project_id: user.project_id, table: fixtures.table })).status).toBe(200)
  const contrary = await user.post(url, { project_id: fixtures.key })
  expect(contrary).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'project_id'], msg: expect.stringContaining(user.project_id) }] },
  })
})

test('B1: a request without a project in its path uses the project_id that it contains', async () => {
  const project_id = await user.project()
  const remembered = await user.post(`${MEMORY}/remember?project_id=${project_id}`, { content: 'in another project' })
  expect(remembered.status).toBe(200)
  expect(remembered.body).not.toHaveProperty('warnings')
  const file = await user.post('/api/v1/public/zerodb/files', { project_id, file_name: 'a' })
  expect(file).toMatchObject({ status: 200, body: { project_id } })
  const found = await user.post(`${MEMORY}/recall`, { query: 'another project', project_id })
  expect(found.body.count).toBe(1)
  expect((await user.post(`${MEMORY}/recall`, { query: 'another project' })).body.count).toBe(0)

  const stranger = await app.newUser()
  const foreign = await stranger.post(`${MEMORY}/remember`, { content: 'x', project_id })
  expect(foreign.status).toBe(404)
  const bound = await app.boundKey(user, user.project_id)
  const outside = await app.request('POST', `${MEMORY}/remember`, {
    body: { content: 'x', project_id },
    headers: { authorization: `Bearer ${bound}` },
  })
  expect(outside.status).toBe(404)
  expect((await user.post(`${MEMORY}/remember`, { content: 'x', project_id: 'abc' })).body.detail).toMatchObject([
    { type: 'uuid_parsing', loc: ['body', 'project_id'] },
  ])
})

describe('G18: fields of official clients', () => {
  test('the table of ignored fields has only operations, and fields that these do not have', () => {
    for (const [name, fields] of Object.entries(IGNORED_FIELDS)) {
      const operation = OPERATIONS.find((each) => each.name === name)
      expect(operation, name).toBeDefined()
      expect(fields.filter((field) => field in operation!.input.shape)).toEqual([])
    }
  })

  test('fields without an effect are accepted, ignored and listed in the response', async () => {
    const recalled = await user.post(`${MEMORY}/recall`, {
      query: 'x',
      layer: 'episodic',
      rerank: true,
      useGraph: null,
    })
    expect(recalled).toMatchObject({
      status: 200,
      body: {
        warnings: ['"layer" has no effect here and was ignored', '"rerank" has no effect here and was ignored'],
      },
    })
    const listed = await user.get(`${user.database}/memory?semantic=true&tags=a,b`)
    expect(listed.status).toBe(200)
    expect(listed.headers['x-zerodb-warnings']).toBe(
      '"semantic" has no effect here and was ignored; "tags" has no effect here and was ignored',
    )
  })

  test('a recall is narrowed by user_id and run_id, and allow_cross_namespace searches all namespaces', async () => {
    const other = await app.newUser()
    const remember = (fields: object) => other.post(`${MEMORY}/remember`, { content: 'likes green tea', ...fields })
    await remember({ user_id: 'ann', namespace: 'a' })
    await remember({ user_id: 'bob', run_id: 'r1' })
    const recall = async (fields: object) =>
      (await other.post(`${MEMORY}/recall`, { query: 'green tea', ...fields })).body.count
    expect(await recall({ user_id: 'bob' })).toBe(1)
    expect(await recall({ userId: 'carl' })).toBe(0)
    expect(await recall({ run_id: 'r1' })).toBe(1)
    expect(await recall({ namespace: 'a' })).toBe(1)
    expect(await recall({ namespace: 'a', allow_cross_namespace: true })).toBe(2)
  })

  test('rows are queried by a list of conditions, by order or sort_by, and counted with limit 0', async () => {
    const other = await app.newUser()
    await other.post(`${other.database}/tables`, { table_name: 't' })
    const rows = [
      { n: 1, s: 'a.b' },
      { n: 2, s: 'axb' },
      { n: 3, s: 'c' },
    ]
    await other.post(`${other.database}/tables/t/rows`, { rows, return_ids: true })
    const query = async (body: object) => {
      const reply = await other.post(`${other.database}/tables/t/query`, body)
      expect(reply.status).toBe(200)
      return reply.body.data.map((row: { row_data: { n: number } }) => row.row_data.n)
    }
    expect(
      await query({ filters: [{ column: 'n', op: 'gte', value: 2 }], order: { column: 'n', ascending: false } }),
    ).toEqual([3, 2])
    expect(await query({ filters: [{ column: 's', op: 'like', value: 'a._' }] })).toEqual([1])
    expect(await query({ filters: [], sort_by: 'n', order: 'desc', limit: 1 })).toEqual([3])
    const counted = await other.post(`${other.database}/tables/t/query`, { limit: 0, projection: ['n'] })
    expect(counted).toMatchObject({ status: 200, body: { total: 3, data: [], has_more: true } })
    expect(counted.body).not.toHaveProperty('warnings')
    const wrong = await other.post(`${other.database}/tables/t/query`, {
      filters: [{ column: 'n', op: 'near', value: 1 }],
    })
    expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'filters'] }] } })
  })

  test('a batch of vectors may be called items, and has a namespace for all', async () => {
    const other = await app.newUser()
    const stored = await other.post(`${other.database}/vectors/upsert-batch`, {
      items: [
        { id: 'a', values: [1, 0] },
        { id: 'b', vector: [0, 1], namespace: 'mine' },
      ],
      namespace: 'ours',
    })
    expect(stored).toMatchObject({ status: 200, body: { success_count: 2 } })
    const listed = await other.get(`${other.database}/vectors?namespace=ours`)
    expect(listed.body.vectors.map(({ vector_id }: { vector_id: string }) => vector_id)).toEqual(['a'])
  })
})

test('B1: a field of hook_config that its handler does not use is listed in the response', async () => {
  const other = await app.newUser()
  const hook = await other.hook('zerodb.vector.stored', 'auto_embed', { hook_config: { modell: 'bge-m3' } })
  expect(hook).toMatchObject({
    hook_config: { modell: 'bge-m3' },
    warnings: ['hook_config.modell means nothing to auto_embed. Did you mean "model"?'],
  })
  const changed = await other.patch(`/api/v1/hooks/${hook.id}`, { hook_config: { model: 'bge-m3' } })
  expect(changed.body).not.toHaveProperty('warnings')
})

test('B1: an object from a response can be sent back unchanged, and a read-only field that differs is listed', async () => {
  const other = await app.newUser()
  const project = (await other.get(`/api/v1/projects/${other.project_id}`)).body
  const put = await other.request('PUT', `/api/v1/projects/${other.project_id}`, {
    body: { ...project, description: 'new' },
  })
  expect(put).toMatchObject({ status: 200, body: { description: 'new' } })
  expect(put.body).not.toHaveProperty('warnings')
  const changed = await other.patch(`/api/v1/projects/${other.project_id}`, { ...project, user_id: user.user_id })
  expect(changed).toMatchObject({
    status: 200,
    body: { user_id: other.user_id, warnings: ['"user_id" cannot be changed here and was ignored'] },
  })
  const fn = (await user.get(`/api/v1/functions/${fixtures.function}`)).body
  const patched = await user.patch(`/api/v1/functions/${fixtures.function}`, fn)
  expect(patched.status).toBe(200)
})

test('B1: an optional field that is null counts as absent', async () => {
  const other = await app.newUser()
  const remembered = await other.post(`${MEMORY}/remember`, {
    content: 'x',
    tags: null,
    metadata: null,
    namespace: null,
  })
  expect(remembered).toMatchObject({ status: 200, body: { tags: [], metadata: {}, namespace: 'global' } })
})

test('B1: built-in tools and calls of functions refuse unknown fields, too', async () => {
  await expect(
    app.system.app.call('memory.recall', await callerOf(user), { query: 'x', entty_id: 'a' }),
  ).rejects.toMatchObject({ code: 'validation_failed', fields: [refusal('body', 'entty_id')] })
  await expect(app.system.app.call('memory.recall', await callerOf(user), 'x')).rejects.toMatchObject({
    fields: [{ type: 'dict_type', loc: ['body'] }],
  })
})

async function callerOf({ user_id, project_id }: TestUser) {
  return { user_id, project_id, bound: null, permissions: ['*'] }
}
