import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

const SECRETS = '/api/v1/secrets'
const HISTORY = `${SECRETS}/history`

let app: TestApp
beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app.close())

const set = async (user: TestUser, name: string, value: string, query = '') =>
  expect((await user.request('PUT', `${SECRETS}/${name}${query}`, { body: { value } })).status).toBe(200)

test('has each change, newest first, without values, also of deleted secrets', async () => {
  const user = await app.newUser()
  expect((await user.get(HISTORY)).body).toEqual({ items: [], next_cursor: null })
  await set(user, 'FIRST', 'value-one')
  await set(user, 'SECOND', 'value-two')
  await set(user, 'FIRST', 'value-three')
  expect((await user.delete(`${SECRETS}/FIRST`)).status).toBe(204)
  expect((await user.delete(`${SECRETS}/FIRST`)).status).toBe(404)
  await set(user, 'FIRST', 'value-four')

  const { status, body } = await user.get(HISTORY)
  expect(status).toBe(200)
  expect(body.items.map(({ name, change }: { name: string; change: string }) => `${change} ${name}`)).toEqual([
    'created FIRST',
    'deleted FIRST',
    'replaced FIRST',
    'created SECOND',
    'created FIRST',
  ])
  expect(body.items[0]).toEqual({
    id: expect.any(String),
    name: 'FIRST',
    change: 'created',
    run_id: null,
    created_at: expect.stringMatching(/Z$/),
  })
  expect(JSON.stringify(body)).not.toContain('value-')

  const first = await user.get(`${HISTORY}?name=FIRST&limit=3`)
  expect(first.body.items).toEqual(body.items.slice(0, 3))
  const rest = await user.get(`${HISTORY}?name=FIRST&limit=3&cursor=${first.body.next_cursor}`)
  expect(rest.body).toEqual({ items: [body.items[4]], next_cursor: null })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('names the run of a function that made the change', async () => {
  const user = await app.newUser()
  const source = `export default (event, ctx) => ctx.zerodb.secrets.set({ name: 'ROTATED', value: 'made-by-code' })`
  const config = { permissions: ['functions:write'] }
  expect((await user.post('/api/v1/functions', { name: 'rotate', runtime: 'nodejs', source, config })).status).toBe(201)
  const { run_id, status } = (await user.post('/api/v1/functions/rotate/invoke', {})).body
  expect(status).toBe('succeeded')
  expect((await user.get(HISTORY)).body.items).toMatchObject([{ name: 'ROTATED', change: 'created', run_id }])
})

test('is that of one project of the user', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  const project = await user.project('second')
  await set(user, 'HERE', 'value')
  await set(user, 'THERE', 'value', `?project_id=${project}`)
  const namesOf = async (query = '') =>
    (await user.get(`${HISTORY}${query}`)).body.items.map(({ name }: { name: string }) => name)
  expect(await namesOf()).toEqual(['HERE'])
  expect(await namesOf(`?project_id=${project}`)).toEqual(['THERE'])
  expect((await other.get(HISTORY)).body.items).toEqual([])
  expect((await other.get(`${HISTORY}?project_id=${project}`)).status).toBe(404)
  expect((await user.delete(`/api/v1/projects/${project}`)).status).toBeLessThan(300)
  const [left] = await app.system.database.query<{ count: number }>(
    sql`select count(*)::int as count from zerodb_secret_changes where project_id = ${project}::uuid`,
  )
  expect(left!.count).toBe(0)
})

test('keeps the latest 1,000 changes of a project', async () => {
  const user = await app.newUser()
  await app.system.database.query(sql`
    insert into zerodb_secret_changes (project_id, name, change, created_at)
    select ${user.project_id}::uuid, 'OLD', 'replaced', now() - make_interval(secs => n)
    from generate_series(1, 1200) n`)
  await set(user, 'NEW', 'value')
  const [row] = await app.system.database.query<{ count: number; oldest: number }>(sql`
    select count(*)::int as count, max(extract(epoch from now() - created_at))::int as oldest
    from zerodb_secret_changes where project_id = ${user.project_id}::uuid`)
  expect(row!.count).toBe(1_000)
  expect(row!.oldest).toBeLessThan(1_100)
  expect((await user.get(`${HISTORY}?limit=1`)).body.items).toMatchObject([{ name: 'NEW', change: 'created' }])
})

test.each([
  ['limit=0', ['query', 'limit']],
  ['limit=101', ['query', 'limit']],
  ['name=A-B', ['query', 'name']],
])('%s is 422', async (query, loc) => {
  const reply = await (await app.newUser()).get(`${HISTORY}?${query}`)
  expect(reply).toMatchObject({ status: 422, body: { detail: [{ loc }] } })
})
