import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
  // Reads wait for an extraction, not for the model to load before the first one.
  await app.system.app.language.extract('Warm')
})
afterAll(() => app.close())

const MEMORY = '/api/v1/public/memory/v2'
const REMEMBERED = 'zeromemory.remembered'
const ADDED = 'zeromemory.relation_added'
const ALICE = 'Alice met Bob at the AI conference in Berlin'

async function remember(user: TestUser, content: string, rest: Record<string, unknown> = {}): Promise<string> {
  const reply = await user.post(`${MEMORY}/remember`, { content, ...rest })
  expect(reply.status).toBe(200)
  return reply.body.memory_id
}

function neighbors(user: TestUser, entity: string, query = '?wait=10', headers = {}): Promise<Reply> {
  return user.get(`${MEMORY}/graph/neighbors/${encodeURIComponent(entity)}${query}`, headers)
}

/** Returns the relations of an entity as `subject -predicate- object`, sorted. */
async function relations(user: TestUser, entity: string): Promise<string[]> {
  const reply = await neighbors(user, entity)
  expect(reply.status).toBe(200)
  return reply.body.relationships
    .map((edge: Record<string, string>) => `${edge['subject']} -${edge['predicate']}- ${edge['object']}`)
    .sort()
}

async function withGraph(hook_config: Record<string, unknown> = {}): Promise<TestUser> {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph', { hook_config })
  return user
}

test('a sentence becomes entities and relations that each of its entities shows immediately', async () => {
  const user = await withGraph({ extract_entities: true, max_relations: 10 })
  const memory = await remember(user, ALICE, { entity_id: 'alice', memory_type: 'episodic' })
  // No test helper runs the engine here: the first read waits for the unfinished extraction of the caller.
  const alice = await neighbors(user, 'alice', '')
  expect(alice.status).toBe(200)
  expect(alice.body).toMatchObject({ entity: { name: 'Alice', type: 'person' }, pending: 0 })
  expect(alice.body.neighbors).toContainEqual({
    id: expect.any(String),
    name: 'Bob',
    type: 'person',
    predicate: 'met',
    direction: 'out',
    distance: 1,
    confidence: expect.any(Number),
  })
  expect(alice.body.relationships).toContainEqual(
    expect.objectContaining({ subject: 'Alice', predicate: 'met', object: 'Bob', sources: [memory] }),
  )
  expect(alice.body.count).toBe(alice.body.neighbors.length)
  const nodes = new Map(alice.body.nodes.map(({ id, label }: { id: string; label: string }) => [id, label]))
  expect([...nodes.values()]).toEqual(expect.arrayContaining(['Alice', 'Bob', 'AI conference']))
  for (const edge of alice.body.edges)
    expect([...nodes.keys()]).toEqual(expect.arrayContaining([edge.source, edge.target]))

  expect(await relations(user, 'Alice')).toContain('Alice -met- Bob')
  expect(await relations(user, 'Bob')).toContain('Alice -met- Bob')
  expect(await relations(user, 'AI conference')).toEqual(
    expect.arrayContaining(['AI conference -in- Berlin', 'Bob -at- AI conference']),
  )
  expect(await relations(user, 'Berlin')).toContain('AI conference -in- Berlin')
  const berlin = await neighbors(user, 'Berlin')
  expect(berlin.body.entity.type).toBe('place')
  expect(berlin.body.neighbors).toContainEqual(expect.objectContaining({ name: 'AI conference', direction: 'in' }))

  expect(await user.trail()).toEqual({ events: [REMEMBERED, ...Array(5).fill(ADDED)], runs: ['auto_graph succeeded'] })
})

test('an entity is found by any spelling of its name, and by its id', async () => {
  const user = await withGraph()
  await remember(user, ALICE)
  const { id } = (await neighbors(user, 'alice')).body.entity
  for (const name of ['ALICE', 'Alice’s', ' alice ', '"Alice"', id, id.toUpperCase()])
    expect(await neighbors(user, name)).toMatchObject({ status: 200, body: { entity: { id } } })
  expect((await neighbors(user, 'the AI conference')).body.entity.name).toBe('AI conference')
})

test('a record of a conversation adds to the same graph', async () => {
  const user = await app.newUser()
  await user.hook('zerodb.memory.stored', 'auto_graph')
  await user.post(`${user.database}/memory/store`, { content: ALICE })
  expect(await relations(user, 'Bob')).toContain('Alice -met- Bob')
  expect(await user.trail()).toEqual({
    events: ['zerodb.memory.stored', ...Array(5).fill(ADDED)],
    runs: ['auto_graph succeeded'],
  })
})

test('with wait=0 a read returns immediately, with the number of unfinished extractions', async () => {
  const user = await withGraph()
  const { language } = app.system.app
  const { extract } = language
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  language.extract = async (...args) => {
    await gate
    return extract(...args)
  }
  try {
    await remember(user, ALICE)
    const early = await neighbors(user, 'alice', '?wait=0')
    expect(early.status).toBe(404)
    expect(early.body.detail).toContain('1 extractions are not finished')
  } finally {
    release()
    language.extract = extract
  }
  expect((await user.runs()).map(({ status }) => status)).toEqual(['succeeded'])
  expect(await neighbors(user, 'alice', '?wait=0')).toMatchObject({ status: 200, body: { pending: 0 } })
  for (const wait of ['-1', '11', 'soon'])
    expect((await neighbors(user, 'alice', `?wait=${wait}`)).body.detail).toMatchObject([{ loc: ['query', 'wait'] }])
})

test('an unknown entity is 404', async () => {
  const user = await withGraph()
  await remember(user, ALICE)
  const reply = await neighbors(user, 'Zaphod')
  expect(reply).toMatchObject({ status: 404, body: { detail: 'No entity "Zaphod" in the graph' } })
  expect((await neighbors(user, randomUUID())).status).toBe(404)
  expect((await neighbors(user, '!!!')).status).toBe(404)
})

test('running the handler twice changes nothing', async () => {
  const user = await withGraph()
  const memory = await remember(user, ALICE, { entity_id: 'alice' })
  const names = ['Alice', 'Bob', 'AI conference', 'Berlin']
  const read = () => Promise.all(names.map(async (name) => (await neighbors(user, name)).body))
  const once = await read()
  const tables = () =>
    app.system.database.query(sql`
      select
        (select count(*) from zerodb_mentions where memory_id = ${memory}::uuid) as mentions,
        (select count(*) from zerodb_edge_sources where memory_id = ${memory}::uuid) as sources,
        (select count(*) from zerodb_entities where project_id = ${user.project_id}::uuid) as entities`)
  const counts = await tables()

  // The same run is delivered again, as after a crash between the handler's commit and the record of its success.
  await app.system.database.query(sql`
    update zerodb_runs set status = 'queued', finished_at = null where user_id = ${user.user_id}::uuid`)
  expect(await user.runs()).toMatchObject([{ status: 'succeeded', attempts: 2 }])
  expect(await read()).toEqual(once)
  expect(await tables()).toEqual(counts)
})

test('a second memory with the same fact is a second source of the same relation', async () => {
  const user = await withGraph()
  const first = await remember(user, 'Alice met Bob')
  const second = await remember(user, 'Alice met Bob again.')
  const { relationships } = (await neighbors(user, 'Bob')).body
  expect(relationships).toHaveLength(1)
  expect(relationships[0]).toMatchObject({ subject: 'Alice', predicate: 'met', object: 'Bob' })
  expect([...relationships[0].sources].sort()).toEqual([first, second].sort())
})

test('at most max_relations relations of a memory are stored', async () => {
  for (const max_relations of [0, 1]) {
    const user = await withGraph({ max_relations })
    await remember(user, ALICE)
    const all = new Set<string>()
    for (const name of ['Alice', 'Bob', 'AI conference', 'Berlin'])
      for (const relation of await relations(user, name)) all.add(relation)
    expect(all.size).toBe(max_relations)
    expect((await user.runs()).map(({ result }) => result)).toMatchObject([{ entities: 4, relations: max_relations }])
  }
})

test('with extract_entities off only entities of relations are stored', async () => {
  const text = 'Alice met Bob. Zurich!'
  const all = await withGraph()
  await remember(all, text)
  expect((await neighbors(all, 'Zurich')).status).toBe(200)

  const related = await withGraph({ extract_entities: false })
  await remember(related, text)
  expect(await relations(related, 'Bob')).toEqual(['Alice -met- Bob'])
  expect((await neighbors(related, 'Zurich')).status).toBe(404)
})

test('an entity_id that no sentence contains is linked to the entities of the memory', async () => {
  const user = await withGraph()
  await remember(user, 'Bob lives in Berlin', { entity_id: 'customer-42' })
  expect(await relations(user, 'customer-42')).toEqual(['customer-42 -mentions- Berlin', 'customer-42 -mentions- Bob'])
  expect((await neighbors(user, 'CUSTOMER-42')).body.entity.name).toBe('customer-42')
})

test('forgetting removes the relations of this memory alone, and keeps those with another source', async () => {
  const user = await withGraph()
  const first = await remember(user, ALICE)
  const second = await remember(user, 'Alice met Bob')
  await app.drained()
  const reply = await user.post(`${MEMORY}/forget`, { memory_id: first })
  expect(reply.status).toBe(200)
  expect(reply.body.receipt).toMatchObject({ memories: 1, entities: 2, runs: 1 })
  expect(reply.body.receipt.edges).toBeGreaterThan(0)
  expect((await neighbors(user, 'Berlin')).status).toBe(404)
  expect((await neighbors(user, 'AI conference')).status).toBe(404)
  const { relationships } = (await neighbors(user, 'Bob')).body
  expect(relationships).toMatchObject([{ subject: 'Alice', predicate: 'met', object: 'Bob', sources: [second] }])
})

test('names and identifiers that differ in their punctuation are of different entities', async () => {
  const user = await withGraph()
  await remember(user, 'Bob lives in Berlin', { entity_id: 'user_1' })
  await remember(user, 'Carol lives in Madrid', { entity_id: 'user-1' })
  await remember(user, 'Erin uses C#. Erin learned C++.')
  expect(await relations(user, 'USER_1')).toEqual(['user_1 -mentions- Berlin', 'user_1 -mentions- Bob'])
  expect(await relations(user, 'user-1')).toEqual(['user-1 -mentions- Carol', 'user-1 -mentions- Madrid'])
  expect((await neighbors(user, 'user 1')).status).toBe(404)
  expect((await neighbors(user, 'Mr. Bob')).status).toBe(404)
})

test('an acronym names the organization whose initials it has, unless two have them', async () => {
  const user = await app.newUser()
  const relate = (subject: string, object: string, rest = {}) =>
    user.post(`${MEMORY}/relate`, { subject, predicate: 'knows', object, ...rest })
  await relate('World Health Organization', 'Geneva')
  await relate('WHO', 'Lyon')
  expect(await relations(user, 'who')).toEqual([
    'World Health Organization -knows- Geneva',
    'World Health Organization -knows- Lyon',
  ])
  expect((await neighbors(user, 'WHO')).body.entity.aliases).toEqual(['WHO', 'World Health Organization'])
  await relate('American Broadcasting Company', 'Burbank')
  await relate('Australian Broadcasting Corporation Holding', 'Sydney')
  await relate('Alpha Beta Company', 'Graz')
  expect((await neighbors(user, 'ABC')).status).toBe(404)
  await relate('Maria Anna Lopez', 'Porto', { subject_type: 'person' })
  expect((await neighbors(user, 'MAL')).status).toBe(404)
})

test('each namespace has its own graph', async () => {
  const user = await withGraph()
  await remember(user, 'Alice met Bob', { namespace: 'tenant-a', entity_id: 'alice' })
  await remember(user, 'Alice met Carol', { namespace: 'tenant-b', entity_id: 'alice' })
  const inNamespace = async (name: string, entity = 'alice') =>
    (await neighbors(user, entity, `?wait=10&namespace=${name}`)).body
  const [a, b] = [await inNamespace('tenant-a'), await inNamespace('tenant-b')]
  expect(a).toMatchObject({ entity: { namespace: 'tenant-a' }, relationships: [{ object: 'Bob' }], count: 1 })
  expect(b).toMatchObject({ entity: { namespace: 'tenant-b' }, relationships: [{ object: 'Carol' }], count: 1 })
  expect((await neighbors(user, 'alice')).status).toBe(404)
  expect((await neighbors(user, a.entity.id, '?namespace=tenant-b')).status).toBe(404)
  const profile = await user.get(`${MEMORY}/profile?entity_id=alice&namespace=tenant-b`)
  expect(profile.body).toMatchObject({ memory_count: 1, relationships: [{ object: 'Carol' }] })
  const stated = { subject: 'Alice', predicate: 'met', object: 'Bob', namespace: 'tenant-b' }
  expect((await user.post(`${MEMORY}/relate`, stated)).body.status).toBe('created')
  expect((await inNamespace('tenant-b')).count).toBe(2)
  expect((await inNamespace('tenant-a')).count).toBe(1)
})

test('two projects, and two users, have separate graphs', async () => {
  const user = await withGraph()
  const stranger = await withGraph()
  const other = await user.project()
  await remember(user, 'Alice met Bob')
  await user.post(`${MEMORY}/remember`, { content: 'Alice met Carol' }, { 'x-project-id': other })
  expect(await relations(user, 'Alice')).toEqual(['Alice -met- Bob'])
  const elsewhere = await neighbors(user, 'Alice', '?wait=10', { 'x-project-id': other })
  expect(elsewhere.body.relationships).toMatchObject([{ object: 'Carol' }])
  const { id } = elsewhere.body.entity
  expect((await neighbors(user, id)).status).toBe(404)
  expect((await neighbors(stranger, 'Alice')).status).toBe(404)
  expect((await neighbors(stranger, 'Alice', '?wait=10', { 'x-project-id': user.project_id })).status).toBe(404)
})

test('relations with the highest confidence come first, and a limit cuts the rest', async () => {
  const user = await withGraph()
  await remember(user, 'Alice met Bob. Alice met Carol. Alice met Dave.')
  const all = (await neighbors(user, 'Alice')).body.relationships.map((edge: { confidence: number }) => edge.confidence)
  expect(all).toEqual([...all].sort((a, b) => b - a))
  expect((await neighbors(user, 'Alice', '?limit=2')).body).toMatchObject({ count: 2 })
  expect((await neighbors(user, 'Alice', '?limit=0')).status).toBe(422)
})
