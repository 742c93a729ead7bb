import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_BODY_MB: '1' })
})
afterAll(() => app.close())

const VECTOR = { vector_id: 'v', vector_embedding: [1, 0] }

test('a project’s database has the same URLs under every prefix', async () => {
  const user = await app.newUser()
  const id = user.project_id
  const prefixes = [
    `/api/v1/projects/${id}/database`,
    `/api/v1/public/projects/${id}/database`,
    `/v1/projects/${id}/database`,
    `/v1/public/projects/${id}/database`,
    `/v1/public/${id}/database`,
    `/api/v1/public/${id}/database`,
    `/v1/zerodb/${id}/database`,
    `/api/v1/zerodb/${id}/database`,
    `/api/v1/zerodb/projects/${id}/database`,
    `/v1/projects/${id.toUpperCase()}/database`,
    '/api/v1/projects/-/database',
  ]
  for (const [i, prefix] of prefixes.entries()) {
    const stored = await user.post(`${prefix}/vectors/upsert`, VECTOR)
    expect({ prefix, status: stored.status, project: stored.body.project_id }).toEqual({
      prefix,
      status: 200,
      project: id,
    })
    const listed = await user.get(`${prefix}/vectors?limit=5&namespace=default`)
    const isBare = prefix.includes('/public/projects/')
    expect(listed).toMatchObject({ status: 200, body: isBare ? [{ vector_id: stored.body.vector_id }] : { total: 1 } })
    const published = await user.post(`${prefix}/events`, { type: `t${i}` })
    expect(published).toMatchObject({ status: 200, body: { project_id: id } })
  }
  // Clients that poll this address expect a bare array.
  const events = (await user.get(`/v1/zerodb/${id}/events?limit=100`)).body
  expect(events).toHaveLength(prefixes.length)
  expect((await user.events()).length).toBe(2 * prefixes.length)
})

test('every path exists under /api/v1 and /v1', async () => {
  const user = await app.newUser()
  for (const root of ['/api/v1', '/v1']) {
    const hook = await user.post(`${root}/hooks`, {
      event_type: 'zerodb.vector.stored',
      hook_name: root === '/v1' ? 'auto_graph' : 'auto_summarize',
    })
    expect(hook.status).toBe(201)
    expect((await user.get(`${root}/hooks/${hook.body.id}`)).status).toBe(200)
    expect((await user.get(`${root}/runs`)).status).toBe(200)
    expect((await user.get(`${root}/event-log`)).status).toBe(200)
    expect((await user.post(`${root}/public/memory/v2/recall`, { query: 'x' })).status).toBe(200)
    expect((await user.post(`${root}/public/zerodb/events`, { type: 'a' })).status).toBe(200)
    expect((await user.post(`${root}/zerodb/events`, { type: 'a' })).status).toBe(200)
    const file = await user.post(`${root}/public/zerodb/files`, { file_name: 'a', file_content: 'aGk=' })
    expect(file.status).toBe(200)
    expect((await user.get(`${root}/public/zerodb/files/${file.body.file_id}`)).body).toBe('hi')
  }
})

test('a resource behaves the same under its additional paths', async () => {
  const user = await app.newUser()
  const database = user.database
  const project = `/api/v1/projects/${user.project_id}`
  for (const url of [`${database}/memory`, `${database}/memory/store`])
    expect(await user.post(url, { content: 'x' })).toMatchObject({ status: 200, body: { content: 'x' } })
  for (const url of [
    `${database}/files`,
    `${database}/files/upload`,
    `${database}/storage/upload`,
    `${project}/files/upload`,
  ])
    expect(await user.post(url, { file_name: 'a' })).toMatchObject({ status: 200, body: { file_name: 'a' } })
  for (const url of [database, `${database}/status`])
    expect(await user.get(url)).toMatchObject({
      status: 200,
      body: { enabled: true, memory_records_count: 2, files_count: 4 },
    })
})

test('projects are created, listed, read, changed by PUT or PATCH, counted and deleted', async () => {
  const user = await app.newUser()
  const made = []
  for (const url of ['/api/v1/projects', '/api/v1/public/projects', '/v1/projects/', '/api/v1/zerodb/projects']) {
    const created = await user.post(url, { name: url, type: 'a type', metadata: { a: 1 } })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({
      id: expect.any(String),
      name: url,
      description: null,
      user_id: user.user_id,
      status: 'ACTIVE',
      metadata: { a: 1 },
      settings: {},
      created_at: expect.any(String),
      updated_at: created.body.created_at,
      warnings: ['"type" has no effect here and was ignored'],
    })
    const { warnings: _, ...project } = created.body
    made.push(project)
  }
  expect((await user.get('/api/v1/projects?skip=1')).body).toEqual(made)
  expect((await user.get('/api/v1/projects?limit=1&offset=2')).body).toEqual([made[1]])

  const [{ id }] = made as [{ id: string }]
  const put = await user.request('PUT', `/api/v1/projects/${id}`, { body: { description: 'put' } })
  expect(put).toMatchObject({ status: 200, body: { name: '/api/v1/projects', description: 'put', metadata: { a: 1 } } })
  const patched = await user.patch(`/v1/zerodb/projects/${id}`, { name: 'patched', metadata: {}, settings: { b: 2 } })
  expect(patched.body).toMatchObject({ name: 'patched', description: 'put', metadata: {}, settings: { b: 2 } })
  expect((await user.patch(`/api/v1/projects/${id}`, { description: null })).body.description).toBeNull()
  expect((await user.get(`/api/v1/projects/${id}/`)).body).toMatchObject({ name: 'patched', description: null })
  expect((await user.patch(`/api/v1/projects/${id}`, { name: '' })).status).toBe(422)

  await user.post(`/api/v1/projects/${id}/database/vectors/upsert`, VECTOR)
  expect((await user.get(`/api/v1/projects/${id}/database`)).body).toMatchObject({ vectors_count: 1, tables_count: 0 })
  expect((await user.delete(`/api/v1/projects/${id}`)).status).toBe(204)
  expect((await user.get(`/api/v1/projects/${id}`)).status).toBe(404)
  expect((await user.delete(`/api/v1/projects/${id}`)).status).toBe(404)
  const main = await user.delete(`/api/v1/projects/${user.project_id}`)
  expect(main).toMatchObject({ status: 422, body: { detail: 'The default project cannot be deleted' } })
  expect(await user.trail()).toEqual({ events: ['zerodb.vector.stored'], runs: [] })
})

test('a trailing slash is ignored', async () => {
  const user = await app.newUser()
  expect((await user.post(`${user.database}/vectors/upsert/`, VECTOR)).status).toBe(200)
  expect((await user.get(`${user.database}/vectors/v/`)).status).toBe(200)
  expect((await user.get(`${user.database}/vectors//?limit=1`)).body.total).toBe(1)
  expect((await user.get('/api/v1/hooks/?active_only=false')).body).toEqual([])
  expect((await user.post('/api/v1/public/memory/v2/remember/', { content: 'x' })).status).toBe(200)
})

test('an unknown path is 404, an unsupported method on a known path is 405', async () => {
  const user = await app.newUser()
  for (const url of ['/api/v1', '/api/v1/nothing', '/api/v2/hooks', `${user.database}/nothing`, '/../../etc/passwd'])
    expect(await user.get(url)).toMatchObject({ status: 404, body: { detail: 'Not Found', code: 'route_not_found' } })
  for (const [method, url, allow] of [
    ['PUT', '/api/v1/hooks', 'POST, GET, HEAD'],
    ['DELETE', '/v1/hooks/', 'POST, GET, HEAD'],
    ['POST', `/api/v1/hooks/${randomUUID()}`, 'GET, HEAD, PATCH, DELETE'],
    ['PATCH', `${user.database}/vectors`, 'POST, GET, HEAD, DELETE'],
  ] as const) {
    const { status, body, headers } = await user.request(method, url)
    expect({ method, url, status, detail: body.detail, allow: headers['allow'] }).toEqual({
      method,
      url,
      status: 405,
      detail: 'Method Not Allowed',
      allow,
    })
  }
  expect((await user.get(`${user.database}/tables/t/search`)).body.code).toBe('route_not_found')
  expect((await app.request('GET', '/api/v1/nothing')).status).toBe(404)
})

test('health needs no key', async () => {
  for (const url of ['/livez', '/readyz', '/health', '/api/v1/health', '/v1/health'])
    expect(await app.request('GET', url)).toMatchObject({ status: 200, body: { status: 'ok' } })
})

test('an error is one body with a sentence or a list, and has the request id', async () => {
  const user = await app.newUser()
  const sentence = await user.get(`/api/v1/hooks/${randomUUID()}`, { 'x-request-id': 'my-request' })
  expect(sentence.headers['content-type']).toContain('application/json')
  expect(sentence.headers['vary']).toContain('accept')
  expect(sentence.headers['x-request-id']).toBe('my-request')
  expect(sentence.body).toEqual({ detail: 'Hook not found', code: 'not_found', request_id: 'my-request' })
  const list = await user.get('/api/v1/hooks/x')
  expect(list.body).toEqual({ detail: [expect.any(Object)], code: 'validation_failed', request_id: expect.any(String) })
})

test('a client that accepts application/problem+json gets a problem of RFC 9457', async () => {
  const user = await app.newUser()
  const accept = { accept: 'application/problem+json, application/json;q=0.5' }
  const problem = await user.get(`/api/v1/hooks/${randomUUID()}?project_id=${user.project_id}`, accept)
  expect(problem.status).toBe(404)
  expect(problem.headers['content-type']).toContain('application/problem+json')
  expect(problem.body).toEqual({
    type: 'urn:zerodb:error:not_found',
    title: 'Not found',
    status: 404,
    detail: 'Hook not found',
    instance: expect.stringContaining('/api/v1/hooks/'),
    request_id: expect.any(String),
  })
  const shape = await user.post('/api/v1/hooks', {}, accept)
  expect(shape.body).toMatchObject({
    status: 422,
    detail: expect.any(String),
    errors: [{ loc: ['body', 'event_type'] }, {}],
  })
  expect((await app.request('GET', '/api/v1/hooks', { headers: accept })).headers).toMatchObject({
    'content-type': expect.stringContaining('application/problem+json'),
    'www-authenticate': 'Bearer',
  })
  expect((await user.get('/nothing', accept)).body).toMatchObject({ status: 404, detail: 'Not Found' })
})

test('a body that is not valid JSON is 422 json_invalid, with any content type', async () => {
  const user = await app.newUser()
  const url = `${user.database}/vectors/upsert`
  const send = (payload: string, type?: string) =>
    user.request('POST', url, { payload, headers: type === undefined ? {} : { 'content-type': type } })
  for (const payload of [
    '{',
    'nonsense',
    '{"vector_embedding":[NaN]}',
    '{"vector_embedding":[1,Infinity]}',
    "{'a':1}",
    '{"a":1}}',
  ])
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'application/x-www-form-urlencoded',
      undefined,
    ]) {
      const reply = await send(payload, type)
      expect({ payload, type, status: reply.status }).toEqual({ payload, type, status: 422 })
      expect(reply.body.detail).toEqual([
        { type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error', ctx: { error: expect.any(String) } },
      ])
    }
  for (const type of ['text/plain', 'application/xml', 'application/octet-stream'])
    expect((await send('<a/>', type)).status).toBe(415)
  const headers = { 'content-encoding': 'gzip' }
  expect(await user.request('POST', '/api/v1/hooks', { body: {}, headers })).toMatchObject({
    status: 415,
    body: {
      code: 'unsupported_media_type',
      detail: 'The content encoding "gzip" is not supported: send the body without content encoding',
    },
  })
  for (const payload of ['null', '7', '"text"', 'true'])
    expect((await send(payload, 'application/json')).status).toBe(422)
  expect((await send('', 'application/json')).body.detail).toMatchObject([{ type: 'missing' }])
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('JSON is parsed with any content type that a client sends', async () => {
  const user = await app.newUser()
  const payload = JSON.stringify(VECTOR)
  for (const type of [
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.api+json',
    undefined,
  ]) {
    const reply = await user.request('POST', `${user.database}/vectors/upsert`, {
      payload,
      headers: type === undefined ? {} : { 'content-type': type },
    })
    expect({ type, status: reply.status }).toEqual({ type, status: 200 })
  }
})

test('a number that is valid JSON but too large for any number type is refused', async () => {
  const user = await app.newUser()
  const payload = '{"vector_embedding":[1e400, 1]}'
  const reply = await user.request('POST', `${user.database}/vectors/upsert`, { payload })
  expect(reply.status).toBe(422)
  expect(reply.body.detail).toMatchObject([{ loc: ['body', 'vector_embedding', 0] }])
})

const NUL = String.fromCharCode(0)

test('text with U+0000, which PostgreSQL cannot store, is 422 everywhere', async () => {
  const user = await app.newUser()
  for (const [url, body] of [
    ['vectors/upsert', { vector_embedding: [1], document: `a${NUL}b` }],
    ['vectors/upsert', { vector_embedding: [1], vector_id: NUL }],
    ['vectors/upsert', { vector_embedding: [1], metadata: { deep: [{ a: `${NUL}` }] } }],
    ['vectors/upsert-batch', [{ vector_embedding: [1], metadata: { [`a${NUL}`]: 1 } }]],
    ['memory/store', { content: NUL }],
    ['tables', { table_name: NUL }],
    ['events/publish', { topic: 't', event_payload: NUL }],
    ['files/upload', { file_name: NUL }],
  ] as const) {
    const reply = await user.post(`${user.database}/${url}`, body)
    expect({ url, status: reply.status, detail: reply.body.detail }).toEqual({
      url,
      status: 422,
      detail: 'Text must not contain the character U+0000',
    })
  }
  const tags = await user.post('/api/v1/public/memory/v2/remember', { content: 'x', tags: [`a${NUL}`] })
  expect(tags.status).toBe(422)
  expect((await user.get(`${user.database}/vectors/%00`)).status).toBe(422)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('JSON with malformed Unicode or unlimited nesting is a client error', async () => {
  const user = await app.newUser()
  const send = (payload: string) => user.request('POST', `${user.database}/events/publish`, { payload })
  expect((await send('{"topic":"t","event_payload":"\\ud800"}')).status).toBe(422)
  const deep = `{"topic":"t","event_payload":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  expect((await send(deep)).status).toBe(422)
  expect((await send(`{"topic":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)).status).toBe(422)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('a body over ZERODB_MAX_BODY_MB is 413; a text with more words than an index holds is found by its first ones', async () => {
  const user = await app.newUser()
  const url = '/api/v1/public/memory/v2/remember'
  const large = await user.post(url, { content: 'x '.repeat(600_000) })
  expect(large).toMatchObject({ status: 413, body: { code: 'too_large' } })
  const words = Array.from({ length: 150_000 }, (_, i) => `w${i.toString(36)}`).join(' ')
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  const stored = await user.post(url, { content: words })
  expect(stored.status).toBe(200)
  const found = await user.post('/api/v1/public/memory/v2/recall', { query: 'w7' })
  expect(found.body.results.map(({ id }: { id: string }) => id)).toEqual([stored.body.memory_id])
})

test('a malformed path is a client error', async () => {
  const user = await app.newUser()
  for (const path of ['%ff', '%', 'a%2', '%zz'].flatMap((name) => [
    `${user.database}/vectors/${name}`,
    `/fn/${name}`,
  ])) {
    const detail = `The path "${path}" cannot be decoded: each % must be followed by two hexadecimal digits of UTF-8 bytes (write % itself as %25)`
    expect(await user.get(`${path}?limit=%zz`)).toMatchObject({ status: 422, body: { detail, code: 'invalid' } })
  }
  const long = await user.get(`${user.database}/vectors/${'x'.repeat(900)}/${'x'.repeat(900)}/%`)
  expect(long.status).toBe(422)
  expect(long.raw.length).toBeLessThan(1300)
  expect((await user.get(`${user.database}/vectors/${'x'.repeat(5000)}`)).status).toBe(414)
  expect((await user.get('/api/v1/event-log?cursor=zzzzzzzzzzzzzzzzzzzzzz')).status).toBe(422)
  expect((await user.get('/api/v1/event-log?cursor=-')).status).toBe(422)
  for (const id of ['evt_', 'evt_1', `evt_${'f'.repeat(22)}`, `evt_${'f'.repeat(60)}`, 'x'.repeat(900)])
    expect([404, 422]).toContain((await user.get(`/api/v1/event-log/${id}`)).status)
})
