import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'
import { SANDBOX } from '../../support/sandbox.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ...SANDBOX, ZERODB_SANDBOX_CONCURRENCY: '4' })
})
afterAll(() => app.close())

/** A function that runs until its project publishes an event with the topic `go`. */
const UNTIL_GO = `export default async (event, ctx) => {
  while ((await ctx.zerodb.events.list({ topic: 'go' })).events.length === 0) await new Promise((done) => setTimeout(done, 25))
  return 'done'
}`

async function deploy(user: TestUser, name: string, source: string) {
  const config = { timeout_seconds: 120 }
  const reply = await user.post('/api/v1/functions', { name, runtime: 'nodejs', source, config })
  expect(reply.status).toBe(201)
}
const invoke = (user: TestUser, name: string, headers = {}) =>
  user.post(`/api/v1/functions/${name}/invoke`, { payload: {} }, headers)
const load = () => app.system.app.sandbox.load()

test('A6: long calls of one project use half of the slots, and a call of another project starts immediately', async () => {
  const busy = await app.newUser()
  const other = await app.newUser()
  for (const name of ['a', 'b']) await deploy(busy, name, UNTIL_GO)
  await deploy(other, 'short', 'export default () => 1')

  const run = await invoke(busy, 'a', { prefer: 'respond-async' })
  expect(run.status).toBe(202)
  await eventually(() => expect(load()).toMatchObject({ running: 1, queued: 0 }))
  const calls = ['a', 'a', 'b', 'b', 'b'].map((name) => invoke(busy, name))
  await eventually(() => expect(load()).toMatchObject({ running: 2, queued: 4 }))

  expect(await invoke(other, 'short')).toMatchObject({ status: 200, body: { result: 1 } })
  const program = await other.post('/api/v1/sandbox/execute', { language: 'js', code: 'export default 2' })
  expect(program.body).toMatchObject({ status: 'ok', result: 2 })
  expect(load()).toMatchObject({ running: 2, queued: 4 })

  await busy.post(`${busy.database}/events/publish`, { topic: 'go', event_payload: {} })
  for (const reply of await Promise.all(calls)) expect(reply).toMatchObject({ status: 200, body: { result: 'done' } })
  expect((await busy.runs()).map(({ status }) => status)).toEqual(Array(6).fill('succeeded'))
  expect(load()).toMatchObject({ running: 0, queued: 0 })
})
