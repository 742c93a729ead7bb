import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SERVER } from '../../support/database.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const PUBLISHED = 'zerodb.event.published'

const topics = (events: { topic: string }[]) => events.map(({ topic }) => topic)

/** Publishes one event for each topic and returns their ids. */
async function publish(user: TestUser, ...names: string[]): Promise<string[]> {
  const reply = await user.post(
    `${user.database}/events/batch`,
    names.map((topic, n) => ({ topic, event_payload: { n } })),
  )
  expect(reply.status).toBe(200)
  return reply.body.event_ids
}

describe('a client that polls', () => {
  test('for the events after the last one that it has seen gets a bare array, oldest first', async () => {
    const user = await app.newUser()
    const ids = await publish(user, 'a', 'b', 'a', 'c')
    const poll = async (after: string, rest = '') =>
      (await user.get(`${user.database}/events?after=${after}${rest}`)).body
    expect(topics(await poll(ids[0]!))).toEqual(['b', 'a', 'c'])
    expect(topics(await poll(ids[0]!, '&limit=1'))).toEqual(['b'])
    expect(topics(await poll(ids[0]!, '&event_type=a'))).toEqual(['a'])
    expect(await poll(ids[3]!)).toEqual([])
    expect(topics(await poll(''))).toEqual(['a', 'b', 'a', 'c'])
  })

  test('G5: with the short path gets oldest first, also without the id of an event', async () => {
    const user = await app.newUser()
    const ids = await publish(user, 'b', 'a', 'c', 'a')
    for (const path of [`/v1/zerodb/${user.project_id}/events`, '/api/v1/public/events/stream']) {
      const poll = async (query: string) => (await user.get(`${path}?${query}`)).body
      expect(topics(await poll('limit=50&after='))).toEqual(['b', 'a', 'c', 'a'])
      expect(topics(await poll('event_type=a&limit=1'))).toEqual(['a'])
      expect((await poll('event_type=a&limit=50&after='))[1]).toMatchObject({ id: ids[3], data: { n: 3 } })
      expect(topics(await poll(`event_type=c&limit=50&after=${ids[0]}`))).toEqual(['c'])
      expect(await poll(`limit=50&after=${ids[3]}`)).toEqual([])
    }
    expect((await user.get('/api/v1/public/events/stream?limit=1')).body).toEqual([
      expect.objectContaining({ id: ids[0] }),
    ])
  })

  test('G5: for an event type gets the events of the log of the project', async () => {
    const user = await app.newUser()
    const other = await user.project()
    const path = `/v1/zerodb/${user.project_id}/events`
    await user.post(`${user.database}/tables`, { table_name: 'orders' })
    for (const n of [1, 2, 3]) await user.post(`${user.database}/tables/orders/rows`, { row_data: { n } })
    await user.post(`/api/v1/projects/${other}/database/tables`, { table_name: 'orders' })
    await user.post(`/api/v1/projects/${other}/database/tables/orders/rows`, { row_data: { n: 4 } })
    const log = (await user.events()).filter(
      ({ data }) => (data as { project_id: string }).project_id === user.project_id,
    )
    const type = 'zerodb.table.row_inserted'
    const first = (await user.get(`${path}?event_type=${type}&limit=2&after=`)).body
    expect(first[0]).toEqual({
      id: log[0]!.id,
      event_id: log[0]!.id,
      project_id: user.project_id,
      topic: type,
      event_type: type,
      type,
      data: log[0]!.data,
      event_payload: log[0]!.data,
      source: null,
      correlation_id: null,
      timestamp: log[0]!.timestamp,
      published_at: log[0]!.timestamp,
    })
    const ids = (events: { id: string }[]) => events.map(({ id }) => id)
    expect(ids(first)).toEqual([log[0]!.id, log[1]!.id])
    const rest = (await user.get(`${path}?event_type=${type}&limit=50&after=${first[1].id}`)).body
    expect(ids(rest)).toEqual([log[2]!.id])
    expect((await user.get(`${path}?event_type=${type}&after=${log[2]!.id}`)).body).toEqual([])
    const since = `${path}?event_type=${type}&since=`
    expect(ids((await user.get(`${since}${log[1]!.timestamp}`)).body)).toEqual([log[1]!.id, log[2]!.id])
    expect((await user.get(`${since}2999-01-01T00:00:00Z`)).body).toEqual([])
    expect((await user.get(`${path}?event_type=zeromemory.remembered`)).body).toEqual([])
    // An event of the log that has expired still has a place.
    await app.system.database.query(sql`delete from zerodb_events where id = ${log[0]!.id}`)
    const later = (await user.get(`${path}?event_type=${type}&after=${log[0]!.id}`)).body
    expect(ids(later)).toEqual([log[1]!.id, log[2]!.id])
  })

  test('from a time on gets the events that were published since then', async () => {
    const user = await app.newUser()
    for (const topic of ['a', 'b', 'a']) await user.post(`${user.database}/events`, { topic })
    const all = (await user.get(`${user.database}/events/poll`)).body.events
    const poll = async (query: string) => topics((await user.get(`${user.database}/events/poll?${query}`)).body.events)
    expect(await poll(`since=${all[1].published_at}`)).toEqual(['b', 'a'])
    expect(await poll(`start_time=${all[1].published_at}&topic=a`)).toEqual(['a'])
    expect(await poll('since=2999-01-01T00:00:00Z')).toEqual([])
    expect(await poll(`since=${all[0].published_at}&after=${all[1].id}`)).toEqual(['a'])
  })

  test('is told when the last event that it has seen does not exist', async () => {
    const user = await app.newUser()
    const [id] = await publish(user, 'a', 'b')
    await user.delete(`${user.database}/events?topic=a`)
    for (const [query, detail] of [
      [`after=${id}`, `after: no published event of the project has the id "${id}"`],
      [`after=${randomUUID()}`, 'after: no published event of the project has the id'],
      ['after=evt_1', 'after: no published event of the project has the id "evt_1"'],
      [`after=${id}&event_type=zerodb.vector.stored`, `after: "${id}" is not the id of an event of the event log`],
    ] as const) {
      const reply = await user.get(`/v1/zerodb/${user.project_id}/events?${query}`)
      expect({ query, ...reply }).toMatchObject({ query, status: 404, body: { code: 'not_found' } })
      expect(reply.body.detail).toContain(detail)
    }
    for (const query of ['since=yesterday', 'limit=0', 'ofset=1', 'consume=maybe']) {
      const reply = await user.get(`/v1/zerodb/${user.project_id}/events?${query}`)
      expect({ query, status: reply.status }).toEqual({ query, status: 422 })
    }
  })

  test('for events of memories needs the permission to read memories', async () => {
    const user = await app.newUser()
    await user.post('/api/v1/public/memory/v2/remember', { content: 'a memory' })
    const { key } = (await user.post('/api/v1/auth/api-keys', { name: 'poller', scopes: ['zerodb:read'] })).body
    const poll = (type: string) =>
      app.request('GET', `/v1/zerodb/${user.project_id}/events?event_type=${type}`, { headers: { 'x-api-key': key } })
    expect(await poll('zerodb.vector.stored')).toMatchObject({ status: 200, body: [] })
    expect(await poll('zeromemory.remembered')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const own = await user.get(`/v1/zerodb/${user.project_id}/events?event_type=zeromemory.remembered`)
    expect(own.body).toMatchObject([{ event_type: 'zeromemory.remembered' }])
  })

  test('gets nothing of another user', async () => {
    const [user, stranger] = [await app.newUser(), await app.newUser()]
    const [id] = await publish(user, 'a', 'b')
    for (const path of [`/v1/zerodb/${user.project_id}/events`, `${user.database}/events/poll`])
      expect((await stranger.get(`${path}?event_type=zerodb.event.published`)).status).toBe(404)
    expect((await stranger.get(`${stranger.database}/events/poll?after=${id}`)).status).toBe(404)
    const log = (await user.events())[0]!.id
    const theirs = await stranger.get(`${stranger.database}/events/poll?topic=${PUBLISHED}&after=${log}`)
    expect(theirs.body).toEqual({ events: [] })
  })

  test.runIf(SERVER)('gets an event that is committed late before one that has overtaken it', async () => {
    const user = await app.newUser()
    let written = () => {}
    let commit = () => {}
    const isWritten = new Promise<void>((resolve) => {
      written = resolve
    })
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve
    })
    const late = app.system.app.store.transaction(async (tx) => {
      await tx.published.publish(user, { topic: 'late', event_payload: {} })
      written()
      await mayCommit
    })
    await isWritten
    await publish(user, 'early')
    for (const type of ['', `&topic=${PUBLISHED}`])
      expect((await user.get(`${user.database}/events/poll?limit=5${type}`)).body.events).toEqual([])
    commit()
    await late
    expect(topics((await user.get(`${user.database}/events/poll`)).body.events)).toEqual(['late', 'early'])
    const log = (await user.get(`${user.database}/events/poll?topic=${PUBLISHED}`)).body.events
    expect(log.map(({ data }: { data: { topic: string } }) => data.topic)).toEqual(['late', 'early'])
  })
})

describe('a client that uses a topic as a queue', () => {
  const QUEUE = '/api/v1/zerodb/events'

  test('G6: takes each event once, oldest first', async () => {
    const user = await app.newUser()
    const inProject = { 'x-project-id': user.project_id }
    const ids = await publish(user, 'jobs', 'jobs', 'others', 'jobs')
    const take = async (query: string) => (await user.get(`${QUEUE}?${query}`, inProject)).body.events
    expect((await take('topic=jobs&limit=1&consume=false'))[0].id).toBe(ids[3])
    expect(await take('topic=jobs&limit=1&consume=true')).toMatchObject([{ id: ids[0], topic: 'jobs', data: { n: 0 } }])
    expect((await user.get(`${QUEUE}?topic=jobs&count_only=true`, inProject)).body).toEqual({
      count: 2,
      count_is_exact: true,
    })
    expect(await take('topic=jobs&limit=5&consume=true')).toMatchObject([{ id: ids[1] }, { id: ids[3] }])
    expect(await take('topic=jobs&limit=1&consume=true')).toEqual([])
    expect(topics(await take(''))).toEqual(['others'])
    expect(topics(await take('consume=1'))).toEqual(['others'])
    expect((await user.get(`${user.database}/events/${ids[0]}`)).status).toBe(404)
    expect(await user.trail()).toEqual({ events: Array(4).fill(PUBLISHED), runs: [] })
  })

  test('G6: shares the events of a topic with other consumers without doubles', async () => {
    const user = await app.newUser()
    const ids = await publish(user, ...Array(60).fill('jobs'))
    const taken = await Promise.all(
      Array.from({ length: 30 }, () => user.post(`${user.database}/events/consume`, { topic: 'jobs', limit: 3 })),
    )
    const got = taken.flatMap(({ body }) => body.events.map(({ id }: { id: string }) => id))
    const rest = (await user.post(`${user.database}/events/consume`, { topic: 'jobs', limit: 1000 })).body.events
    expect([...got, ...rest.map(({ id }: { id: string }) => id)].sort()).toEqual([...ids].sort())
  })

  test('gets the same events again when it repeats a request with an Idempotency-Key', async () => {
    const user = await app.newUser()
    const ids = await publish(user, 'jobs', 'jobs')
    const take = () => user.get(`${QUEUE}?topic=jobs&consume=true`, { 'idempotency-key': 'take-1' })
    const first = await take()
    expect(first.body.events).toMatchObject([{ id: ids[0] }])
    expect((await take()).body).toEqual(first.body)
    expect((await user.get(`${user.database}/events/count`)).body).toEqual({ count: 1, count_is_exact: true })
  })

  test('takes nothing with a HEAD request or a key that may only read', async () => {
    const user = await app.newUser()
    await publish(user, 'jobs')
    expect((await user.request('HEAD', `${QUEUE}?topic=jobs&consume=true`)).status).toBe(422)
    const { key } = (await user.post('/api/v1/auth/api-keys', { name: 'reader', scopes: ['zerodb:read'] })).body
    const reply = await app.request('GET', `${QUEUE}?consume=true`, { headers: { 'x-api-key': key } })
    expect(reply).toMatchObject({ status: 403, body: { detail: expect.stringContaining('zerodb:write') } })
    expect((await user.get(`${user.database}/events/count?topic=jobs`)).body.count).toBe(1)
  })

  test('G6: deletes the events of a topic and gets their number', async () => {
    const user = await app.newUser()
    await publish(user, 'jobs', 'others', 'jobs')
    expect(await user.delete(`${QUEUE}?topic=jobs`)).toMatchObject({ status: 200, body: { deleted: 2 } })
    expect(await user.delete(`${user.database}/events?topic=jobs`)).toMatchObject({ status: 200, body: { deleted: 0 } })
    expect(topics((await user.get(`${user.database}/events`)).body.events)).toEqual(['others'])
    expect(await user.delete(QUEUE)).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'topic'] }] } })
    expect(await user.trail()).toEqual({ events: Array(3).fill(PUBLISHED), runs: [] })
  })

  test('deletes a topic with more events than one step deletes', async () => {
    const user = await app.newUser()
    await publish(user, 'kept')
    await app.system.database.query(sql`
      insert into zerodb_published_events (project_id, topic, payload)
      select ${user.project_id}::uuid, 'jobs', '{}' from generate_series(1, 10001)`)
    expect((await user.get(`${user.database}/events/count?topic=jobs`)).body).toEqual({
      count: 10_000,
      count_is_exact: false,
    })
    const stats = (await user.get(`${user.database}/events/stats`)).body
    expect(stats).toMatchObject({
      total_events: 10_000,
      total_is_exact: false,
      topics: [{ topic: 'jobs', count: 10_000 }],
    })
    expect((await user.delete(`${user.database}/events?topic=jobs`)).body).toEqual({ deleted: 10_001 })
    expect(topics((await user.get(`${user.database}/events`)).body.events)).toEqual(['kept'])
  })
})

test('stats count the events of a time range by topic, and "stats" is not an id', async () => {
  const user = await app.newUser()
  const empty = (await user.get(`${user.database}/events/stats`)).body
  expect(empty).toMatchObject({ total_events: 0, topics: [], first_event_at: null, last_event_at: null })
  await publish(user, 'a', 'b', 'a')
  const [old] = (await user.get(`${user.database}/events/poll`)).body.events
  await app.system.database.query(sql`
    update zerodb_published_events set published_at = now() - interval '2 days' where id = ${old.id}::uuid`)
  const stats = async (query: string) => (await user.get(`${user.database}/events/stats?${query}`)).body
  expect(await stats('time_range=7d')).toEqual({
    project_id: user.project_id,
    time_range: '7d',
    total_events: 3,
    total_is_exact: true,
    topics: [
      { topic: 'a', count: 2 },
      { topic: 'b', count: 1 },
    ],
    first_event_at: expect.any(String),
    last_event_at: expect.any(String),
  })
  expect(await stats('time_range=24h')).toMatchObject({
    total_events: 2,
    topics: [
      { topic: 'a', count: 1 },
      { topic: 'b', count: 1 },
    ],
  })
  for (const range of ['yesterday', '0d', '1y', '1000000h'])
    expect(await user.get(`${user.database}/events/stats?time_range=${range}`)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['query', 'time_range'] }] },
    })
})

describe('a batch of events', () => {
  test('is published completely, with one event of the log each and in order', async () => {
    const user = await app.newUser()
    const reply = await user.post(`${user.database}/events/batch`, {
      events: [
        { event_type: 'a', data: { n: 1.5 }, timestamp: '2026-06-10T08:00:00Z' },
        { topic: 'b', type: 'ignored', eventPayload: null, correlationId: 'c', source: 's' },
        { type: 'c' },
      ],
    })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({
      published_count: 3,
      events: [
        { topic: 'a', event_payload: { n: 1.5 }, source: null, correlation_id: null },
        { topic: 'b', event_payload: null, source: 's', correlation_id: 'c' },
        { topic: 'c', event_payload: {} },
      ],
      warnings: ['"events[].timestamp" has no effect here and was ignored'],
    })
    expect(reply.body.event_ids).toEqual(reply.body.events.map(({ id }: { id: string }) => id))
    expect((await user.events()).map(({ data }) => data)).toMatchObject([
      { topic: 'a', event_id: reply.body.event_ids[0] },
      { topic: 'b', event_id: reply.body.event_ids[1] },
      { topic: 'c', event_id: reply.body.event_ids[2] },
    ])
  })

  test('is refused completely when one of its events is wrong', async () => {
    const user = await app.newUser()
    for (const [events, loc] of [
      [[], ['body', 'events']],
      [Array(101).fill({ topic: 'a' }), ['body', 'events']],
      [
        [{ topic: 'a' }, { data: 1 }],
        ['body', 'events', 1, 'topic'],
      ],
      [
        [{ topic: 'a' }, 'b'],
        ['body', 'events', 1],
      ],
      [[{ topic: 'a', tpic: 'b' }], ['body', 'events', 0, 'tpic']],
    ] as const)
      expect(await user.post(`${user.database}/events/batch`, events)).toMatchObject({
        status: 422,
        body: { detail: [{ loc }] },
      })
    expect((await user.post(`${user.database}/events/batch`, [{ topic: 'a\u0000' }, { topic: 'b' }])).status).toBe(422)
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })
})

test('G12: clients of /api/v1/public/projects read lists as bare arrays', async () => {
  const user = await app.newUser()
  await publish(user, 'a', 'b')
  await user.post(`${user.database}/vectors/upsert`, { vector_id: 'v', vector_embedding: [1, 0] })
  const path = `/api/v1/public/projects/${user.project_id}/database`
  expect(topics((await user.get(`${path}/events?limit=5`)).body)).toEqual(['b', 'a'])
  expect((await user.get(`${path}/vectors?limit=5`)).body).toMatchObject([{ vector_id: 'v' }])
  expect((await user.get(`${user.database}/vectors`)).body).toMatchObject({ vectors: [{ vector_id: 'v' }], total: 1 })
  expect(topics((await user.get(`${user.database}/events?array=true`)).body)).toEqual(['b', 'a'])
  expect(topics((await user.get(`${user.database}/events?array=false`)).body.events)).toEqual(['b', 'a'])
})
