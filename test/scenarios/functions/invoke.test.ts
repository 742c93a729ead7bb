import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signChain } from '../../../src/auth/chain.ts'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { gated, instant } from '../../support/gate.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const STORED = 'zerodb.vector.stored'
const REMEMBERED = 'zeromemory.remembered'

let app: TestApp
let receiver: Receiver
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8', ZERODB_MAX_DEPTH: '3' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(async () => {
  receiver.messages.length = 0
  user = await app.newUser()
})

const invoke = (hook: { id: string }, body: object = {}, headers: Record<string, string> = {}) =>
  user.post(`/api/v1/hooks/${hook.id}/invoke`, body, headers)
const webhook = (rest: object = {}) =>
  user.hook(STORED, 'webhook:a', { hook_config: { url: receiver.url }, retry: { max_attempts: 1 }, ...rest })

describe('invoking a hook', () => {
  test('runs it immediately with the payload as the event’s data, and returns the run; there is no event', async () => {
    const hook = await webhook()
    const { status, body: run } = await invoke(hook, { payload: { vector_id: 'v', more: [1] } })
    expect(status).toBe(200)
    expect(run).toEqual({
      id: expect.any(String),
      trigger: 'invoke',
      handler: 'webhook:a',
      hook_id: hook.id,
      function_id: null,
      function_version: null,
      schedule_id: null,
      event_id: expect.stringMatching(/^inv_[0-9a-f]{32}$/),
      event_type: STORED,
      project_id: user.project_id,
      status: 'succeeded',
      attempts: 1,
      run_at: expect.any(String),
      result: { status: 204, headers: {}, body: '', duration_ms: expect.any(Number) },
      error: null,
      logs: [],
      created_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: expect.any(String),
      ordering_key: null,
      replay_id: null,
      chain_id: run.event_id,
      depth: 0,
      requests: [],
      requests_omitted: 0,
      waiting_for: null,
    })
    expect(receiver.messages.map(({ body }) => body)).toEqual([
      {
        id: run.event_id,
        event: STORED,
        channel: 'zerodb',
        data: {
          vector_id: 'v',
          project_id: user.project_id,
          namespace: null,
          source: null,
          user_id: user.user_id,
          more: [1],
        },
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
        hook_id: hook.id,
        run_id: run.id,
        attempt: 1,
        synthetic: true,
        chain_id: run.event_id,
        depth: 0,
      },
    ])
    expect(await user.trail()).toEqual({ events: [], runs: ['webhook:a succeeded'] })
    expect(await user.get(`/api/v1/runs/${run.id}`)).toMatchObject({ status: 200, body: run })
    expect((await user.get(`/api/v1/hooks/${hook.id}/runs`)).body.items).toEqual([run])
  })

  test('passes a built-in handler the row that the payload names, in its project only', async () => {
    const other = await user.project()
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'a text' })
    const memory = await user.post('/api/v1/public/memory/v2/remember', { content: 'Alice met Bob in Berlin' })
    const embed = await user.hook(STORED, 'auto_embed')
    const graph = await user.hook(REMEMBERED, 'auto_graph')
    await app.withEmbedder(instant, async () => {
      const embedded = async (body: object) => (await invoke(embed, body)).body.result.embedded
      expect(await embedded({ payload: { vector_id: 'v' }, project_id: other })).toBe(0)
      expect(await embedded({ payload: { vector_id: 'v', namespace: 'x' } })).toBe(0)
      expect(await embedded({})).toBe(0)
      expect(await embedded({ payload: { vector_id: 'v' } })).toBe(1)
    })
    const { body } = await invoke(graph, { payload: { memory_id: memory.body.memory_id } })
    expect(body).toMatchObject({ status: 'succeeded', result: { entities: expect.any(Number) } })
    expect(body.result.entities).toBeGreaterThan(1)
    for (const memory_id of [randomUUID(), 'no id', 7, null])
      expect((await invoke(graph, { payload: { memory_id } })).body).toMatchObject({ status: 'succeeded' })
  })

  test('ignores filter and order, and respects the hook’s limit', async () => {
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', document: 'v' })
      const hook = await user.hook(STORED, 'auto_embed', {
        filter: { 'data.vector_id': 'other' },
        ordering_key: 'data.vector_id',
        concurrency: 1,
      })
      const first = await invoke(hook, { payload: { vector_id: 'v' }, wait_seconds: 0 })
      expect(first.body).toMatchObject({ trigger: 'invoke', ordering_key: null })
      await expect.poll(() => gate.started).toEqual(['v'])
      const second = await invoke(hook, { payload: { vector_id: 'v' }, wait_seconds: 0 })
      expect(second.body).toMatchObject({ status: 'queued', waiting_for: { reason: 'limit' } })
      gate.open('v')
      expect((await user.runs()).map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
    })
  })

  test('returns when the first attempt has failed, and immediately for a paused hook', async () => {
    receiver.answers = [{ status: 500, body: 'not now' }, { status: 204 }]
    const hook = await webhook({ retry: { max_attempts: 2 } })
    const { body: failed } = await invoke(hook)
    expect(failed).toMatchObject({
      status: 'queued',
      attempts: 1,
      error: { code: 'webhook_failed', message: 'The receiver answered 500: not now' },
    })
    app.clock.advance(10)
    expect(await user.runs()).toMatchObject([{ id: failed.id, status: 'succeeded', attempts: 2 }])
    await user.patch(`/api/v1/hooks/${hook.id}`, { paused: true })
    expect((await invoke(hook)).body).toMatchObject({ status: 'queued', waiting_for: { reason: 'paused' } })
  })

  test('continues the chain of the run that calls it, and is dead if the chain is too long', async () => {
    const hook = await webhook()
    const by = (depth: number) => ({
      'x-zerodb-chain': signChain(app.system.app.jwtSecret, {
        chain_id: 'evt_root',
        depth,
        run_id: randomUUID(),
        user_id: user.user_id,
      }),
    })
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    expect((await invoke(hook, {}, { ...by(2), traceparent })).body).toMatchObject({
      status: 'succeeded',
      chain_id: 'evt_root',
      depth: 3,
    })
    expect(receiver.messages[0]!.headers['traceparent']).toMatch(/^00-a{32}-[0-9a-f]{16}-01$/)
    expect(receiver.messages[0]!.body).toMatchObject({ chain_id: 'evt_root', depth: 3 })
    expect((await invoke(hook, {}, by(3))).body).toMatchObject({
      status: 'dead',
      attempts: 1,
      depth: 4,
      error: { code: 'chain_too_deep', message: expect.stringContaining('evt_root') },
    })
    expect(receiver.messages).toHaveLength(1)
  })

  test('of a forgotten memory leaves no text of it', async () => {
    const { body } = await user.post('/api/v1/public/memory/v2/remember', { content: 'Alice met Bob in Berlin' })
    const hook = await user.hook(REMEMBERED, 'auto_graph', { paused: true })
    const { memory_id } = body
    const run = await invoke(hook, { payload: { memory_id, said: 'Alice met Bob' } })
    await user.post('/api/v1/public/memory/v2/forget', { memory_id })
    expect((await user.get(`/api/v1/runs/${run.body.id}`)).body.status).toBe('cancelled')
    const [kept] = await app.system.database.query<{ input: string }>(
      sql`select input::text as input from zerodb_runs where id = ${run.body.id}::uuid`,
    )
    expect(kept!.input).not.toContain('Alice')
  })

  test('invalid requests are refused, and create no run', async () => {
    const hook = await webhook({ project_id: user.project_id })
    const other = await user.project()
    expect(await invoke({ id: randomUUID() })).toMatchObject({ status: 404 })
    expect(await invoke(hook, { payload: 'text' })).toMatchObject({ status: 422 })
    expect(await invoke(hook, { wait_seconds: 61 })).toMatchObject({ status: 422 })
    expect(await invoke(hook, { payload: { text: '\u0000' } })).toMatchObject({ status: 422 })
    expect(await invoke(hook, { project_id: other })).toMatchObject({
      status: 422,
      body: { detail: `This hook is for project ${user.project_id}, not for ${other}` },
    })
    expect(await invoke(await user.hook(STORED, 'auto_embed'), { project_id: randomUUID() })).toMatchObject({
      status: 404,
    })
    await user.patch(`/api/v1/hooks/${hook.id}`, { is_active: false })
    expect(await invoke(hook)).toMatchObject({
      status: 422,
      body: { detail: 'This hook is disabled: enable it first' },
    })
    expect(await user.runs()).toEqual([])
  })
})
