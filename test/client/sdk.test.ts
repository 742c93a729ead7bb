import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { operationsOver, type Transport, ZeroDB, ZeroDBError } from '../../src/client/index.ts'
import type { HandlerRun } from '../../src/handlers/handler.ts'
import { HANDLERS } from '../../src/handlers/index.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'

const handler = HANDLERS['auto_embed']!
const usual = handler.run

let app: TestApp
let url: string
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_UPLOAD_MB: '8' })
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => {
  handler.run = usual
  vi.unstubAllEnvs()
})
afterAll(() => app.close())

async function newClient(fetch?: typeof globalThis.fetch): Promise<ZeroDB> {
  const { key } = await app.newUser()
  return new ZeroDB({ url, apiKey: key, ...(fetch ? { fetch } : {}) })
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('lists', () => {
  test('are the first page when awaited, and all items when iterated, for each kind of page', async () => {
    const zerodb = await newClient()
    for (let n = 1; n <= 5; n++) await zerodb.vectors.upsert({ vector_id: `v${n}`, document: `text ${n}` })
    const page = await zerodb.event_log.list({ limit: 2 })
    expect([page.items.length, typeof page.next_cursor]).toEqual([2, 'string'])
    const ids = (events: { id: string }[]) => events.map(({ id }) => id)
    expect(ids(await all(zerodb.event_log.list({ limit: 2 })))).toEqual(ids((await zerodb.event_log.list()).items))
    const vectors = await all(zerodb.vectors.list({ limit: 2 }))
    expect(vectors.map(({ vector_id }) => vector_id)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5'])
    expect(await all(zerodb.vectors.list())).toHaveLength(5)
    for (let n = 1; n <= 3; n++) await zerodb.tables.create({ table_name: `t${n}` })
    expect((await all(zerodb.tables.list({ limit: 1 }))).map(({ table_name }) => table_name)).toEqual([
      't1',
      't2',
      't3',
    ])
    // A list that is a bare array and takes no offset.
    for (let n = 1; n <= 2; n++) await zerodb.keys.create({ name: `k${n}` })
    const names = (keys: { name: string }[]) => keys.map(({ name }) => name)
    const expected = names(await zerodb.keys.list())
    expect(expected).toEqual(expect.arrayContaining(['k1', 'k2']))
    for (const limit of [undefined, 1, expected.length])
      expect(names(await all(zerodb.keys.list({ limit })))).toEqual(expected)
    for (let n = 1; n <= 3; n++) await zerodb.events.publish({ topic: `e${n}` })
    const published = (await all(zerodb.events.list({ limit: 2 }))).reverse()
    expect(published.map(({ topic }) => topic)).toEqual(['e1', 'e2', 'e3'])
    const later = await zerodb.events.poll({ after: published[0]!.event_id })
    expect(later.events.map(({ topic }) => topic)).toEqual(['e2', 'e3'])
  })

  test('request only the pages that are read', async () => {
    let requests = 0
    const zerodb = await newClient((...request) => {
      requests++
      return fetch(...request)
    })
    for (let n = 1; n <= 4; n++) await zerodb.vectors.upsert({ vector_id: `v${n}`, document: 'text' })
    requests = 0
    for await (const { vector_id } of zerodb.vectors.list({ limit: 2 })) if (vector_id === 'v2') break
    expect(requests).toBe(1)
  })
})

describe('files', () => {
  const size = 5_000_000
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7919) % 251)
  const hash = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')
  async function* parts() {
    for (let start = 0; start < size; start += 70_001) yield bytes.subarray(start, start + 70_001)
  }

  test.each([
    ['bytes', () => bytes],
    ['a blob', () => new Blob([bytes])],
    ['a stream', () => new Blob([bytes]).stream() as ReadableStream<Uint8Array>],
    ['anything that yields bytes', () => parts()],
  ])('%s go up and come down as they were', async (_, content) => {
    const zerodb = await newClient()
    const name = 'a "quoted" näme.bin'
    const file = await zerodb.files.upload({
      file_name: name,
      folder: 'f',
      file_metadata: { of: { mine: true } },
      content: content(),
    })
    expect(file).toMatchObject({
      file_name: name,
      size_bytes: size,
      folder: 'f',
      file_metadata: { of: { mine: true } },
    })
    const download = await zerodb.files.download({ file_id: file.file_id })
    expect(download).toMatchObject({ file_name: name, size, content_type: 'application/octet-stream' })
    expect(hash(await download.bytes())).toBe(hash(bytes))
    const end = await zerodb.files.download({ file_id: file.file_id }, { range: { start: size - 3 } })
    expect([end.size, await end.bytes()]).toEqual([3, bytes.slice(-3)])
  })

  test('a file that is too large and a file whose stream breaks are not stored', async () => {
    const zerodb = await newClient()
    const large = zerodb.files.upload({ file_name: 'large', content: new Uint8Array(9 * 1024 * 1024) })
    await expect(large).rejects.toMatchObject({ status: 413, code: 'too_large' })
    async function* breaking() {
      yield new Uint8Array(1000)
      throw new Error('the disk is gone')
    }
    await expect(zerodb.files.upload({ file_name: 'broken', content: breaking() })).rejects.toThrow('the disk is gone')
    expect(await zerodb.files.list()).toEqual([])
  })

  test('a file can be registered without content', async () => {
    const zerodb = await newClient()
    expect(await zerodb.files.upload({ file_key: 'k', size_bytes: 7 })).toMatchObject({
      has_content: false,
      size_bytes: 7,
    })
  })
})

describe('interrupted streams continue at the same point', () => {
  /** Returns a `fetch` whose connections break after the first `count` messages that contain `word`. */
  function breaking(word: string, count: number): typeof fetch {
    return async (...request) => {
      const response = await fetch(...request)
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response
      let left = count
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          const text = new TextDecoder().decode(chunk).replace(/^retry: \d+/, 'retry: 10')
          controller.enqueue(new TextEncoder().encode(text))
          if (text.includes(word) && --left === 0) controller.error(new Error('the connection is lost'))
        },
      })
      return new Response(response.body!.pipeThrough(cut), response)
    }
  }

  test('the log of a run has each line once', async () => {
    const { key, ...user } = await app.newUser()
    let writeLine = (_: string) => {}
    let end = () => {}
    handler.run = (_, run: HandlerRun) =>
      new Promise<void>((resolve) => {
        writeLine = run.log
        end = resolve
      })
    await user.hook('zerodb.vector.stored', 'auto_embed')
    await user.post(`${user.database}/vectors/upsert`, { document: 'text' })
    const zerodb = new ZeroDB({ url, apiKey: key, fetch: breaking('event: log', 1) })
    const run = await eventually(async () => {
      const { items } = await zerodb.runs.list({ status: 'running' })
      expect(items).toHaveLength(1)
      return items[0]!
    })
    const lines: string[] = []
    writeLine('line 1')
    for await (const message of zerodb.runs.logs({ run_id: run.id })) {
      if (message.event !== 'log') continue
      lines.push(message.data.message)
      if (lines.length < 4) writeLine(`line ${lines.length + 1}`)
      else end()
    }
    expect(lines).toEqual(['line 1', 'line 2', 'line 3', 'line 4'])
  })

  test('the event stream has each event once, including those written during the interruption', async () => {
    const { key } = await app.newUser()
    const zerodb = new ZeroDB({ url, apiKey: key, fetch: breaking('event: event', 2) })
    const received: string[] = []
    for await (const message of zerodb.event_log.stream()) {
      if (message.event === 'open' && received.length === 0)
        for (let n = 1; n <= 6; n++) await zerodb.events.publish({ topic: `e${n}` })
      if (message.event === 'event' && message.data.event === 'zerodb.event.published')
        received.push(message.data.data.topic)
      if (received.length === 6) break
    }
    expect(received).toEqual(['e1', 'e2', 'e3', 'e4', 'e5', 'e6'])
  })

  test('a refusal is an immediate error, and a signal ends a stream', async () => {
    const zerodb = await newClient()
    const unknown = zerodb.runs.logs({ run_id: '00000000-0000-4000-8000-000000000000' })
    await expect(unknown.next()).rejects.toMatchObject({ status: 404, code: 'not_found' })
    const stop = new AbortController()
    const events = zerodb.event_log.stream({}, { signal: stop.signal })
    await events.next()
    const next = events.next()
    stop.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
  })
})

test('the error of a failed function has its run, which has its log', async () => {
  const zerodb = await newClient()
  const source = 'export default (event, ctx) => { ctx.log("so far"); throw new Error("no further") }'
  await zerodb.functions.deploy({ name: 'fails', source, runtime: 'nodejs' })
  const error: ZeroDBError = await zerodb.functions.invoke({ name: 'fails' }).then(
    () => expect.unreachable(),
    (failure) => failure,
  )
  expect(error).toMatchObject({ status: 502, code: 'function_failed', message: 'Error: no further' })
  // A waiting caller gets the response first; the run is recorded later.
  const recorded = await eventually(() => zerodb.runs.get({ run_id: error.run_id! }))
  expect(recorded).toMatchObject({ status: 'dead', logs: [{ message: 'so far' }] })
  const other: ZeroDBError = await zerodb.functions.invoke({ name: 'nothing' }).catch((failure) => failure)
  expect(other.run_id).toBeNull()
})

describe('a streamed result', () => {
  const deployed = async (source: string, fetch?: typeof globalThis.fetch) => {
    const zerodb = await newClient(fetch)
    await zerodb.functions.deploy({ name: 'streams', source, runtime: 'nodejs', config: { timeout_seconds: 60 } })
    return zerodb
  }
  const WAIT = 'if (!ctx.signal.aborted) await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve))'

  test('is iterated chunk by chunk, and its run comes last', async () => {
    const zerodb = await deployed('export default function* (event) { yield "a"; yield { b: event.data } }')
    const stream = zerodb.functions.stream({ name: 'streams', payload: 7 })
    expect(await all(stream)).toEqual(['a', { b: 7 }])
    const run = await stream.run()
    expect(run).toEqual({
      run_id: expect.any(String),
      status: 'succeeded',
      result: { streamed: { items: 2, bytes: 8 } },
      duration_ms: expect.any(Number),
    })
    expect((await eventually(() => zerodb.runs.get({ run_id: run.run_id }))).status).toBe('succeeded')
  })

  test('can be the body of a response, and can be skipped', async () => {
    const zerodb = await deployed(
      `export default (event, ctx) => ctx.response((async function* () {
        await new Promise((resolve) => setTimeout(resolve, 1))
        yield 'é'
      })(), { status: 201, headers: { 'content-type': 'text/plain' } })`,
    )
    const stream = zerodb.functions.stream({ name: 'streams' })
    expect(stream.response).toBeNull()
    expect((await stream.run()).status).toBe('succeeded')
    expect(stream.response).toEqual({ status: 201, headers: { 'content-type': 'text/plain' } })
  })

  test('that the function does not stream is in the run', async () => {
    const zerodb = await deployed('export default () => [1, 2]')
    const stream = zerodb.functions.stream({ name: 'streams' })
    expect(await all(stream)).toEqual([])
    expect((await stream.run()).result).toEqual([1, 2])
  })

  test('ends with the error of the function, and an early refusal is an immediate error', async () => {
    const zerodb = await deployed('export default function* () { yield 1; throw new RangeError("no more") }')
    const stream = zerodb.functions.stream({ name: 'streams' })
    const got: unknown[] = []
    const failing = (async () => {
      for await (const chunk of stream) got.push(chunk)
    })()
    const error = { code: 'function_failed', message: 'RangeError: no more', run_id: expect.any(String) }
    await expect(failing).rejects.toMatchObject(error)
    await expect(stream.run()).rejects.toMatchObject(error)
    expect(got).toEqual([1])
    await expect(zerodb.functions.stream({ name: 'missing' }).run()).rejects.toMatchObject({ status: 404 })
  })

  test('ends when its signal is aborted, or its iteration is left, and so does the function', async () => {
    const zerodb = await deployed(`export default async function* (event, ctx) { yield "a"; ${WAIT} }`)
    const stop = new AbortController()
    const aborted = zerodb.functions.stream({ name: 'streams' }, { signal: stop.signal })
    await expect(
      (async () => {
        for await (const _ of aborted) stop.abort(new Error('enough'))
      })(),
    ).rejects.toThrow('enough')
    const left = zerodb.functions.stream({ name: 'streams' })
    for await (const chunk of left) {
      expect(chunk).toBe('a')
      break
    }
    await expect(left.run()).rejects.toMatchObject({ code: 'misused', detail: 'The stream was left before its end' })
    await eventually(() => expect(app.system.app.sandbox.load().running).toBe(0))
  })

  test('that is cut off is an error', async () => {
    const cut: typeof globalThis.fetch = async (...request) => {
      const response = await globalThis.fetch(...request)
      if (!String(request[0]).includes('/invoke')) return response
      const text = (await response.text()).replace(/event: run[\s\S]*/, '')
      return new Response(text, { headers: response.headers })
    }
    const zerodb = await deployed('export default function* () { yield 1 }', cut)
    await expect(zerodb.functions.stream({ name: 'streams' }).run()).rejects.toMatchObject({
      code: 'connection_failed',
      detail: 'The connection ended before the result was complete',
    })
  })
})

test('the same operations work over any transport, with a name and an input', async () => {
  const calls: unknown[] = []
  const transport: Transport = {
    async call(operation, input) {
      calls.push([operation, input])
      return { items: [operation], next_cursor: null }
    },
  }
  const zerodb = operationsOver(transport)
  await zerodb.memory.remember({ content: 'text' })
  await zerodb.auth.me()
  expect(await all(zerodb.runs.list({ limit: 1 }))).toEqual(['runs.list'])
  expect(calls).toEqual([
    ['memory.remember', { content: 'text' }],
    ['auth.me', {}],
    ['runs.list', { limit: 1 }],
  ])
  expect(() => zerodb.functions.stream({ name: 'any' })).toThrow(
    'functions.invoke: this transport cannot stream results',
  )
})

describe('the default server', () => {
  test('is that of the environment, otherwise the one that was started here', async () => {
    const { key } = await app.newUser()
    const folder = await mkdtemp(join(tmpdir(), 'zerodb-sdk-'))
    await writeFile(
      join(folder, 'credentials.json'),
      JSON.stringify({ url, api_key: key, user_id: 'u', project_id: 'p' }),
    )
    vi.stubEnv('ZERODB_DATA_DIR', folder)
    expect((await new ZeroDB().auth.me()).is_active).toBe(true)
    vi.stubEnv('ZERODB_API_KEY', 'wrong')
    await expect(new ZeroDB().auth.me()).rejects.toMatchObject({ status: 401 })
    vi.stubEnv('ZERODB_URL', 'http://127.0.0.1:1')
    await expect(new ZeroDB({ maxRetries: 0 }).auth.me()).rejects.toMatchObject({ code: 'connection_failed' })
    await rm(folder, { recursive: true })
    vi.unstubAllEnvs()
    vi.stubEnv('ZERODB_DATA_DIR', folder)
    expect(() => new ZeroDB()).toThrow(ZeroDBError)
  })

  test('gets no key of another server', async () => {
    vi.stubEnv('ZERODB_URL', 'http://127.0.0.1:1')
    vi.stubEnv('ZERODB_API_KEY', 'secret')
    await expect(new ZeroDB({ url }).auth.me()).rejects.toMatchObject({ status: 401, code: 'unauthorized' })
  })
})
