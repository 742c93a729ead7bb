import { afterAll, beforeAll, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  user = await app.newUser()
})
afterAll(() => app?.close())

test.each([
  ['nodejs', 'export default (event, ctx) => ctx.zerodb.tables.query({ table: "orders" })'],
  ['python', 'def handler(event, ctx):\n    return ctx.zerodb.tables.query(table="orders")'],
])('E: a function in %s that calls a similar name gets an error with the right one', async (runtime, source) => {
  const deployed = await user.post('/api/v1/functions', { name: `near-${runtime}`, runtime, source })
  expect(deployed.status).toBe(201)
  const failed = await user.post(`/api/v1/functions/near-${runtime}/invoke`, { payload: {} })
  expect(failed.status).toBe(502)
  expect(failed.body.detail).toContain('Unknown operation "tables.query". Did you mean "rows.query"?')
  expect(failed.body.detail).toContain(
    '"tables" has tables.create, tables.list, tables.get, tables.update, tables.delete',
  )
})

const caller = () => ({ user_id: user.user_id, bound: null, project_id: user.project_id, permissions: ['*'] })

test.each([
  ['row.query', 'Did you mean "rows.query"?'],
  ['memory.recal', 'Did you mean "memory.recall"?'],
  ['hooks.make', '"hooks" has hooks.create, hooks.list'],
  ['nothing.at_all', 'There are auth, keys, instant_db, hooks'],
])('E: the name %s is answered with similar names', async (name, words) => {
  const called = app.system.app.call(name, caller(), {})
  await expect(called).rejects.toMatchObject({ code: 'route_not_found', message: expect.stringContaining(words) })
})

const inProject = OPERATIONS.filter(({ route, name }) => route.includes('/:project_id') && name !== 'projects.delete')

test.each(inProject.map(({ name, route }) => [name, route]))(
  'E: %s accepts - for the caller’s project',
  async (_, route) => {
    const [method, path] = route.split(' ') as [string, string]
    const id = '00000000-0000-4000-8000-000000000000'
    const url = path.replace(':project_id', '-').replace(/:\w+/g, id)
    const { status, body } = await user.request(method, url, method === 'GET' ? {} : { body: {} })
    expect(status).toBeLessThan(500)
    expect(JSON.stringify(body.detail ?? '')).not.toContain('project_id')
    expect(body.detail).not.toBe('Project not found')
  },
)

test('E: - is the project of the key in operations on projects, too', async () => {
  const project_id = await user.project('bound')
  const key = await app.boundKey(user, project_id)
  const own = (method: string, path: string, body?: object) =>
    app.request(method, path, { headers: { authorization: `Bearer ${key}` }, ...(body ? { body } : {}) })
  expect((await own('GET', '/api/v1/projects/-')).body).toMatchObject({ id: project_id, name: 'bound' })
  expect((await own('PATCH', '/api/v1/projects/-', { name: 'renamed' })).body).toMatchObject({ name: 'renamed' })
  expect((await own('GET', '/api/v1/projects/-/database')).body).toMatchObject({ enabled: true, tables_count: 0 })
  expect((await user.get('/api/v1/projects/-')).body).toMatchObject({ id: user.project_id })
  expect((await user.delete('/api/v1/projects/-')).status).toBe(422)
})
