import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { packageRoot } from '../../../src/platform/package.ts'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { instant } from '../../support/gate.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

// Requests of users of other systems, with the numbers of docs/asks.md: one test each.

const PUBLISHED = 'zerodb.event.published'
const STORED = 'zerodb.vector.stored'
const INSERTED = 'zerodb.table.row_inserted'

let app: TestApp
let receiver: Receiver
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8', ZERODB_MAX_DEPTH: '8' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
const usual = () => receiver.answers.at(-1)!
beforeEach(async () => {
  user = await app.newUser()
  receiver.messages.length = 0
  receiver.answers = [{ status: 204 }]
  receiver.answer = usual
})

const webhook = (event: string, label: string, rest: object = {}) =>
  user.hook(event, `webhook:${label}`, { hook_config: { url: receiver.url }, ...rest })

async function publish(topic: string, rest: object = {}, headers: Record<string, string> = {}): Promise<void> {
  const reply = await user.post(`${user.database}/events/publish`, { topic, ...rest }, headers)
  expect(reply.status).toBe(200)
}

const topics = () => receiver.messages.map(({ body }) => body.data.topic)
const statuses = (runs: readonly Run[]) => runs.map(({ status }) => status)
const down = async (): Promise<never> => {
  throw new Error('model down')
}

test('1: a run that failed permanently is kept, and can be retried, one or many', async () => {
  const hook = await webhook(PUBLISHED, 'a', { retry: { max_attempts: 1 } })
  receiver.answers = [{ status: 500 }]
  for (const topic of ['a', 'b', 'c']) await publish(topic)
  const runs = await user.runs()
  expect(statuses(runs)).toEqual(['dead', 'dead', 'dead'])
  receiver.answers = [{ status: 204 }]
  expect((await user.post(`/api/v1/runs/${runs[1]!.id}/retry`)).status).toBe(200)
  expect(statuses(await user.runs())).toEqual(['dead', 'succeeded', 'dead'])
  const redriven = await user.post('/api/v1/runs/redrive', { hook_id: hook.id })
  expect(redriven.body).toEqual({ redriven: 2, more: false })
  expect(statuses(await user.runs())).toEqual(['succeeded', 'succeeded', 'succeeded'])
})

test('3: a hook gets only events that match its filter, which is checked at creation and can be tested first', async () => {
  await publish('order.paid', { event_payload: { total: 50 } })
  await publish('order.paid', { event_payload: { total: 500 } })
  const filter = { 'data.topic': 'order.paid', 'row.event_payload.total': { $gte: 100 } }
  const tried = await user.post('/api/v1/hooks/test-filter', { event_type: PUBLISHED, filter })
  expect(tried.body.items.map(({ matches }: { matches: boolean }) => matches)).toEqual([true, false])
  await webhook(PUBLISHED, 'big', { filter })
  await publish('order.paid', { event_payload: { total: 5 } })
  await publish('order.paid', { event_payload: { total: 1000 } })
  expect(statuses(await user.runs())).toEqual(['succeeded'])
  const body = {
    event_type: PUBLISHED,
    hook_name: 'webhook:x',
    hook_config: { url: receiver.url },
    filter: { total: 1 },
  }
  expect((await user.post('/api/v1/hooks', body)).status).toBe(422)
})

test('4: events of one key arrive in the order of the writes, whatever fails', async () => {
  await webhook(PUBLISHED, 'ordered', {
    ordering_key: 'row.correlation_id',
    retry: { initial_seconds: 0.01, factor: 1, max_attempts: 20 },
  })
  let n = 0
  receiver.answer = () => ({ status: ++n % 4 === 0 ? 500 : 204 })
  for (let i = 0; i < 20; i++)
    await Promise.all(['a', 'b'].map((key) => publish(`${key}${String(i).padStart(2, '0')}`, { correlation_id: key })))
  await eventually(async () => expect(new Set(statuses(await user.runs()))).toEqual(new Set(['succeeded'])))
  for (const key of ['a', 'b']) {
    const arrived = topics().filter((topic: string) => topic.startsWith(key))
    expect(arrived).toEqual([...arrived].sort())
    expect(new Set(arrived).size).toBe(20)
  }
})

test('5: a message that is sent twice shows it: its id stays the same, and its attempt counts', async () => {
  await webhook(PUBLISHED, 'a', { retry: { initial_seconds: 0.01 } })
  receiver.answers = [{ status: 500 }, { status: 204 }]
  receiver.answer = () => (receiver.answers.length > 1 ? receiver.answers.shift()! : receiver.answers[0]!)
  await publish('a')
  await eventually(async () => expect(statuses(await user.runs())).toEqual(['succeeded']))
  const [first, second] = receiver.messages
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id'])
  expect([first!.body.attempt, second!.body.attempt]).toEqual([1, 2])
  expect(second!.body.id).toBe(first!.body.id)
})

test('7: a failure is retried after growing, random pauses that respect Retry-After; a hook may have a policy', async () => {
  await webhook(PUBLISHED, 'a', { retry: { max_attempts: 3, initial_seconds: 10, factor: 10, jitter: 'none' } })
  receiver.answers = [{ status: 500 }]
  await publish('a')
  const pauseOf = ([run]: Run[]) => Math.round((Date.parse(run!.run_at) - Date.now()) / 1000)
  const before = pauseOf(await user.runs())
  app.clock.advance(12)
  const after = pauseOf(await user.runs())
  expect(after - before).toBeGreaterThan(80)
  app.clock.advance(120)
  expect(statuses(await user.runs())).toEqual(['dead'])

  receiver.answers = [{ status: 503, headers: { 'retry-after': '500' } }]
  await publish('b')
  const [, later] = await user.runs()
  expect(Date.parse(later!.run_at) - app.system.app.clock.now()).toBeGreaterThan(490_000)
})

test('8: 10,000 rows in one request fire 10,000 times, even if another hook fails', async () => {
  await user.post(`${user.database}/tables`, { table_name: 'bulk' })
  await user.hook(INSERTED, 'auto_graph')
  await webhook(INSERTED, 'failing', { concurrency: 1, retry: { max_attempts: 1 } })
  receiver.answers = [{ status: 500 }]
  const rows = Array.from({ length: 10_000 }, (_, n) => ({ n }))
  expect((await user.post(`${user.database}/tables/bulk/rows`, { rows })).status).toBe(201)
  const done = async () => (await user.get('/api/v1/runs?status=skipped&limit=1000')).body.items.length
  await eventually(async () => expect(await done()).toBe(1000), 60_000)
  await user.delete(`/api/v1/hooks/${(await user.get('/api/v1/hooks')).body[1].id}`)
  const runs = await user.runs()
  expect(runs.filter(({ handler }) => handler === 'auto_graph').map(({ status }) => status)).toEqual(
    Array(10_000).fill('skipped'),
  )
}, 120_000)

test('9: every way to write fires: each operation, its aliases, one or many', async () => {
  for (const event of [
    STORED,
    'zerodb.vector.batch_stored',
    'zerodb.memory.stored',
    'zerodb.file.uploaded',
    INSERTED,
    PUBLISHED,
    'zeromemory.remembered',
  ])
    await webhook(event, 'any')
  await user.post(`${user.database}/tables`, { table_name: 't' })
  const vector = { vector_id: 'v', vector_embedding: [1] }
  const writes: [path: string, body: object][] = [
    [`${user.database}/vectors/upsert`, vector],
    [`/api/v1/${user.project_id}/database/vectors/upsert`, vector],
    [`${user.database}/vectors/upsert-batch`, { vectors: [vector] }],
    [`${user.database}/memory/store`, { content: 'a' }],
    [`${user.database}/files/upload`, { file_name: 'a.txt', file_content: 'aGk=' }],
    [`${user.database}/tables/t/rows`, { row_data: {} }],
    [`${user.database}/tables/t/rows`, { rows: [{}, {}] }],
    [`${user.database}/events/publish`, { topic: 'a' }],
    ['/api/v1/zerodb/events', { event_type: 'a' }],
    ['/api/v1/public/memory/v2/remember', { content: 'a' }],
  ]
  for (const [path, body] of writes) expect((await user.post(path, body)).status, path).toBeLessThan(300)
  await user.runs()
  const sent = receiver.messages.map(({ body }) => body.id).sort()
  const logged = (await user.events()).map(({ id }) => id).sort()
  expect(logged).toHaveLength(writes.length + 1)
  expect(sent).toEqual(logged)
})

test('10: a webhook is signed as Standard Webhooks defines, with two keys during a rotation', async () => {
  const hook = await webhook(PUBLISHED, 'a')
  const old = String(hook['webhook_secret'])
  const rotated = await user.post(`/api/v1/hooks/${hook.id}/rotate-secret`, { keep_seconds: 60 })
  const fresh = rotated.body.webhook_secret
  await publish('a')
  await user.runs()
  app.clock.advance(61)
  await publish('b')
  await user.runs()
  expect(receiver.messages.map((message) => receiver.signedBy(message, fresh, old))).toEqual([
    [true, true],
    [true, false],
  ])
})

test('11: a failed run is retried with its original data', async () => {
  await webhook(PUBLISHED, 'a', { retry: { max_attempts: 1 } })
  receiver.answers = [{ status: 500 }]
  await publish('a', { event_payload: { order: 1 } })
  const [run] = await user.runs()
  receiver.answers = [{ status: 204 }]
  await user.post(`/api/v1/runs/${run!.id}/retry`)
  expect(statuses(await user.runs())).toEqual(['succeeded'])
  const [first, second] = receiver.messages.map(({ body }) => ({ ...body, attempt: 0 }))
  expect(second).toEqual(first)
})

test('12: of 300 events none is missed and none fires twice', async () => {
  await webhook(PUBLISHED, 'a')
  for (let n = 0; n < 100; n++) await Promise.all([0, 1, 2].map((i) => publish(`${n}/${i}`)))
  expect(statuses(await user.runs())).toEqual(Array(300).fill('succeeded'))
  expect(new Set(topics()).size).toBe(300)
  expect(topics()).toHaveLength(300)
})

test('13: a failing hook does not stop other hooks on the same event', async () => {
  await webhook(STORED, 'broken', { retry: { max_attempts: 1 } })
  await user.hook(STORED, 'auto_embed')
  receiver.answers = ['reset']
  await app.withEmbedder(instant, async () => {
    await user.post(`${user.database}/vectors/upsert`, { document: 'a' })
    const runs = await user.runs()
    expect(Object.fromEntries(runs.map(({ handler, status }) => [handler, status]))).toEqual({
      'webhook:broken': 'dead',
      auto_embed: 'succeeded',
    })
  })
})

test('14: a waiting run has a reason', async () => {
  const paused = await webhook(PUBLISHED, 'paused', { paused: true })
  await webhook(PUBLISHED, 'failing', { retry: { initial_seconds: 100, jitter: 'none' } })
  await webhook(PUBLISHED, 'ordered', {
    ordering_key: 'row.correlation_id',
    retry: { initial_seconds: 100, jitter: 'none' },
  })
  receiver.answers = [{ status: 500 }]
  for (const topic of ['a', 'b']) await publish(topic, { correlation_id: 'k' })
  const why = (await user.runs()).map(({ handler, waiting_for }) => `${handler} ${waiting_for?.reason}`)
  expect(why.sort()).toEqual([
    'webhook:failing backoff',
    'webhook:failing backoff',
    'webhook:ordered backoff',
    'webhook:ordered key_head',
    'webhook:paused paused',
    'webhook:paused paused',
  ])
  await user.patch(`/api/v1/hooks/${paused.id}`, { is_active: false })
})

test('16: a hook that triggers itself through an external service ends after eight runs, and the last one shows the chain', async () => {
  await webhook(PUBLISHED, 'loop')
  receiver.answer = async ({ headers }) => {
    await publish('again', {}, { 'x-zerodb-chain': String(headers['x-zerodb-chain']) })
    return { status: 204 }
  }
  await publish('first')
  const runs = await user.runs()
  expect(statuses(runs)).toEqual([...Array(9).fill('succeeded'), 'dead'])
  const [first] = await user.events()
  expect(runs.at(-1)).toMatchObject({
    chain_id: first!.id,
    depth: 9,
    error: { code: 'chain_too_deep', message: expect.stringContaining(first!.id) },
  })
})

test('17: a write that a hook causes fires other hooks', async () => {
  await webhook(PUBLISHED, 'first')
  await webhook(INSERTED, 'second')
  await user.post(`${user.database}/tables`, { table_name: 't' })
  receiver.answer = async ({ headers, body }) => {
    const chain = { 'x-zerodb-chain': String(headers['x-zerodb-chain']) }
    if (body.event === PUBLISHED) await user.post(`${user.database}/tables/t/rows`, { row_data: {} }, chain)
    return { status: 204 }
  }
  await publish('a')
  const runs = await user.runs()
  expect(runs.map(({ handler, status, depth }) => `${handler} ${status} ${depth}`)).toEqual([
    'webhook:first succeeded 0',
    'webhook:second succeeded 1',
  ])
  expect(runs[1]!.chain_id).toBe(runs[0]!.chain_id)
})

test('22: while a model is down its runs are retried with growing pauses, and all remaining ones are completed when it is back', async () => {
  await user.hook(STORED, 'auto_embed')
  let calls = 0
  await app.withEmbedder(
    async () => {
      calls++
      return down()
    },
    async () => {
      for (let n = 0; n < 10; n++) await user.post(`${user.database}/vectors/upsert`, { document: `text ${n}` })
      for (let n = 0; n < 5; n++) await user.runs()
      expect(calls).toBe(10)
      app.clock.advance(3)
      for (let n = 0; n < 5; n++) await user.runs()
      expect(calls).toBe(20)
    },
  )
  app.clock.advance(600)
  await app.withEmbedder(instant, async () => {
    expect(statuses(await user.runs())).toEqual(Array(10).fill('succeeded'))
  })
})

test('23: the author of a write can see its background work', async () => {
  await user.hook(STORED, 'auto_embed', { retry: { max_attempts: 1 } })
  await app.withEmbedder(down, async () => {
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'a' })
    await user.runs()
  })
  const [event] = await user.events()
  const { body } = await user.get(`/api/v1/runs?event_id=${event!.id}`)
  expect(body.items).toMatchObject([{ handler: 'auto_embed', status: 'dead', error: { message: 'model down' } }])
  const hooks = await user.get(`/api/v1/event-log/${event!.id}/hooks`)
  expect(hooks.status).toBe(200)
})

describe('24:', () => {
  test('events are replayed by filter, and counted first', async () => {
    for (const topic of ['a', 'b']) await publish(topic)
    await webhook(PUBLISHED, 'late')
    await publish('c')
    await user.runs()
    const counted = await user.post('/api/v1/replays', { event_type: PUBLISHED, dry_run: true })
    expect(counted.body).toMatchObject({ total: 3 })
    await user.post('/api/v1/replays', { event_type: PUBLISHED, rate_per_second: 10_000 })
    await user.runs()
    expect(topics().sort()).toEqual(['a', 'b', 'c', 'c'])
    expect(receiver.messages.map(({ body }) => body.synthetic).sort()).toEqual([false, true, true, true])
  })

  test('a hook processes the rows that existed before it, once', async () => {
    for (const topic of ['a', 'b']) await publish(topic)
    const hook = await webhook(PUBLISHED, 'late')
    for (let n = 0; n < 2; n++) {
      const { status } = await user.post(`/api/v1/hooks/${hook.id}/backfill`, { rate_per_second: 10_000 })
      expect(status).toBe(201)
      await user.runs()
    }
    expect(topics().sort()).toEqual(['a', 'b'])
    expect(receiver.messages.every(({ body }) => body.synthetic)).toBe(true)
  })
})

/** Tests in other files: the file, and the title of the test. */
const ELSEWHERE: Record<number, [file: string, title: string]> = {
  2: ['scenarios/server/instances.test.ts', 'runs of a silent instance are taken over within the lease'],
  6: [
    'scenarios/events/retention.test.ts',
    'events and ended runs are deleted after seven days, dead runs and their events after thirty',
  ],
  15: ['contract/sandbox-cases.ts', 'warm calls see data of earlier calls'],
  18: ['scenarios/events/fairness.test.ts', 'a lane with a long queue delays another by a few runs'],
  19: ['chaos/crash.test.ts', 'and each of its runs ends exactly once after the next start'],
  20: ['scenarios/functions/function-triggers.test.ts', 'runs its function at each tick'],
  21: ['scenarios/functions/function-triggers.test.ts', 'handles missed ticks as configured'],
  25: ['scenarios/functions/functions.test.ts', 'the secrets that it declares, with new values from the next call'],
}

test('each of the 25 has a line in the documentation and a test', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'asks.md'), 'utf8')
  const numbers = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number))
  expect(numbers).toEqual(Array.from({ length: 25 }, (_, n) => n + 1))
  const here = readFileSync(join(packageRoot(), 'test', 'scenarios', 'server', 'asks.test.ts'), 'utf8')
  for (const number of numbers) {
    const [file, title] = ELSEWHERE[number] ?? ['scenarios/server/asks.test.ts', `'${number}:`]
    const text = file.endsWith('asks.test.ts') ? here : readFileSync(join(packageRoot(), 'test', file), 'utf8')
    expect(text, `ask ${number}`).toContain(title)
  }
})
