import { request as httpRequest } from 'node:http'
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

let count = 0
async function deploy(runtime: 'nodejs' | 'python', source: string): Promise<{ name: string; url: string }> {
  const name = `stream-${++count}`
  const config = { http: { auth: 'none', methods: ['GET', 'HEAD'] }, timeout_seconds: 60 }
  const reply = await user.post('/api/v1/functions', { name, runtime, source, config })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  return { name, url: `${base}${reply.body.url_path}` }
}

const rows = (table: string) => `/api/v1/projects/${user.project_id}/database/tables/${table}/rows`
/** Lets functions that wait for this signal continue. */
const signal = (name: string) => user.post(rows('signals'), { row_data: { name } })
const notes = async (): Promise<string[]> =>
  (await user.get(rows('notes'))).body.rows.map((row: { row_data: { text: string } }) => row.row_data.text)

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

/** Reads the next piece of a body as text; undefined at its end. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { done, value } = await reader.read()
  return done ? undefined : Buffer.from(value).toString()
}

describe.each([
  [
    'nodejs',
    `${NODE_WAIT}
    export default async function* (event, ctx) {
      yield 'first\\n'
      await until(ctx, event.data.query.go)
      yield 'second\\n'
    }`,
  ],
  [
    'python',
    `${PYTHON_WAIT}
def handler(event, ctx):
    yield 'first\\n'
    until(ctx, event['data']['query']['go'])
    yield 'second\\n'
`,
  ],
  [
    'python',
    `${PYTHON_WAIT}
async def handler(event, ctx):
    yield 'first\\n'
    until(ctx, event['data']['query']['go'])
    yield 'second\\n'
`,
  ],
] as const)('a generator (%s)', (runtime, source) => {
  test('reaches the client while it runs', async () => {
    const { url } = await deploy(runtime, source)
    const reply = await fetch(`${url}?go=${url}`)
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8'])
    const reader = reply.body!.getReader()
    expect(await next(reader)).toBe('first\n')
    await signal(url)
    expect([await next(reader), await next(reader)]).toEqual(['second\n', undefined])
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${reply.headers.get('x-zerodb-run-id')}`)).body
    expect(run).toMatchObject({ status: 'succeeded', result: { streamed: { items: 2, bytes: 13 } } })
  })

  test('is sent as events to a client that accepts them', async () => {
    const { url } = await deploy(runtime, source)
    await signal(url)
    const reply = await fetch(`${url}?go=${url}`, { headers: { accept: 'text/event-stream' } })
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await reply.text()).toBe('data: first\ndata: \n\ndata: second\ndata: \n\n')
  })
})

describe.each([
  ['nodejs', (items: string) => `export default function* () { for (const item of ${items}) yield item }`],
  ['python', (items: string) => `def handler(event, ctx):\n    for item in ${items}: yield item\n`],
] as const)('items (%s)', (runtime, source) => {
  const bytes = (runtime: string) => (runtime === 'python' ? 'bytes([0, 255])' : 'new Uint8Array([0, 255])')

  test('that are values are lines of JSON, or events', async () => {
    const { name, url } = await deploy(runtime, source('[{"a": 1}, "x", [2]]'))
    const reply = await fetch(url)
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    expect(await reply.text()).toBe('{"a":1}\n"x"\n[2]\n')
    const events = await fetch(url, { headers: { accept: 'text/event-stream' } })
    expect(await events.text()).toBe('data: {"a":1}\n\ndata: x\n\ndata: [2]\n\n')
    expect((await user.post(`/api/v1/functions/${name}/invoke`, {})).body.result).toEqual([{ a: 1 }, 'x', [2]])
  })

  test('that are bytes are a body', async () => {
    const { name, url } = await deploy(runtime, source(`[${bytes(runtime)}, ${bytes(runtime)}]`))
    const reply = await fetch(url)
    expect(reply.headers.get('content-type')).toBe('application/octet-stream')
    expect([...new Uint8Array(await reply.arrayBuffer())]).toEqual([0, 255, 0, 255])
    expect((await user.post(`/api/v1/functions/${name}/invoke`, {})).body.result).toMatchObject({
      status: 200,
      body: { $bytes: 'AP8A/w==' },
    })
  })

  test('of an empty generator are an empty body', async () => {
    const { name, url } = await deploy(runtime, source('[]'))
    const reply = await fetch(url)
    expect([reply.status, await reply.text()]).toEqual([200, ''])
    expect((await user.post(`/api/v1/functions/${name}/invoke`, {})).body.result).toEqual([])
  })

  test('other values after a text end the response early', async () => {
    const { url } = await deploy(runtime, source('["x", [1]]'))
    const reply = await fetch(url)
    await expect(reply.text()).rejects.toThrow()
    await app.drained()
    const run = (await user.get(`/api/v1/runs/${reply.headers.get('x-zerodb-run-id')}`)).body
    expect(run).toMatchObject({
      status: 'dead',
      error: { message: expect.stringContaining('A stream that starts with a text or bytes can have no other values') },
    })
  })

  test('an item without a JSON form fails', async () => {
    const { url } = await deploy(runtime, source(runtime === 'python' ? '[1, print]' : '[1, () => 1]'))
    const reply = await fetch(url, { headers: { accept: 'text/event-stream' } })
    expect(await reply.text()).toMatch(/^data: 1\n\nevent: error\ndata: {"code":"function_failed",/)
  })
})

test.each([
  [
    'nodejs',
    `export default async () => new Response(new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        controller.enqueue(new TextEncoder().encode('<p>'))
        controller.close()
      },
    }), { status: 202, headers: { 'content-type': 'text/html', 'x-mine': '1', 'content-length': '9' } })`,
  ],
  [
    'nodejs',
    `export default (event, ctx) => ctx.response((async function* () { await new Promise(setImmediate); yield '<'; yield 'p>' })(),
      { status: 202, headers: { 'content-type': 'text/html', 'x-mine': '1', 'content-length': '9' } })`,
  ],
  [
    'python',
    `def handler(event, ctx):
    return ctx.response((piece for piece in ['<', b'p>']), 202, {'content-type': 'text/html', 'x-mine': '1', 'content-length': '9'})
`,
  ],
] as const)('the body of a response can be a stream (%s, %#)', async (runtime, source) => {
  const { name, url } = await deploy(runtime, source)
  const reply = await fetch(url)
  expect([reply.status, reply.headers.get('content-type'), reply.headers.get('x-mine')]).toEqual([
    202,
    'text/html',
    '1',
  ])
  expect(await reply.text()).toBe('<p>')
  const head = await fetch(url, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([202, ''])
  expect((await user.post(`/api/v1/functions/${name}/invoke`, {})).body.result).toMatchObject({
    status: 202,
    body: '<p>',
  })
  await app.drained()
  const { logs } = (await user.get(`/api/v1/runs/${reply.headers.get('x-zerodb-run-id')}`)).body
  expect(JSON.stringify(logs)).toContain('dropped headers that a function cannot set here: content-length')
})

test('a response whose body is there at once has a length', async () => {
  const { url } = await deploy('nodejs', 'export default () => new Response("whole")')
  const reply = await fetch(url)
  expect([reply.headers.get('content-length'), await reply.text()]).toEqual(['5', 'whole'])
})

test.each([
  ['nodejs', 'export default async function* () { yield "a"; throw new Error("broken") }'],
  ['python', 'def handler(event, ctx):\n    yield "a"\n    raise ValueError("broken")\n'],
] as const)('an error ends the response early, and is an event for clients of events (%s)', async (runtime, source) => {
  const { url } = await deploy(runtime, source)
  await expect(fetch(url).then((reply) => reply.text())).rejects.toThrow()
  const events = await (await fetch(url, { headers: { accept: 'text/event-stream' } })).text()
  // Callers without a key do not see the details.
  expect(events).toMatch(
    /^data: a\n\nevent: error\ndata: {"code":"function_failed","detail":"The function has failed","run_id":"[^"]+"}\n\n$/,
  )
})

test.each([
  [
    'nodejs',
    `export default async function* (event, ctx) {
      yield 'a'
      if (!ctx.signal.aborted) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      await ctx.zerodb.rows.insert({ table: 'notes', row_data: { text: 'nodejs ' + ctx.signal.reason.name } })
    }`,
  ],
  [
    'nodejs',
    `export default async function* (event, ctx) {
      try {
        for (;;) {
          yield 'a'
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      } finally {
        await ctx.zerodb.rows.insert({ table: 'notes', row_data: { text: 'nodejs cleaned up' } })
      }
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
        ctx.zerodb.rows.insert(table='notes', row_data={'text': 'python cleaned up'})
`,
  ],
] as const)('a function learns that its client has left (%s, %#)', async (runtime, source) => {
  const { url } = await deploy(runtime, source)
  const leaving = new AbortController()
  const reply = await fetch(url, { signal: leaving.signal })
  expect(await next(reply.body!.getReader())).toMatch(/^a/)
  leaving.abort()
  const note = source.includes('signal') ? 'nodejs AbortError' : `${runtime} cleaned up`
  await eventually(async () => expect(await notes()).toContain(note))
  await app.drained()
})

test('a client that does not read stops the function, and gets everything later', async () => {
  const { name, url } = await deploy(
    'nodejs',
    `const piece = 'x'.repeat(256 * 1024)
    export default async function* (event, ctx) {
      for (let i = 0; i < 200; i++) { yield piece; ctx.log(i) }
    }`,
  )
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    httpRequest(url, resolve).on('error', reject).end(),
  )
  response.pause()
  const printed = () => app.system.app.runs.logOf(String(response.headers['x-zerodb-run-id']))!.lines.length
  let before = -1
  await eventually(() => {
    const isSteady = printed() > 0 && printed() === before
    before = printed()
    expect(isSteady).toBe(true)
  })
  expect(before).toBeLessThan(100)
  let size = 0
  for await (const chunk of response) size += chunk.length
  expect([name, size]).toEqual([name, 200 * 256 * 1024])
})
