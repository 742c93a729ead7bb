import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const STORED = 'zerodb.memory.stored'
const REMEMBERED = 'zeromemory.remembered'

async function remember(user: TestUser, content: string, rest: Record<string, unknown> = {}): Promise<string> {
  const reply = await user.post(`${MEMORY}/remember`, { content, ...rest })
  expect(reply.status).toBe(200)
  return reply.body.memory_id
}

/** Returns the contents that a recall finds, best first. */
async function recall(user: TestUser, query: string, rest: Record<string, unknown> = {}): Promise<string[]> {
  const reply = await user.post(`${MEMORY}/recall`, { query, ...rest })
  expect(reply.status).toBe(200)
  return reply.body.results.map((result: { content: string }) => result.content)
}

test('a record is stored unchanged, emits one event, and can be read', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/memory/store`, {
    content: 'Hello there',
    agentId: 'agent-1',
    session_id: 'session-1',
    role: 'user',
    metadata: { turn: 1 },
  })
  expect(stored.status).toBe(200)
  expect(stored.body).toEqual({
    memory_id: expect.stringMatching(UUID),
    id: stored.body.memory_id,
    project_id: user.project_id,
    agent_id: 'agent-1',
    session_id: 'session-1',
    role: 'user',
    content: 'Hello there',
    embedding: [],
    model: null,
    memory_metadata: { turn: 1 },
    created_at: expect.any(String),
  })
  const read = await user.get(`${user.database}/memory/${stored.body.memory_id}`)
  expect(read).toMatchObject({ status: 200, body: stored.body })
  expect((await user.events()).map(({ event, channel, data }) => ({ event, channel, data }))).toEqual([
    {
      event: STORED,
      channel: 'zerodb',
      data: {
        memory_id: stored.body.memory_id,
        project_id: user.project_id,
        agent_id: 'agent-1',
        user_id: user.user_id,
      },
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('the event of a record without an agent has null', async () => {
  const user = await app.newUser()
  const stored = await user.post(`${user.database}/memory`, { content: 'No agent in particular' })
  expect(stored).toMatchObject({ status: 200, body: { agent_id: null, session_id: null, role: null } })
  expect((await user.events()).map(({ data }) => data)).toEqual([
    { memory_id: stored.body.memory_id, project_id: user.project_id, agent_id: null, user_id: user.user_id },
  ])
})

test('a record needs content and a known role', async () => {
  const user = await app.newUser()
  const none = await user.post(`${user.database}/memory/store`, {})
  expect(none.status).toBe(422)
  expect(none.body.detail).toEqual([{ type: 'missing', loc: ['body', 'content'], msg: 'Field required' }])
  const role = await user.post(`${user.database}/memory/store`, { content: 'x', role: 'robot' })
  expect(role.status).toBe(422)
  expect(role.body.detail).toEqual([
    {
      type: 'enum',
      loc: ['body', 'role'],
      msg: "Input should be 'user', 'assistant' or 'system'",
      input: 'robot',
      ctx: { expected: "'user', 'assistant' or 'system'" },
    },
  ])
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('records are listed newest first, by session, agent and role, and by page', async () => {
  const user = await app.newUser()
  for (const [content, session_id, agent_id, role] of [
    ['one', 's1', 'a1', 'user'],
    ['two', 's1', 'a2', 'assistant'],
    ['three', 's2', 'a1', 'user'],
  ])
    await user.post(`${user.database}/memory/store`, { content, session_id, agent_id, role })
  await remember(user, 'not a record')
  const list = async (query: string) => {
    const reply = await user.get(`${user.database}/memory${query}`)
    expect(reply.status).toBe(200)
    return reply.body.map((record: { content: string }) => record.content)
  }
  expect(await list('')).toEqual(['three', 'two', 'one'])
  expect(await list('?session_id=s1')).toEqual(['two', 'one'])
  expect(await list('?agentId=a1')).toEqual(['three', 'one'])
  expect(await list('?role=assistant')).toEqual(['two'])
  expect(await list('?limit=1&skip=1')).toEqual(['two'])
  expect((await user.get(`${user.database}/memory/${randomUUID()}`)).status).toBe(404)
})

test('auto_embed embeds a record once', async () => {
  const user = await app.newUser()
  const hook = await user.hook(STORED, 'auto_embed', { hook_config: { model: 'bge-m3' } })
  const { memory_id } = (await user.post(`${user.database}/memory/store`, { content: 'The sky is blue' })).body
  expect(await user.runs()).toMatchObject([
    {
      hook_id: hook.id,
      event_type: STORED,
      status: 'succeeded',
      attempts: 1,
      result: { requested: 'bge-m3', used: 'use-lite', dimensions: 512, embedded: 1 },
    },
  ])
  const read = (await user.get(`${user.database}/memory/${memory_id}`)).body
  expect(read.model).toBe('use-lite')
  expect(read.embedding).toHaveLength(512)
  expect(await user.trail()).toEqual({ events: [STORED], runs: ['auto_embed succeeded'] })
})

test('remember returns its defaults, a UUID under both names, and emits one event', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${MEMORY}/remember`, { content: 'Tea is better than coffee' })
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({
    memory_id: expect.stringMatching(UUID),
    id: reply.body.memory_id,
    status: 'stored',
    content: 'Tea is better than coffee',
    entity_id: null,
    memory_type: 'episodic',
    importance: 0.5,
    namespace: 'global',
    tags: [],
    metadata: {},
    entities_extracted: [],
    session_id: null,
    agent_id: null,
    user_id: null,
    run_id: null,
    event_at: null,
    created_at: expect.any(String),
  })
  expect((await user.events()).map(({ event, channel, data }) => ({ event, channel, data }))).toEqual([
    {
      event: REMEMBERED,
      channel: 'zeromemory',
      data: {
        memory_id: reply.body.memory_id,
        entity_id: null,
        memory_type: 'episodic',
        namespace: 'global',
        user_id: user.user_id,
      },
    },
  ])
  expect(await user.runs()).toEqual([])
})

test('remember stores every field, and recall returns metadata unchanged', async () => {
  const user = await app.newUser()
  const metadata = { camelCase: 1, nested: { list: [1, 'zwei', null, true, { a: 0.1 }] }, '': 'empty key', emoji: '🔑' }
  const fields = {
    content: 'The cellar key hangs behind the door',
    entity_id: 'alice',
    memory_type: 'semantic',
    importance: 0.25,
    tags: ['home', 'a "quoted", tag'],
    metadata,
    session_id: 's1',
    agent_id: 'a1',
    namespace: 'project:x',
  }
  const reply = await user.post(`${MEMORY}/remember`, fields)
  expect(reply).toMatchObject({ status: 200, body: fields })
  expect((await user.events()).map(({ data }) => data)).toMatchObject([
    { entity_id: 'alice', memory_type: 'semantic', namespace: 'project:x' },
  ])
  const found = await user.post(`${MEMORY}/recall`, { query: 'where is the cellar key?' })
  expect(found).toMatchObject({ status: 200, body: { count: 1, results: [{ ...fields, id: reply.body.id }] } })
  expect(found.body.results[0].metadata).toEqual(metadata)
  expect(found.body.results[0].score).toBe(found.body.results[0].similarity)
  expect(found.body.memories).toEqual(found.body.results)
})

test('a text that is empty or only white space is refused wherever one is required, and nothing is stored', async () => {
  const user = await app.newUser()
  for (const [url, field] of [
    [`${user.database}/memory/store`, 'content'],
    [`${MEMORY}/recall`, 'query'],
    [`${user.database}/vectors/search`, 'query'],
    [`${user.database}/files/search`, 'query'],
  ] as const) {
    for (const input of ['', ' \t\r\n\u3000']) {
      const reply = await user.post(url, { [field]: input })
      const msg = 'Must not be empty or only white space'
      expect(reply.status, url).toBe(422)
      expect(reply.body.detail).toEqual([{ type: 'value_error', loc: ['body', field], msg, input }])
    }
  }
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('G1: an empty memory is stored and emits its event; handlers have nothing to do', async () => {
  const user = await app.newUser()
  await user.hook('zeromemory.remembered', 'auto_embed')
  await user.hook('zeromemory.remembered', 'auto_graph')
  const stored = await user.post(`${MEMORY}/remember`, { content: '', entity_id: 'maria' })
  expect(stored).toMatchObject({ status: 200, body: { memory_id: expect.any(String), content: '' } })
  expect(await user.trail()).toEqual({
    events: ['zeromemory.remembered'],
    runs: ['auto_embed succeeded', 'auto_graph succeeded'],
  })
  const results = (await user.runs()).map(({ handler, result }) => [handler, result]).sort()
  expect(results).toMatchObject([
    ['auto_embed', { embedded: 0 }],
    ['auto_graph', { entities: 0, relations: 0, reason: 'the memory has no text' }],
  ])
})

test('remember refuses values out of range, and stores nothing', async () => {
  const user = await app.newUser()
  for (const [field, value, type] of [
    ['importance', 1.5, 'less_than_equal'],
    ['importance', '0.5', 'float_type'],
    ['memory_type', 'eidetic', 'enum'],
    ['content', 7, 'string_type'],
    ['content', undefined, 'missing'],
    ['tags', 'home', 'list_type'],
    ['metadata', [], 'dict_type'],
    ['namespace', '', 'string_too_short'],
  ] as const) {
    const reply = await user.post(`${MEMORY}/remember`, { content: 'x', [field]: value })
    expect(reply.status).toBe(422)
    expect(reply.body.detail).toMatchObject([{ type, loc: ['body', field] }])
  }
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

const WEEK = [
  'Alice adopted a small grey kitten from the shelter',
  'The quarterly tax return has to be filed in April',
  'Bob plays the cello in the city orchestra',
  'Our production database runs on a server in Frankfurt',
]

test('recall ranks the relevant memory first, and gives nonsense a low score', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_embed')
  for (const content of WEEK) await remember(user, content)
  expect((await user.trail()).runs).toEqual(WEEK.map(() => 'auto_embed succeeded'))
  expect((await recall(user, 'Who has a pet cat?'))[0]).toBe(WEEK[0])
  expect((await recall(user, 'when are the taxes due'))[0]).toBe(WEEK[1])
  expect((await recall(user, 'which instrument does Bob play'))[0]).toBe(WEEK[2])
  expect(await recall(user, 'where is the database hosted', { limit: 1 })).toEqual([WEEK[3]])

  const nonsense = await user.post(`${MEMORY}/recall`, { query: 'xqzv blorptik fnarg wibble' })
  expect(nonsense.status).toBe(200)
  for (const { score, similarity } of nonsense.body.results) {
    expect(score).toBeLessThan(0.85)
    expect(similarity).toBeLessThan(0.85)
  }
})

test('without an embedding a memory is found by its words', async () => {
  const user = await app.newUser()
  for (const content of WEEK) await remember(user, content)
  expect(await recall(user, 'Which orchestra?')).toEqual([WEEK[2]])
  expect(await recall(user, 'blorptik')).toEqual([])
  expect(await recall(user, "' \\ : & | ! <-> *")).toEqual([])
  expect(await user.trail()).toEqual({ events: WEEK.map(() => REMEMBERED), runs: [] })
})

test('A2: a search with more than a hundred different words warns that it ignored the rest', async () => {
  const user = await app.newUser()
  await remember(user, 'the wombat99 digs')
  await remember(user, 'the wombat100 sleeps')
  const wombats = (count: number) => Array.from({ length: count }, (_, n) => `wombat${n}`).join(' ')
  const found = async (query: string) => {
    const { status, body } = await user.post(`${MEMORY}/recall`, { query })
    expect(status).toBe(200)
    return { contents: body.results.map(({ content }: { content: string }) => content), warnings: body.warnings }
  }
  expect(await found(`${wombats(100)} the ${wombats(100)}`)).toEqual({
    contents: ['the wombat99 digs'],
    warnings: undefined,
  })
  const warnings = ['query has 101 different words: only the first 100 were used']
  expect(await found(wombats(101))).toEqual({ contents: ['the wombat99 digs'], warnings })
  const files = await user.post(`${user.database}/files/search`, { query: wombats(101) })
  expect(files).toMatchObject({ status: 200, body: { results: [], count: 0, warnings } })
  const few = await user.post(`${user.database}/files/search`, { query: wombats(100) })
  expect(few.body).toEqual({ results: [], count: 0 })
})

test('recall filters by entity, session, agent, namespace and tags, and requires none of them', async () => {
  const user = await app.newUser()
  await remember(user, 'red apple', { entity_id: 'e1', session_id: 's1', tags: ['fruit', 'red'] })
  await remember(user, 'green apple', { entity_id: 'e2', session_id: 's2', agent_id: 'a2', tags: ['fruit'] })
  await remember(user, 'apple computer', { namespace: 'work', tags: ['it'] })
  const sorted = async (rest: object) => (await recall(user, 'apple', { ...rest })).sort()
  expect(await sorted({})).toEqual(['apple computer', 'green apple', 'red apple'])
  expect(await sorted({ entity_id: 'e1' })).toEqual(['red apple'])
  expect(await sorted({ session_id: 's2' })).toEqual(['green apple'])
  expect(await sorted({ agentId: 'a2' })).toEqual(['green apple'])
  expect(await sorted({ namespace: 'work' })).toEqual(['apple computer'])
  expect(await sorted({ tags: ['red', 'it'] })).toEqual(['apple computer', 'red apple'])
  expect(await sorted({ session_id: null, tags: null })).toHaveLength(3)
  expect(await sorted({ session_id: 'unknown' })).toEqual([])
  expect(await recall(user, 'apple', { top_k: 2 })).toHaveLength(2)
  expect((await user.post(`${MEMORY}/recall`, { query: 'apple', limit: 0 })).status).toBe(422)
})

test('a recall with a probe query tells a valid key from an invalid one', async () => {
  const user = await app.newUser()
  const good = await user.post(`${MEMORY}/recall`, { query: '__auth_check__', limit: 1 })
  expect(good).toMatchObject({ status: 200, body: { results: [], memories: [], count: 0 } })
  const bad = await app.request('POST', `${MEMORY}/recall`, {
    body: { query: '__auth_check__', limit: 1 },
    headers: { authorization: 'Bearer sk_wrong' },
  })
  expect(bad).toMatchObject({ status: 401, body: { detail: 'Invalid API key or token' } })
})

test('memories of a user or a project are found in no other one', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const other = await user.project()
  await remember(user, 'the password is swordfish')
  expect(await recall(stranger, 'swordfish')).toEqual([])
  const elsewhere = await user.post(`${MEMORY}/recall`, { query: 'swordfish' }, { 'x-project-id': other })
  expect(elsewhere).toMatchObject({ status: 200, body: { count: 0 } })
  expect(await recall(user, 'swordfish')).toEqual(['the password is swordfish'])
})

test('a forgotten memory disappears from recall and graph immediately, by POST and by DELETE', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_embed')
  await user.hook(REMEMBERED, 'auto_graph')
  const first = await remember(user, 'Alice met Bob in Berlin')
  const second = await remember(user, 'Carol met Dave in Paris')
  await app.drained()
  expect((await user.get(`${MEMORY}/graph/neighbors/Bob`)).status).toBe(200)

  const posted = await user.post(`${MEMORY}/forget`, { memory_id: first })
  expect(posted.status).toBe(200)
  expect(posted.body).toMatchObject({ status: 'forgotten', memory_id: first, receipt: { memories: 1, runs: 2 } })
  for (const derived of ['mentions', 'edges', 'entities']) expect(posted.body.receipt[derived]).toBeGreaterThan(0)
  expect(await recall(user, 'Alice met Bob')).toEqual(['Carol met Dave in Paris'])
  for (const name of ['Alice', 'Bob', 'Berlin'])
    expect((await user.get(`${MEMORY}/graph/neighbors/${name}`)).status).toBe(404)
  expect((await user.get(`${MEMORY}/graph/neighbors/Carol`)).status).toBe(200)
  // The record of a run must not contain forgotten text.
  const runs = await user.runs()
  expect(runs.map(({ status }) => status)).toEqual(Array(4).fill('succeeded'))
  expect(runs.filter(({ result }) => result === null)).toHaveLength(2)

  const deleted = await user.delete(`${MEMORY}/forget/${second}`)
  expect(deleted).toMatchObject({ status: 200, body: { status: 'forgotten', memory_id: second } })
  expect(await recall(user, 'Carol')).toEqual([])
  expect((await user.get(`${MEMORY}/graph/neighbors/Carol`)).status).toBe(404)
  const events = (await user.events()).map(({ event, data }) => [event, (data as { entity_id?: string }).entity_id])
  const ended = (reply: Reply) => Array(reply.body.receipt.edges).fill(['zeromemory.relation_ended', undefined])
  // Two memories are extracted at the same time.
  expect(events.filter(([event]) => event !== 'zeromemory.relation_added')).toEqual([
    [REMEMBERED, null],
    [REMEMBERED, null],
    ...ended(posted),
    ['zeromemory.forgotten', undefined],
    ...ended(deleted),
    ['zeromemory.forgotten', undefined],
  ])
})

test('forgetting an unknown, forgotten or another user’s memory is 404, and an invalid UUID is 422', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const mine = await remember(user, 'mine')
  for (const memory_id of [randomUUID(), mine]) {
    const reply = await stranger.post(`${MEMORY}/forget`, { memory_id })
    expect(reply).toMatchObject({ status: 404, body: { detail: 'Memory not found' } })
    expect((await stranger.delete(`${MEMORY}/forget/${memory_id}`)).status).toBe(404)
  }
  expect(await recall(user, 'mine')).toEqual(['mine'])
  expect((await user.post(`${MEMORY}/forget`, { memory_id: mine })).status).toBe(200)
  expect((await user.post(`${MEMORY}/forget`, { memory_id: mine })).status).toBe(404)
  const wrong = await user.delete(`${MEMORY}/forget/mem_123`)
  expect(wrong.status).toBe(422)
  expect(wrong.body.detail).toMatchObject([{ type: 'uuid_parsing', loc: ['path', 'memory_id'] }])
})

test('a memory that is forgotten before its handler ran leaves a cancelled run', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_embed')
  const down = async () => {
    throw new Error('model down')
  }
  await app.withEmbedder(down, async () => {
    const id = await remember(user, 'soon gone')
    expect(await user.runs()).toMatchObject([{ status: 'queued', error: { message: 'model down' } }])
    const reply = await user.post(`${MEMORY}/forget`, { memory_id: id })
    expect(reply.body.receipt).toEqual({ memories: 1, mentions: 0, edges: 0, entities: 0, runs: 1 })
  })
  expect(await user.runs()).toMatchObject([{ status: 'cancelled', error: null, result: null, logs: [] }])
})

test('20 consecutive remembers are all accepted, and each has its event', async () => {
  const user = await app.newUser()
  const ids = []
  for (let i = 0; i < 20; i++) ids.push(await remember(user, `note ${i}`, { session_id: 's' }))
  expect((await user.events()).map(({ data }) => (data as { memory_id: string }).memory_id)).toEqual(ids)
  expect(await recall(user, 'note', { limit: 100 })).toHaveLength(20)
})
