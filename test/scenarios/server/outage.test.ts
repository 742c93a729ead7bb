import { afterEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp } from '../../support/app.ts'
import { freshDatabaseUrl, SERVER } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { gated, instant } from '../../support/gate.ts'
import { startProxy } from '../../support/proxy.ts'

const STORED = 'zerodb.vector.stored'

// The embedded database runs inside the process.
describe.skipIf(!SERVER)('a PostgreSQL server that is temporarily unavailable', () => {
  const opened: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close()
  })
  async function proxied() {
    const database = (await freshDatabaseUrl())!
    opened.push({ close: () => database.drop() })
    const proxy = await startProxy(database.url)
    opened.push(proxy)
    return proxy
  }

  test('makes writes 503 immediately; no acknowledged write is lost, and everything recovers automatically', async () => {
    const proxy = await proxied()
    const app = await openTestApp({ DATABASE_URL: proxy.url })
    opened.push(app)
    const user = await app.newUser()
    const write = async (vector_id: string) =>
      (await user.post(`${user.database}/vectors/upsert`, { vector_id, document: vector_id })).status
    const gate = gated()
    await app.withEmbedder(gate.embed, async () => {
      await user.hook(STORED, 'auto_embed')
      expect(await write('before')).toBe(200)
      await eventually(() => expect(gate.started).toEqual(['before']))

      await proxy.cut()
      const during = await user.post(`${user.database}/vectors/upsert`, { vector_id: 'lost', document: 'lost' })
      expect(during).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        body: { code: 'unavailable', detail: 'The database cannot be reached at the moment: try again' },
      })
      expect(await write('lost')).toBe(503)
      expect((await app.request('GET', '/readyz')).status).toBe(503)
      expect((await app.request('GET', '/livez')).status).toBe(200)
      // A running handler ends during the outage: its result waits for the database.
      gate.open('before')

      await proxy.mend()
      await eventually(async () => expect(await write('after')).toBe(200))
      await eventually(() => expect(gate.started).toContain('after'))
      gate.open('after')
      await eventually(async () =>
        expect((await user.get('/api/v1/runs')).body.items.map(({ status }: { status: string }) => status)).toEqual([
          'succeeded',
          'succeeded',
        ]),
      )
      expect((await app.request('GET', '/readyz')).status).toBe(200)
    })
    const { vectors } = (await user.get(`${user.database}/vectors`)).body
    expect(vectors.map(({ vector_id }: { vector_id: string }) => vector_id)).toEqual(['before', 'after'])
    expect(await user.trail()).toEqual({ events: [STORED, STORED], runs: Array(2).fill('auto_embed succeeded') })
  }, 120_000)

  test('during a claim leaves no claimed run behind', async () => {
    const proxy = await proxied()
    const app = await openTestApp({ DATABASE_URL: proxy.url, ZERODB_WORKER_SLOTS: '4' })
    opened.push(app)
    const user = await app.newUser()
    await app.withEmbedder(instant, async () => {
      const hook = await user.hook(STORED, 'auto_embed')
      const acknowledged = new Set<string>()
      let going = true
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; going; n++) {
          const document = `${writer} ${n}`
          const { status } = await user.post(`${user.database}/vectors/upsert`, { vector_id: document, document })
          expect([200, 503]).toContain(status)
          if (status === 200) acknowledged.add(document)
        }
      })
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.size
        await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 20))
        await proxy.cut()
        await proxy.mend()
      }
      const before = acknowledged.size
      await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 20))
      going = false
      await Promise.all(writers)
      // A write without a response may have been committed; an acknowledged one must be.
      const counts = async () => {
        const [row] = await app.system.database.query<Record<'events' | 'done' | 'open', number>>(sql`
          select
            (select count(*) from zerodb_events) as events,
            (select count(*) from zerodb_runs where hook_id = ${hook.id}::uuid and status = 'succeeded') as done,
            (select count(*) from zerodb_runs where status in ('queued', 'running')) as open`)
        return row!
      }
      await eventually(async () => {
        const { events, done, open } = await counts()
        expect({ done, open }).toEqual({ done: events, open: 0 })
      }, 60_000)
      const events = await user.events()
      const written = new Set(events.map(({ data }) => data['vector_id' as never] as string))
      expect([...acknowledged].filter((document) => !written.has(document))).toEqual([])
    })
  }, 180_000)
})
