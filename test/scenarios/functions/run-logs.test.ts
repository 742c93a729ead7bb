import { EventSourceParserStream } from 'eventsource-parser/stream'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { HandlerRun } from '../../../src/handlers/handler.ts'
import { HANDLERS } from '../../../src/handlers/index.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'

const STORED = 'zerodb.vector.stored'
const handler = HANDLERS['auto_embed']!
const usual = handler.run

let app: TestApp
let url: string
beforeAll(async () => {
  app = await openTestApp()
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => {
  handler.run = usual
})
afterAll(() => app.close())

interface Message {
  event: string
  data: Record<string, unknown>
}

/** Collects the messages of a stream until the server ends it. */
async function* listen(user: TestUser, runId: string, signal?: AbortSignal): AsyncGenerator<Message> {
  const reply = await fetch(`${url}/api/v1/runs/${runId}/logs`, {
    headers: { authorization: `Bearer ${user.key}` },
    ...(signal ? { signal } : {}),
  })
  expect(reply.status).toBe(200)
  expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const events = reply.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { event, data } of events) yield { event: event!, data: JSON.parse(data) }
}

const short = ({ event, data }: Message) =>
  `${event} ${data['message'] ?? data['status']} ${data['attempts'] ?? ''}`.trim()

/** Creates a hook and an event, and returns its running run. */
async function createRunningRun(user: TestUser): Promise<string> {
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  return eventually(async () => {
    const [run] = (await user.get('/api/v1/runs?status=running')).body.items
    expect(run).toBeTruthy()
    return run.id as string
  })
}

/** From here on the handler logs the given lines. Lines from before its start are logged at its start. */
function createScriptedHandler() {
  const orders: { line?: string; error?: Error | undefined }[] = []
  let wake = () => {}
  function tell(order: (typeof orders)[number]): void {
    orders.push(order)
    wake()
  }
  handler.run = async (_, run: HandlerRun) => {
    run.signal.addEventListener('abort', () => wake())
    for (;;) {
      const order = run.signal.aborted ? undefined : orders.shift()
      if (order?.line !== undefined) run.log(order.line)
      else if (order?.error) throw order.error
      else if (order || run.signal.aborted) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return { writeLine: (line: string) => tell({ line }), end: (error?: Error) => tell({ error }) }
}

test('a client that watches a run gets each line when it is written, and the end', async () => {
  const user = await app.newUser()
  const scripted = createScriptedHandler()
  const id = await createRunningRun(user)
  scripted.writeLine('before anyone listens')
  const received: string[] = []
  for await (const message of listen(user, id)) {
    received.push(short(message))
    if (received.at(-1) === 'log before anyone listens 1') scripted.writeLine('first\nof two lines')
    if (received.at(-1) === 'log first\nof two lines 1') scripted.end()
  }
  expect(received).toEqual([
    'status running 1',
    'log before anyone listens 1',
    'log first\nof two lines 1',
    'status succeeded 1',
    'end succeeded',
  ])
})

test('a failed run is watched through its next attempt', async () => {
  const user = await app.newUser()
  const scripted = createScriptedHandler()
  const id = await createRunningRun(user)
  const received: string[] = []
  for await (const message of listen(user, id)) {
    received.push(short(message))
    if (received.at(-1) === 'status running 1') scripted.writeLine('one')
    if (received.at(-1) === 'log one 1') scripted.end(new Error('not yet'))
    if (received.at(-1) === 'status queued 1') {
      expect(message.data['error']).toEqual({ code: 'handler_failed', message: 'not yet' })
      app.clock.advance(10)
    }
    if (received.at(-1) === 'status running 2') scripted.writeLine('two')
    if (received.at(-1) === 'log two 2') scripted.end()
  }
  expect(received.filter((line, i) => line !== received[i - 1])).toEqual([
    'status running 1',
    'log one 1',
    'status queued 1',
    'status running 2',
    'log two 2',
    'status succeeded 2',
    'end succeeded',
  ])
})

test('an ended run is sent completely at once', async () => {
  const user = await app.newUser()
  handler.run = async (_, run) => {
    run.log('all\u0000 \ud800there is')
  }
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  const received: string[] = []
  for await (const message of listen(user, run!.id)) received.push(short(message))
  expect(received).toEqual(['log all\ufffd \ufffdthere is 1', 'status succeeded 1', 'end succeeded'])
})

test('a client that reconnects with the id of the last message gets the following ones', async () => {
  const user = await app.newUser()
  handler.run = async (_, run) => {
    for (const line of ['one', 'two', 'three']) run.log(line)
  }
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  const path = `/api/v1/runs/${run!.id}/logs`
  const bodyOf = async (query: string, headers = {}) =>
    [...String((await user.get(`${path}${query}`, headers)).body).matchAll(/"message":"(\w+)"/g)].map(
      ([, line]) => line,
    )
  expect(await bodyOf('')).toEqual(['one', 'two', 'three'])
  expect(await bodyOf('?after=1.2')).toEqual(['three'])
  expect(await bodyOf('', { 'last-event-id': '1.1' })).toEqual(['two', 'three'])
  expect((await user.get(`${path}?after=evt_1`)).status).toBe(422)
})

test('connections are sent after the lines, and a client that reconnects gets the following ones', async () => {
  const user = await app.newUser()
  const request = { at: '2026-01-01T00:00:00.000Z', host: 'api.example.com', allowed: true, reason: null }
  const counts = { bytes_sent: 1, bytes_received: 2, duration_ms: 3, injected: false }
  handler.run = async (_, run) => {
    for (const port of [443, 80]) run.recordRequest({ ...request, ...counts, port })
    run.log('a line')
  }
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  const path = `/api/v1/runs/${run!.id}/logs`
  const first = await user.get(path)
  expect(first.body).toContain('event: request')
  expect(first.body).toContain(JSON.stringify({ attempts: 1, ...request, ...counts, port: 80 }).slice(0, 40))
  expect([...String(first.body).matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(['1.1', '1.1.1', '1.1.2'])
  expect(
    [...String((await user.get(`${path}?after=1.1.1`)).body).matchAll(/"port":(\d+)/g)].map(([, port]) => port),
  ).toEqual(['80'])
})

test('lines of a running run are stored, for readers on other instances', async () => {
  const user = await app.newUser()
  const scripted = createScriptedHandler()
  const id = await createRunningRun(user)
  scripted.writeLine('a line')
  await eventually(async () =>
    expect((await user.get(`/api/v1/runs/${id}`)).body).toMatchObject({
      status: 'running',
      logs: [{ message: 'a line' }],
    }),
  )
  scripted.end()
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', logs: [{ message: 'a line' }] }])
})

test('another user’s run is 404, and so is an unknown one', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  handler.run = async () => null
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  expect((await other.get(`/api/v1/runs/${run!.id}/logs`)).status).toBe(404)
  expect((await user.get(`/api/v1/runs/${user.user_id}/logs`)).status).toBe(404)
})

test('a server that stops does not wait for listeners', async () => {
  const small = await openTestApp()
  try {
    const user = await small.newUser()
    const scripted = createScriptedHandler()
    await user.hook(STORED, 'auto_embed', { paused: true })
    await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
    const [run] = await user.runs()
    const address = await small.server.listen({ host: '127.0.0.1', port: 0 })
    const reply = await fetch(`${address}/api/v1/runs/${run!.id}/logs`, {
      headers: { authorization: `Bearer ${user.key}` },
    })
    await small.server.close()
    expect(await reply.text()).toMatch(/"status":"queued"/)
    scripted.end()
  } finally {
    await small.close()
  }
})
