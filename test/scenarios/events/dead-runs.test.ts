import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signChain } from '../../../src/auth/chain.ts'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const PUBLISHED = 'zerodb.event.published'
const DEAD = 'zerodb.run.dead'
const MAX_DEPTH = 3

let app: TestApp
let receiver: Receiver
let user: TestUser

beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8', ZERODB_MAX_DEPTH: String(MAX_DEPTH) })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(async () => {
  user = await app.newUser()
  receiver.messages.length = 0
  receiver.answer = ({ path }) => ({ status: path === '/failing' ? 500 : 204 })
})

const webhook = (event: string, label: string, path: string, more: object = {}) =>
  user.hook(event, `webhook:${label}`, {
    hook_config: { url: `http://127.0.0.1:${receiver.port}${path}` },
    retry: { max_attempts: 1 },
    ...more,
  })
const publish = (topic = 'a topic', headers: Record<string, string> = {}) =>
  user.post(`${user.database}/events/publish`, { topic, event_payload: { secret: 'content' } }, headers)
const deadEvents = async () => (await user.events()).filter(({ event }) => event === DEAD)
const received = (path: string) => receiver.messages.filter((message) => message.path === path)

describe('a run whose last attempt fails', () => {
  test('emits zerodb.run.dead in its chain, without content or message', async () => {
    const hook = await webhook(PUBLISHED, 'failing', '/failing')
    await publish()
    const [run] = await user.runs()
    expect(run).toMatchObject({ status: 'dead' })
    expect(await deadEvents()).toEqual([
      {
        id: expect.stringMatching(/^evt_/),
        event: DEAD,
        channel: 'zerodb',
        data: {
          run_id: run!.id,
          project_id: user.project_id,
          handler: 'webhook:failing',
          hook_id: hook.id,
          function_id: null,
          event_id: run!.event_id,
          code: 'webhook_failed',
          attempts: 1,
          user_id: user.user_id,
        },
        timestamp: expect.any(String),
        chain_id: run!.event_id,
        depth: 1,
        caused_by: run!.id,
      },
    ])
  })

  test('is dead without an event until its last attempt', async () => {
    await webhook(PUBLISHED, 'failing', '/failing', { retry: { max_attempts: 2 } })
    await publish()
    expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1 }])
    expect(await deadEvents()).toEqual([])
    app.clock.advance(60)
    expect(await user.runs()).toMatchObject([{ status: 'dead', attempts: 2 }])
    expect(await deadEvents()).toMatchObject([{ data: { attempts: 2 } }])
  })

  test('emits again when it is retried and dies again', async () => {
    await webhook(PUBLISHED, 'failing', '/failing')
    await publish()
    const [run] = await user.runs()
    await user.post(`/api/v1/runs/${run!.id}/retry`)
    expect(await user.runs()).toMatchObject([{ id: run!.id, status: 'dead', attempts: 2 }])
    expect(await deadEvents()).toMatchObject([{ data: { attempts: 1 } }, { data: { attempts: 2 } }])
  })

  test('emits one event for each of many runs that die together', async () => {
    await webhook(PUBLISHED, 'failing', '/failing')
    await Promise.all(Array.from({ length: 20 }, (_, n) => publish(`topic ${n}`)))
    const runs = await user.runs()
    expect(runs).toHaveLength(20)
    const events = await deadEvents()
    expect(events.map(({ data }) => (data as { run_id: string }).run_id).sort()).toEqual(
      runs.map(({ id }) => id).sort(),
    )
    expect(events.map(({ caused_by }) => caused_by)).toEqual(
      events.map(({ data }) => (data as { run_id: string }).run_id),
    )
  })

  test('fires hooks, whose filters see the run without its error', async () => {
    await webhook(PUBLISHED, 'failing', '/failing')
    await webhook(DEAD, 'told', '/told', {
      filter: { 'row.status': 'dead', 'row.trigger': 'event', 'data.code': 'webhook_failed' },
    })
    await webhook(DEAD, 'other', '/other', { filter: { 'data.code': 'instance_died' } })
    await publish()
    const [run] = await user.runs()
    expect(received('/told').map(({ body }) => [body.event, body.data.run_id])).toEqual([[DEAD, run!.id]])
    expect(received('/other')).toEqual([])
    const [row] = await app.system.database.query<{ row: object }>(sql`
      select zerodb_row(event, ref, project_id, seq) as row from zerodb_events where user_id = ${user.user_id}::uuid and event = ${DEAD}`)
    expect(row!.row).toMatchObject({ run_id: run!.id, handler: 'webhook:failing', attempts: 1, function_id: null })
    expect(Object.keys(row!.row)).not.toEqual(expect.arrayContaining(['error']))
  })

  test('emits nothing when its own event is zerodb.run.dead', async () => {
    await webhook(PUBLISHED, 'failing', '/failing')
    await webhook(DEAD, 'failing', '/failing')
    await publish()
    expect(await user.runs()).toMatchObject([
      { status: 'dead', event_type: PUBLISHED },
      { status: 'dead', event_type: DEAD },
    ])
    expect(await deadEvents()).toHaveLength(1)
  })
})

test('a cancelled run and a skipped run emit nothing', async () => {
  await user.hook(PUBLISHED, 'webhook:paused', { hook_config: { url: receiver.url }, paused: true })
  await publish()
  const [run] = await user.runs()
  await user.post(`/api/v1/runs/${run!.id}/cancel`)
  expect(await user.runs()).toMatchObject([{ status: 'cancelled' }])
  expect(await deadEvents()).toEqual([])
})

test('a run that is too deep in its chain emits it, and a hook learns of it', async () => {
  await webhook(PUBLISHED, 'loop', '/loop')
  await webhook(DEAD, 'told', '/told')
  receiver.answer = async ({ path, headers }) => {
    if (path === '/loop') await publish('again', { 'x-zerodb-chain': String(headers['x-zerodb-chain']) })
    return { status: 204 }
  }
  await publish()
  const runs = await user.runs()
  expect(runs.map(({ status }) => status)).toEqual([...Array(MAX_DEPTH + 1).fill('succeeded'), 'dead', 'succeeded'])
  expect(await deadEvents()).toMatchObject([{ depth: MAX_DEPTH + 2, data: { code: 'chain_too_deep', attempts: 1 } }])
  expect(received('/told')).toHaveLength(1)
})

test('a chain of hooks on dead runs that write ends', async () => {
  await webhook(PUBLISHED, 'loop', '/loop')
  await webhook(DEAD, 'loop', '/loop')
  receiver.answer = async ({ headers }) => {
    await publish('again', { 'x-zerodb-chain': String(headers['x-zerodb-chain']) })
    return { status: 500 }
  }
  await publish()
  const runs = await user.runs()
  expect(Math.max(...runs.map(({ depth }) => depth))).toBeLessThanOrEqual(MAX_DEPTH + 4)
  expect(runs.filter(({ status }) => status !== 'dead')).toEqual([])
})

test('an invoked hook that is too deep emits it', async () => {
  const hook = await webhook(PUBLISHED, 'never', '/never')
  const cause = { chain_id: 'evt_root', depth: MAX_DEPTH + 1, run_id: randomUUID(), user_id: user.user_id }
  const chain = { 'x-zerodb-chain': signChain(app.system.app.jwtSecret, { ...cause, depth: MAX_DEPTH }) }
  const { body: run } = await user.post(`/api/v1/hooks/${hook.id}/invoke`, {}, chain)
  expect(run).toMatchObject({ status: 'dead', depth: MAX_DEPTH + 1, error: { code: 'chain_too_deep' } })
  expect(await deadEvents()).toMatchObject([
    {
      chain_id: 'evt_root',
      depth: MAX_DEPTH + 2,
      caused_by: run.id,
      data: { event_id: run.event_id, code: 'chain_too_deep' },
    },
  ])
  expect(received('/never')).toEqual([])
})

test('a run whose processes have died three times emits it', async () => {
  await webhook(PUBLISHED, 'killer', '/fine')
  await webhook(DEAD, 'told', '/told')
  await publish()
  await app.drained()
  await app.system.database.query(sql`
    update zerodb_runs set status = 'running', owner = -1, deaths = 2, finished_at = null where user_id = ${user.user_id}::uuid`)
  await app.system.app.store.runs.recover()
  const [run] = await user.runs()
  expect(run).toMatchObject({ status: 'dead', error: { code: 'instance_died' } })
  expect(await deadEvents()).toMatchObject([{ caused_by: run!.id, data: { code: 'instance_died', attempts: 1 } }])
  expect(received('/told')).toHaveLength(1)
})

test('a call of a function that fails emits it, with the call as its event', async () => {
  await user.post('/api/v1/functions', {
    name: 'failing',
    runtime: 'nodejs',
    source: 'export default () => { throw new Error("content") }',
  })
  expect((await user.post('/api/v1/functions/failing/invoke', { payload: {} })).status).toBeGreaterThanOrEqual(400)
  const [run] = await user.runs()
  expect(run).toMatchObject({ status: 'dead', trigger: 'invoke' })
  const [event, ...others] = await deadEvents()
  expect(others).toEqual([])
  expect(event).toMatchObject({
    caused_by: run!.id,
    data: { run_id: run!.id, function_id: run!.function_id, hook_id: null, event_id: run!.event_id, attempts: 1 },
  })
  expect(JSON.stringify(event)).not.toContain('content')
})
