import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const PUBLISHED = 'zerodb.event.published'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const topics = (events: { topic: string }[]) => events.map(({ topic }) => topic)

test('a published event is returned under all its names, and emits one system event', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/events/publish`, {
    topic: 'order.paid',
    event_payload: { order: 7 },
    source: 'shop',
    correlation_id: 'c-1',
  })
  expect(reply.status).toBe(200)
  const { event_id, published_at } = reply.body
  expect(reply.body).toEqual({
    event_id: expect.stringMatching(UUID),
    id: event_id,
    project_id: user.project_id,
    topic: 'order.paid',
    event_type: 'order.paid',
    type: 'order.paid',
    event_payload: { order: 7 },
    data: { order: 7 },
    source: 'shop',
    correlation_id: 'c-1',
    published_at: expect.any(String),
    timestamp: published_at,
  })
  expect((await user.get(`${user.database}/events/${event_id}`)).body).toEqual(reply.body)
  expect((await user.events()).map(({ event, channel, data }) => ({ event, channel, data }))).toEqual([
    {
      event: PUBLISHED,
      channel: 'zerodb',
      data: { event_id, project_id: user.project_id, topic: 'order.paid', user_id: user.user_id },
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('every dialect of the body is accepted', async () => {
  const user = await app.newUser()
  const dialects = [
    { topic: 't', event_payload: { n: 1 } },
    { topic: 't', eventPayload: { n: 1 } },
    { event_type: 't', data: { n: 1 }, timestamp: '2026-06-10T08:00:00Z' },
    { event_type: 't', event_data: { n: 1 }, correlationId: 'c' },
    { eventType: 't', eventData: { n: 1 } },
    { type: 't', data: { n: 1 } },
    { topic: 't', data: { n: 1 } },
  ]
  for (const url of [`${user.database}/events/publish`, `${user.database}/events`])
    for (const body of dialects) {
      const reply = await user.post(url, body)
      expect(reply).toMatchObject({ status: 200, body: { topic: 't', event_type: 't', event_payload: { n: 1 } } })
    }
  expect(await user.trail()).toEqual({ events: Array(14).fill(PUBLISHED), runs: [] })
})

test('the topic is topic, otherwise event_type, otherwise type', async () => {
  const user = await app.newUser()
  const publish = (body: object) => user.post(`${user.database}/events`, body)
  expect((await publish({ event_type: 'b', topic: 'a', type: 'c' })).body).toMatchObject({
    topic: 'a',
    warnings: ['"event_type" was ignored: "topic" is used as topic', '"type" was ignored: "topic" is used as topic'],
  })
  expect((await publish({ event_type: 'b', type: 'c' })).body.topic).toBe('b')
  expect((await publish({ type: 'c' })).body.topic).toBe('c')
  const none = await publish({ data: {} })
  expect(none.status).toBe(422)
  expect(none.body.detail).toEqual([{ type: 'missing', loc: ['body', 'topic'], msg: 'Field required' }])
  for (const topic of ['', 'x'.repeat(256), 7, null]) expect((await publish({ topic })).status).toBe(422)
  expect((await user.events()).map(({ data }) => data)).toMatchObject([{ topic: 'a' }, { topic: 'b' }, { topic: 'c' }])
})

test('a payload may be any JSON, and is returned unchanged', async () => {
  const user = await app.newUser()
  const payloads = [{ a: { b: [1, null] } }, [1, 'two', { three: 3 }], [], 'text', '', 0, -1.5, true, false, null]
  for (const event_payload of payloads) {
    const reply = await user.post(`${user.database}/events/publish`, { topic: 't', event_payload })
    expect(reply.status).toBe(200)
    const read = (await user.get(`${user.database}/events/${reply.body.event_id}`)).body
    expect(read.event_payload).toEqual(event_payload)
    expect(read.data).toEqual(event_payload)
  }
  const none = await user.post(`${user.database}/events/publish`, { topic: 't' })
  expect(none.body.event_payload).toEqual({})
})

test('the list is newest first, by topic and time, and by page', async () => {
  const user = await app.newUser()
  const published: { topic: string; published_at: string }[] = []
  for (const topic of ['a', 'b', 'a', 'c'])
    published.push((await user.post(`${user.database}/events/publish`, { topic })).body)
  const list = async (query: string) => {
    const reply = await user.get(`${user.database}/events${query}`)
    expect(reply.status).toBe(200)
    return topics(reply.body.events)
  }
  expect(await list('')).toEqual(['c', 'a', 'b', 'a'])
  expect(await list('?topic=a')).toEqual(['a', 'a'])
  expect(await list('?event_type=b')).toEqual(['b'])
  expect(await list('?type=c')).toEqual(['c'])
  expect(await list('?limit=2&skip=1')).toEqual(['a', 'b'])
  expect(await list(`?since=${published[2]!.published_at}`)).toEqual(['c', 'a'])
  expect(await list(`?start_time=${published[3]!.published_at}`)).toEqual(['c'])
  for (const [query, loc] of [
    ['?since=yesterday', 'since'],
    ['?limit=0', 'limit'],
    ['?limit=many', 'limit'],
  ] as const) {
    const reply = await user.get(`${user.database}/events${query}`)
    expect({ query, status: reply.status }).toEqual({ query, status: 422 })
    expect(reply.body.detail).toMatchObject([{ loc: ['query', loc] }])
  }
  expect((await user.get(`${user.database}/events?since=0000-01-01T00:00:00Z`)).status).toBe(422)
})

test('routes without a project publish into the caller’s project, or the one of X-Project-ID', async () => {
  const user = await app.newUser()
  const other = await user.project()
  const own = await user.post('/api/v1/public/zerodb/events', { type: 'a', data: { n: 1 } })
  expect(own).toMatchObject({ status: 200, body: { topic: 'a', project_id: user.project_id } })
  const there = await user.post('/api/v1/zerodb/events', { topic: 'b', data: {} }, { 'x-project-id': other })
  expect(there).toMatchObject({ status: 200, body: { topic: 'b', project_id: other } })
  expect(topics((await user.get('/api/v1/public/zerodb/events?type=a&limit=5')).body.events)).toEqual(['a'])
  expect(topics((await user.get('/api/v1/zerodb/events', { 'x-project-id': other })).body.events)).toEqual(['b'])
  expect((await user.events()).map(({ data }) => data)).toMatchObject([
    { project_id: user.project_id, topic: 'a' },
    { project_id: other, topic: 'b' },
  ])
})

test('events of another user can be neither read nor published', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const { event_id } = (await user.post(`${user.database}/events/publish`, { topic: 'secret' })).body
  for (const reply of [
    await stranger.get(`${user.database}/events`),
    await stranger.get(`${user.database}/events/${event_id}`),
    await stranger.get(`${stranger.database}/events/${event_id}`),
    await stranger.post(`${user.database}/events/publish`, { topic: 'forged' }),
  ])
    expect(reply.status).toBe(404)
  expect(await user.trail()).toEqual({ events: [PUBLISHED], runs: [] })
  expect(await stranger.trail()).toEqual({ events: [], runs: [] })
})
