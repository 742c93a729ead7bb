import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const STORED = 'zerodb.memory.stored'
const UPDATED = 'zerodb.memory.updated'
const DELETED = 'zerodb.memory.deleted'

interface Item {
  content: string
  session_id?: string
  agent_id?: string
  role?: string
  memory_metadata?: Record<string, unknown>
}

/** Stores records in one batch. Returns their ids. */
async function store(user: TestUser, ...records: Item[]): Promise<string[]> {
  const reply = await user.post(`${user.database}/memory/batch/upsert`, { records })
  expect(reply.status).toBe(200)
  return reply.body.memory_ids
}

/** Returns type and record of the events, without the fields that all have. */
async function log(user: TestUser) {
  return (await user.events()).map(({ event, data }) => {
    const { memory_id, project_id, user_id, ...rest } = data as Record<string, unknown>
    expect({ project_id, user_id }).toEqual({ project_id: user.project_id, user_id: user.user_id })
    return { event, memory_id, ...rest }
  })
}

/** Returns the before-images of the user's records, in the order of the events. */
const images = (user: TestUser) =>
  app.system.database.query(sql`
    select row_id as memory_id, before ->> 'content' as content, before -> 'metadata' as metadata, before_vectors[1] is not null as has_vector
    from zerodb_changes
    where before ->> 'project_id' = ${user.project_id}
    order by seq, n`)

const contents = (items: { content: string }[]) => items.map(({ content }) => content)

test('a batch of records is stored in its order, with one event for each', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${user.database}/memory/batch/upsert`, {
    records: [
      { content: 'first', agent_id: 'a', session_id: 's', role: 'user', metadata: { n: 1 } },
      { content: 'second', memory_type: 'semantic', importance: 0.9, tags: ['x'] },
    ],
  })
  expect(reply).toMatchObject({ status: 200, body: { success_count: 2, error_count: 0 } })
  expect(reply.body.warnings).toEqual([
    '"records[].memory_type" has no effect here and was ignored',
    '"records[].importance" has no effect here and was ignored',
    '"records[].tags" has no effect here and was ignored',
  ])
  const [first, second] = reply.body.memory_ids
  expect(await log(user)).toEqual([
    { event: STORED, memory_id: first, agent_id: 'a' },
    { event: STORED, memory_id: second, agent_id: null },
  ])
  expect((await user.get(`${user.database}/memory`)).body).toMatchObject([
    { memory_id: second, content: 'second', role: null, memory_metadata: {} },
    { memory_id: first, content: 'first', session_id: 's', role: 'user', memory_metadata: { n: 1 } },
  ])
  expect(await images(user)).toEqual([])
})

test('a batch with an invalid record stores nothing, and names the record and its field', async () => {
  const user = await app.newUser()
  for (const [item, field] of [
    [{ content: ' ' }, 'content'],
    [{}, 'content'],
    [{ content: 'x', role: 'robot' }, 'role'],
    [{ content: 'x', colour: 'red' }, 'colour'],
  ] as const) {
    const refused = await user.post(`${user.database}/memory/batch/upsert`, { records: [{ content: 'fine' }, item] })
    expect(refused.status).toBe(422)
    expect(refused.body.detail[0].loc).toEqual(['body', 'records', 1, field])
  }
  for (const records of [[], Array(501).fill({ content: 'x' })])
    expect((await user.post(`${user.database}/memory/batch/upsert`, { records })).status).toBe(422)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('a batch of updates changes all records or none, with one event and before-image for each change', async () => {
  const user = await app.newUser()
  const [a, b, c] = (await store(
    user,
    { content: 'a', memory_metadata: { n: 1 } },
    { content: 'b' },
    { content: 'c' },
  )) as [string, string, string]
  const url = `${user.database}/memory/batch/update`
  const none = randomUUID()
  const unknown = await user.post(url, {
    updates: [
      { id: a, content: 'changed' },
      { id: none, role: 'user' },
    ],
  })
  expect(unknown).toMatchObject({ status: 404, body: { detail: `Memory ${none} not found: nothing was changed` } })
  const twice = await user.post(url, {
    updates: [
      { id: a, role: 'user' },
      { id: a, role: 'system' },
    ],
  })
  expect(twice.status).toBe(422)
  expect(twice.body.detail[0].loc).toEqual(['body', 'updates', 1, 'memory_id'])
  expect((await log(user)).map(({ event }) => event)).toEqual([STORED, STORED, STORED])

  const updated = await user.post(url, {
    updates: [
      { id: c, metadata: { n: 3 }, importance: 1 },
      { memory_id: b, content: 'b' },
      { id: a, content: 'new', role: 'user' },
    ],
  })
  expect(updated).toMatchObject({ status: 200, body: { memory_ids: [c, b, a], success_count: 3, error_count: 0 } })
  expect(updated.body.warnings).toEqual(['"updates[].importance" has no effect here and was ignored'])
  const changes = (await log(user)).slice(3)
  expect(changes).toHaveLength(2)
  expect(changes).toEqual(
    expect.arrayContaining([
      { event: UPDATED, memory_id: a, agent_id: null, changed: ['content', 'role'] },
      { event: UPDATED, memory_id: c, agent_id: null, changed: ['memory_metadata'] },
    ]),
  )
  const kept = await images(user)
  expect(kept).toHaveLength(2)
  expect(kept).toEqual(
    expect.arrayContaining([
      { memory_id: a, content: 'a', metadata: { n: 1 }, has_vector: false },
      { memory_id: c, content: 'c', metadata: {}, has_vector: false },
    ]),
  )
  expect((await user.get(`${user.database}/memory/${a}`)).body).toMatchObject({ content: 'new', role: 'user' })
})

test('a batch of records is deleted with one event and before-image for each', async () => {
  const user = await app.newUser()
  const [a, b, c] = (await store(user, { content: 'a' }, { content: 'b' }, { content: 'c' })) as [
    string,
    string,
    string,
  ]
  const [other] = (await store(await app.newUser(), { content: 'of another' })) as [string]
  const deleted = await user.post(`${user.database}/memory/batch/delete`, { ids: [c, other, a, a] })
  expect(deleted).toMatchObject({ status: 200, body: { deleted_count: 2, missing_ids: [other] } })
  const ids = [a, c].sort()
  expect(deleted.body.memory_ids).toEqual(ids)
  expect((await log(user)).slice(3)).toEqual(ids.map((id) => ({ event: DELETED, memory_id: id, agent_id: null })))
  expect(await images(user)).toEqual(
    ids.map((id) => ({ memory_id: id, content: id === a ? 'a' : 'c', metadata: {}, has_vector: false })),
  )
  expect((await user.get(`${user.database}/memory`)).body).toMatchObject([{ memory_id: b }])
  expect((await user.post(`${user.database}/memory/batch/delete`, { ids: ['no'] })).status).toBe(422)
})

test('records are found by their words, in a session, of an agent and a role, and from a score', async () => {
  const user = await app.newUser()
  await store(
    user,
    { content: 'Where is my parcel?', session_id: 's-1', role: 'user', agent_id: 'support' },
    { content: 'The parcel is in Oslo', session_id: 's-1', role: 'assistant', agent_id: 'support' },
    { content: 'My parcel was broken', session_id: 's-2', role: 'user', agent_id: 'claims' },
    { content: 'Thank you', session_id: 's-2', role: 'user' },
  )
  const search = async (body: object) => {
    const reply = await user.post(`${user.database}/memory/search`, body)
    expect(reply.status).toBe(200)
    expect(reply.body.memories).toEqual(reply.body.results)
    expect(reply.body.count).toBe(reply.body.results.length)
    return reply.body.results
  }
  const found = await search({ query: 'parcel Oslo' })
  expect(found[0]).toMatchObject({
    content: 'The parcel is in Oslo',
    session_id: 's-1',
    role: 'assistant',
    memory_metadata: {},
    embedding: [],
    similarity: found[0].score,
  })
  expect(contents(found).sort()).toEqual(['My parcel was broken', 'The parcel is in Oslo', 'Where is my parcel?'])
  const query = 'parcel'
  expect(contents(await search({ query, session_id: 's-2' }))).toEqual(['My parcel was broken'])
  expect(contents(await search({ query, role: 'assistant' }))).toEqual(['The parcel is in Oslo'])
  expect(contents(await search({ query, agent_id: 'claims' }))).toEqual(['My parcel was broken'])
  expect(contents(await search({ query: 'parcel Oslo', threshold: 0.8 }))).toEqual(['The parcel is in Oslo'])
  expect(await search({ query, top_k: 1 })).toHaveLength(1)
  expect(await search({ query: 'nothing' })).toEqual([])
  expect((await user.post(`${user.database}/memory/search`, { query, threshold: 2 })).status).toBe(422)
  const bare = await user.post(`/api/v1/public/projects/${user.project_id}/database/memory/search`, { query })
  expect(bare.body).toHaveLength(3)
  await user.post('/api/v1/public/memory/v2/remember', { content: 'A parcel that was remembered' })
  expect(await search({ query })).toHaveLength(3)
})

test('records with embeddings are found by their meaning', async () => {
  const user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  await store(user, { content: 'A cat sleeps on the sofa' }, { content: 'The tax return is due in April' })
  await app.drained()
  const reply = await user.post(`${user.database}/memory/search`, { query: 'kitten on a couch', limit: 1 })
  expect(reply.body.results).toMatchObject([{ content: 'A cat sleeps on the sofa' }])
  expect(reply.body.results[0].embedding).toHaveLength(512)
})

test('sessions are listed by id with their records, page by page, and counted in the statistics', async () => {
  const user = await app.newUser()
  const url = `${user.database}/memory`
  expect((await user.get(`${url}/sessions`)).body).toEqual({ items: [], next_cursor: null })
  await store(
    user,
    { content: '1', session_id: 'b', role: 'user' },
    { content: '2', session_id: 'b', role: 'assistant' },
    { content: '3', session_id: 'a', role: 'user' },
    { content: '4' },
  )
  await user.post('/api/v1/public/memory/v2/remember', { content: 'x', session_id: 'c' })
  const [d, c, b, a] = (await user.get(url)).body.map((record: { created_at: string }) => record.created_at)
  expect(d > c).toBe(true)
  const expected = [
    { session_id: 'a', memory_count: 1, count_is_exact: true, first_at: c, last_at: c },
    { session_id: 'b', memory_count: 2, count_is_exact: true, first_at: a, last_at: b },
  ]
  expect((await user.get(`${url}/sessions`)).body).toEqual({ items: expected, next_cursor: null })
  const first = (await user.get(`${url}/sessions?limit=1`)).body
  const second = (await user.get(`${url}/sessions?limit=1&cursor=${first.next_cursor}`)).body
  expect([...first.items, ...second.items]).toEqual(expected)
  expect((await user.get(`${url}/stats`)).body).toEqual({
    total_memories: 4,
    total_is_exact: true,
    sessions: 2,
    sessions_is_exact: true,
    by_role: { user: 2, assistant: 1, system: 0, none: 1 },
    embedded: 0,
  })
})

test('the records of a session are deleted, all or none, with one event and before-image for each', async () => {
  const user = await app.newUser()
  const [a, b, c] = (await store(
    user,
    { content: 'a', session_id: 's' },
    { content: 'b', session_id: 's' },
    { content: 'c', session_id: 's' },
    { content: 'd', session_id: 'other' },
  )) as [string, string, string]
  const url = `${user.database}/memory/sessions/s`
  expect((await user.delete(`${url}?limit=1`)).body).toEqual({ session_id: 's', deleted_count: 1, has_more: true })
  expect(await user.delete(url)).toMatchObject({ status: 200, body: { deleted_count: 2, has_more: false } })
  expect((await user.delete(url)).status).toBe(404)
  expect((await log(user)).slice(4)).toEqual([a, b, c].map((id) => ({ event: DELETED, memory_id: id, agent_id: null })))
  expect(await images(user)).toMatchObject([{ content: 'a' }, { content: 'b' }, { content: 'c' }])
  expect((await (await app.newUser()).delete(`${user.database}/memory/sessions/other`)).status).toBe(404)
  expect(contents((await user.get(`${user.database}/memory`)).body)).toEqual(['d'])
})

test('a session with more records than one request may delete stays as it is', async () => {
  const user = await app.newUser()
  await app.system.database.query(sql`
    insert into zerodb_memories (event_seq, user_id, project_id, kind, content, session_id)
    select 0, ${user.user_id}::uuid, ${user.project_id}::uuid, 'record', n::text, 'long' from generate_series(1, 10001) n`)
  const url = `${user.database}/memory`
  const refused = await user.delete(`${url}/sessions/long`)
  expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  expect((await user.get(`${url}/sessions`)).body.items).toMatchObject([
    { memory_count: 10_000, count_is_exact: false },
  ])
  expect((await user.get(`${url}/stats`)).body).toMatchObject({ total_memories: 10_000, total_is_exact: false })
  const context = (await user.get(`${url}/context/long?max_tokens=100000`)).body
  expect(context).toMatchObject({ message_count: 1000, truncated: true })
  expect((await user.delete(`${url}/sessions/long?limit=10000`)).body).toMatchObject({
    deleted_count: 10_000,
    has_more: true,
  })
})

test('a context has the newest records of a session that fit, oldest first', async () => {
  const user = await app.newUser()
  await store(
    user,
    { content: 'a'.repeat(40), session_id: 's', role: 'user' },
    { content: 'b'.repeat(41), session_id: 's', role: 'assistant', agent_id: 'x', memory_metadata: { n: 2 } },
    { content: 'c', session_id: 's' },
    { content: 'elsewhere', session_id: 't' },
  )
  const context = async (query = '') => (await user.get(`${user.database}/memory/context/s${query}`)).body
  const message = (content: string, role: string | null, rest = {}) => ({
    memory_id: expect.any(String),
    content,
    role,
    agent_id: null,
    memory_metadata: {},
    created_at: expect.any(String),
    ...rest,
  })
  const [a, b, c] = [
    message('a'.repeat(40), 'user'),
    message('b'.repeat(41), 'assistant', { agent_id: 'x', memory_metadata: { n: 2 } }),
    message('c', null),
  ]
  const whole = { session_id: 's', messages: [a, b, c], message_count: 3, estimated_tokens: 22, truncated: false }
  expect(await context()).toEqual(whole)
  expect(await context('?max_tokens=22')).toEqual(whole)
  expect(await context('?max_tokens=21')).toEqual({
    session_id: 's',
    messages: [b, c],
    message_count: 2,
    estimated_tokens: 12,
    truncated: true,
  })
  expect((await user.get(`${user.database}/memory/context/t?max_tokens=1`)).body).toEqual({
    session_id: 't',
    messages: [],
    message_count: 0,
    estimated_tokens: 0,
    truncated: true,
  })
  expect((await user.get(`${user.database}/memory/context/none`)).body).toMatchObject({
    messages: [],
    truncated: false,
  })
  expect((await user.get(`${user.database}/memory/context/s?max_tokens=0`)).status).toBe(422)
  expect((await (await app.newUser()).get(`${user.database}/memory/context/s`)).status).toBe(404)
})
