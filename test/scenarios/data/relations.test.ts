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
const ADDED = 'zeromemory.relation_added'
const ENDED = 'zeromemory.relation_ended'
const TEXT = 'Maria works for Initech'

const relate = (user: TestUser, subject: string, predicate: string, object: string, rest: object = {}) =>
  user.post(`${MEMORY}/relate`, { subject, predicate, object, ...rest })
const remember = async (user: TestUser, content: string): Promise<string> => {
  const reply = await user.post(`${MEMORY}/remember`, { content })
  expect(reply.status).toBe(200)
  await app.drained()
  return reply.body.memory_id
}
const names = async (user: TestUser) => (await user.events()).map(({ event }) => event)

/** Returns the relations of an entity as `subject -predicate- object`, sorted; null for an unknown entity. */
async function relations(user: TestUser, entity: string): Promise<string[] | null> {
  const { status, body } = await user.get(`${MEMORY}/graph/${entity}`)
  if (status === 404) return null
  return body.relationships
    .map((each: Record<string, string>) => `${each['subject']} -${each['predicate']}- ${each['object']}`)
    .sort()
}

test('G14: a client states a relation, and reads it from the graph', async () => {
  const user = await app.newUser()
  const reply = await relate(user, 'Maria', 'works_at', 'Initech', { confidence: 0.9 })
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({
    status: 'created',
    id: expect.any(String),
    relation_id: reply.body.id,
    subject: 'Maria',
    predicate: 'works_at',
    object: 'Initech',
    confidence: expect.closeTo(0.9),
    lemma: 'work at',
    tense: null,
    valid_from: reply.body.created_at,
    valid_to: null,
    sources: [],
    created_at: expect.any(String),
    ended: [],
  })
  const graph = await user.get(`${MEMORY}/graph/maria?limit=50`)
  expect(graph.body.relationships).toMatchObject([{ subject: 'Maria', predicate: 'works_at', object: 'Initech' }])
  expect(graph.body.entity).toMatchObject({ name: 'Maria', type: 'other' })
  const [event] = await user.events()
  expect(event).toMatchObject({ event: ADDED, channel: 'zeromemory' })
  expect(event!.data).toEqual({
    relation_id: reply.body.id,
    project_id: user.project_id,
    subject_id: graph.body.entity.id,
    object_id: graph.body.neighbors[0].id,
    user_id: user.user_id,
  })
})

test('a relation that the graph has is not added again; its confidence can grow', async () => {
  const user = await app.newUser()
  const first = await relate(user, 'Maria', 'knows', 'Bob', { confidence: 0.5 })
  const second = await relate(user, 'MARIA', 'knows', 'bob', { confidence: 0.75 })
  expect(second.body).toMatchObject({ status: 'exists', id: first.body.id, confidence: 0.75, subject: 'Maria' })
  expect((await relate(user, 'maria', 'knows', 'Bob', { confidence: 0.25 })).body.confidence).toBe(0.75)
  expect(await relations(user, 'bob')).toEqual(['Maria -knows- Bob'])
  expect(await names(user)).toEqual([ADDED])
})

test('replace ends the other relations with the same subject and predicate, in one commit', async () => {
  const user = await app.newUser()
  const old = await relate(user, 'Maria', 'lives in', 'Porto')
  await relate(user, 'Maria', 'likes', 'tea')
  await relate(user, 'Bob', 'lives in', 'Porto')
  const moved = await relate(user, 'Maria', 'lives in', 'Lisbon', { replace: true, object_type: 'place' })
  expect(moved.body).toMatchObject({ status: 'created', ended: [old.body.id] })
  expect(await relations(user, 'maria')).toEqual(['Maria -likes- tea', 'Maria -lives in- Lisbon'])
  expect(await relations(user, 'porto')).toEqual(['Bob -lives in- Porto'])
  expect((await user.get(`${MEMORY}/graph/lisbon`)).body.entity.type).toBe('place')
  const again = await relate(user, 'Maria', 'lives in', 'Lisbon', { replace: true })
  expect(again.body).toMatchObject({ status: 'exists', ended: [] })
  expect(await names(user)).toEqual([ADDED, ADDED, ADDED, ENDED, ADDED])
  // One that has ended can begin again, as another relation.
  const back = await relate(user, 'Maria', 'lives in', 'Porto')
  expect(back.body.status).toBe('created')
  expect(back.body.id).not.toBe(old.body.id)
})

test('a relation is ended once, by its owner', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const { id } = (await relate(user, 'Maria', 'knows', 'Bob')).body
  const url = `${MEMORY}/graph/relations/${id}`
  expect((await stranger.delete(url)).status).toBe(404)
  expect(await names(stranger)).toEqual([])
  expect(await user.delete(url)).toMatchObject({ status: 204 })
  expect(await user.delete(url)).toMatchObject({ status: 404, body: { detail: 'Relation not found' } })
  expect((await user.delete(`${MEMORY}/graph/relations/${randomUUID()}`)).status).toBe(404)
  expect((await user.delete(`${MEMORY}/graph/relations/first`)).status).toBe(422)
  expect(await relations(user, 'maria')).toEqual([])
  expect(await names(user)).toEqual([ADDED, ENDED])
})

test('a relation with invalid fields is refused, and adds nothing', async () => {
  const user = await app.newUser()
  for (const [body, field] of [
    [{ predicate: 'knows', object: 'Bob' }, 'subject'],
    [{ subject: '', predicate: 'knows', object: 'Bob' }, 'subject'],
    [{ subject: '!?', predicate: 'knows', object: 'Bob' }, 'subject'],
    [{ subject: 'Bob', predicate: 'knows', object: 'BOB' }, 'object'],
    [{ subject: 'Maria', predicate: 'knows', object: 'Bob', confidence: 1.1 }, 'confidence'],
    [{ subject: 'Maria', predicate: 'knows', object: 'Bob', weight: 1 }, 'weight'],
  ] as const) {
    const reply = await user.post(`${MEMORY}/relate`, body)
    expect(reply, field).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', field] }] } })
  }
  const stranger = await app.newUser()
  const body = { subject: 'Maria', predicate: 'knows', object: 'Bob' }
  expect((await stranger.post(`${MEMORY}/relate`, body, { 'x-project-id': user.project_id })).status).toBe(404)
  expect(await relations(user, 'maria')).toBeNull()
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('an extracted relation emits one event in the chain of its memory, whose names a filter sees', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  const filter = { 'row.predicate': 'works for', 'row.subject': 'Maria', 'row.ended_at': null }
  const tested = await user.post('/api/v1/hooks/test-filter', { event_type: ADDED, filter })
  expect(tested.status).toBe(200)
  await remember(user, TEXT)
  const graph = (await user.get(`${MEMORY}/graph/maria`)).body
  expect(await relations(user, 'maria')).toEqual(['Maria -works for- Initech'])
  expect(await names(user)).toEqual([REMEMBERED, ADDED])
  const events = await app.system.database.query<{ event: string; depth: number; chain_id: string; id: string }>(sql`
    select event, depth, chain_id, id from zerodb_events where user_id = ${user.user_id}::uuid order by seq`)
  expect(events[1]).toMatchObject({ event: ADDED, depth: 1, chain_id: events[0]!.id })
  const matched = await user.post('/api/v1/hooks/test-filter', { event_type: ADDED, filter })
  expect(matched.body).toMatchObject({
    tested: 1,
    matched: 1,
    items: [{ row: { relation_id: graph.relationships[0].id, subject: 'Maria', object: 'Initech', ended_at: null } }],
  })
  // A second memory supports the same relation, and a repeated run adds nothing.
  await remember(user, TEXT)
  expect(await names(user)).toEqual([REMEMBERED, ADDED, REMEMBERED])
})

test('forgetting the last memory of a relation ends it, with nothing left of it in the runs of its events', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  const deployed = await user.post('/api/v1/functions', {
    name: 'notes',
    runtime: 'nodejs',
    source: 'export default async (event, ctx) => ({ seen: await ctx.row() })',
  })
  expect(deployed.status).toBe(201)
  await user.hook(ADDED, 'notes')
  const first = await remember(user, TEXT)
  const second = await remember(user, TEXT)
  const runs = async () => (await user.runs()).filter(({ event_type }) => event_type === ADDED)
  expect(await runs()).toMatchObject([{ status: 'succeeded', result: { seen: { subject: 'Maria' } } }])
  const one = await user.post(`${MEMORY}/forget`, { memory_id: first })
  expect(one.body.receipt.edges).toBe(0)
  expect(await relations(user, 'maria')).toEqual(['Maria -works for- Initech'])
  const two = await user.post(`${MEMORY}/forget`, { memory_id: second })
  expect(two.body.receipt).toMatchObject({ memories: 1, edges: 1, entities: 2 })
  expect(await names(user)).toEqual([REMEMBERED, ADDED, REMEMBERED, FORGOTTEN, ENDED, FORGOTTEN])
  expect(await runs()).toMatchObject([{ result: null, error: null, logs: [] }])
  const [ended] = (await user.get(`/api/v1/event-log?event_type=${ENDED}`)).body.items
  expect(JSON.stringify(ended)).not.toMatch(/Maria|Initech|works/)
  const filter = await user.post('/api/v1/hooks/test-filter', { event_type: ENDED, filter: { 'row.subject': 'Maria' } })
  expect(filter.body).toMatchObject({ tested: 1, matched: 0 })
})

test('forgetting a memory keeps a relation that a caller has stated too', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  const memory = await remember(user, TEXT)
  expect((await relate(user, 'Maria', 'works for', 'Initech')).body).toMatchObject({
    status: 'exists',
    sources: [memory],
  })
  const reply = await user.post(`${MEMORY}/forget`, { memory_id: memory })
  expect(reply.body.receipt.edges).toBe(0)
  expect(await relations(user, 'maria')).toEqual(['Maria -works for- Initech'])
  expect(await names(user)).toEqual([REMEMBERED, ADDED, FORGOTTEN])
})

test('a relation that has ended is deleted with its memory, without another event', async () => {
  const user = await app.newUser()
  await user.hook(REMEMBERED, 'auto_graph')
  const memory = await remember(user, TEXT)
  const [{ id }] = (await user.get(`${MEMORY}/graph/maria`)).body.relationships
  expect((await user.delete(`${MEMORY}/graph/relations/${id}`)).status).toBe(204)
  expect((await user.post(`${MEMORY}/forget`, { memory_id: memory })).body.receipt.edges).toBe(1)
  expect(await names(user)).toEqual([REMEMBERED, ADDED, ENDED, FORGOTTEN])
  expect(await relations(user, 'maria')).toBeNull()
})

test('a hook on new relations that states relations stops at the maximum depth of a chain', async () => {
  const user = await app.newUser()
  const source = `
    export default async (event, ctx) => {
      const row = await ctx.row()
      const n = Number(row.object.split(' ')[1]) + 1
      await ctx.zerodb.graph.relate({ subject: 'Counter', predicate: 'has', object: 'number ' + n })
    }`
  const deployed = await user.post('/api/v1/functions', {
    name: 'counter',
    runtime: 'nodejs',
    source,
    config: { permissions: ['memory:read', 'memory:write'] },
  })
  expect(deployed.status).toBe(201)
  await user.hook(ADDED, 'counter')
  await relate(user, 'Counter', 'has', 'number 0')
  const runs = await user.runs()
  const ended = runs.map(({ status }) => status)
  expect(ended.filter((status) => status === 'succeeded').length).toBeGreaterThan(1)
  expect(ended.at(-1)).toMatch(/skipped|dead/)
  expect((await names(user)).filter((event) => event === ADDED)).toHaveLength(
    1 + ended.filter((status) => status === 'succeeded').length,
  )
})
