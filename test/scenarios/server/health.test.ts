import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashApiKey, newApiKey } from '../../../src/crypto.ts'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { undispatched } from '../../support/undispatched.ts'

const STORED = 'zerodb.vector.stored'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

test('a healthy server says so, to everyone', async () => {
  expect(await app.request('GET', '/livez')).toMatchObject({ status: 200, body: { status: 'ok' } })
  for (const path of ['/readyz', '/healthz'])
    expect(await app.request('GET', path)).toMatchObject({ status: 200, body: { status: 'ok', lag_seconds: 0 } })
  const health = await app.request('GET', '/health')
  expect(health).toMatchObject({
    status: 200,
    body: {
      status: 'ok',
      database: app.system.app.store.kind,
      version: expect.stringMatching(/^\d/),
      instances: [{ slots: 16, draining: false, handlers: expect.arrayContaining(['auto_embed', 'webhook']) }],
    },
  })
  // The response does not reveal where the server runs.
  expect(Object.keys(health.body.instances[0]).sort()).toEqual(['draining', 'handlers', 'id', 'slots', 'started_at'])
})

test('a server with waiting events is not ready, and becomes ready when they have been dispatched', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  await undispatched(app.system.app.store, async () => {
    await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
    expect(await app.request('GET', '/readyz')).toMatchObject({ status: 200 })
    await app.system.database.query(sql`
      update zerodb_events set created_at = now() - interval '31 seconds' where user_id = ${user.user_id}::uuid`)
    expect(await app.request('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { status: 'lagging', lag_seconds: expect.closeTo(31, -1) },
      headers: { 'retry-after': '1' },
    })
    expect(await app.request('GET', '/health')).toMatchObject({ status: 200, body: { status: 'lagging' } })
  })
  await app.drained()
  expect(await app.request('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ok', lag_seconds: 0 } })
})

test('a server that shuts down is not ready, and answers until it closes; requests in that time are not lost', async () => {
  const other = await openTestApp()
  try {
    const user = await other.newUser()
    await user.hook(STORED, 'auto_embed')
    await other.system.drain(0)
    expect(await other.request('GET', '/readyz')).toMatchObject({ status: 503, body: { status: 'draining' } })
    expect((await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })).status).toBe(200)
    const [left] = await other.system.database.query<{ left: boolean }>(sql`
      select exists (select from zerodb_outbox) or exists (select from zerodb_runs where status = 'queued') as left`)
    expect(left).toEqual({ left: true })
  } finally {
    await other.close()
  }
})

test('a server that closes does not wait for a connection without a request', async () => {
  const other = await openTestApp()
  const address = new URL(await other.server.listen({ host: '127.0.0.1', port: 0 }))
  const socket = connect(Number(address.port), address.hostname)
  const gone = once(socket, 'close')
  await once(other.server.server, 'connection')
  // Otherwise the limit of Node for the first request applies, a minute or more.
  await other.close()
  await gone
})

test('metrics have the format of Prometheus, and contain no user', async () => {
  const user = await app.newUser()
  const before = await metrics()
  await user.hook(STORED, 'auto_embed')
  await user.hook('zerodb.table.row_inserted', 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  await user.post(`${user.database}/tables`, { table_name: 't' })
  await user.post(`${user.database}/tables/t/rows`, { row_data: {} })
  await user.get('/api/v1/nonsense')
  await app.drained()
  const after = await metrics()
  const grown = (line: string) => (after.get(line) ?? 0) - (before.get(line) ?? 0)
  expect(grown('zerodb_events_dispatched_total')).toBe(2)
  expect(grown('zerodb_event_to_run_seconds_count')).toBe(2)
  expect(grown('zerodb_run_duration_seconds_count{handler="auto_embed",status="succeeded"}')).toBe(1)
  expect(grown('zerodb_run_duration_seconds_count{handler="auto_embed",status="skipped"}')).toBe(1)
  expect(grown('zerodb_http_request_duration_seconds_count{operation="vectors.upsert",status="200"}')).toBe(1)
  expect(grown('zerodb_http_request_duration_seconds_count{operation="none",status="404"}')).toBe(1)
  expect(after.get('zerodb_dispatch_lag_seconds')).toBe(0)
  expect(after.get('zerodb_instances')).toBe(1)
  const text = [...after.keys()].join('\n')
  for (const secret of [user.user_id, user.project_id, user.key]) expect(text).not.toContain(secret)
})

test('metrics count waiting runs', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'webhook:later', { paused: true, hook_config: { url: 'https://hooks.example.com/' } })
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  await app.drained()
  expect((await metrics()).get('zerodb_runs{handler="webhook",status="queued"}')).toBe(1)
})

test('A8: metrics need their token or a key of the operator, unless a setting makes them public', async () => {
  const get = (authorization?: string, host = 'localhost') =>
    app.request('GET', '/metrics', { headers: { host, ...(authorization === undefined ? {} : { authorization }) } })
  const operator = app.system.owner
  const limited = newApiKey()
  const named = { user_id: operator.user_id, name: 'test', hash: hashApiKey(limited), last4: limited.slice(-4) }
  await app.system.app.store.keys.create({ ...named, project_id: operator.project_id })
  const user = await app.newUser()
  const { config } = app.system.app
  const usual = { ...config }
  try {
    expect(await get()).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { code: 'unauthorized', detail: expect.stringContaining('ZERODB_METRICS_TOKEN') },
    })
    expect((await get('Bearer wrong')).status).toBe(401)
    for (const key of [user.key, limited]) expect(await get(`Bearer ${key}`)).toMatchObject({ status: 403 })
    for (const host of ['localhost', 'api.example.com'])
      expect((await get(`Bearer ${operator.new_key}`, host)).status).toBe(200)
    Object.assign(config, { metricsToken: 'a token for the metrics' })
    expect((await get()).status).toBe(401)
    expect((await get('Bearer another token')).status).toBe(401)
    expect((await get('Bearer a token for the metrics')).status).toBe(200)
    Object.assign(config, { metrics: 'open' })
    expect((await get()).status).toBe(200)
    expect((await get(undefined, 'evil.example')).status).toBe(403)
  } finally {
    Object.assign(config, usual)
  }
})

const KEYLESS = ['/health', '/api/v1/health', '/readyz', '/healthz', '/openapi.json', '/']

test('A8: a request without a key is accepted under names of this machine and IP addresses only', async () => {
  const get = (path: string, host: string) => app.request('GET', path, { headers: { host } })
  for (const path of KEYLESS) {
    for (const host of ['evil.example', 'evil.example:8000', '127.0.0.1.evil.example', 'localhost.evil.example', 'a b'])
      expect({ path, host, ...(await get(path, host)) }).toMatchObject({
        path,
        host,
        status: 403,
        body: { code: 'forbidden', detail: expect.stringContaining('ZERODB_ALLOWED_HOSTS') },
      })
    for (const host of [
      'localhost:8000',
      '127.0.0.1',
      '10.1.2.3:8000',
      '[fd00::1]:8000',
      'zerodb',
      'zerodb.default.svc',
    ])
      expect({ path, host, status: (await get(path, host)).status }).toEqual({ path, host, status: 200 })
  }
  expect((await get('/livez', 'evil.example')).status).toBe(200)
  const headers = { host: 'evil.example' }
  const login = { headers, body: { email: 'a@example.test', password: 'wrong' } }
  expect((await app.request('POST', '/api/v1/auth/login', login)).status).toBe(403)
  const user = await app.newUser()
  expect((await user.get('/api/v1/auth/me', headers)).status).toBe(200)
})

test('A8: a configured host name is accepted', async () => {
  const other = await openTestApp({
    ZERODB_ALLOWED_HOSTS: 'api.example.com',
    ZERODB_FUNCTIONS_ORIGIN: 'https://fn.example.com',
    ZERODB_HOST: '0.0.0.0',
  })
  try {
    const status = async (host: string) => (await other.request('GET', '/health', { headers: { host } })).status
    expect(await Promise.all(['api.example.com', 'fn.example.com', 'example.com'].map(status))).toEqual([200, 200, 403])
  } finally {
    await other.close()
  }
})

/** Returns every sample by its name and labels. */
async function metrics(): Promise<Map<string, number>> {
  const headers = { authorization: `Bearer ${app.system.owner.new_key}` }
  const reply = await app.request('GET', '/metrics', { headers })
  expect(reply).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/plain') } })
  const lines = String(reply.body).split('\n')
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}
