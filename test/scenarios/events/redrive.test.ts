import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Run } from '../../../src/schema/run.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const [STORED, PUBLISHED] = ['zerodb.vector.stored', 'zerodb.event.published']

let app: TestApp
let receiver: Receiver
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
  receiver.answers = [{ status: 500 }]
})
afterAll(async () => {
  await app?.close()
  await receiver?.close()
})

const down = async (): Promise<never> => {
  throw new Error('model down')
}

describe('dead runs are retried if they match', () => {
  /** Creates three dead runs, oldest first: two of a failed model, in two projects, and one of a receiver. */
  async function withDead(use: (user: TestUser, dead: Run[]) => Promise<void>): Promise<void> {
    const user = await app.newUser()
    const second = (await user.post('/api/v1/projects', { name: 'second' })).body.id
    await user.hook(STORED, 'auto_embed', { retry: { max_attempts: 1 } })
    await user.hook(PUBLISHED, 'webhook:a', { hook_config: { url: receiver.url }, retry: { max_attempts: 1 } })
    await app.withEmbedder(down, async () => {
      for (const project of [user.project_id, second]) {
        await user.post(`/api/v1/projects/${project}/database/vectors/upsert`, { document: 'a text' })
        await user.runs()
      }
      await user.post(`${user.database}/events/publish`, { topic: 'a' })
      const dead = await user.runs()
      expect(dead.map(({ handler, status, error }) => `${handler} ${status} ${error?.code}`)).toEqual([
        'auto_embed dead handler_failed',
        'auto_embed dead handler_failed',
        'webhook:a dead webhook_failed',
      ])
      await use(user, dead)
    })
  }

  test.each<[what: string, filter: (dead: Run[]) => object, redriven: number[], more?: boolean]>([
    ['nothing in particular', () => ({}), [0, 1, 2]],
    ['a hook', ([, , third]) => ({ hook_id: third!.hook_id }), [2]],
    ['a handler', () => ({ handler: 'auto_embed' }), [0, 1]],
    ['a project', ([, second]) => ({ project_id: second!.project_id }), [1]],
    ['an event type', () => ({ event_type: PUBLISHED }), [2]],
    ['a code', () => ({ error_code: 'handler_failed' }), [0, 1]],
    ['a beginning', ([, second]) => ({ since: second!.finished_at }), [1, 2]],
    ['an end, which is excluded', ([, second]) => ({ until: second!.finished_at }), [0]],
    ['several criteria at once', ([first]) => ({ handler: 'auto_embed', project_id: first!.project_id }), [0]],
    ['a limit, the oldest first', () => ({ limit: 2 }), [0, 1], true],
    ['a limit that is exactly reached', () => ({ limit: 3 }), [0, 1, 2]],
  ])('%s', (_, filter, redriven, more = false) =>
    withDead(async (user, dead) => {
      const reply = await user.post('/api/v1/runs/redrive', filter(dead))
      expect(reply).toMatchObject({ status: 200, body: { redriven: redriven.length, more } })
      const attempts = (await user.runs()).map((run) => run.attempts)
      expect(attempts).toEqual([0, 1, 2].map((n) => (redriven.includes(n) ? 2 : 1)))
    }),
  )

  test('and belong to the caller', () =>
    withDead(async (user, dead) => {
      const other = await app.newUser()
      expect((await other.post('/api/v1/runs/redrive', {})).body).toEqual({ redriven: 0, more: false })
      expect((await other.post('/api/v1/runs/redrive', { project_id: user.project_id })).status).toBe(404)
      expect(await user.runs()).toEqual(dead)
    }))
})

describe('a run that waits for its next attempt', () => {
  /** Creates a webhook run that has failed once and waits a long time. */
  async function waitingRun(user: TestUser): Promise<Run> {
    receiver.messages.length = 0
    receiver.answers = [{ status: 500 }]
    await user.hook(PUBLISHED, 'webhook:a', {
      hook_config: { url: receiver.url },
      retry: { initial_seconds: 3000, jitter: 'none' },
    })
    await user.post(`${user.database}/events/publish`, { topic: 'a' })
    const [run] = await user.runs()
    expect(run).toMatchObject({ status: 'queued', attempts: 1, waiting_for: { reason: 'backoff' } })
    receiver.answers = [{ status: 204 }]
    return run!
  }

  test('E: retrying a run in backoff executes it now, and once', async () => {
    const user = await app.newUser()
    const { id } = await waitingRun(user)
    const replies = await Promise.all([1, 2, 3, 4].map(() => user.post(`/api/v1/runs/${id}/retry`)))
    // Retries after the claim are refused.
    for (const { status, body } of replies)
      expect(status === 200 ? 'queued' : body.code).toMatch(/^(queued|run_not_final)$/)
    expect(replies.map(({ status }) => status)).toContain(200)
    expect(await user.runs()).toMatchObject([{ id, status: 'succeeded', attempts: 2 }])
    expect(receiver.messages).toHaveLength(2)
    expect(await user.events()).toHaveLength(1)
    const again = await user.post(`/api/v1/runs/${id}/retry`)
    expect(again).toMatchObject({ status: 409, body: { code: 'run_not_final' } })
  })

  test('E: several concurrent retries of a dead run execute it once', async () => {
    const user = await app.newUser()
    receiver.messages.length = 0
    receiver.answers = [{ status: 500 }]
    await user.hook(PUBLISHED, 'webhook:a', { hook_config: { url: receiver.url }, retry: { max_attempts: 1 } })
    await user.post(`${user.database}/events/publish`, { topic: 'a' })
    const [dead] = await user.runs()
    expect(dead).toMatchObject({ status: 'dead' })
    receiver.answers = [{ status: 204 }]
    const replies = await Promise.all([...Array(8)].map(() => user.post(`/api/v1/runs/${dead!.id}/retry`)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
    expect(receiver.messages).toHaveLength(2)
  })

  test('E: another user cannot retry it', async () => {
    const user = await app.newUser()
    const { id } = await waitingRun(user)
    const other = await app.newUser()
    expect(await other.post(`/api/v1/runs/${id}/retry`)).toMatchObject({ status: 404 })
    expect(await user.runs()).toMatchObject([{ status: 'queued', attempts: 1 }])
  })
})

test('E: runs and events are listed by the beginning of their id, for each user separately', async () => {
  const user = await app.newUser()
  receiver.answers = [{ status: 204 }]
  await user.hook(PUBLISHED, 'webhook:a', { hook_config: { url: receiver.url } })
  for (const topic of ['a', 'b', 'c']) await user.post(`${user.database}/events/publish`, { topic })
  const [runs, events] = [await user.runs(), await user.events()]
  const other = await app.newUser()
  for (const [list, items] of [
    ['/api/v1/runs', runs],
    ['/api/v1/event-log', events],
  ] as const) {
    for (const { id } of items)
      for (const length of list.endsWith('runs') ? [4, 8, 9, 13, 36] : [4, 8, 14, 16, id.length]) {
        const begins = ({ id: one }: { id: string }) => one.startsWith(id.slice(0, length))
        const { body } = await user.get(`${list}?id_prefix=${id.slice(0, length)}`)
        expect(body.items.map((item: Run) => item.id).sort()).toEqual(
          items
            .filter(begins)
            .map((item) => item.id)
            .sort(),
        )
        expect((await other.get(`${list}?id_prefix=${id.slice(0, length)}`)).body.items).toEqual([])
      }
    const wrong = await user.get(`${list}?id_prefix=${encodeURIComponent("x' or 1")}`)
    expect({ status: wrong.status, loc: wrong.body.detail[0].loc }).toEqual({
      status: 422,
      loc: ['query', 'id_prefix'],
    })
  }
})
