import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
  user = await app.newUser()
})
afterAll(() => app.close())

async function deploy(
  name: string,
  source: string,
  http: unknown = { auth: 'none' },
  rest: Record<string, unknown> = {},
) {
  const reply = await user.post('/api/v1/functions', { name, runtime: 'nodejs', source, config: { http, ...rest } })
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body))
  return reply.body.url_path as string
}
const ALL = { auth: 'none', methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] }

test('gets method, path, query, headers and body, and returns JSON', async () => {
  const url = await deploy(
    'mirror',
    'export default (event, ctx) => ({ ...event.data, event: event.event, trigger: ctx.trigger })',
    ALL,
  )
  const reply = await app.request('PUT', `${url}/a/b%20c/?x=1&y=2&y=3`, {
    payload: '{"n": 1}',
    headers: {
      'content-type': 'application/json',
      'x-mine': 'yes',
      cookie: 'session=secret',
      connection: 'keep-alive',
    },
  })
  expect(reply.status).toBe(200)
  expect(reply.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(reply.body).toMatchObject({
    event: 'http.request',
    trigger: 'http',
    method: 'PUT',
    path: '/a/b c/',
    query: { x: '1', y: ['2', '3'] },
    body: '{"n": 1}',
    json: { n: 1 },
  })
  expect(reply.body.headers).toMatchObject({ 'x-mine': 'yes' })
  expect(Object.keys(reply.body.headers)).not.toContain('cookie')
  expect(Object.keys(reply.body.headers)).not.toContain('connection')
  await app.drained()
  const run = (await user.get(`/api/v1/runs/${reply.headers['x-zerodb-run-id']}`)).body
  expect(run).toMatchObject({ trigger: 'http', handler: 'mirror', status: 'succeeded' })
})

test.each(['nodejs', 'python'])('D: raw URL and raw query are unchanged (%s)', async (runtime) => {
  const source =
    runtime === 'nodejs'
      ? 'export default ({ data }) => [data.raw_url, data.raw_query]'
      : 'def handler(event):\n    return [event["data"]["raw_url"], event["data"]["raw_query"]]\n'
  const config = { http: { auth: 'none' } }
  const { url_path } = (await user.post('/api/v1/functions', { name: `raw-${runtime}`, runtime, source, config })).body
  const query = 'b=1&a=%2f+x&a=&sig=%C3%A4'
  const reply = await app.request('GET', `${url_path}/a%20b/%7Ex/?${query}`)
  expect(reply.body).toEqual([`${url_path}/a%20b/%7Ex/?${query}`, query])
  expect((await app.request('GET', url_path)).body).toEqual([url_path, ''])
})

describe('responses', () => {
  test.each([
    [
      'text',
      `new Response('hello', { status: 201, headers: { 'x-a': 'b' } })`,
      201,
      'text/plain;charset=UTF-8',
      'hello',
    ],
    ['html', `ctx.response('<p>hi</p>', { headers: { 'content-type': 'text/html' } })`, 200, 'text/html', '<p>hi</p>'],
    [
      'JSON with a status',
      `ctx.response({ a: 1 }, { status: 404 })`,
      404,
      expect.stringContaining('application/json'),
      { a: 1 },
    ],
    [
      'a redirect',
      `ctx.response(null, { status: 302, headers: { location: 'https://example.com/' } })`,
      302,
      undefined,
      '',
    ],
    ['nothing', `ctx.response(null, { status: 204 })`, 204, undefined, ''],
    ['a text as JSON', `'plain'`, 200, 'application/json; charset=utf-8', 'plain'],
  ])('%s', async (_, expression, status, type, body) => {
    const url = await deploy('answers', `export default (event, ctx) => ${expression}`)
    const reply = await app.request('GET', url)
    expect({ status: reply.status, type: reply.headers['content-type'], body: reply.body }).toEqual({
      status,
      type,
      body,
    })
  })

  test('may be bytes, in both runtimes, and requests, too', async () => {
    const bytes = Buffer.from([0, 255, 1, 254])
    const url = await deploy('bytes', 'export default (event) => Buffer.from(event.data.body).reverse()')
    const python = await user.post('/api/v1/functions', {
      name: 'bytes-py',
      runtime: 'python',
      source: 'config = {"http": {"auth": "none"}}\ndef handler(event, ctx):\n    return event["data"]["body"][::-1]',
    })
    // A body that is not valid UTF-8 is bytes, whatever its content type.
    for (const path of [url, python.body.url_path])
      for (const type of ['image/png', 'text/plain; charset=latin1', 'application/json']) {
        const reply = await app.request('POST', path, { payload: bytes, headers: { 'content-type': type } })
        expect({ type: reply.headers['content-type'], raw: reply.raw }).toEqual({
          type: 'application/octet-stream',
          raw: Buffer.from([254, 1, 255, 0]),
        })
      }
  })

  test('may have the configured size, up to six megabytes', async () => {
    const url = await deploy('large', 'export default (e) => new Uint8Array(Number(e.data.query.n))', ALL, {
      output_limit_bytes: 6_291_456,
    })
    expect((await app.request('GET', `${url}?n=6000000`)).raw).toHaveLength(6_000_000)
    expect((await app.request('GET', `${url}?n=7000000`)).status).toBe(502)
  })

  test('to a HEAD have no body', async () => {
    const url = await deploy('head', 'export default () => "x"', ALL)
    expect(await app.request('HEAD', url)).toMatchObject({ status: 200, body: '' })
  })

  test('D: HEAD works wherever GET does, with the same headers', async () => {
    const url = await deploy(
      'heads',
      `export default (e, ctx) => ctx.response('method ' + e.data.method, { status: 203, headers: { 'x-a': 'b' } })`,
      { auth: 'none', methods: ['GET'] },
    )
    const got = await app.request('GET', url)
    const head = await app.request('HEAD', url)
    expect(got).toMatchObject({ status: 203, body: 'method GET' })
    expect(head).toMatchObject({ status: 203, body: '' })
    const { date: _, 'x-zerodb-run-id': __, ...same } = got.headers
    expect(head.headers).toMatchObject(same)
    expect(head.headers['content-length']).toBe(String('method GET'.length))
    const own = await deploy(
      'heads',
      'export default (e, ctx) => ctx.response(null, { headers: { m: e.data.method } })',
      ALL,
    )
    expect((await app.request('HEAD', own)).headers['m']).toBe('HEAD')
    const posts = await deploy('posts', 'export default () => 1', { auth: 'none', methods: ['POST'] })
    const refused = await app.request('HEAD', posts)
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'POST'])
    const both = await deploy('posts', 'export default () => 1', { auth: 'none', methods: ['POST', 'GET'] })
    expect((await app.request('PUT', both)).headers['allow']).toBe('POST, GET, HEAD')
  })

  test('D: HEAD works on every route of the API that supports GET', async () => {
    const key = { authorization: `Bearer ${user.key}` }
    const uploaded = await user.post(`${user.database}/files/upload`, { file_name: 'a.txt', file_content: 'aGVsbG8=' })
    expect(uploaded.status).toBe(200)
    const file = `${user.database}/files/${uploaded.body.file_id}/download`
    const { run_id } = (await user.post('/api/v1/functions/heads/invoke', { payload: { method: 1 } })).body
    await app.drained()
    for (const url of ['/openapi.json', '/', '/api/v1/functions', file, `/api/v1/runs/${run_id}/logs`]) {
      const got = await app.request('GET', url, { headers: key })
      const head = await app.request('HEAD', url, { headers: key })
      expect({ url, status: head.status, body: head.body }).toEqual({ url, status: got.status, body: '' })
      expect([url, head.headers['content-type']]).toEqual([url, got.headers['content-type']])
      expect([url, head.headers['content-length']]).toEqual([url, got.headers['content-length']])
    }
    expect((await app.request('HEAD', '/api/v1/functions')).status).toBe(401)
    expect((await app.request('HEAD', '/api/v1/functions/none', { headers: key })).status).toBe(404)
    const refused = await app.request('PUT', '/api/v1/functions', { headers: key, body: {} })
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'POST, GET, HEAD'])
  })

  test('contain no header that would harm other pages on the same origin', async () => {
    const url = await deploy(
      'page',
      `export default (e, ctx) => ctx.response('<script>1</script>', { headers: {
        'content-type': 'text/html', 'set-cookie': 'a=b', 'service-worker-allowed': '/', 'content-security-policy': 'none' } })`,
    )
    const { headers } = await app.request('GET', url)
    expect(headers).toMatchObject({ 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' })
    expect(headers).not.toHaveProperty('set-cookie')
    expect(headers).not.toHaveProperty('service-worker-allowed')
  })
})

test('A9: a response cannot set headers of the server, and the run lists the dropped ones', async () => {
  const source = `export default (e, ctx) => ctx.response('ok', { status: 401, headers: {
    'x-zerodb-run-id': 'forged', 'X-Request-ID': 'forged', 'www-authenticate': 'Basic realm="forged"', 'ratelimit-remaining': '9',
    'RateLimit': 'forged', 'x-accel-redirect': '/etc/passwd', server: 'forged', 'proxy-authenticate': 'Basic', 'alt-svc': 'h3=":1"',
    'x-content-type-options': 'off', 'retry-after': '5', 'x-mine': 'yes' } })`
  const url = await deploy('forger', source)
  const reply = await app.request('GET', url)
  expect(reply).toMatchObject({ status: 401, body: 'ok' })
  expect(reply.headers).toMatchObject({
    'x-zerodb-run-id': expect.not.stringContaining('forged'),
    'x-content-type-options': 'nosniff',
    'retry-after': '5',
    'x-mine': 'yes',
  })
  expect(JSON.stringify(reply.headers)).not.toMatch(/forged|passwd|Basic|h3/)
  await app.drained()
  const { logs } = (await user.get(`/api/v1/runs/${reply.headers['x-zerodb-run-id']}`)).body
  expect(logs).toEqual([
    {
      at: expect.any(String),
      level: 'warn',
      message:
        '[dropped headers that a function cannot set here: x-zerodb-run-id, x-request-id, www-authenticate, ratelimit-remaining, ' +
        'ratelimit, x-accel-redirect, server, proxy-authenticate, alt-svc, x-content-type-options]',
    },
  ])
})

test('A9: CORS headers of a function are used only if its config has no cors', async () => {
  const source = `export default (e, ctx) => ctx.response('ok', { headers: { 'access-control-allow-origin': '*', vary: 'accept' } })`
  const own = await app.request('GET', await deploy('own-cors', source))
  expect(own.headers).toMatchObject({ 'access-control-allow-origin': '*', vary: 'accept' })
  const cors = { origins: ['https://app.example'] }
  const url = await deploy('configured-cors', source, { auth: 'none', cors })
  const from = (origin: string) => app.request('GET', url, { headers: { origin } })
  expect((await from('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin')
  expect((await from('https://app.example')).headers).toMatchObject({
    'access-control-allow-origin': 'https://app.example',
    vary: 'origin, accept',
  })
})

test('A8: a function without a key is accepted under known hosts only', async () => {
  const open = await deploy('known-host', 'export default () => 1')
  const keyed = await deploy('known-key', 'export default () => 1', true)
  const headers = { host: 'evil.example' }
  expect(await app.request('GET', open, { headers })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect((await app.request('GET', open)).status).toBe(200)
  expect((await user.get(keyed, headers)).status).toBe(200)
})

describe('access', () => {
  test('needs a key by default; the function does not see the key', async () => {
    const url = await deploy('guarded', 'export default (event) => Object.keys(event.data.headers)', true)
    expect((await app.request('GET', url)).status).toBe(401)
    const reply = await user.get(url)
    expect(reply.status).toBe(200)
    expect(reply.body).not.toContain('authorization')
    const stranger = await app.newUser()
    expect((await stranger.get(url)).status).toBe(404)
    const key = (await user.post('/api/v1/auth/api-keys', { name: 'r', scopes: ['memory:read'] })).body.key
    expect((await app.request('GET', url, { headers: { 'x-api-key': key } })).status).toBe(403)
  })

  test('without a key does not reveal which functions exist', async () => {
    const url = await deploy('hidden', 'export default () => 1', true)
    const [there, not] = [await app.request('GET', url), await app.request('GET', `${url}x`)]
    expect([there.status, there.body.detail]).toEqual([not.status, not.body.detail])
    const stranger = await app.newUser()
    const [mine, none] = [await stranger.get(url), await stranger.get(`${url}x`)]
    expect([mine.status, mine.body.detail]).toEqual([none.status, none.body.detail])
  })

  test('is limited to the methods, and refused without the trigger or if the function is disabled', async () => {
    const url = await deploy('methods', 'export default () => 1', { methods: ['POST'], auth: 'none' })
    expect(await app.request('GET', url)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    expect((await app.request('POST', url)).status).toBe(200)
    await user.patch('/api/v1/functions/methods', { is_active: false })
    expect((await app.request('POST', url)).status).toBe(401)
    expect((await user.post(url)).body.code).toBe('function_disabled')
    await user.post('/api/v1/functions', { name: 'inner', runtime: 'nodejs', source: 'export default () => 1' })
    expect((await user.get(`/fn/${user.project_id}/inner`)).status).toBe(404)
  })

  test('is allowed from pages of the configured origins', async () => {
    const url = await deploy('cors', 'export default () => 1', {
      auth: 'key',
      cors: { origins: ['https://app.example'], headers: ['x-mine'] },
    })
    const ask = (origin: string) =>
      app.request('OPTIONS', url, { headers: { origin, 'access-control-request-method': 'POST' } })
    const preflight = await ask('https://app.example')
    expect(preflight.status).toBe(204)
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization, content-type, x-api-key, x-mine',
      vary: 'origin',
    })
    expect((await ask('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin')
    expect((await user.get(url, { origin: 'https://app.example' })).headers['access-control-allow-origin']).toBe(
      'https://app.example',
    )
  })
})

test('internal errors are shown to the owner and to no one else', async () => {
  const source = 'export default () => { throw new Error("the inner reason") }'
  const open = await app.request('GET', await deploy('fails-open', source))
  expect(open.status).toBe(502)
  expect(open.body).toMatchObject({ detail: 'The function has failed', run_id: expect.any(String) })
  expect((await user.get(await deploy('fails-guarded', source, true))).body.detail).toBe('Error: the inner reason')
  await app.drained()
  const run = (await user.get(`/api/v1/runs/${open.body.run_id}`)).body
  expect(run.error.message).toContain('the inner reason')
})

test('a function has at most as many calls as its concurrency, further callers get 429', async () => {
  const url = await deploy('narrow', 'export default () => new Promise((done) => setTimeout(done, 300, 1))', ALL, {
    concurrency: 1,
  })
  const replies = await Promise.all([1, 2, 3].map(() => app.request('GET', url)))
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 429, 429])
  expect(replies.find(({ status }) => status === 429)!.headers['retry-after']).toBe('1')
})

test('a call is durable if its caller does not wait', async () => {
  const url = await deploy('async', 'export default (event) => event.data.json')
  const reply = await app.request('POST', url, { body: { a: 1 }, headers: { prefer: 'respond-async' } })
  expect({ status: reply.status, applied: reply.headers['preference-applied'] }).toEqual({
    status: 202,
    applied: 'respond-async',
  })
  await app.drained()
  expect((await user.get(`/api/v1/runs/${reply.body.run_id}`)).body).toMatchObject({
    trigger: 'http',
    status: 'succeeded',
    result: { a: 1 },
  })
})

test('a project has a maximum number of concurrent calls, over all its functions', async () => {
  const small = await openTestApp({ ...SANDBOX, ZERODB_PROJECT_CONCURRENCY: '2' })
  try {
    const [one, other] = [await small.newUser(), await small.newUser()]
    const source = 'export default () => new Promise((done) => setTimeout(done, 500, 1))'
    for (const owner of [one, other])
      for (const name of ['a', 'b']) await owner.post('/api/v1/functions', { name, runtime: 'nodejs', source })
    const invoke = (owner: TestUser, name: string) => owner.post(`/api/v1/functions/${name}/invoke`)
    const replies = await Promise.all([
      ...['a', 'b', 'a', 'b'].map((name) => invoke(one, name)),
      ...['a', 'b'].map((name) => invoke(other, name)),
    ])
    const statuses = replies.map(({ status }) => status)
    expect(statuses.slice(0, 4).sort()).toEqual([200, 200, 429, 429])
    expect(statuses.slice(4)).toEqual([200, 200])
  } finally {
    await small.close()
  }
})
