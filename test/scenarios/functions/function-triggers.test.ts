import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
})

async function deploy(name: string, source: string, rest: Record<string, unknown> = {}) {
  const reply = await user.post('/api/v1/functions', { name, runtime: 'nodejs', source, ...rest })
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body))
  return reply.body
}
const publish = (topic: string, event_payload: unknown = {}) =>
  user.post(`${user.database}/events/publish`, { topic, event_payload })

describe('an event', () => {
  test('calls a function that declares it, with the envelope and the row', async () => {
    const { id } = await deploy(
      'on-event',
      'export default async (event, ctx) => ({ event, row: await ctx.row(), attempt: ctx.attempt, trigger: ctx.trigger })',
      {
        config: { triggers: [{ event: 'zerodb.event.published', filter: { 'row.topic': 'yes' } }] },
      },
    )
    const { body } = await publish('yes', { n: 1 })
    await publish('no')
    const [event] = await user.events()
    expect(await user.runs()).toMatchObject([
      {
        trigger: 'event',
        handler: 'on-event',
        function_id: id,
        function_version: 1,
        status: 'succeeded',
        event_id: event!.id,
        result: {
          event: {
            id: event!.id,
            event: 'zerodb.event.published',
            channel: 'zerodb',
            data: { event_id: body.event_id, topic: 'yes' },
          },
          row: { topic: 'yes', event_payload: { n: 1 } },
          attempt: 1,
          trigger: 'event',
        },
      },
    ])
  })

  test('calls a Python function through a manually created hook, with the hook’s configuration', async () => {
    await deploy(
      'by-hand',
      'def handler(event, ctx):\n    print("saw", event["data"]["topic"])\n    return ctx.config',
      { runtime: 'python' },
    )
    await user.hook('zerodb.event.published', 'by-hand', { hook_config: { a: 1 } })
    await publish('x')
    const [run] = await user.runs()
    expect(run).toMatchObject({ status: 'succeeded', result: { a: 1 }, logs: [{ message: 'saw x', stream: 'stdout' }] })
  })

  test.each([
    [
      'nodejs',
      'export default async (event, ctx) => ({ changed: event.data.changed ?? null, previous: await ctx.previous(), row: await ctx.row() })',
    ],
    [
      'python',
      'def handler(event, ctx):\n    return {"changed": event["data"].get("changed"), "previous": ctx.previous(), "row": ctx.row()}',
    ],
  ])('of a change shows a %s function the row before it', async (runtime, source) => {
    const triggers = ['row_inserted', 'row_updated', 'row_deleted'].map((type) => `zerodb.table.${type}`)
    await deploy(`on-change-${runtime}`, source, { runtime, config: { triggers } })
    await user.post(`${user.database}/tables`, { table_name: 'orders' })
    const rows = `${user.database}/tables/orders/rows`
    const { row_id } = (await user.post(rows, { row_data: { n: 1, kept: true } })).body
    const results = [(await user.runs()).at(-1)!.result]
    await user.patch(`${rows}/${row_id}`, { row_data: { n: 2 } })
    results.push((await user.runs()).at(-1)!.result)
    await user.delete(`${rows}/${row_id}`)
    results.push((await user.runs()).at(-1)!.result)
    expect(results).toEqual([
      { changed: null, previous: null, row: { n: 1, kept: true } },
      { changed: ['n'], previous: { n: 1, kept: true }, row: { n: 2, kept: true } },
      { changed: null, previous: { n: 2, kept: true }, row: null },
    ])
  })

  test('waits in the queue while its function is at its concurrency limit, with any trigger, and uses no slot', async () => {
    const triggers = ['zerodb.event.published', { event: 'zerodb.vector.stored', concurrency: 2 }]
    const config = { triggers, schedule: '* * * * *', concurrency: 1 }
    await deploy('one-at-once', 'export default () => new Promise((end) => setTimeout(end, 60_000))', { config })
    const byHand = await user.hook('zerodb.table.row_inserted', 'one-at-once', {})
    await user.post(`${user.database}/tables`, { table_name: 't' })
    for (const topic of ['a', 'b']) await publish(topic)
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [1] })
    await user.post(`${user.database}/tables/t/rows`, { row_data: {} })
    for (let n = 0; n < 2; n++)
      expect((await user.post('/api/v1/functions/one-at-once/invoke', { wait: false })).status).toBe(202)
    app.clock.advance(60)
    const runs = async () => (await user.get('/api/v1/runs')).body.items as Run[]
    await eventually(async () =>
      expect((await runs()).map(({ status, waiting_for }) => waiting_for?.reason ?? status).sort()).toEqual([
        ...Array(6).fill('limit'),
        'running',
      ]),
    )
    // The waiting runs first: none may start.
    for (const { id } of (await runs()).sort((a, b) => a.status.localeCompare(b.status)))
      expect((await user.post(`/api/v1/runs/${id}/cancel`)).status).toBe(200)
    expect((await user.runs()).map(({ status, attempts }) => `${status} ${attempts}`).sort()).toEqual([
      ...Array(6).fill('cancelled 0'),
      'cancelled 1',
    ])
    await user.delete(`/api/v1/hooks/${byHand.id}`)
    expect((await user.delete('/api/v1/functions/one-at-once')).status).toBe(204)
  })

  test('starts when its function has room again, one after the other, and all at once when a deployment removes the limit', async () => {
    const source = `export default async () => {
      const began = Date.now()
      await new Promise((end) => setTimeout(end, 20))
      return [began, Date.now()]
    }`
    await deploy('in-turn', source, { config: { triggers: 'zerodb.event.published', concurrency: 1 } })
    for (let n = 0; n < 5; n++) await publish(`${n}`)
    for (let n = 0; n < 3; n++) await user.post('/api/v1/functions/in-turn/invoke', { wait: false })
    const spans = (await user.runs()).map(({ result }) => result as [began: number, ended: number])
    spans.sort(([a], [b]) => a - b)
    expect(spans).toHaveLength(8)
    for (const [i, [began]] of spans.entries()) expect(began).toBeGreaterThanOrEqual(spans[i - 1]?.[1] ?? 0)
    await deploy('in-turn', 'export default () => new Promise((end) => setTimeout(end, 60_000))', {
      config: { triggers: 'zerodb.event.published' },
    })
    for (let n = 0; n < 2; n++) await publish(`${n}`)
    const running = async () => (await user.get('/api/v1/runs?status=running')).body.items as Run[]
    await eventually(async () => expect(await running()).toHaveLength(2))
    for (const { id } of await running()) await user.post(`/api/v1/runs/${id}/cancel`)
    await user.runs()
  })

  test('is retried when its function fails, as its config says, and is dead in the end', async () => {
    await deploy('fails', 'export default (e, ctx) => { throw new Error("attempt " + ctx.attempt) }', {
      config: { triggers: 'zerodb.event.published', retry: { max_attempts: 2, initial_seconds: 60, jitter: 'none' } },
    })
    await publish('x')
    expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1, waiting_for: { reason: 'backoff' } }])
    app.clock.advance(61)
    expect(await user.runs()).toMatchObject([
      { status: 'dead', attempts: 2, error: { code: 'function_threw', message: expect.stringContaining('attempt 2') } },
    ])
  })

  test('is retried when the function says, or never', async () => {
    await deploy('later', 'export default (e, ctx) => ctx.attempt === 1 ? ctx.retryLater(100, "busy") : "done"', {
      config: { triggers: 'zerodb.event.published' },
    })
    await deploy('never', 'def handler(event, ctx):\n    ctx.never_retry("useless")', {
      runtime: 'python',
      config: { triggers: 'zerodb.event.published' },
    })
    await publish('x')
    const runs = await user.runs()
    expect(runs.find(({ handler }) => handler === 'never')).toMatchObject({
      status: 'dead',
      attempts: 1,
      error: { message: expect.stringContaining('useless') },
    })
    expect(runs.find(({ handler }) => handler === 'later')).toMatchObject({
      status: 'queued',
      error: { message: expect.stringContaining('busy') },
    })
    app.clock.advance(121)
    expect((await user.runs()).find(({ handler }) => handler === 'later')).toMatchObject({
      status: 'succeeded',
      attempts: 2,
      result: 'done',
    })
  })

  test.each([
    ['nodejs', 'export default (e, ctx) => ctx.retryLater(0, "busy")'],
    ['nodejs', 'export default (e, ctx) => ctx.retryLater(-5, "busy")'],
    ['python', 'def handler(event, ctx):\n    ctx.retry_later(0, "busy")'],
    ['python', 'def handler(event, ctx):\n    ctx.retry_later(float("inf"), "busy")'],
  ])('B8: a function in %s that requests no pause is retried by its retry policy: %s', async (runtime, source) => {
    const retry = { jitter: 'none', initial_seconds: 100, max_attempts: 2 }
    await deploy('later', source, { runtime, config: { triggers: [{ event: 'zerodb.event.published', retry }] } })
    await publish('x')
    expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1 }])
    app.clock.advance(90)
    const error = { code: 'function_threw', message: expect.stringContaining('busy') }
    expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1, error }])
    app.clock.advance(20)
    expect(await user.runs()).toMatchObject([{ status: 'dead', attempts: 2, error }])
  })

  test('creates no run while the function is disabled', async () => {
    await deploy('switched', 'export default () => 1', { config: { triggers: 'zerodb.event.published' } })
    await user.patch('/api/v1/functions/switched', { is_active: false })
    await publish('x')
    expect(await user.runs()).toEqual([])
    expect((await user.get('/api/v1/hooks?active_only=false')).body).toMatchObject([
      { is_active: false, declared: true, disabled_reason: 'Its function is disabled' },
    ])
    await user.patch('/api/v1/functions/switched', { is_active: true })
    await publish('y')
    expect(await user.runs()).toMatchObject([{ status: 'succeeded' }])
  })

  test('in one project calls functions of that project only', async () => {
    const other = await user.project()
    await deploy('scoped', 'export default () => 1', { config: { triggers: 'zerodb.event.published' } })
    await user.post(`/api/v1/projects/${other}/database/events/publish`, { topic: 'x' })
    expect(await user.runs()).toEqual([])
    await deploy('everywhere', 'export default (e, ctx) => ctx.project_id', {
      config: { triggers: [{ event: 'zerodb.event.published', all_projects: true }] },
    })
    await user.post(`/api/v1/projects/${other}/database/events/publish`, { topic: 'x' })
    expect(await user.runs()).toMatchObject([{ handler: 'everywhere', project_id: other, result: user.project_id }])
  })

  test('can be replayed and backfilled for a function like for any handler', async () => {
    await publish('before')
    await deploy('late', 'export default (event) => [event.data.topic, event.synthetic ?? false]', {
      config: { triggers: 'zerodb.event.published' },
    })
    const [hook] = (await user.get('/api/v1/hooks')).body
    await user.post(`/api/v1/hooks/${hook.id}/backfill`, {})
    app.clock.advance(1)
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', result: ['before', true] }])
  })

  test('that a function writes itself does not cause an endless loop', async () => {
    await deploy('again', 'export default (e, ctx) => ctx.zerodb.events.publish({ topic: "again" })', {
      config: { triggers: 'zerodb.event.published' },
    })
    await publish('first')
    const runs = await user.runs()
    expect(runs.map(({ depth }) => depth)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(runs.at(-1)).toMatchObject({ status: 'dead', error: { code: 'chain_too_deep' } })
    expect(new Set(runs.map(({ chain_id }) => chain_id)).size).toBe(1)
  })
})

test('output of a function can be read while it runs', async () => {
  await deploy(
    'talks',
    `import { setTimeout as pause } from 'node:timers/promises'
    export default async (event, ctx) => {
      console.log('one'); await pause(300); ctx.log.warn('two'); await pause(300); console.error('three')
    }`,
    { config: { triggers: 'zerodb.event.published' } },
  )
  const url = await app.server.listen({ host: '127.0.0.1', port: 0 })
  await publish('x')
  const [{ id }] = await eventually(async () => {
    const { items } = (await user.get('/api/v1/runs?status=running')).body
    expect(items).toHaveLength(1)
    return items
  }, 10_000)
  const reply = await fetch(`${url}/api/v1/runs/${id}/logs`, { headers: { authorization: `Bearer ${user.key}` } })
  const text = await reply.text()
  expect([...text.matchAll(/"message":"(\w+)"/g)].map(([, message]) => message)).toEqual(['one', 'two', 'three'])
  expect(text).toContain('"level":"warn"')
  expect(text).toContain('"stream":"stderr"')
  expect(text).toMatch(/event: end\n/)
})

describe('a schedule', () => {
  const HOURLY = { schedule: { cron: '0 * * * *', missed: 'run_all', overlap: 'queue' } }
  const schedules = async () => (await user.get('/api/v1/schedules')).body
  /** Advances the clock to a quarter past an hour. */
  const toQuarter = () => {
    const past = (app.system.app.clock.now() / 1000) % 3600
    app.clock.advance(3600 - past + 900)
  }

  test('runs its function at each tick, and lists the next ticks', async () => {
    toQuarter()
    await deploy('hourly', 'export default (event, ctx) => [event.event, event.data.scheduled_at, ctx.trigger]', {
      config: HOURLY,
    })
    const [schedule] = await schedules()
    expect(schedule).toMatchObject({
      function: 'hourly',
      cron: '0 * * * *',
      timezone: 'UTC',
      paused: false,
      last_at: null,
    })
    expect(schedule.next_runs).toHaveLength(5)
    expect(await user.runs()).toEqual([])
    app.clock.advance(2700)
    const [run] = await user.runs()
    expect(run).toMatchObject({
      trigger: 'cron',
      schedule_id: schedule.id,
      status: 'succeeded',
      result: ['cron.tick', schedule.next_runs[0], 'cron'],
    })
    expect(await user.runs()).toHaveLength(1)
    expect((await user.get(`/api/v1/schedules/${schedule.id}`)).body).toMatchObject({ last_at: expect.any(String) })
  })

  test('handles missed ticks as configured', async () => {
    toQuarter()
    for (const missed of ['skip', 'run_once', 'run_all'])
      await deploy(`missed-${missed.replace('_', '-')}`, 'export default (event) => event.data.scheduled_at', {
        config: { schedule: { cron: '0 * * * *', missed, overlap: 'queue' } },
      })
    app.clock.advance(3 * 3600)
    const handlers = (await user.runs()).map(({ handler }) => handler).sort()
    expect(handlers).toEqual(['missed-run-all', 'missed-run-all', 'missed-run-all', 'missed-run-once'])
  })

  test('skips a tick while an earlier run is unfinished, or queues it', async () => {
    toQuarter()
    const fails = 'export default (e, ctx) => ctx.retryLater(86400)'
    await deploy('skips', fails, { config: { schedule: { cron: '0 * * * *', overlap: 'skip' } } })
    await deploy('queues', fails, { config: { schedule: { cron: '0 * * * *', overlap: 'queue' } } })
    app.clock.advance(2700)
    await user.runs()
    app.clock.advance(3600)
    const runs = (await user.runs()).map(({ handler, status, error }) => `${handler} ${status} ${error?.code}`).sort()
    expect(runs).toEqual([
      'queues queued function_threw',
      'queues queued function_threw',
      'skips queued function_threw',
      'skips skipped overlap',
    ])
  })

  test('can be paused, resumed, and run immediately', async () => {
    toQuarter()
    await deploy('paused', 'export default () => 1', { config: HOURLY })
    const [{ id }] = await schedules()
    expect((await user.patch(`/api/v1/schedules/${id}`, { paused: true })).body).toMatchObject({
      paused: true,
      next_at: null,
      next_runs: [],
    })
    app.clock.advance(7200)
    expect(await user.runs()).toEqual([])
    await user.patch(`/api/v1/schedules/${id}`, { paused: false })
    expect(await user.runs()).toEqual([])
    const reply = await user.post(`/api/v1/schedules/${id}/run`)
    expect({ status: reply.status, trigger: reply.body.trigger }).toEqual({ status: 201, trigger: 'cron' })
    expect(await user.runs()).toMatchObject([{ id: reply.body.id, status: 'succeeded' }])
  })

  test('follows its function’s config: an unchanged schedule continues, a missing one is removed', async () => {
    await deploy('changing', 'export default () => 1', { config: { schedule: ['0 6 * * *', '0 7 * * *'] } })
    const before = (await schedules()).find(({ cron }: { cron: string }) => cron === '0 6 * * *')
    const { schedules: changes } = await deploy('changing', 'export default () => 2', {
      config: {
        schedule: [
          { cron: '0 6 * * *', overlap: 'queue' },
          { cron: '0 6 * * *', timezone: 'Asia/Tokyo' },
        ],
      },
    })
    expect(changes).toEqual({
      created: ['0 6 * * * Asia/Tokyo'],
      changed: ['0 6 * * * UTC'],
      removed: ['0 7 * * * UTC'],
    })
    const after = await schedules()
    expect(after.map(({ cron, timezone, overlap }: Record<string, string>) => [cron, timezone, overlap])).toEqual([
      ['0 6 * * *', 'UTC', 'queue'],
      ['0 6 * * *', 'Asia/Tokyo', 'skip'],
    ])
    expect(after[0].id).toBe(before.id)
  })
})
