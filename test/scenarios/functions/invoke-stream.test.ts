import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
let base: string
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
  user = await app.newUser()
  base = await app.server.listen({ host: '127.0.0.1', port: 0 })
  for (const table of ['signals', 'notes'])
    await user.post(`/api/v1/projects/${user.project_id}/database/tables`, { table_name: table })
})
afterAll(() => app.close())

const rows = (table: string) => `/api/v1/projects/${user.project_id}/database/tables/${table}/rows`

let count = 0
async function deploy(runtime: 'nodejs' | 'python', source: string, config: object = {}): Promise<string> {
  const name = `stream-${++count}`
  const reply = await user.post('/api/v1/functions', { name, runtime, source, config })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  return name
}

const call = (name: string, body: object = {}, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${base}/api/v1/functions/${name}/invoke`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${user.key}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...headers,
    },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })

/** The messages of a stream that has ended. */
async function messagesOf(reply: Response): Promise<[event: string, data: unknown][]> {
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  return (await reply.text())
    .split('\n\n')
    .slice(0, -1)
    .map((message) => {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(message)!
      return [event!, JSON.parse(data!)]
    })
}

const aRun = (result: unknown) => [
  'run',
  { run_id: expect.any(String), status: 'succeeded', result, duration_ms: expect.any(Number) },
]

const NODE_WAIT = `
const until = async (ctx, name) => {
  while ((await ctx.zerodb.rows.query({ table: 'signals', filters: { name } })).rows.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
}`
const PYTHON_WAIT = `
import time
def until(ctx, name):
    while not ctx.zerodb.rows.query(table='signals', filters={'name': name})['rows']:
        time.sleep(0.01)
`

test.each([
  [
    'nodejs',
    `${NODE_WAIT}
    export default async function* (event, ctx) {
      yield 'first\\n'
      await until(ctx, event.data.go)
      yield { second: 2 }
    }`,
  ],
  [
    'python',
    `${PYTHON_WAIT}
def handler(event, ctx):
    yield 'first\\n'
    until(ctx, event['data']['go'])
    yield {'second': 2}
`,
  ],
] as const)('chunks arrive while the function runs, and the run comes last (%s)', async (runtime, source) => {
  const name = await deploy(runtime, source)
  const reply = await call(name, { payload: { go: name } })
  const [first, rest] = reply.body!.tee()
  const reader = first.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('event: chunk\ndata: "first\\n"\n\n')
  await user.post(rows('signals'), { row_data: { name } })
  const messages = await messagesOf(new Response(rest, { headers: reply.headers }))
  expect(messages).toEqual([
    ['chunk', 'first\n'],
    ['chunk', { second: 2 }],
    aRun({ streamed: { items: 2, bytes: 18 } }),
  ])
  await app.drained()
  const { run_id } = messages[2]![1] as { run_id: string }
  expect(reply.headers.get('x-zerodb-run-id')).toBe(run_id)
  expect((await user.get(`/api/v1/runs/${run_id}`)).body).toMatchObject({
    status: 'succeeded',
    trigger: 'invoke',
    result: { streamed: { items: 2, bytes: 18 } },
  })
})

describe.each([
  ['nodejs', (items: string) => `export default function* () { for (const item of ${items}) yield item }`],
  ['python', (items: string) => `def handler(event, ctx):\n    for item in ${items}: yield item\n`],
] as const)('a stream (%s)', (runtime, source) => {
  test('of bytes has them in base64', async () => {
    const bytes = runtime === 'python' ? 'bytes([0, 255])' : 'new Uint8Array([0, 255])'
    const name = await deploy(runtime, source(`[${bytes}]`))
    expect(await messagesOf(await call(name))).toEqual([
      ['chunk', { $bytes: 'AP8=' }],
      aRun({ streamed: { items: 1, bytes: 2 } }),
    ])
  })

  test('without items has only the run', async () => {
    const name = await deploy(runtime, source('[]'))
    expect(await messagesOf(await call(name))).toEqual([aRun({ streamed: { items: 0, bytes: 0 } })])
  })

  test('ends with the error that occurs after its start', async () => {
    const name = await deploy(
      runtime,
      runtime === 'python'
        ? 'def handler(event, ctx):\n    yield "a"\n    raise ValueError("broken")\n'
        : 'export default async function* () { yield "a"; throw new Error("broken") }',
    )
    const error = runtime === 'python' ? 'ValueError: broken' : 'Error: broken'
    const messages = await messagesOf(await call(name))
    expect(messages).toEqual([
      ['chunk', 'a'],
      ['error', { code: 'function_failed', detail: error, run_id: expect.any(String) }],
    ])
    await app.drained()
    const { run_id } = messages[1]![1] as { run_id: string }
    expect((await user.get(`/api/v1/runs/${run_id}`)).body).toMatchObject({ status: 'dead', error: { message: error } })
  })
})

test('a result that is not streamed is only the run', async () => {
  const name = await deploy('nodejs', 'export default (event) => event.data')
  expect(await messagesOf(await call(name, { payload: { a: 1 } }))).toEqual([aRun({ a: 1 })])
})

test.each([
  [
    'nodejs',
    `(async function* () { await new Promise((resolve) => setTimeout(resolve, 1)); yield '<é'; yield 'p>' })()`,
  ],
  ['python', `(piece for piece in ['<é', 'p>'])`],
] as const)('the body of a response follows its head as text (%s)', async (runtime, body) => {
  const name = await deploy(
    runtime,
    runtime === 'python'
      ? `def handler(event, ctx):\n    return ctx.response(${body}, 202, {'content-type': 'text/html'})\n`
      : `export default (event, ctx) => ctx.response(${body}, { status: 202, headers: { 'content-type': 'text/html' } })`,
  )
  expect(await messagesOf(await call(name))).toEqual([
    ['response', { status: 202, headers: { 'content-type': 'text/html' } }],
    ['chunk', '<é'],
    ['chunk', 'p>'],
    aRun({ streamed: { items: 2, bytes: 5 } }),
  ])
})

test('a character that is split between two pieces of a body stays whole', async () => {
  const name = await deploy(
    'nodejs',
    `export default () => new Response(new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        controller.enqueue(new Uint8Array([0x61, 0xc3]))
        await new Promise((resolve) => setTimeout(resolve, 1))
        controller.enqueue(new Uint8Array([0xa9]))
        controller.close()
      },
    }), { headers: { 'content-type': 'text/plain' } })`,
  )
  const messages = await messagesOf(await call(name))
  expect(messages.slice(1, 3)).toEqual([
    ['chunk', 'a'],
    ['chunk', 'é'],
  ])
})

test('an error before the start is an error response', async () => {
  const name = await deploy('nodejs', 'export default () => { throw new TypeError("early") }')
  const reply = await call(name)
  expect([reply.status, await reply.json()]).toEqual([
    502,
    { code: 'function_failed', detail: 'TypeError: early', request_id: expect.any(String), run_id: expect.any(String) },
  ])
  expect((await call('missing')).status).toBe(404)
  expect((await call(name, { paylod: 1 })).status).toBe(422)
})

test('an Idempotency-Key is refused, and not used up', async () => {
  const name = await deploy('nodejs', 'export default () => 1')
  const key = { 'idempotency-key': name }
  const refused = await call(name, {}, key)
  expect([refused.status, await refused.json()]).toMatchObject([
    422,
    {
      code: 'invalid',
      detail: 'A streamed result cannot be repeated: send the Idempotency-Key without Accept: text/event-stream',
    },
  ])
  expect((await call(name, {}, { ...key, accept: 'application/json' })).status).toBe(200)
})

test('a queued run is the only message', async () => {
  const name = await deploy('nodejs', 'export default function* () { yield 1 }')
  const reply = await call(name, { wait: false })
  expect([reply.status, await reply.text()]).toEqual([
    202,
    expect.stringMatching(/^event: run\ndata: \{"run_id":"[^"]+","status":"queued"\}\n\n$/),
  ])
  await app.drained()
})

test.each([
  [
    'nodejs',
    `export default async function* (event, ctx) {
      yield 'a'
      if (!ctx.signal.aborted) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      await ctx.zerodb.rows.insert({ table: 'notes', row_data: { text: event.data } })
    }`,
  ],
  [
    'python',
    `import time
def handler(event, ctx):
    try:
        while True:
            yield 'a'
            time.sleep(0.01)
    finally:
        ctx.zerodb.rows.insert(table='notes', row_data={'text': event['data']})
`,
  ],
] as const)('a function learns that its client has left (%s)', async (runtime, source) => {
  const name = await deploy(runtime, source, { timeout_seconds: 60 })
  const leaving = new AbortController()
  const reply = await call(name, { payload: name }, {}, leaving.signal)
  await reply.body!.getReader().read()
  leaving.abort()
  await eventually(async () =>
    expect((await user.get(rows('notes'))).body.rows).toContainEqual(
      expect.objectContaining({ row_data: { text: name } }),
    ),
  )
  await app.drained()
})

test('a client that leaves before the start cancels the call', async () => {
  const name = await deploy('nodejs', 'export default () => new Promise((resolve) => setTimeout(resolve, 25_000))')
  const leaving = new AbortController()
  const failed = expect(call(name, {}, {}, leaving.signal)).rejects.toThrow()
  await eventually(() => expect(app.system.app.sandbox.load().running).toBe(1))
  leaving.abort()
  await failed
  await app.drained()
  expect((await user.runs()).at(-1)).toMatchObject({ status: 'cancelled' })
})

test('a client that does not read stops the function, and gets everything later', async () => {
  const name = await deploy(
    'nodejs',
    `const piece = 'x'.repeat(256 * 1024)
    export default async function* (event, ctx) {
      for (let i = 0; i < 200; i++) { yield piece; ctx.log(i) }
    }`,
    { timeout_seconds: 60 },
  )
  const reply = await call(name)
  const printed = () => app.system.app.runs.logOf(reply.headers.get('x-zerodb-run-id')!)!.lines.length
  let before = -1
  await eventually(() => {
    const isSteady = printed() > 0 && printed() === before
    before = printed()
    expect(isSteady).toBe(true)
  })
  expect(before).toBeLessThan(100)
  const messages = await messagesOf(reply)
  expect(messages.filter(([event]) => event === 'chunk').length).toBe(200)
  expect(messages.at(-1)).toEqual(aRun({ streamed: { items: 200, bytes: 200 * 256 * 1024 } }))
})

test('a function of someone else is not found', async () => {
  const name = await deploy('nodejs', 'export default () => 1')
  const other = await app.newUser()
  expect((await call(name, {}, { authorization: `Bearer ${other.key}` })).status).toBe(404)
})
