import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Event, ZeroDB } from '../../../src/client/index.ts'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { freshDatabaseOn, SERVER } from '../../support/database.ts'

let app: TestApp
let url: string
beforeAll(async () => {
  app = await openTestApp()
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

const store = (user: TestUser, document: string) =>
  user.post(`${user.database}/vectors/upsert`, { vector_id: document, document })

/** Collects the events that `user` receives, as names of vectors. Calls `when` with them once connected and after each event; true ends it. */
async function collectEvents(
  user: TestUser,
  when: (received: string[]) => Promise<boolean>,
  input: { event_type?: 'zerodb.vector.stored'; after?: string } = {},
): Promise<string[]> {
  const received: string[] = []
  for await (const message of new ZeroDB({ url, apiKey: user.key }).event_log.stream(input)) {
    if (message.event === 'event') received.push(nameOf(message.data))
    if (await when(received)) break
  }
  return received
}

function nameOf(event: Event): string {
  return event.event === 'zerodb.vector.stored' ? event.data.vector_id : event.event
}

test('a listener receives each event once it is committed, and no earlier ones', async () => {
  const user = await app.newUser()
  await store(user, 'before')
  const received = await collectEvents(user, async (soFar) => {
    if (soFar.length < 3) await store(user, `number ${soFar.length + 1}`)
    return soFar.length === 3
  })
  expect(received).toEqual(['number 1', 'number 2', 'number 3'])
})

test('a thousand concurrent events arrive completely and in the order of the log', async () => {
  const user = await app.newUser()
  const rows = Array.from({ length: 1000 }, (_, n) => ({ n }))
  await user.post(`${user.database}/tables`, { table_name: 'numbers' })
  const ids: string[] = []
  let isRequested = false
  for await (const message of new ZeroDB({ url, apiKey: user.key }).event_log.stream()) {
    if (!isRequested) await user.post(`${user.database}/tables/numbers/rows`, { rows })
    isRequested = true
    if (message.event === 'event') ids.push(message.data.id)
    if (ids.length === 1000) break
  }
  expect(ids).toEqual((await user.events()).map(({ id }) => id))
})

test('only of one type, only of one project, and none of other users', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  const received = await collectEvents(
    user,
    async (soFar) => {
      if (soFar.length > 0) return true
      await user.post('/api/v1/public/memory/v2/remember', { content: 'a memory' })
      await store(other, 'of another')
      await store(user, 'mine')
      return false
    },
    { event_type: 'zerodb.vector.stored' },
  )
  expect(received).toEqual(['mine'])
  const bound = await app.boundKey(user, await user.project())
  const elsewhere = new ZeroDB({ url, apiKey: bound })
  const seen: string[] = []
  for await (const message of elsewhere.event_log.stream()) {
    if (message.event === 'event') seen.push(nameOf(message.data))
    if (seen.length > 0) break
    await store(user, 'in the default project')
    await elsewhere.vectors.upsert({ vector_id: 'in its own', document: 'text' })
  }
  expect(seen).toEqual(['in its own'])
})

test('a listener that reconnects with the id of the last message receives the missed events', async () => {
  const user = await app.newUser()
  const first = await user.request('GET', '/api/v1/event-log/stream')
  const id = /^id: (\S+)$/m.exec(String(first.raw))![1]!
  await store(user, 'one')
  await store(user, 'two')
  expect(await collectEvents(user, async (soFar) => soFar.length === 2, { after: id })).toEqual(['one', 'two'])
  const bad = await user.get('/api/v1/event-log/stream?after=%20')
  expect(bad.status).toBe(422)
})

test('A11: ids of messages and cursors do not reveal how much other users write', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const place = async () =>
    /^id: (\S+)$/m.exec(String((await user.request('GET', '/api/v1/event-log/stream')).raw))![1]!
  const places: string[] = []
  const cursors: string[] = []
  for (const name of ['one', 'two']) {
    await store(user, name)
    await store(stranger, name)
    places.push(await place())
    cursors.push((await user.get('/api/v1/event-log?limit=1')).body.next_cursor)
  }
  for (const text of [...places, ...cursors]) expect(text).toMatch(/^[\w-]{22}$/)
  // Encryptions of consecutive numbers in counter mode would have equal beginnings or ends.
  for (const [a, b] of [places, cursors] as [string, string][])
    expect([a.slice(0, 8) === b.slice(0, 8), a.slice(-8) === b.slice(-8)]).toEqual([false, false])
  for (const guess of ['1', 'zz', (4711).toString(36), places[0]!.slice(1), `${places[0]}A`])
    for (const path of [`/api/v1/event-log/stream?after=${guess}`, `/api/v1/event-log?cursor=${guess}`])
      expect({ path, ...(await user.get(path)) }).toMatchObject({ path, status: 422, body: { code: 'invalid' } })
  expect((await user.get(`/api/v1/event-log?limit=1&cursor=${cursors[1]}`)).body.items).toHaveLength(1)
})

test.runIf(SERVER)(
  'an event that is committed late is sent in its place, before one that has overtaken it',
  async () => {
    const user = await app.newUser()
    const item = { vector_id: 'late', document: 'text', namespace: 'default', vector_metadata: {}, source: 'api' }
    let written = () => {}
    let commit = () => {}
    const isWritten = new Promise<void>((resolve) => {
      written = resolve
    })
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve
    })
    let late: Promise<unknown> | undefined
    const received = await collectEvents(user, async (soFar) => {
      if (!late) {
        late = app.system.app.store.transaction(async (tx) => {
          await tx.vectors.upsert(user, item)
          written()
          await mayCommit
        })
        await isWritten
        await store(user, 'early')
        setTimeout(commit, 300)
      }
      return soFar.length === 2
    })
    await late
    expect(received).toEqual(['late', 'early'])
  },
)

test.runIf(SERVER)('a long transaction in another database of the server delays no event', async () => {
  const elsewhere = await freshDatabaseOn(SERVER!)
  const client = new pg.Client(elsewhere.url)
  await client.connect()
  await client.query('begin; create table t (n int)')
  const user = await app.newUser()
  const received = await collectEvents(user, async (soFar) => {
    if (soFar.length === 0) await store(user, 'second')
    return soFar.length === 1
  })
  expect(received).toEqual(['second'])
  await client.end()
  await elsewhere.drop()
})

describe('A11: ids of events do not reveal how many there are', () => {
  const NEW_ID = /^evt_[0-9a-f]{22}$/
  const LOG = '/api/v1/event-log'

  async function insertRows(user: TestUser, count: number): Promise<string[]> {
    expect((await user.post(`${user.database}/tables`, { table_name: 'numbers' })).status).toBe(201)
    const rows = Array.from({ length: count }, (_, n) => ({ n }))
    expect((await user.post(`${user.database}/tables/numbers/rows`, { rows })).status).toBe(201)
    return (await user.events()).map(({ id }) => id)
  }

  /** Returns the id with another last digit. */
  const forged = (id: string) => id.slice(0, -1) + (id.endsWith('0') ? '1' : '0')

  test('consecutive ids of events have nothing in common, and no order', async () => {
    const ids = await insertRows(await app.newUser(), 400)
    expect(ids).toHaveLength(400)
    for (const id of ids) expect(id).toMatch(NEW_ID)
    // Each of 16 digits is missing among 400 random ones with a probability of 6e-12.
    for (let place = 4; place < 26; place++) expect(new Set(ids.map((id) => id[place])).size, `${place}`).toBe(16)
    const numbers = ids.map((id) => BigInt(`0x${id.slice(4, 14)}`))
    const distances = numbers.slice(1).map((number, n) => number ^ numbers[n]!)
    expect(new Set(distances).size).toBe(399)
    // Among random numbers about half are greater than the previous one, with a standard deviation of 6.
    const rises = numbers.slice(1).filter((number, n) => number > numbers[n]!).length
    expect(rises).toBeGreaterThan(130)
    expect(rises).toBeLessThan(270)
  })

  test('another installation creates other ids for the same numbers, and none without its key', async () => {
    const idOf = async ({ system }: TestApp) =>
      (
        await system.database.query<{ id: string }>(
          sql`select zerodb_event_id(1, (select key from zerodb_event_key)) as id`,
        )
      )[0]!.id
    const other = await openTestApp()
    try {
      const [here, there] = [await idOf(app), await idOf(other)]
      expect(here).toMatch(NEW_ID)
      expect(there).not.toBe(here)
      expect(await idOf(app)).toBe(here)
      const read = sql`select zerodb_event_seq(${here}) as seq`
      expect(await app.system.database.query(read)).toEqual([{ seq: 1 }])
      expect(await other.system.database.query(read)).toEqual([{ seq: null }])
      const user = await other.newUser()
      await other.system.database.query(sql`delete from zerodb_event_key`)
      await expect(idOf(other)).rejects.toThrow('zerodb_event_key is empty')
      await expect(other.system.database.query(read)).rejects.toThrow('zerodb_event_key is empty')
      expect((await store(user, 'a')).status).toBe(500)
      expect(await user.events()).toEqual([])
    } finally {
      await other.close()
    }
  })

  test('an event, its hooks, runs and replays are found by its id, also by an id of the old format, and by no other', async () => {
    const user = await app.newUser()
    const hook = await user.hook('zerodb.event.published', 'webhook:a', {
      hook_config: { url: 'https://hooks.example.com/' },
      paused: true,
    })
    for (const topic of ['a', 'b', 'c']) await user.post(`${user.database}/events/publish`, { topic })
    await app.drained()
    const [kept, old] = await user.events()
    const [renamed] = await app.system.database.query<{ id: string }>(sql`
      update zerodb_events set id = 'evt_' || lpad(to_hex(seq), 10, '0') || 'abcdef' where id = ${old!.id} returning id`)
    for (const id of [kept!.id, renamed!.id]) {
      expect((await user.get(`${LOG}/${id}`)).body).toMatchObject({ id, chain_id: id })
      expect((await user.get(`${LOG}/${id}/hooks`)).body).toMatchObject({ event_id: id, hooks: [{ hook_id: hook.id }] })
      expect((await user.get(`/api/v1/runs?event_id=${id}`)).body.items).toMatchObject([{ event_id: id }])
      expect((await user.post('/api/v1/replays', { event_ids: [id], dry_run: true })).body).toMatchObject({ total: 1 })
      expect((await user.get(`${LOG}?id_prefix=${id}`)).body.items).toMatchObject([{ id }])
    }
    for (const id of [old!.id, forged(kept!.id), forged(renamed!.id)]) {
      expect((await user.get(`${LOG}/${id}`)).status).toBe(404)
      expect((await user.get(`${LOG}/${id}/hooks`)).status).toBe(404)
      expect((await user.get(`/api/v1/runs?event_id=${id}`)).body.items).toEqual([])
      expect((await user.post('/api/v1/replays', { event_ids: [id] })).status).toBe(404)
    }
    expect((await (await app.newUser()).get(`${LOG}/${kept!.id}`)).status).toBe(404)
  })

  test('the beginning of an id finds it among the newest 10,000 events of the user', async () => {
    const [user, other] = [await app.newUser(), await app.newUser()]
    const [first, second] = await insertRows(user, 2)
    const found = async (who: TestUser, id: string) =>
      (await who.get(`${LOG}?id_prefix=${id.slice(0, 14)}`)).body.items.map((event: Event) => event.id)
    expect(await found(user, first!)).toEqual([first])
    expect(await found(user, second!)).toEqual([second])
    expect(await found(other, first!)).toEqual([])
    await app.system.database.query(sql`
      insert into zerodb_events (seq, id, event, channel, data, user_id, project_id, ref)
      select drawn.seq, zerodb_event_id(drawn.seq, (select key from zerodb_event_key)), event, channel, data, user_id, project_id, ref
      from zerodb_events, (select nextval('zerodb_events_seq_seq') as seq from generate_series(1, 9999)) drawn
      where id = ${second!}`)
    expect(await found(user, second!)).toEqual([second])
    expect(await found(user, first!)).toEqual([])
    expect((await user.get(`${LOG}/${first}`)).status).toBe(200)
  })
})
