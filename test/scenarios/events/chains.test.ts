import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signChain } from '../../../src/auth/chain.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { instant } from '../../support/gate.ts'

const STORED = 'zerodb.vector.stored'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_MAX_DEPTH: '3', ZERODB_LOOP_LIMIT: '5' })
})
afterAll(() => app.close())

/** Writes like an external service on behalf of a run: with the chain token that the run sent. */
async function storeFor(user: TestUser, token: string): Promise<void> {
  const reply = await user.request('POST', `${user.database}/vectors/upsert`, {
    body: { document: 'a text' },
    headers: { 'x-zerodb-chain': token },
  })
  expect(reply.status).toBe(200)
}

const log = async (user: TestUser) => (await user.get('/api/v1/event-log?limit=1000')).body.items.reverse()

test('a write on behalf of a run belongs to its chain, one level deeper', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  await user.post(`${user.database}/vectors/upsert`, { document: 'a text' })
  const [first] = await user.runs()
  expect(first).toMatchObject({ depth: 0, chain_id: first!.event_id })
  const run_id = first!.id
  const { chain_id, depth } = first as { chain_id: string; depth: number }
  await storeFor(user, signChain(app.system.app.jwtSecret, { chain_id, depth, run_id, user_id: user.user_id }))
  const [, second] = await user.runs()
  expect(second).toMatchObject({ status: 'succeeded', chain_id, depth: 1 })
  expect(await log(user)).toMatchObject([
    { id: chain_id, chain_id, depth: 0, caused_by: null },
    { id: second!.event_id, chain_id, depth: 1, caused_by: run_id },
  ])
})

test('a run beyond ZERODB_MAX_DEPTH is dead, with its chain, and the write is kept', async () => {
  const user = await app.newUser()
  const hook = await user.hook(STORED, 'auto_embed')
  const of = (depth: number) => ({ chain_id: 'evt_root', depth, run_id: randomUUID(), user_id: user.user_id })
  for (const depth of [2, 3]) await storeFor(user, signChain(app.system.app.jwtSecret, of(depth)))
  const runs = await user.runs()
  expect(runs).toMatchObject([
    { status: 'succeeded', depth: 3 },
    {
      status: 'dead',
      depth: 4,
      hook_id: hook.id,
      attempts: 1,
      error: { code: 'chain_too_deep', message: expect.stringContaining('evt_root') },
    },
  ])
  expect((await user.events()).map(({ event }) => event)).toEqual([STORED, STORED, 'zerodb.run.dead'])
  expect((await user.get(`${user.database}/vectors`)).body.total).toBe(2)
})

test('a forged token, or one of another user, starts no chain and fails no write', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  const token = { chain_id: 'evt_root', depth: 1, run_id: randomUUID(), user_id: other.user_id }
  await storeFor(user, signChain(app.system.app.jwtSecret, token))
  await storeFor(user, signChain(randomBytes(32), { ...token, user_id: user.user_id }))
  await storeFor(user, 'nonsense')
  expect(
    (await log(user)).map(({ depth, caused_by }: { depth: number; caused_by: unknown }) => [depth, caused_by]),
  ).toEqual(Array(3).fill([0, null]))
})

test('a hook that returns to one row again and again is stopped, and others continue', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  await app.withEmbedder(instant, async () => {
    for (let n = 0; n < 8; n++) {
      await user.post(`${user.database}/vectors/upsert`, { vector_id: 'the same', document: `text ${n}` })
      await app.drained()
    }
    await user.post(`${user.database}/vectors/upsert`, { vector_id: 'another', document: 'a text' })
    const runs = await user.runs()
    expect(runs.map(({ status, error }) => error?.code ?? status)).toEqual([
      ...Array(5).fill('succeeded'),
      ...Array(3).fill('loop_suspected'),
      'succeeded',
    ])
    // A minute later the hook may run again; the dead runs can be retried by hand.
    app.clock.advance(60)
    const { id } = runs[7]!
    expect(await user.post(`/api/v1/runs/${id}/retry`)).toMatchObject({ status: 200 })
    await app.drained()
    expect((await user.get(`/api/v1/runs/${id}`)).body.status).toBe('succeeded')
  })
})
