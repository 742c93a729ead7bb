import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'

const STORED = 'zerodb.vector.stored'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`

let app: TestApp
let text = ''
beforeAll(async () => {
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk
      done()
    },
  })
  app = await openTestApp(SANDBOX, { log: pino({ level: 'debug', base: null, errorKey: 'error' }, stream) })
})
afterAll(() => app.close())
beforeEach(() => {
  text = ''
})

const lines = (): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
const about = (msg: string) => lines().filter((line) => line['msg'] === msg)

async function failingRun(user: TestUser) {
  await user.hook(STORED, 'auto_embed')
  const headers = { traceparent: TRACEPARENT, 'x-request-id': 'req-1' }
  const down = async () => Promise.reject(new Error('model down'))
  return app.withEmbedder(down, async () => {
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'a secret text' }, headers)
    const [run] = await user.runs()
    return run!
  })
}

test('a request, its event and its run are found by their ids, and all by the trace', async () => {
  const user = await app.newUser()
  const run = await failingRun(user)
  expect(about('request').filter(({ request_id }) => request_id === 'req-1')).toEqual([
    expect.objectContaining({
      request_id: 'req-1',
      method: 'POST',
      url: `${user.database}/vectors/upsert`,
      operation: 'vectors.upsert',
      status: 200,
      ms: expect.any(Number),
      user_id: user.user_id,
      trace: TRACEPARENT,
    }),
  ])
  const ids = { run: run.id, event: run.event_id, handler: 'auto_embed', attempt: 1, trace: TRACEPARENT }
  expect(about('run failed and will be tried again')).toEqual([
    expect.objectContaining({ ...ids, error: expect.objectContaining({ message: 'model down' }) }),
  ])
  expect(lines().filter(({ trace }) => trace === TRACEPARENT).length).toBeGreaterThanOrEqual(2)
})

test('an error has the same request id as the log', async () => {
  const user = await app.newUser()
  const { body } = await user.get('/api/v1/hooks/no-id')
  expect(body.request_id).toMatch(/^[0-9a-f-]{36}$/)
  expect(about('request rejected')).toEqual([
    expect.objectContaining({ request_id: body.request_id, code: 'validation_failed', url: '/api/v1/hooks/no-id' }),
  ])
})

test('a function that throws over HTTP is its author’s error: one line with its run, without a stack', async () => {
  const user = await app.newUser()
  const source = 'export const config = { http: true }\nexport default () => { throw new Error("a secret text") }'
  expect((await user.post('/api/v1/functions', { name: 'throws', runtime: 'nodejs', source })).status).toBe(201)
  const url = `/fn/${user.project_id}/throws`
  const reply = await user.get(url)
  expect(reply).toMatchObject({
    status: 502,
    body: { code: 'function_failed', detail: expect.stringContaining('a secret text') },
  })
  const line = { level: 30, method: 'GET', url, code: 'function_failed', run_id: reply.body.run_id }
  expect(about('function failed')).toEqual([
    { ...line, msg: 'function failed', request_id: reply.body.request_id, time: expect.any(Number) },
  ])
  expect(lines().filter(({ level }) => Number(level) > 30)).toEqual([])
  expect(
    about('function failed')
      .map((failed) => JSON.stringify(failed))
      .join(),
  ).not.toContain('a secret text')
})

test('no line contains a key, a text or a query', async () => {
  const user = await app.newUser()
  await failingRun(user)
  await user.get('/api/v1/runs?cursor=a-secret-cursor')
  expect(text).not.toContain(user.key)
  expect(text).not.toContain('a secret text')
  expect(text).not.toContain('a-secret-cursor')
})
