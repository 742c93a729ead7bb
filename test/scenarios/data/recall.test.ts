import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'

async function remember(user: TestUser, content: string, rest: Record<string, unknown> = {}): Promise<string> {
  const reply = await user.post(`${MEMORY}/remember`, { content, ...rest })
  expect(reply.status).toBe(200)
  return reply.body.memory_id
}

async function recall(user: TestUser, query: string, rest: Record<string, unknown> = {}) {
  const reply = await user.post(`${MEMORY}/recall`, { query, ...rest })
  expect(reply.status).toBe(200)
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  return reply.body.results as any[]
}

const contents = async (user: TestUser, query: string, rest: Record<string, unknown> = {}) =>
  (await recall(user, query, rest)).map(({ content }) => content)

test('explain has the parts of a score, and each channel can be switched off', async () => {
  const user = await app.newUser()
  const event_at = '2026-03-10T09:00:00Z'
  await remember(user, 'Maria: I bought a canoe', { session_id: 's', event_at, importance: 1 })
  await remember(user, 'Tom: how was it?', { session_id: 's', event_at })
  await remember(user, 'A canoe is a boat')
  const query = 'what did Maria buy in March 2026?'
  const [first] = await recall(user, query, { explain: true })
  expect(first).toMatchObject({ content: 'Maria: I bought a canoe', score: first.similarity })
  const parts = first.explain
  expect(parts).toMatchObject({ names: 0.14, time: 0.21, meaning: 0, graph: 0, importance: 0.1 })
  expect(parts.words).toBeGreaterThan(0)
  const sum = parts.words + parts.neighbours + parts.names + parts.time
  expect(first.score).toBeCloseTo(1 - Math.exp(-2 * sum * (1 + parts.importance + parts.recency)), 5)
  for (const channel of ['words', 'names', 'time', 'importance']) {
    const [without] = await recall(user, query, { explain: true, channels: { [channel]: false } })
    expect(without.explain[channel]).toBe(0)
    expect(without.score).toBeLessThan(first.score)
  }
  expect(await recall(user, 'canoe', { channels: { words: false, recency: false } })).toEqual([])
  expect((await recall(user, 'canoe'))[0].explain).toBeUndefined()
})

test('a memory beside a match in its session is found, and not with the channel neighbours off', async () => {
  const user = await app.newUser()
  await remember(user, 'Where did you go on holiday?', { session_id: 's' })
  await remember(user, 'To Lisbon', { session_id: 's' })
  await remember(user, 'Nothing of this', { session_id: 't' })
  expect(await contents(user, 'holiday')).toEqual(['Where did you go on holiday?', 'To Lisbon'])
  expect(await contents(user, 'holiday', { channels: { neighbours: false } })).toEqual(['Where did you go on holiday?'])
})

test('event_at is kept; since, until and as_of select by it', async () => {
  const user = await app.newUser()
  const reply = await user.post(`${MEMORY}/remember`, { content: 'tea one', timestamp: '2025-01-10T12:00:00+02:00' })
  expect(reply.body.event_at).toBe('2025-01-10T10:00:00.000000Z')
  await remember(user, 'tea two', { event_at: '2025-06-01T00:00:00Z' })
  await remember(user, 'tea three')
  const found = async (rest: object) => (await contents(user, 'tea', { ...rest })).sort()
  expect(await found({ since: '2025-06-01T00:00:00Z' })).toEqual(['tea three', 'tea two'])
  expect(await found({ until: '2025-06-01T00:00:00Z' })).toEqual(['tea one'])
  expect(await found({ as_of: '2025-06-01T00:00:00Z' })).toEqual(['tea one', 'tea two'])
  expect(await found({ since: '2025-01-10T10:00:00Z', until: '2025-01-10T10:00:01Z' })).toEqual(['tea one'])
  expect((await recall(user, 'tea', { as_of: '2025-01-11T10:00:00Z' }))[0].event_at).toBe(reply.body.event_at)
  for (const body of [
    { query: 'tea', since: 'yesterday' },
    { query: 'tea', as_of: '2025-01-01' },
  ]) {
    const refused = await user.post(`${MEMORY}/recall`, body)
    expect(refused.status).toBe(422)
    expect(refused.body.detail[0].loc).toEqual(['body', Object.keys(body)[1]])
  }
})

test('words like "last week" count from as_of', async () => {
  const user = await app.newUser()
  await remember(user, 'a walk', { event_at: '2025-03-05T10:00:00Z' })
  await remember(user, 'a run', { event_at: '2025-02-05T10:00:00Z' })
  const [first, ...rest] = await recall(user, 'what happened last week?', {
    as_of: '2025-03-12T00:00:00Z',
    explain: true,
  })
  expect(first).toMatchObject({ content: 'a walk', explain: { time: 0.21 } })
  expect(rest).toEqual([])
})

test('memory_type and metadata narrow a recall, with the operators of tables', async () => {
  const user = await app.newUser()
  await remember(user, 'tea fact', { memory_type: 'semantic', metadata: { rank: 3, topics: ['tea', 'food'] } })
  await remember(user, 'tea event', { metadata: { rank: 7 } })
  await remember(user, 'tea steps', { memory_type: 'procedural' })
  const found = async (rest: object) => (await contents(user, 'tea', { ...rest })).sort()
  expect(await found({ memory_type: 'semantic' })).toEqual(['tea fact'])
  expect(await found({ memory_type: ['semantic', 'procedural'] })).toEqual(['tea fact', 'tea steps'])
  expect(await found({ metadata_filter: { rank: { $gt: 5 } } })).toEqual(['tea event'])
  expect(await found({ metadata_filter: { topics: 'food' } })).toEqual(['tea fact'])
  expect(await found({ metadata_filter: { rank: { $exists: false } } })).toEqual(['tea steps'])
  const refused = await user.post(`${MEMORY}/recall`, { query: 'tea', metadata_filter: { rank: { $near: 1 } } })
  expect(refused.status).toBe(422)
})

test('max_tokens leaves out what does not fit; expand_context adds the memories around a result', async () => {
  const user = await app.newUser()
  for (const [n, content] of ['one', 'two', 'three otter', 'four', 'five'].entries())
    await remember(user, content, { session_id: 's', metadata: { n } })
  await remember(user, `otter ${'x'.repeat(400)}`)
  const channels = { neighbours: false }
  expect(await contents(user, 'otter', { channels, max_tokens: 10 })).toEqual(['three otter'])
  expect(await contents(user, 'otter', { channels, max_tokens: 1 })).toEqual([])
  const [found] = await recall(user, 'otter', { channels, expand_context: 1, session_id: 's', limit: 1 })
  expect(found.context.map(({ content }: { content: string }) => content)).toEqual(['two', 'three otter', 'four'])
  expect((await user.post(`${MEMORY}/recall`, { query: 'otter', expand_context: 11 })).status).toBe(422)
})

test('words are found in scripts without blanks, without accents, and as parts of identifiers', async () => {
  const user = await app.newUser()
  for (const [text, ...queries] of [
    ['请把发票寄给财务部', '发票', '财务部'],
    ['会議は三時に始まります', '会議'],
    ['ประชุมพรุ่งนี้ที่กรุงเทพ', 'กรุงเทพ'],
    ['Wir treffen uns im Café Müller', 'cafe', 'muller', 'CAFÉ'],
    ['The order ORDER-4711/A is late', '4711', 'order-4711/a'],
    ['Write to j.meyer@example.com', 'meyer', 'j.meyer@example.com'],
    ['See src/store/memories.ts and getUserName', 'memories', 'user name', 'getusername'],
    ['Мария купила кошку', 'кошки', 'МАРИЯ'],
    ['Release v2.3.1 is out', 'v2.3.1'],
    ["It's not what I want", 'not'],
  ] as const) {
    await remember(user, text)
    for (const query of queries) expect([query, (await contents(user, query))[0]]).toEqual([query, text])
  }
  expect(await contents(user, '天気')).toEqual([])
})

test('remembered texts are embedded in the background, without events and runs; recall then finds them by meaning', async () => {
  const own = await openTestApp({ ZERODB_MEMORY_EMBED: 'on' })
  try {
    const user = await own.newUser()
    await remember(user, 'The physician prescribed new medicine')
    await remember(user, '医者が薬を出した')
    await remember(user, '')
    const embedded = async () => recall(user, 'a doctor gave me drugs', { explain: true })
    await eventually(async () => expect((await embedded())[0]?.explain.meaning).toBeGreaterThan(0))
    expect((await embedded()).map(({ content }) => content)).toEqual(['The physician prescribed new medicine'])
    expect(await user.trail()).toEqual({
      events: ['zeromemory.remembered', 'zeromemory.remembered', 'zeromemory.remembered'],
      runs: [],
    })
    const { memoryEmbeddings } = own.system.app.store
    await eventually(async () => expect(await memoryEmbeddings.missing(10)).toEqual([]))
  } finally {
    await own.close()
  }
})
