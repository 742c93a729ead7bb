import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
  await app.system.app.language.extract('Warm')
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'
const REMEMBERED = 'zeromemory.remembered'
const FORGOTTEN = 'zeromemory.forgotten'

async function remember(user: TestUser, content: string, rest: Record<string, unknown> = {}): Promise<string> {
  const reply = await user.post(`${MEMORY}/remember`, { content, ...rest })
  expect(reply.status).toBe(200)
  return reply.body.memory_id
}

/** Returns the contents and scores that a recall finds, in order. */
async function recall(user: TestUser, body: object): Promise<[string, number][]> {
  const reply = await user.post(`${MEMORY}/recall`, body)
  expect(reply.status).toBe(200)
  expect(reply.body.count).toBe(reply.body.results.length)
  return reply.body.results.map(({ content, score }: { content: string; score: number }) => [content, score])
}

const contents = async (user: TestUser, body: object) => (await recall(user, body)).map(([content]) => content)

test('G4: recall of "*" returns the newest memories that its filter selects, with the score 0', async () => {
  const user = await app.newUser()
  await remember(user, 'one', { session_id: 's1', tags: ['odd'] })
  await remember(user, 'two', { session_id: 's2' })
  await remember(user, 'three', { session_id: 's1', tags: ['odd'], agent_id: 'a' })
  expect(await recall(user, { query: '*' })).toEqual([
    ['three', 0],
    ['two', 0],
    ['one', 0],
  ])
  expect(await contents(user, { query: ' * ', limit: 2 })).toEqual(['three', 'two'])
  expect(await contents(user, { query: '*', session_id: 's1' })).toEqual(['three', 'one'])
  expect(await contents(user, { query: '*', agentId: 'a', tags: ['odd'] })).toEqual(['three'])
  expect(await contents(user, { query: '*', threshold: 0.1 })).toEqual([])
})

test('G4: a recall in a session, entity or namespace returns what matches, then the rest of it; without one only what matches', async () => {
  const user = await app.newUser()
  const scope = { session_id: 's', entity_id: 'e', namespace: 'project:x' }
  // Otherwise the memories beside a match in its session match too.
  const channels = { neighbours: false }
  await remember(user, 'green tea', scope)
  await remember(user, 'black coffee', scope)
  await remember(user, 'red wine', scope)
  await remember(user, 'tea in another one')
  for (const [field, value] of Object.entries(scope)) {
    const found = await recall(user, { query: 'tea', [field]: value, channels })
    expect(found.map(([content]) => content)).toEqual(['green tea', 'red wine', 'black coffee'])
    expect(found[0]![1]).toBeGreaterThan(0)
    expect(found.slice(1).map(([, score]) => score)).toEqual([0, 0])
  }
  expect(await contents(user, { query: 'tea', session_id: 's', limit: 2, channels })).toEqual(['green tea', 'red wine'])
  expect(await contents(user, { query: 'tea', session_id: 's', threshold: 0.01, channels })).toEqual(['green tea'])
  expect(await contents(user, { query: 'wine', channels })).toEqual(['red wine'])
  expect(await contents(user, { query: 'xqzv', user_id: 'someone else' })).toEqual([])
})

test('G2, G3: optional fields can be null, and allow_cross_namespace selects no namespace', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${MEMORY}/remember`, {
    content: 'blue whale',
    tags: null,
    metadata: null,
    namespace: null,
    entity_id: null,
    importance: null,
    memory_type: null,
  })
  expect(stored).toMatchObject({
    status: 200,
    body: { tags: [], metadata: {}, namespace: 'global', importance: 0.5, memory_type: 'episodic' },
  })
  await remember(user, 'whale song', { namespace: 'project:x' })
  const across = await contents(user, { query: 'whale', namespace: 'global', allow_cross_namespace: true })
  expect(across.sort()).toEqual(['blue whale', 'whale song'])
  expect(await contents(user, { query: 'whale', namespace: 'global', tags: null })).toEqual(['blue whale'])
})

test('G14: the newest memory with the tag auto_context_config is in the profile and in no recall', async () => {
  const user = await app.newUser()
  const tags = ['auto_context_config']
  await remember(user, '{"max_tokens": 500}', { entity_id: 'maria', tags })
  await remember(user, '{"max_tokens": 900, "style": "bullet"}', { entity_id: 'maria', tags })
  await remember(user, 'max_tokens is a setting', { entity_id: 'maria' })
  await remember(user, '{"max_tokens": 100}', { entity_id: 'bob', tags })

  const profile = await user.get(`${MEMORY}/profile/maria`)
  expect(profile).toMatchObject({
    status: 200,
    body: { entity_id: 'maria', memory_count: 1, auto_context_config: { max_tokens: 900, style: 'bullet' } },
  })
  expect((await user.get(`${MEMORY}/profile`)).body.auto_context_config).toEqual({ max_tokens: 100 })
  expect(await contents(user, { query: 'max_tokens setting' })).toEqual(['max_tokens is a setting'])
  expect(await contents(user, { query: '*', entity_id: 'maria' })).toEqual(['max_tokens is a setting'])
  expect(await contents(user, { query: 'max_tokens', entity_id: 'bob', tags })).toEqual(['{"max_tokens": 100}'])

  // Clients keep the configuration in the text, or in the metadata.
  await remember(user, 'configuration', { metadata: { style: 'narrative' }, tags })
  expect((await user.get(`${MEMORY}/profile/carol`)).body.auto_context_config).toEqual({ style: 'narrative' })
  await remember(user, '{not JSON', { tags })
  expect((await user.get(`${MEMORY}/profile/carol`)).body.auto_context_config).toBe('{not JSON')
})

test('G14: a profile has the numbers, the newest memories and the relations of an entity', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  await remember(user, 'Maria works for Initech', { entity_id: 'maria', memory_type: 'semantic' })
  await app.drained()
  await remember(user, 'She had tea', { entity_id: 'maria' })
  const last = await remember(user, 'She had tea again', { entity_id: 'maria' })
  await remember(user, 'Nothing about her')
  await app.drained()
  const { status, body } = await user.get(`${MEMORY}/profile/maria?limit=2`)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    entity_id: 'maria',
    entity: { name: 'Maria', type: 'person' },
    memory_count: 3,
    count_is_exact: true,
    by_type: { semantic: 1, episodic: 2 },
    last_at: body.memories[0].created_at,
    auto_context_config: null,
  })
  expect(body.memories.map(({ id }: { id: string }) => id)[0]).toBe(last)
  expect(body.memories).toHaveLength(2)
  expect(body.relationships).toContainEqual(
    expect.objectContaining({ subject: 'Maria', predicate: 'works for', object: 'Initech' }),
  )
  expect((await user.post(`${MEMORY}/profile`, { entity_id: 'maria', limit: 2 })).body).toEqual(body)
  const all = await user.get(`${MEMORY}/profile`)
  expect(all.body).toMatchObject({ entity_id: null, entity: null, memory_count: 4, relationships: [] })
  // The graph knows Initech, of which no memory is.
  expect((await user.get(`${MEMORY}/profile/Initech`)).body).toMatchObject({
    memory_count: 0,
    entity: { name: 'Initech' },
    first_at: null,
    memories: [],
  })
  const unknown = await user.get(`${MEMORY}/profile/zaphod`)
  expect(unknown).toMatchObject({ status: 404, body: { detail: expect.stringContaining('"zaphod"') } })
  const stranger = await app.newUser()
  expect((await stranger.get(`${MEMORY}/profile/maria`)).status).toBe(404)
})

test('G14: the list of all memories has the session in the metadata, and its memories are deleted by id', async () => {
  const user = await app.newUser()
  const ids = []
  for (let n = 0; n < 3; n++)
    ids.push(await remember(user, `memory ${n}`, { session_id: n < 2 ? 's1' : 's2', metadata: { n }, tags: ['t'] }))
  await remember(user, 'no session')
  const listed = await user.get('/api/v1/public/memory/')
  expect(listed.status).toBe(200)
  expect(listed.body.memories).toMatchObject([
    { content: 'no session', metadata: {}, tags: [] },
    { id: ids[2], metadata: { session_id: 's2', n: 2 }, tags: ['t'] },
    { id: ids[1], metadata: { session_id: 's1', n: 1 } },
    { id: ids[0], metadata: { session_id: 's1', n: 0 } },
  ])
  const ofSession = listed.body.memories.filter(
    (memory: { metadata: { session_id?: string } }) => memory.metadata.session_id === 's1',
  )
  for (const { id } of ofSession) expect((await user.delete(`/api/v1/public/memory/${id}`)).status).toBe(200)
  expect((await user.delete(`/api/v1/public/memory/${ids[0]}`)).status).toBe(404)
  expect((await user.get('/v1/public/memory/?limit=1')).body.memories).toHaveLength(1)
  // Under its own address the metadata are those of the memory.
  const page = await user.get(`${MEMORY}/memories?session_id=s2&tags=t,u`)
  expect(page.body).toMatchObject({
    memories: [{ id: ids[2], session_id: 's2', metadata: { n: 2 } }],
    next_cursor: null,
  })
})

test('memories are listed in pages, newest first, without records of conversations', async () => {
  const user = await app.newUser()
  await user.post(`${user.database}/memory/store`, { content: 'a record' })
  for (let n = 0; n < 5; n++) await remember(user, `memory ${n}`, { namespace: n === 1 ? 'other' : 'global' })
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const reply = await user.get(`${MEMORY}/memories?namespace=global&limit=2${cursor && `&cursor=${cursor}`}`)
    expect(reply.status).toBe(200)
    seen.push(...reply.body.memories.map(({ content }: { content: string }) => content))
    cursor = reply.body.next_cursor
  }
  expect(seen).toEqual(['memory 4', 'memory 3', 'memory 2', 'memory 0'])
  const wrong = await user.get(`${MEMORY}/memories?cursor=x`)
  expect(wrong.status).toBe(422)
})

test.each([
  ['namespace', 'project:x'],
  ['entity_id', 'maria'],
  ['session_id', 's1'],
  ['user_id', 'u1'],
  ['agent_id', 'a1'],
  ['run_id', 'r1'],
])('G14: forget by %s deletes the memories that have it and nothing else', async (field, value) => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const ids = [
    await remember(user, 'Alice met Bob', { [field]: value }),
    await remember(user, 'two', { [field]: value }),
  ]
  await remember(user, 'kept', { [field]: `${value}2` })
  await remember(stranger, 'of a stranger', { [field]: value })
  const reply = await user.post(`${MEMORY}/forget`, { [field]: value })
  expect(reply).toMatchObject({
    status: 200,
    body: { status: 'forgotten', memory_id: null, count: 2, has_more: false, receipt: { memories: 2 } },
  })
  expect(await contents(user, { query: '*' })).toEqual(['kept'])
  expect(await contents(stranger, { query: '*' })).toEqual(['of a stranger'])
  const events = (await user.events()).filter(({ event }) => event === FORGOTTEN)
  expect(events.map(({ data }) => (data as { memory_id: string }).memory_id).sort()).toEqual([...ids].sort())
  const again = await user.post(`${MEMORY}/forget`, { [field]: value })
  expect(again).toMatchObject({ status: 200, body: { count: 0, has_more: false } })
  expect((await user.events()).filter(({ event }) => event === FORGOTTEN)).toHaveLength(2)
})

test('forget combines its fields', async () => {
  const user = await app.newUser()
  await remember(user, 'both', { user_id: 'u', session_id: 's' })
  await remember(user, 'one', { user_id: 'u' })
  await user.post(`${user.database}/memory/store`, { content: 'a record', session_id: 's' })
  const body = { user_id: 'u', session_id: 's', memory_id: null }
  expect((await user.post(`${MEMORY}/forget`, body)).body.count).toBe(1)
  expect(await contents(user, { query: '*' })).toEqual(['one'])
  expect((await user.delete(`${MEMORY}/forget?user_id=u`)).body.count).toBe(1)
  // Records of conversations have their own operations.
  expect((await user.get(`${user.database}/memory`)).body).toHaveLength(1)
})

test('forget needs a memory or a selection, and refuses both', async () => {
  const user = await app.newUser()
  const id = await remember(user, 'kept', { user_id: 'u' })
  for (const body of [{}, { memory_id: null }, { limit: 5 }]) {
    const reply = await user.post(`${MEMORY}/forget`, body)
    expect(reply).toMatchObject({ status: 422, body: { detail: [{ type: 'missing', loc: ['body', 'memory_id'] }] } })
  }
  const both = await user.post(`${MEMORY}/forget`, { memory_id: id, user_id: 'u' })
  expect(both).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'user_id'] }] } })
  expect((await user.post(`${MEMORY}/forget`, { user_id: '' })).status).toBe(422)
  expect((await user.post(`${MEMORY}/forget`, { user: 'u' })).status).toBe(422)
  const elsewhere = await user.post(`${MEMORY}/forget`, { user_id: 'u' }, { 'x-project-id': randomUUID() })
  expect(elsewhere.status).toBe(404)
  expect(await contents(user, { query: '*' })).toEqual(['kept'])
})

test('forget deletes the oldest memories up to a limit, in several transactions, with nothing left of them', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  await remember(user, 'Alice met Bob in Berlin', { entity_id: 'alice', user_id: 'u' })
  await app.drained()
  const { database } = app.system
  // More memories than one transaction forgets.
  await database.query(sql`
    insert into zerodb_memories (event_seq, user_id, project_id, kind, content, memory_type, end_user_id, created_at)
    select 0, ${user.user_id}::uuid, ${user.project_id}::uuid, 'remembered', 'memory ' || n, 'episodic', 'u', now() + n * interval '1 ms'
    from generate_series(1, 450) n`)
  const first = await user.post(`${MEMORY}/forget`, { user_id: 'u', limit: 401 })
  expect(first.body).toMatchObject({ count: 401, has_more: true, receipt: { memories: 401, runs: 1 } })
  for (const kind of ['mentions', 'edges', 'entities']) expect(first.body.receipt[kind]).toBeGreaterThan(0)
  expect(await contents(user, { query: '*', user_id: 'u', limit: 100 })).toHaveLength(50)
  expect((await user.post(`${MEMORY}/forget`, { user_id: 'u' })).body).toMatchObject({ count: 50, has_more: false })
  const events = (await user.events()).map(({ event, data }) => [event, (data as { entity_id?: unknown }).entity_id])
  expect(events.filter(([event]) => event === FORGOTTEN)).toHaveLength(451)
  expect(events[0]).toEqual([REMEMBERED, null])
  const left = await database.query(sql`
    select id from zerodb_entities where project_id = ${user.project_id}::uuid
    union all select id from zerodb_edges where project_id = ${user.project_id}::uuid
    union all select id from zerodb_memories where project_id = ${user.project_id}::uuid`)
  expect(left).toEqual([])
  expect((await user.runs()).map(({ result }) => result)).toEqual([null])
})

test('G14: a client gets a context for a prompt from its memories, in three styles', async () => {
  const user = await app.newUser()
  const tea = await remember(user, 'Maria prefers green tea', { memory_type: 'semantic', agent_id: 'a' })
  const cup = await remember(user, 'Maria drank tea at noon', { agent_id: 'a' })
  await remember(user, 'The tea of someone else', { agent_id: 'b' })
  const context = async (rest: object) => {
    const body = { query: 'green tea of Maria', agent_id: 'a', top_k: 10, max_tokens: 1000, ...rest }
    const reply = await user.post(`${MEMORY}/context`, body)
    expect(reply.status).toBe(200)
    return reply.body
  }
  const narrative = await context({ synthesis_style: 'narrative' })
  expect(narrative).toMatchObject({
    context: 'Maria prefers green tea\n\nMaria drank tea at noon',
    sources: [tea, cup],
    sources_count: 2,
    token_count: 12,
    truncated: false,
  })
  const [best] = await recall(user, { query: 'green tea of Maria', agent_id: 'a' })
  expect(narrative.confidence).toBe(best![1])
  const bullets = '- Maria prefers green tea\n- Maria drank tea at noon'
  expect((await context({ synthesis_style: 'bullet' })).context).toBe(bullets)
  expect((await context({ synthesis_style: 'structured' })).context).toBe(
    '## semantic\n- Maria prefers green tea\n\n## episodic\n- Maria drank tea at noon',
  )
  expect(await context({ max_tokens: 6 })).toMatchObject({ sources: [tea], token_count: 6, truncated: true })
  expect(await context({ max_tokens: 1 })).toMatchObject({
    context: '',
    sources_count: 0,
    confidence: 0,
    truncated: true,
  })
  expect(await context({ query: 'xqzv' })).toMatchObject({ context: '', token_count: 0, truncated: false })
  const wrong = await user.post(`${MEMORY}/context`, { query: 'tea', synthesis_style: 'poem' })
  expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'synthesis_style'] }] } })
})

test('G14: a client stores the messages of a conversation as memories, all or none, in their order', async () => {
  const user = await app.newUser()
  const messages = [
    { role: 'user', content: 'I moved to Lisbon' },
    { role: 'assistant', content: 'Noted' },
    { role: 'user', content: '' },
  ]
  const body = { messages, entity_id: 'maria', namespace: 'project:x', session_id: 's' }
  const reply = await user.post(`${MEMORY}/process`, body)
  expect(reply).toMatchObject({ status: 200, body: { status: 'processed', count: 3 } })
  const { memories } = (await user.get(`${MEMORY}/memories?session_id=s`)).body
  const stored = memories.reverse()
  expect(stored).toMatchObject(
    messages.map((message) => ({ ...message, entity_id: 'maria', namespace: 'project:x', memory_type: 'episodic' })),
  )
  expect(stored.map(({ id }: { id: string }) => id)).toEqual(reply.body.memory_ids)
  const events = await user.events()
  expect(events.map(({ event }) => event)).toEqual(Array(3).fill(REMEMBERED))
  expect(events.map(({ data }) => (data as { memory_id: string }).memory_id)).toEqual(reply.body.memory_ids)
  for (const [wrong, loc] of [
    [{ messages: [] }, ['body', 'messages']],
    [{ messages: [messages[0], { role: 'robot', content: 'x' }] }, ['body', 'messages', 1, 'role']],
    [{ messages: [messages[0], { role: 'user' }] }, ['body', 'messages', 1, 'content']],
  ] as const)
    expect(await user.post(`${MEMORY}/process`, wrong)).toMatchObject({ status: 422, body: { detail: [{ loc }] } })
  const elsewhere = await user.post(`${MEMORY}/process`, { messages }, { 'x-project-id': randomUUID() })
  expect(elsewhere.status).toBe(404)
  expect(await user.events()).toHaveLength(3)
})

test.each(['entity_id', 'session_id', 'agent_id', 'user_id', 'run_id', 'namespace'])(
  'null as %s is refused when memories are forgotten, and forgets nothing',
  async (field) => {
    const user = await app.newUser()
    const { body } = await user.post(`${MEMORY}/remember`, {
      content: 'Maria likes tea',
      entity_id: 'maria',
      namespace: 'home',
    })
    const scope = { namespace: 'home', entity_id: 'maria', [field]: null }
    const refused = await user.post(`${MEMORY}/forget`, scope)
    expect(refused.status).toBe(422)
    expect(refused.body.detail[0]).toMatchObject({ loc: ['body', field] })
    expect((await user.post(`${MEMORY}/recall`, { query: '*' })).body.results).toHaveLength(1)
    const byId = await user.post(`${MEMORY}/forget`, { memory_id: body.memory_id, [field]: null })
    expect(byId.body).toMatchObject({ count: 1 })
  },
)
