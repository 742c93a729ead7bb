import { afterEach, describe, expect, test } from 'vitest'
import { openPostgres, type PostgresOptions } from '../../../src/db/postgres/postgres.ts'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp } from '../../support/app.ts'
import { freshDatabaseUrl, SERVER } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { gated, instant } from '../../support/gate.ts'
import { startProxy } from '../../support/proxy.ts'

const STORED = 'zerodb.vector.stored'
const AWAY = { code: 'unavailable', message: 'The database cannot be reached at the moment: try again' }
/** Much longer than a responsive server needs, and much shorter than a statement may take. */
const LOOK_MS = 250

// The real timeouts, a minute for a statement and five seconds for a connection, are too long for these tests.
describe.skipIf(!SERVER)('a PostgreSQL server that neither responds nor refuses', () => {
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
  async function open(options: Partial<PostgresOptions> = {}) {
    const proxy = await proxied()
    const database = await openPostgres({ url: proxy.url, poolSize: 2, silenceCheckMs: LOOK_MS, ...options })
    opened.push(database)
    return { proxy, database }
  }
  const ONE = sql`select 1 as one`

  test('is unavailable for waiting requests, and immediately for new ones, until it responds again', async () => {
    const { proxy, database } = await open()
    await database.exec('create table t (name text)')
    let begun = 0
    let commit = () => {}
    const waiting = [
      database.transaction(async (tx) => {
        await tx.query(sql`insert into t values ('to be committed')`)
        begun++
        await new Promise<void>((resolve) => {
          commit = resolve
        })
      }),
      database.transaction(async (tx) => {
        await tx.query(sql`insert into t values ('that waits for something else')`)
        begun++
        await new Promise(() => undefined)
      }),
    ]
    await eventually(() => expect(begun).toBe(2))
    proxy.freeze()
    commit()
    waiting.push(
      database.exec('select 1'),
      database.query(ONE) as Promise<never>,
      database.query(ONE, { timeoutSeconds: 600 }) as Promise<never>,
      database.asyncCommit.query(ONE) as Promise<never>,
    )
    const outcomes = await Promise.allSettled(waiting)
    expect(outcomes).toEqual(waiting.map(() => ({ status: 'rejected', reason: expect.objectContaining(AWAY) })))
    for (let n = 0; n < 50; n++) {
      await expect(database.query(ONE)).rejects.toMatchObject(AWAY)
      await expect(database.transaction((tx) => tx.query(ONE))).rejects.toMatchObject(AWAY)
    }

    proxy.thaw()
    await eventually(async () => expect(await database.query(ONE)).toEqual([{ one: 1 }]))
    expect(await database.transaction((tx) => tx.query(ONE))).toEqual([{ one: 1 }])
    // The commit was sent but never acknowledged, so it may have happened.
    const rows = await database.query<{ name: string }>(sql`select name from t`)
    expect(rows.filter(({ name }) => name !== 'to be committed')).toEqual([])
  }, 50_000)

  test('is found again under another address', async () => {
    const { proxy, database } = await open()
    proxy.silence()
    await expect(database.query(ONE)).rejects.toMatchObject(AWAY)
    await proxy.mend()
    await eventually(async () => expect(await database.query(ONE)).toEqual([{ one: 1 }]))
  }, 50_000)

  test('differs from a server with a long statement', async () => {
    const { database } = await open()
    const slow = database.query(sql`select 1 as one from pg_sleep(${(12 * LOOK_MS) / 1000}::float8)`)
    const inTransaction = database.transaction(async (tx) => {
      await tx.query(sql`select pg_sleep(${(12 * LOOK_MS) / 1000}::float8)`)
      return tx.query(ONE)
    })
    expect(await slow).toEqual([{ one: 1 }])
    expect(await inTransaction).toEqual([{ one: 1 }])
  }, 50_000)

  test('may lose a single connection: its statement fails when the server would have cancelled it', async () => {
    const { proxy, database } = await open({ statementTimeoutSeconds: 0.5, silenceCheckMs: 60_000 })
    proxy.silence()
    await expect(database.query(ONE)).rejects.toMatchObject(AWAY)
    await expect(database.transaction((tx) => tx.query(ONE))).rejects.toMatchObject(AWAY)
    await proxy.mend()
    expect(await database.query(ONE)).toEqual([{ one: 1 }])
    expect(await database.transaction((tx) => tx.query(ONE))).toEqual([{ one: 1 }])
  }, 50_000)

  test('sends notifications again afterwards', async () => {
    const { proxy, database } = await open()
    const received: (string | null)[] = []
    const channel = await database.listen!('silence', (text) => received.push(text))
    await channel.notify('before')
    await eventually(() => expect(received).toEqual(['before']))
    proxy.freeze()
    await expect(channel.notify('lost')).rejects.toMatchObject(AWAY)
    proxy.thaw()
    await eventually(() => expect(received).toContain(null))
    await channel.notify('after')
    await eventually(() => expect(received.at(-1)).toBe('after'))
    proxy.freeze()
    await channel.close()
  }, 50_000)

  test('makes requests 503; no acknowledged write is lost, and everything recovers automatically', async () => {
    const proxy = await proxied()
    const app = await openTestApp({ DATABASE_URL: proxy.url })
    opened.push(app)
    const user = await app.newUser()
    const write = async (vector_id: string) =>
      (await user.post(`${user.database}/vectors/upsert`, { vector_id, document: vector_id })).status
    const gate = gated()
    // The second attempt, after the outage during the run, does not wait.
    const embed: typeof instant = (texts, signal) =>
      texts[0] === 'before' && gate.started.length === 0 ? gate.embed(texts, signal) : instant(texts)
    await app.withEmbedder(embed, async () => {
      await user.hook(STORED, 'auto_embed')
      expect(await write('before')).toBe(200)
      await eventually(() => expect(gate.started).toEqual(['before']))

      proxy.freeze()
      expect(await Promise.all([write('lost'), write('lost'), write('lost')])).toEqual([503, 503, 503])
      for (let n = 0; n < 30; n++) {
        expect(
          await user.post(`${user.database}/vectors/upsert`, { vector_id: 'lost', document: 'lost' }),
        ).toMatchObject({
          status: 503,
          headers: { 'retry-after': '1' },
          body: { code: 'unavailable', detail: AWAY.message },
        })
      }
      expect((await app.request('GET', '/readyz')).status).toBe(503)
      expect((await app.request('GET', '/livez')).status).toBe(200)
      // A running handler ends during the outage: its result waits for the database.
      gate.open('before')

      proxy.thaw()
      await eventually(async () => expect(await write('after')).toBe(200))
      await eventually(async () => {
        const { items } = (await user.get('/api/v1/runs')).body
        expect(items.map(({ status }: { status: string }) => status)).toEqual(items.map(() => 'succeeded'))
      })
      expect((await app.request('GET', '/readyz')).status).toBe(200)
    })
    // A write that was sent before the silence was not acknowledged, and may have happened.
    const { vectors } = (await user.get(`${user.database}/vectors`)).body
    const ids = vectors.map(({ vector_id }: { vector_id: string }) => vector_id)
    expect(ids).toEqual(expect.arrayContaining(['before', 'after']))
    const { events, runs } = await user.trail()
    expect(runs).toEqual(events.map(() => 'auto_embed succeeded'))
  }, 50_000)

  test('does not prevent a process from stopping', async () => {
    const proxy = await proxied()
    const app = await openTestApp({ DATABASE_URL: proxy.url })
    opened.push({ close: () => app.close() })
    proxy.freeze()
    await app.system.close()
  }, 50_000)
})
