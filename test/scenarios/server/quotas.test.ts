import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

const RATE = 1
/** A bucket holds the requests of ten seconds. */
const BURST = 10 * RATE

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({
    ...SANDBOX,
    ZERODB_QUOTA_PROJECTS: '3',
    ZERODB_QUOTA_KEYS: '3',
    ZERODB_QUOTA_HOOKS: '2',
    ZERODB_QUOTA_FUNCTIONS: '2',
    ZERODB_QUOTA_SCHEDULES: '2',
    ZERODB_QUOTA_TABLES: '2',
    ZERODB_QUOTA_EVENT_STREAMS: '2',
    ZERODB_QUOTA_MCP_LISTENERS: '2',
  })
})
afterAll(() => app.close())

const statuses = (replies: Reply[]) => replies.map(({ status }) => status).sort()
const deployed = (user: TestUser, name: string, config = {}) =>
  user.post('/api/v1/functions', { name, runtime: 'nodejs', source: `export default () => '${name}'`, config })

/** How to create an object of each kind, and how many of them the settings above leave free. */
const MADE: Record<string, { free: number; make(user: TestUser, n: number): Promise<Reply> }> = {
  projects: { free: 2, make: (user, n) => user.post('/api/v1/projects', { name: `p${n}` }) },
  keys: { free: 2, make: (user, n) => user.post('/api/v1/auth/api-keys', { name: `k${n}` }) },
  hooks: {
    free: 2,
    make: (user, n) =>
      user.post('/api/v1/hooks', {
        event_type: 'zerodb.vector.stored',
        hook_name: `webhook:h${n}`,
        hook_config: { url: 'https://hooks.example.com/' },
      }),
  },
  functions: { free: 2, make: (user, n) => deployed(user, `f${n}`) },
  schedules: { free: 2, make: (user, n) => deployed(user, 'scheduled', { schedule: crons(n + 1) }) },
  tables: { free: 2, make: (user, n) => user.post(`${user.database}/tables`, { table_name: `t${n}` }) },
}
const crons = (count: number) => Array.from({ length: count }, (_, minute) => `${minute} 0 * * *`)

describe.each(Object.entries(MADE))('A10: %s', (kind, { free, make }) => {
  test('can be used up; the error names it, and other users are not affected', async () => {
    const user = await app.newUser()
    const other = await app.newUser()
    for (let n = 0; n < free; n++) expect((await make(user, n)).status).toBeLessThan(300)
    const refused = await make(user, free)
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'quota_exceeded', detail: expect.stringContaining(`ZERODB_QUOTA_${kind.toUpperCase()}`) },
    })
    expect((await make(other, 0)).status).toBeLessThan(300)
  })
})

test('A10: concurrent requests cannot exceed a quota together, and a refused one changes nothing', async () => {
  const user = await app.newUser()
  const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => MADE['tables']!.make(user, n)))
  expect(statuses(replies)).toEqual([201, 201, 403, 403, 403, 403, 403, 403])
  expect((await user.get(`${user.database}/tables`)).body).toHaveLength(2)
  const [name] = (await user.get(`${user.database}/tables`)).body.map(
    (table: { table_name: string }) => table.table_name,
  )
  expect((await user.delete(`${user.database}/tables/${name}`)).status).toBeLessThan(300)
  expect((await MADE['tables']!.make(user, 8)).status).toBe(201)
})

test('A10: an import cannot exceed a quota', async () => {
  const source = await app.newUser()
  const user = await app.newUser()
  for (let n = 0; n < 2; n++) await MADE['tables']!.make(source, n)
  const file = (await source.get(`/api/v1/projects/${source.project_id}/export`)).raw
  const boundary = 'the-boundary'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="project.jsonl"\r\n\r\n`
  const payload = Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${boundary}--\r\n`)])
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const imported = () => user.request('POST', '/api/v1/projects/import', { headers, payload })
  expect((await imported()).status).toBe(201)
  await MADE['projects']!.make(user, 0)
  expect((await user.get('/api/v1/projects')).body).toHaveLength(3)
  const again = await app.newUser()
  for (let n = 0; n < 2; n++) await MADE['projects']!.make(again, n)
  expect(await again.request('POST', '/api/v1/projects/import', { headers, payload })).toMatchObject({
    status: 403,
    body: { code: 'quota_exceeded', detail: expect.stringContaining('ZERODB_QUOTA_PROJECTS') },
  })
  expect((await again.get('/api/v1/projects')).body).toHaveLength(3)
})

test('A10: the open event streams and MCP listeners of a user are limited, and closing one frees a place', async () => {
  const user = await app.newUser()
  const other = await app.newUser()
  const url = await app.server.listen({ host: '127.0.0.1', port: 0 })
  const open = async (path: string, key: string) => {
    const stop = new AbortController()
    const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream' }
    const response = await fetch(`${url}${path}`, { headers, signal: stop.signal })
    return { status: response.status, headers: response.headers, response, close: () => stop.abort() }
  }
  for (const [path, setting] of [
    ['/api/v1/event-log/stream', 'ZERODB_QUOTA_EVENT_STREAMS'],
    ['/mcp', 'ZERODB_QUOTA_MCP_LISTENERS'],
  ] as const) {
    const streams = [await open(path, user.key), await open(path, user.key)]
    expect(streams.map(({ status }) => status)).toEqual([200, 200])
    const refused = await open(path, user.key)
    expect({ status: refused.status, retryAfter: refused.headers.get('retry-after') }).toEqual({
      status: 429,
      retryAfter: '60',
    })
    expect(await refused.response.text()).toContain(setting)
    const others = await open(path, other.key)
    expect(others.status).toBe(200)
    streams[0]!.close()
    await eventually(async () => {
      const again = await open(path, user.key)
      expect(again.status).toBe(200)
      streams.push(again)
    })
    for (const { close } of [...streams, others]) close()
  }
})

describe('A10: the rate limit', () => {
  let limited: TestApp
  beforeAll(async () => {
    limited = await openTestApp({ ...SANDBOX, ZERODB_RATE_LIMIT: String(RATE) })
  })
  afterAll(() => limited.close())

  /** Sends requests while the clock stands still. Returns the refused one. */
  async function useUp(send: () => Promise<Reply>): Promise<Reply> {
    for (let left = BURST - 1; left >= 0; left--)
      expect(await send()).toMatchObject({ status: 200, headers: { 'ratelimit-remaining': String(left) } })
    return send()
  }

  test('of a user, over all keys and projects, is counted separately from its public functions and from other users', async () => {
    const user = await limited.newUser()
    const other = await limited.newUser()
    const key = await limited.boundKey(user, await user.project())
    const deployment = await deployed(user, 'open', { http: { auth: 'none' } })
    const { clock } = limited.system.app
    const now = vi.spyOn(clock, 'now').mockReturnValue(clock.now() + 60_000)
    try {
      const keys = [user.key, key]
      let turn = 0
      const refused = await useUp(() =>
        limited.request('GET', '/api/v1/auth/me', { headers: { 'x-api-key': keys[turn++ % 2]! } }),
      )
      expect(refused).toMatchObject({
        status: 429,
        headers: {
          'retry-after': '1',
          'ratelimit-limit': String(BURST),
          'ratelimit-remaining': '0',
          'ratelimit-reset': '10',
        },
        body: { code: 'rate_limited', detail: expect.stringContaining('ZERODB_RATE_LIMIT') },
      })
      expect((await user.post('/mcp', {})).status).toBe(429)
      expect((await other.get('/api/v1/auth/me')).status).toBe(200)
      const called = await useUp(() => limited.request('GET', deployment.body.url_path))
      expect(called).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
      now.mockReturnValue(clock.now() + 1_000)
      expect((await user.get('/api/v1/auth/me')).status).toBe(200)
      expect((await user.get('/api/v1/auth/me')).status).toBe(429)
    } finally {
      now.mockRestore()
    }
  })

  test('counts requests without a key per client, and can be off', async () => {
    const { clock } = limited.system.app
    const now = vi.spyOn(clock, 'now').mockReturnValue(clock.now())
    try {
      expect(await useUp(() => limited.request('POST', '/api/v1/auth/logout', { body: {} }))).toMatchObject({
        status: 429,
      })
    } finally {
      now.mockRestore()
    }
    const unlimited = await openTestApp({ ZERODB_RATE_LIMIT: '0' })
    try {
      const user = await unlimited.newUser()
      expect((await user.get('/api/v1/auth/me')).headers).not.toHaveProperty('ratelimit-limit')
    } finally {
      await unlimited.close()
    }
  })
})
