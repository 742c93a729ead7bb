import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Run } from '../../src/schema/run.ts'
import { freshDatabaseUrl } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'

// The server is killed while it executes functions: durable runs are executed again, calls with a waiting client are not.

let folder: string
let settings: Record<string, string>
let dropDatabase: (() => Promise<void>) | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-chaos-'))
  const database = await freshDatabaseUrl()
  dropDatabase = database?.drop
  settings = { ZERODB_DATA_DIR: folder, ...(database ? { DATABASE_URL: database.url } : {}) }
})
afterAll(async () => {
  await dropDatabase?.()
  await rm(folder, { recursive: true, force: true })
})

const SLOW = `export default async (event, ctx) => {
  const n = await ctx.once('count ' + ctx.run_id, () => ctx.attempt)
  await ctx.zerodb.events.publish({ topic: 'kept', event_payload: { run: ctx.run_id, n } })
  await new Promise((done) => setTimeout(done, event.data.payload?.ms ?? event.data.ms ?? 500))
  return n
}`

function client({ url, key }: ListeningServer) {
  return async (method: string, path: string, body?: unknown, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
    return { status: response.status, body: (await response.json()) as any }
  }
}

test('runs that were running when the server was killed end after the next start', async () => {
  const server = await startServer(settings)
  const ask = client(server)
  const config = { triggers: { event: 'zerodb.event.published', filter: { 'row.topic': 'go' } }, timeout_seconds: 60 }
  const deployed = await ask('POST', '/api/v1/functions', { name: 'slow', runtime: 'nodejs', source: SLOW, config })
  expect(deployed.status).toBe(201)
  for (let n = 0; n < 20; n++)
    await ask('POST', `/api/v1/projects/-/database/events/publish`, { topic: 'go', event_payload: { n } })
  const later = await ask(
    'POST',
    '/api/v1/functions/slow/invoke',
    { payload: { ms: 500 } },
    { prefer: 'respond-async' },
  )
  // A client waits for this call, which has written data when the server dies.
  const waited = ask('POST', '/api/v1/functions/slow/invoke', { payload: { ms: 60_000 } }).catch(() => 'cut off')
  await eventually(async () => {
    const { items } = (await ask('GET', '/api/v1/runs?trigger=invoke&status=running')).body
    expect(items.filter(({ id }: Run) => id !== later.body.run_id)).toHaveLength(1)
    const ended = (await ask('GET', '/api/v1/runs?trigger=event&status=succeeded')).body.items.length
    const { events } = (await ask('GET', '/api/v1/projects/-/database/events?topic=kept&limit=1000')).body
    expect(ended).toBeGreaterThan(2)
    // Apart from the two calls, some runs of events have stored their value and continue.
    expect(events.length).toBeGreaterThan(ended + 2)
  })
  server.process.kill('SIGKILL')
  expect(await waited).toBe('cut off')

  const next = await startServer(settings)
  const again = client(next)
  const all = async () => (await again('GET', '/api/v1/runs?limit=100')).body.items as Run[]
  await eventually(async () => {
    const runs = await all()
    expect(runs).toHaveLength(22)
    expect(runs.filter(({ status }) => status === 'queued' || status === 'running')).toEqual([])
  }, 60_000)
  const runs = await all()
  const events = runs.filter(({ trigger }) => trigger === 'event')
  expect(events.map(({ status }) => status)).toEqual(Array(20).fill('succeeded'))
  // A value that an attempt has found stored is also found by every later attempt.
  const kept = (await again('GET', '/api/v1/projects/-/database/events?topic=kept&limit=1000')).body.events as {
    event_payload: { run: string; n: number }
  }[]
  for (const { id, result } of events) {
    const found = kept
      .filter(({ event_payload }) => event_payload.run === id)
      .map(({ event_payload }) => event_payload.n)
    expect(found.length).toBeGreaterThan(0)
    expect(new Set([...found, result])).toEqual(new Set([result]))
  }
  // Some runs were killed after that point, not only before it.
  expect(events.some(({ attempts, result }) => attempts > 1 && result === 1)).toBe(true)
  expect(events.some(({ attempts }) => attempts > 1)).toBe(true)
  expect(runs.find(({ id }) => id === later.body.run_id)).toMatchObject({ status: 'succeeded' })
  expect(runs.find(({ trigger, id }) => trigger === 'invoke' && id !== later.body.run_id)).toMatchObject({
    status: 'dead',
    error: { code: 'instance_died' },
    attempts: 1,
  })
  await next.stop()
}, 120_000)
