import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Call, NetworkRequest } from '../../../src/sandbox/index.ts'
import { MAX_RECORDED_REQUESTS } from '../../../src/schema/network.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const FUNCTIONS = '/api/v1/functions'

let app: TestApp
let user: TestUser
let usual: TestApp['system']['app']['sandbox']['call']
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
  usual = app.system.app.sandbox.call
})
afterEach(() => {
  app.system.app.sandbox.call = usual
})
afterAll(() => app.close())

const connection = (rest: Partial<NetworkRequest> = {}): NetworkRequest => ({
  host: 'api.example.com',
  port: 443,
  bytes_sent: 100,
  bytes_received: 2_000,
  milliseconds: 12.3456,
  allowed: true,
  reason: null,
  injected: false,
  ...rest,
})

/** Reports these connections in each handler call, as the sandbox reports those of a program. */
function withConnections(connections: readonly NetworkRequest[]): void {
  app.system.app.sandbox.call = (call: Call) => {
    for (const each of connections) call.onRequest?.(each)
    return usual(call)
  }
}

async function deployed(owner: TestUser, name: string, source: string, config: Record<string, unknown> = {}) {
  const reply = await owner.post(FUNCTIONS, { name, runtime: 'nodejs', source, config })
  expect(reply.status).toBe(201)
}
async function invoked(owner: TestUser, name: string) {
  const { run_id } = (await owner.post(`${FUNCTIONS}/${name}/invoke`, {})).body
  return (await owner.runs()).find(({ id }) => id === run_id)!
}

test('a call and a durable run record their connections, and other runs none', async () => {
  await deployed(user, 'calls', 'export default () => 1')
  const refused = connection({
    host: 'b.example.com',
    allowed: false,
    reason: 'b.example.com is not in network',
    bytes_sent: 0,
    bytes_received: 0,
  })
  const stored = [
    {
      at: expect.any(String),
      host: 'api.example.com',
      port: 443,
      allowed: true,
      reason: null,
      bytes_sent: 100,
      bytes_received: 2_000,
      injected: false,
      duration_ms: 12.346,
    },
    {
      at: expect.any(String),
      host: 'b.example.com',
      port: 443,
      allowed: false,
      reason: 'b.example.com is not in network',
      bytes_sent: 0,
      bytes_received: 0,
      injected: false,
      duration_ms: 12.346,
    },
  ]
  withConnections([connection(), refused])
  const run = await invoked(user, 'calls')
  expect(run).toMatchObject({ status: 'succeeded', requests_omitted: 0 })
  expect(run.requests).toEqual(stored)
  const queued = (await user.post(`${FUNCTIONS}/calls/invoke`, { wait: false })).body.run_id
  const durable = (await user.runs()).find(({ id }) => id === queued)!
  expect(durable).toMatchObject({ status: 'succeeded', requests: stored, requests_omitted: 0 })
  expect((await user.get(`/api/v1/runs/${queued}`)).body.requests).toEqual(stored)

  withConnections([])
  expect(await invoked(user, 'calls')).toMatchObject({ requests: [], requests_omitted: 0 })
  const other = await app.newUser()
  await deployed(other, 'calls', 'export default () => 1')
  expect(await invoked(other, 'calls')).toMatchObject({ requests: [] })
  expect((await other.get(`/api/v1/runs/${queued}`)).status).toBe(404)
})

test('a retried run has the connections of its last attempt', async () => {
  await deployed(user, 'fails', 'export default () => { throw new Error("no") }', { retry: { max_attempts: 2 } })
  withConnections([connection()])
  const { run_id } = (await user.post(`${FUNCTIONS}/fails/invoke`, { wait: false })).body
  await app.drained()
  expect((await user.get(`/api/v1/runs/${run_id}`)).body).toMatchObject({
    status: 'queued',
    attempts: 1,
    requests: [{ port: 443 }],
  })
  withConnections([])
  app.clock.advance(60)
  await app.drained()
  expect((await user.get(`/api/v1/runs/${run_id}`)).body).toMatchObject({ status: 'dead', attempts: 2, requests: [] })
})

test('further connections are counted', async () => {
  await deployed(user, 'many', 'export default () => 1')
  withConnections(Array.from({ length: MAX_RECORDED_REQUESTS + 30 }, (_, i) => connection({ port: i + 1 })))
  const run = await invoked(user, 'many')
  expect(run.requests.map(({ port }) => port)).toEqual(Array.from({ length: MAX_RECORDED_REQUESTS }, (_, i) => i + 1))
  expect(run.requests_omitted).toBe(30)
  const program = await user.post('/api/v1/sandbox/execute', { language: 'python', code: 'result = 1' })
  expect(program.body).toMatchObject({ result: 1, requests_omitted: 30 })
  expect(program.body.requests).toHaveLength(MAX_RECORDED_REQUESTS)
})

test('the value of a secret is not recorded', async () => {
  const value = 'k-0123456789abcdef'
  expect((await user.request('PUT', '/api/v1/secrets/OPENAI_KEY', { body: { value } })).status).toBeLessThan(300)
  await deployed(user, 'leaks', 'export default () => 1', { secrets: ['OPENAI_KEY'] })
  withConnections([
    connection({ host: `${value}.example.com`, allowed: false, reason: `${value}.example.com is not in network` }),
  ])
  const run = await invoked(user, 'leaks')
  expect(run.requests).toMatchObject([
    { host: '[secret OPENAI_KEY].example.com', reason: '[secret OPENAI_KEY].example.com is not in network' },
  ])
})

test('metrics count connections and bytes', async () => {
  const read = async () => {
    const text = await app.system.app.metrics.text()
    const countOf = (series: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(series))
          ?.split(' ')[1] ?? 0,
      )
    return [
      'requests_total{outcome="allowed"}',
      'requests_total{outcome="refused"}',
      'bytes_total{direction="sent"}',
      'bytes_total{direction="received"}',
    ].map((series) => countOf(`zerodb_function_network_${series}`))
  }
  await deployed(user, 'measured', 'export default () => 1')
  const before = await read()
  withConnections([
    connection(),
    connection({ allowed: false, reason: 'no', bytes_sent: 0, bytes_received: 0 }),
    connection(),
  ])
  await invoked(user, 'measured')
  const after = await read()
  expect(after.map((value, i) => value - before[i]!)).toEqual([2, 1, 200, 4_000])
})
