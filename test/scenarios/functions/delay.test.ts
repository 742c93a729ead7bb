import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const YEAR_SECONDS = 365 * 86_400

let app: TestApp
let receiver: Receiver
let user: TestUser

beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app.close()
  await receiver.close()
})
beforeEach(async () => {
  user = await app.newUser()
  receiver.messages.length = 0
})

const inSeconds = (seconds: number) => new Date(app.system.app.clock.now() + seconds * 1000).toISOString()

describe('a call of a function', () => {
  const invoke = (body: object) => user.post('/api/v1/functions/later/invoke', body)
  beforeEach(async () => {
    await user.post('/api/v1/functions', { name: 'later', runtime: 'nodejs', source: 'export default (e) => e.data' })
  })

  test.each([
    ['a number of seconds', () => ({ delay: 300 })],
    ['a text with a unit', () => ({ delay: '5m' })],
    ['a time', () => ({ run_at: inSeconds(300) })],
  ])('with a delay of %s is queued until then', async (_, due) => {
    const { status, body } = await invoke({ payload: { n: 1 }, ...due() })
    expect([status, body]).toEqual([202, { run_id: expect.any(String), status: 'queued' }])
    app.clock.advance(290)
    expect(await user.runs()).toMatchObject([
      { id: body.run_id, status: 'queued', attempts: 0, waiting_for: { reason: 'delay', until: expect.any(String) } },
    ])
    app.clock.advance(11)
    expect(await user.runs()).toMatchObject([{ id: body.run_id, status: 'succeeded', attempts: 1, result: { n: 1 } }])
    expect(await user.events()).toEqual([])
  })

  test('for a time in the past is due now', async () => {
    await invoke({ run_at: '2020-01-01T00:00:00Z' })
    expect(await user.runs()).toMatchObject([{ status: 'succeeded' }])
  })

  test('that waits for its time can be cancelled, or made due by a retry', async () => {
    const [first, second] = [await invoke({ delay: '1d' }), await invoke({ delay: '1d' })]
    expect((await user.post(`/api/v1/runs/${first.body.run_id}/cancel`)).status).toBe(200)
    expect((await user.post(`/api/v1/runs/${second.body.run_id}/retry`)).status).toBe(200)
    expect((await user.runs()).map(({ status }) => status)).toEqual(['cancelled', 'succeeded'])
  })

  test.each([
    ['delay', { delay: YEAR_SECONDS + 1 }],
    ['delay', { delay: '366d' }],
    ['delay', { delay: -1 }],
    ['delay', { delay: '5 minutes' }],
    ['run_at', { run_at: '2999-01-01T00:00:00Z' }],
    ['run_at', { run_at: 'tomorrow' }],
    ['run_at', { delay: 1, run_at: '2020-01-01T00:00:00Z' }],
  ])('with a bad %s is 422 and makes no run', async (field, due) => {
    const { status, body } = await invoke(due)
    expect([status, body.detail[0].loc.slice(0, 2)]).toEqual([422, ['body', field]])
    expect(await user.runs()).toEqual([])
  })
})

test('a hook that is called for later answers at once, and runs then', async () => {
  const hook = await user.hook('zerodb.event.published', 'webhook:a', { hook_config: { url: receiver.url } })
  const { status, body } = await user.post(`/api/v1/hooks/${hook.id}/invoke`, { payload: { topic: 't' }, delay: '2h' })
  expect([status, body]).toMatchObject([200, { status: 'queued', waiting_for: { reason: 'delay' } }])
  await app.drained()
  expect(receiver.messages).toEqual([])
  app.clock.advance(7_201)
  expect(await user.runs()).toMatchObject([{ id: body.id, status: 'succeeded' }])
  expect(receiver.messages).toMatchObject([{ body: { data: { topic: 't' } } }])
})
