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
const [REMEMBERED, FORGOTTEN] = ['zeromemory.remembered', 'zeromemory.forgotten']
const [ADDED, ENDED] = ['zeromemory.relation_added', 'zeromemory.relation_ended']

const relate = (user: TestUser, subject: string, predicate: string, object: string, rest: object = {}) =>
  user.post(`${MEMORY}/relate`, { subject, predicate, object, ...rest })
const remember = async (user: TestUser, content: string, rest: object = {}): Promise<string> => {
  const { body } = await user.post(`${MEMORY}/remember`, { content, ...rest })
  await app.drained()
  return body.memory_id
}
const names = async (user: TestUser) => (await user.events()).map(({ event }) => event)

/** Returns the relations of an entity as `predicate object`, sorted. */
async function facts(user: TestUser, entity: string, query: Record<string, string> = {}): Promise<string[]> {
  const { status, body } = await user.get(`${MEMORY}/graph/neighbors/${entity}?${new URLSearchParams(query)}`)
  expect(status).toBe(200)
  return body.relationships.map(({ predicate, object }: Record<string, string>) => `${predicate} ${object}`).sort()
}

async function withGraph(): Promise<TestUser> {
  const user = await app.newUser()
  await user.hook(REMEMBERED!, 'auto_graph')
  return user
}

test('a new employer ends the old one, and both are read at their time', async () => {
  const user = await withGraph()
  const first = await remember(user, 'Maria works at Initech')
  const before = new Date().toISOString()
  await remember(user, 'Maria works for Globex')
  expect(await facts(user, 'maria')).toEqual(['works for Globex'])
  expect(await facts(user, 'maria', { as_of: before })).toEqual(['works at Initech'])
  expect(await facts(user, 'maria', { as_of: '2020-01-01T00:00:00Z' })).toEqual([])
  expect(await names(user)).toEqual([REMEMBERED, ADDED, REMEMBERED, ADDED, ENDED])
  const [old] = (await user.get(`${MEMORY}/graph/neighbors/maria?as_of=${encodeURIComponent(before)}`)).body
    .relationships
  expect(old).toMatchObject({ lemma: 'work at', tense: 'present', sources: [first], valid_to: expect.any(String) })
  expect(old.valid_from < before && before < old.valid_to).toBe(true)
  const wrong = await user.get(`${MEMORY}/graph/neighbors/maria?as_of=yesterday`)
  expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'as_of'] }] } })
})

test('other predicates, past tenses and two facts of one memory do not end each other', async () => {
  const user = await withGraph()
  await remember(user, 'Maria works at Initech and Globex. Maria likes tea.')
  await remember(user, 'Maria likes coffee. Maria worked at Hooli.')
  expect(await facts(user, 'maria')).toEqual([
    'likes coffee',
    'likes tea',
    'worked at Hooli',
    'works at Globex',
    'works at Initech',
  ])
  expect(await names(user)).not.toContain(ENDED)
})

test('"no longer" ends a relation; of an unknown one, it is known that it has ended', async () => {
  const user = await withGraph()
  await remember(user, 'I work at Google', { entity_id: 'mia' })
  const before = new Date().toISOString()
  const ending = await remember(user, 'I no longer work at Google', { entity_id: 'mia' })
  expect(await facts(user, 'mia')).toEqual([])
  expect(await facts(user, 'mia', { as_of: before })).toEqual(['work at Google'])
  await remember(user, 'Bob no longer works at Hooli')
  expect(await facts(user, 'bob')).toEqual([])
  expect(await facts(user, 'bob', { as_of: before })).toEqual(['works at Hooli'])
  expect(await names(user)).toEqual([REMEMBERED, ADDED, REMEMBERED, ENDED, REMEMBERED, ADDED, ENDED])
  // What only the forgotten memory said did not happen.
  expect((await user.post(`${MEMORY}/forget`, { memory_id: ending })).status).toBe(200)
  expect(await facts(user, 'mia')).toEqual(['work at Google'])
  expect((await names(user)).slice(-2).sort()).toEqual([FORGOTTEN, ADDED].sort())
})

test('forgetting the memory of a new employer lets the old one hold again, unless another memory says so too', async () => {
  const user = await withGraph()
  await remember(user, 'Maria lives in Porto')
  const one = await remember(user, 'Maria lives in Lisbon')
  const two = await remember(user, 'Maria lives in Lisbon now')
  expect(await facts(user, 'maria')).toEqual(['lives in Lisbon'])
  await user.post(`${MEMORY}/forget`, { memory_id: one })
  expect(await facts(user, 'maria')).toEqual(['lives in Lisbon'])
  await user.post(`${MEMORY}/forget`, { memory_id: two })
  expect(await facts(user, 'maria')).toEqual(['lives in Porto'])
})

test('running the extraction of an old memory again changes nothing', async () => {
  const user = await withGraph()
  await remember(user, 'Maria works at Initech')
  await remember(user, 'Maria works at Globex')
  const events = await names(user)
  await app.system.database.query(sql`
    update zerodb_runs set status = 'queued', finished_at = null where user_id = ${user.user_id}::uuid`)
  expect((await user.runs()).map(({ status, attempts }) => [status, attempts])).toEqual([
    ['succeeded', 2],
    ['succeeded', 2],
  ])
  expect(await names(user)).toEqual(events)
  expect(await facts(user, 'maria')).toEqual(['works at Globex'])
})

test('stated facts arrive in any order, and each holds in its time', async () => {
  const user = await app.newUser()
  const at = (year: number) => ({ valid_from: `${year}-01-01T00:00:00Z` })
  const initech = await relate(user, 'Maria', 'works_at', 'Initech', at(2015))
  const hooli = await relate(user, 'Maria', 'works_at', 'Hooli', at(2023))
  expect(hooli.body).toMatchObject({ status: 'created', ended: [initech.body.id], lemma: 'work at', tense: null })
  const globex = await relate(user, 'Maria', 'works for', 'Globex', at(2019))
  expect(globex.body).toMatchObject({ status: 'created', valid_to: '2023-01-01T00:00:00.000000Z', ended: [] })
  const times = ['2014', '2016', '2020', '2024'].map((year) =>
    facts(user, 'maria', { as_of: `${year}-06-01T00:00:00Z` }),
  )
  expect(await Promise.all(times)).toEqual([[], ['works_at Initech'], ['works for Globex'], ['works_at Hooli']])
  expect(await facts(user, 'maria')).toEqual(['works_at Hooli'])
  expect(await names(user)).toEqual([ADDED, ADDED, ENDED, ADDED, ENDED])
  const wrong = await relate(user, 'Maria', 'works_at', 'Acme', { valid_from: 'May' })
  expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'valid_from'] }] } })
})

test('neighbors of neighbors, each with its distance', async () => {
  const user = await app.newUser()
  const other = await app.newUser()
  for (const [subject, object] of ['AB', 'BC', 'CD', 'DE', 'CA'])
    await relate(user, `Node ${subject}`, 'knows', `Node ${object}`)
  await relate(other, 'Node A', 'knows', 'Node Z')
  const read = async (query: string) => {
    const { body } = await user.get(`${MEMORY}/graph/neighbors/${encodeURIComponent('node a')}?${query}`)
    const found = body.neighbors.map(
      ({ name, direction, distance }: Record<string, string>) => `${distance} ${direction} ${name}`,
    )
    expect(body.edges).toHaveLength(body.count)
    return found.sort()
  }
  expect(await read('')).toEqual(['1 in Node C', '1 out Node B'])
  expect(await read('depth=2')).toEqual(['1 in Node C', '1 out Node B', '2 out Node C', '2 out Node D'])
  expect(await read('depth=3')).toEqual(['1 in Node C', '1 out Node B', '2 out Node C', '2 out Node D', '3 out Node E'])
  expect(await read('depth=3&limit=3')).toHaveLength(3)
  expect((await user.get(`${MEMORY}/graph/neighbors/x?depth=4`)).status).toBe(422)
})

test('a path connects two entities in any direction, within its project, namespace and time', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  for (const [subject, object] of ['AB', 'CB', 'CD', 'AE', 'EF', 'FG', 'GD'])
    await relate(user, `Node ${subject}`, 'knows', `Node ${object}`)
  await relate(stranger, 'Node A', 'knows', 'Node D')
  const path = ({ from, to, ...query }: Record<string, string>) =>
    user.get(`${MEMORY}/graph/path/${from}/${to}?${new URLSearchParams(query)}`)
  const found = await path({ from: 'node a', to: 'node d' })
  expect(found).toMatchObject({ status: 200, body: { from: { name: 'Node A' }, to: { name: 'Node D' }, length: 3 } })
  const steps = found.body.relationships.map(({ subject, object }: Record<string, string>) => `${subject} ${object}`)
  expect(steps).toEqual(['Node A Node B', 'Node C Node B', 'Node C Node D'])
  expect((await path({ from: 'node a', to: 'node a' })).body).toMatchObject({ length: 0, relationships: [] })
  expect((await path({ from: 'node a', to: 'node d', max_depth: '2' })).body).toMatchObject({ length: null })
  const past = { as_of: '2020-01-01T00:00:00Z' }
  expect((await path({ from: 'node a', to: 'node d', ...past })).body).toMatchObject({
    length: null,
    relationships: [],
  })
  const [first] = found.body.relationships
  await user.delete(`${MEMORY}/graph/relations/${first.id}`)
  expect((await path({ from: 'node a', to: 'node d' })).body.length).toBe(4)
  expect((await path({ from: 'node a', to: 'node z' })).body.detail).toBe('No entity "node z" in the graph')
  expect((await path({ from: 'node a', to: 'node d', namespace: 'other' })).status).toBe(404)
  const wrong = await path({ from: 'node a', to: 'node d', max_depth: '7' })
  expect(wrong).toMatchObject({ status: 422, body: { detail: [{ loc: ['query', 'max_depth'] }] } })
})
