import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LoggedEvent, ZeroDB } from '../../src/client/index.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { freshDatabaseOn, SERVER } from '../support/database.ts'

let app: TestApp
let url: string
beforeAll(async () => {
  app = await openTestApp()
  url = await app.server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())

const store = (user: TestUser, document: string) =>
  user.post(`${user.database}/vectors/upsert`, { vector_id: document, document })

/** What `user` hears, by the names of the vectors. `when` is called with all heard so far, once it is listened and after each event; true ends it. */
async function hear(
  user: TestUser,
  when: (heard: string[]) => Promise<boolean>,
  input: { event_type?: 'zerodb.vector.stored'; after?: string } = {},
): Promise<string[]> {
  const heard: string[] = []
  for await (const message of new ZeroDB({ url, apiKey: user.key }).event_log.stream(input)) {
    if (message.event === 'event') heard.push(nameOf(message.data))
    if (await when(heard)) break
  }
  return heard
}

function nameOf(event: LoggedEvent): string {
  return event.event === 'zerodb.vector.stored' ? event.data.vector_id : event.event
}

test('who listens hears each event once it is committed, and none from before', async () => {
  const user = await app.newUser()
  await store(user, 'before')
  const heard = await hear(user, async (sofar) => {
    if (sofar.length < 3) await store(user, `number ${sofar.length + 1}`)
    return sofar.length === 3
  })
  expect(heard).toEqual(['number 1', 'number 2', 'number 3'])
})

test('a thousand events at once come whole and in the order of the log', async () => {
  const user = await app.newUser()
  const rows = Array.from({ length: 1000 }, (_, n) => ({ n }))
  await user.post(`${user.database}/tables`, { table_name: 'numbers' })
  const ids: string[] = []
  let asked = false
  for await (const message of new ZeroDB({ url, apiKey: user.key }).event_log.stream()) {
    if (!asked) await user.post(`${user.database}/tables/numbers/rows`, { rows })
    asked = true
    if (message.event === 'event') ids.push(message.data.id)
    if (ids.length === 1000) break
  }
  expect(ids).toEqual((await user.events()).map(({ id }) => id))
})

test('only of one type, only of one project, and nothing of anybody else', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  const heard = await hear(
    user,
    async (sofar) => {
      if (sofar.length > 0) return true
      await user.post('/api/v1/public/memory/v2/remember', { content: 'a memory' })
      await store(other, 'of another')
      await store(user, 'mine')
      return false
    },
    { event_type: 'zerodb.vector.stored' },
  )
  expect(heard).toEqual(['mine'])
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

test('whoever comes back with the id of the last message hears what was missed', async () => {
  const user = await app.newUser()
  const first = await user.request('GET', '/api/v1/event-log/stream')
  const id = /^id: (\S+)$/m.exec(String(first.raw))![1]!
  await store(user, 'one')
  await store(user, 'two')
  expect(await hear(user, async (sofar) => sofar.length === 2, { after: id })).toEqual(['one', 'two'])
  const bad = await user.get('/api/v1/event-log/stream?after=%20')
  expect(bad.status).toBe(422)
})

test('A11: ids of messages and cursors do not tell how much others write', async () => {
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
  // Of neighbouring numbers a counter shows in equal beginnings or ends.
  for (const [a, b] of [places, cursors] as [string, string][])
    expect([a.slice(0, 8) === b.slice(0, 8), a.slice(-8) === b.slice(-8)]).toEqual([false, false])
  for (const guess of ['1', 'zz', (4711).toString(36), places[0]!.slice(1), `${places[0]}A`])
    for (const path of [`/api/v1/event-log/stream?after=${guess}`, `/api/v1/event-log?cursor=${guess}`])
      expect({ path, ...(await user.get(path)) }).toMatchObject({ path, status: 422, body: { code: 'invalid' } })
  expect((await user.get(`/api/v1/event-log?limit=1&cursor=${cursors[1]}`)).body.items).toHaveLength(1)
})

test.runIf(SERVER)(
  'an event that is committed late is told in its place, before one that has overtaken it',
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
    const heard = await hear(user, async (sofar) => {
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
      return sofar.length === 2
    })
    await late
    expect(heard).toEqual(['late', 'early'])
  },
)

test.runIf(SERVER)('a long transaction in another database of the server holds up no event', async () => {
  const elsewhere = await freshDatabaseOn(SERVER!)
  const client = new pg.Client(elsewhere.url)
  await client.connect()
  await client.query('begin; create table t (n int)')
  const user = await app.newUser()
  const heard = await hear(user, async (sofar) => {
    if (sofar.length === 0) await store(user, 'meanwhile')
    return sofar.length === 1
  })
  expect(heard).toEqual(['meanwhile'])
  await client.end()
  await elsewhere.drop()
})
