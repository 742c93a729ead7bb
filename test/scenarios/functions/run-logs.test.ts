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

/** What comes, message by message, until the server ends it. */
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

/** A hook, an event, and its run while it is at work. */
async function runAtWork(user: TestUser): Promise<string> {
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  return eventually(async () => {
    const [run] = (await user.get('/api/v1/runs?status=running')).body.items
    expect(run).toBeTruthy()
    return run.id as string
  })
}

/** From here on the handler does as it is told, line by line. What it is told before it has begun it does then. */
function obedient() {
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
  return { say: (line: string) => tell({ line }), end: (error?: Error) => tell({ error }) }
}

test('whoever watches a run reads each line when it is written, and hears of its end', async () => {
  const user = await app.newUser()
  const told = obedient()
  const id = await runAtWork(user)
  told.say('before anyone listens')
  const heard: string[] = []
  for await (const message of listen(user, id)) {
    heard.push(short(message))
    if (heard.at(-1) === 'log before anyone listens 1') told.say('first\nof two lines')
    if (heard.at(-1) === 'log first\nof two lines 1') told.end()
  }
  expect(heard).toEqual([
    'status running 1',
    'log before anyone listens 1',
    'log first\nof two lines 1',
    'status succeeded 1',
    'end succeeded',
  ])
})

test('a run that fails is watched through its next attempt', async () => {
  const user = await app.newUser()
  const told = obedient()
  const id = await runAtWork(user)
  const heard: string[] = []
  for await (const message of listen(user, id)) {
    heard.push(short(message))
    if (heard.at(-1) === 'status running 1') told.say('one')
    if (heard.at(-1) === 'log one 1') told.end(new Error('not yet'))
    if (heard.at(-1) === 'status queued 1') {
      expect(message.data['error']).toEqual({ code: 'handler_failed', message: 'not yet' })
      app.clock.advance(10)
    }
    if (heard.at(-1) === 'status running 2') told.say('two')
    if (heard.at(-1) === 'log two 2') told.end()
  }
  expect(heard.filter((line, i) => line !== heard[i - 1])).toEqual([
    'status running 1',
    'log one 1',
    'status queued 1',
    'status running 2',
    'log two 2',
    'status succeeded 2',
    'end succeeded',
  ])
})

test('of a run that has ended all is told at once', async () => {
  const user = await app.newUser()
  handler.run = async (_, run) => {
    run.log('all\u0000 \ud800there is')
  }
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  const heard: string[] = []
  for await (const message of listen(user, run!.id)) heard.push(short(message))
  expect(heard).toEqual(['log all\ufffd \ufffdthere is 1', 'status succeeded 1', 'end succeeded'])
})

test('whoever comes back with the id of the last message hears what follows', async () => {
  const user = await app.newUser()
  handler.run = async (_, run) => {
    for (const line of ['one', 'two', 'three']) run.log(line)
  }
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  const path = `/api/v1/runs/${run!.id}/logs`
  const said = async (query: string, headers = {}) =>
    [...String((await user.get(`${path}${query}`, headers)).body).matchAll(/"message":"(\w+)"/g)].map(
      ([, line]) => line,
    )
  expect(await said('')).toEqual(['one', 'two', 'three'])
  expect(await said('?after=1.2')).toEqual(['three'])
  expect(await said('', { 'last-event-id': '1.1' })).toEqual(['two', 'three'])
  expect((await user.get(`${path}?after=evt_1`)).status).toBe(422)
})

test('what a run has said is kept while it is at work, for those who ask elsewhere', async () => {
  const user = await app.newUser()
  const told = obedient()
  const id = await runAtWork(user)
  told.say('a line')
  await eventually(async () =>
    expect((await user.get(`/api/v1/runs/${id}`)).body).toMatchObject({
      status: 'running',
      logs: [{ message: 'a line' }],
    }),
  )
  told.end()
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', logs: [{ message: 'a line' }] }])
})

test('somebody else’s run is 404, and so is one that is not there', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  handler.run = async () => null
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [run] = await user.runs()
  expect((await other.get(`/api/v1/runs/${run!.id}/logs`)).status).toBe(404)
  expect((await user.get(`/api/v1/runs/${user.user_id}/logs`)).status).toBe(404)
})

test('a server that stops does not wait for those who listen', async () => {
  const small = await openTestApp()
  try {
    const user = await small.newUser()
    const told = obedient()
    await user.hook(STORED, 'auto_embed', { paused: true })
    await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
    const [run] = await user.runs()
    const address = await small.server.listen({ host: '127.0.0.1', port: 0 })
    const reply = await fetch(`${address}/api/v1/runs/${run!.id}/logs`, {
      headers: { authorization: `Bearer ${user.key}` },
    })
    await small.server.close()
    expect(await reply.text()).toMatch(/"status":"queued"/)
    told.end()
  } finally {
    await small.close()
  }
})
