import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const FUNCTIONS = '/api/v1/functions'
/** A program that lists no address of this machine reaches only itself under such addresses. */
const OTHER = '127.0.0.1:9'
const LANGUAGES = ['nodejs', 'python'] as const

let app: TestApp
let receiver: Receiver
let host: string
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
  receiver.answers = [{ status: 200, body: '{"from": "outside"}' }]
  host = `127.0.0.1:${receiver.port}`
})
afterAll(async () => {
  await receiver?.close()
  await app.close()
})

/** A handler that requests the `url` of its payload, and returns the JSON of the response or the error. */
const FETCH = {
  nodejs: `export default async ({ data }) => {
    try {
      const reply = await fetch(data.url, { method: 'POST', body: JSON.stringify(data.body ?? {}) })
      return { got: await reply.json() }
    } catch (error) {
      return { error: error.cause?.message ?? error.message }
    }
  }`,
  python: `
import json, urllib.request
def handler(event, ctx):
    body = json.dumps(event["data"].get("body") or {}).encode()
    try:
        return {"got": json.load(urllib.request.urlopen(event["data"]["url"], body))}
    except OSError as error:
        return {"error": str(error)}
`,
}

async function deploy(user: TestUser, name: string, runtime: keyof typeof FETCH, network: unknown): Promise<void> {
  const reply = await user.post(FUNCTIONS, { name, runtime, source: FETCH[runtime], config: { network } })
  expect(reply.status).toBe(201)
}

/** Calls a function, and returns its result and its stored run. */
async function call(user: TestUser, name: string, payload: unknown) {
  const { body } = await user.post(`${FUNCTIONS}/${name}/invoke`, { payload })
  expect(body).toMatchObject({ status: 'succeeded' })
  return { result: body.result, run: (await user.runs()).find(({ id }) => id === body.run_id)! }
}

test.each(LANGUAGES)(
  'a function in %s reaches the host that it lists, and its run records the connection',
  async (runtime) => {
    const user = await app.newUser()
    await deploy(user, 'calls', runtime, [host])
    const { result, run } = await call(user, 'calls', { url: receiver.url, body: { hello: runtime } })
    expect(result).toEqual({ got: { from: 'outside' } })
    expect(receiver.messages.at(-1)).toMatchObject({ method: 'POST', body: { hello: runtime } })
    expect(run).toMatchObject({
      status: 'succeeded',
      requests: [{ host: '127.0.0.1', port: receiver.port, allowed: true, reason: null }],
      requests_omitted: 0,
    })
    const [request] = run.requests
    expect(request!.bytes_sent).toBeGreaterThan(50)
    expect(request!.bytes_received).toBeGreaterThan(50)
    expect(request!.duration_ms).toBeGreaterThan(0)
    expect(Date.parse(request!.at)).toBeLessThanOrEqual(Date.now())
    expect(await user.trail()).toEqual({ events: [], runs: ['calls succeeded'] })
  },
)

test.each(LANGUAGES)('another host is refused in %s, with the key to change, and recorded', async (runtime) => {
  const user = await app.newUser()
  await deploy(user, 'calls', runtime, [OTHER])
  const before = receiver.messages.length
  const { result, run } = await call(user, 'calls', { url: receiver.url })
  const message = `this function may not connect to ${host}: add '${host}' to network in its config`
  expect(result.error).toContain(message)
  expect(run.requests).toMatchObject([
    { host: '127.0.0.1', port: receiver.port, allowed: false, reason: message, bytes_sent: 0, bytes_received: 0 },
  ])
  expect(receiver.messages).toHaveLength(before)
})

test.each(LANGUAGES)('without `network`, a failing connection in %s names the key', async (runtime) => {
  const user = await app.newUser()
  await deploy(user, 'alone', runtime, null)
  const { result, run } = await call(user, 'alone', { url: 'http://example.com/' })
  expect(result.error).toContain("this function has no network: add network: ['example.com'] to its config")
  expect(run.requests).toEqual([])
})

test('a durable run records its connections, and so does a program', async () => {
  const user = await app.newUser()
  await deploy(user, 'calls', 'nodejs', [host])
  const { run_id } = (await user.post(`${FUNCTIONS}/calls/invoke`, { payload: { url: receiver.url }, wait: false }))
    .body
  expect((await user.runs()).find(({ id }) => id === run_id)).toMatchObject({
    result: { got: { from: 'outside' } },
    requests: [{ port: receiver.port, allowed: true }],
  })
  const program = {
    language: 'javascript',
    code: `export default await fetch(process.env.URL, { method: 'POST' }).then((reply) => reply.json())`,
    env: { URL: receiver.url },
  }
  expect((await user.post('/api/v1/sandbox/execute', { ...program, network: { allow: [host] } })).body).toMatchObject({
    status: 'ok',
    result: { from: 'outside' },
    requests: [{ host: '127.0.0.1', port: receiver.port, allowed: true }],
  })
  expect((await user.post('/api/v1/sandbox/execute', program)).body).toMatchObject({ status: 'threw', requests: [] })
})

test('a new version has only its own hosts, also in an instance that is warm', async () => {
  const user = await app.newUser()
  await deploy(user, 'calls', 'nodejs', [host])
  expect((await call(user, 'calls', { url: receiver.url })).result).toEqual({ got: { from: 'outside' } })
  await deploy(user, 'calls', 'nodejs', [OTHER])
  expect((await call(user, 'calls', { url: receiver.url })).result.error).toContain('this function may not connect')
  await user.post(`${FUNCTIONS}/calls/rollback`, {})
  expect((await call(user, 'calls', { url: receiver.url })).result).toEqual({ got: { from: 'outside' } })
})

test('two users with functions of one name have their own hosts and records', async () => {
  const users = [await app.newUser(), await app.newUser()]
  const [allowed, other] = users as [TestUser, TestUser]
  await deploy(allowed, 'same', 'nodejs', [host])
  await deploy(other, 'same', 'nodejs', [OTHER])
  const calls = Array.from({ length: 6 }, (_, i) => {
    const user = users[i % 2]!
    return user.post(`${FUNCTIONS}/same/invoke`, { payload: { url: receiver.url, body: { i } } })
  })
  const results = (await Promise.all(calls)).map(({ body }) => body.result)
  for (const [i, result] of results.entries())
    if (i % 2 === 0) expect(result).toEqual({ got: { from: 'outside' } })
    else expect(result.error).toContain('this function may not connect')
  const outcomes = async (user: TestUser) =>
    (await user.runs()).flatMap(({ requests }) => requests.map(({ allowed }) => allowed))
  expect(await outcomes(allowed)).toEqual([true, true, true])
  expect(await outcomes(other)).toEqual([false, false, false])
})
