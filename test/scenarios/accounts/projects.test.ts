import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { MAX_COUNTED_OBJECTS } from '../../../src/schema/project.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'
import { undispatched } from '../../support/undispatched.ts'

let app: TestApp
let user: TestUser
let project: string
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())
beforeEach(async () => {
  user = await app.newUser()
  project = `/api/v1/projects/${user.project_id}`
})

const suspend = () => user.post(`${project}/suspend`)
const activate = () => user.post(`${project}/activate`)
const store = (document: string) => user.post(`${user.database}/vectors/upsert`, { document })

describe('a suspended project', () => {
  test('has the status SUSPENDED until it is activated, however often either is requested', async () => {
    const { body: before } = await user.get(project)
    expect(before.status).toBe('ACTIVE')
    const first = await suspend()
    expect(first).toMatchObject({
      status: 200,
      body: { ...before, status: 'SUSPENDED', updated_at: expect.any(String) },
    })
    expect((await suspend()).body).toEqual(first.body)
    expect((await user.get(project)).body).toEqual(first.body)
    const last = await activate()
    expect(last).toMatchObject({ status: 200, body: { status: 'ACTIVE' } })
    expect((await activate()).body).toEqual(last.body)
    expect(await user.trail()).toEqual({ events: [], runs: [] })
  })

  test('is in the list of projects with its status, and the other projects of the user accept writes', async () => {
    const other = await user.project('other')
    await suspend()
    const idsOf = async (query: string) =>
      (await user.get(`/api/v1/projects${query}`)).body.map(({ id }: { id: string }) => id)
    expect(await idsOf('')).toEqual([user.project_id, other])
    expect(await idsOf('?status=SUSPENDED')).toEqual([user.project_id])
    expect(await idsOf('?status=active')).toEqual([other])
    expect(await user.get('/api/v1/projects?status=paused')).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['query', 'status'] }] },
    })
    expect((await user.post(`/api/v1/projects/${other}/database/vectors/upsert`, { document: 'a' })).status).toBe(200)
  })

  test('refuses a write with the remedy, and accepts the same request after it is activated', async () => {
    await suspend()
    const request = () =>
      user.post(`${user.database}/vectors/upsert`, { vector_id: 'a', document: 'a' }, { 'idempotency-key': 'once' })
    const refused = await request()
    expect(refused).toMatchObject({ status: 409, body: { code: 'project_suspended' } })
    expect(refused.body.detail).toContain('projects.activate')
    expect((await user.get(`${user.database}/vectors/a`)).status).toBe(404)
    await activate()
    expect((await request()).status).toBe(200)
    expect((await user.events()).map(({ event }) => event)).toEqual(['zerodb.vector.stored'])
  })

  test('answers 404 for an object that does not exist, only after it is activated', async () => {
    await suspend()
    expect((await user.delete(`${user.database}/vectors/absent`)).body.code).toBe('project_suspended')
    await activate()
    expect((await user.delete(`${user.database}/vectors/absent`)).body.code).toBe('not_found')
  })

  test('can be changed and deleted', async () => {
    const other = await user.project('other')
    await user.post(`/api/v1/projects/${other}/suspend`)
    expect(await user.patch(`/api/v1/projects/${other}`, { name: 'renamed' })).toMatchObject({
      status: 200,
      body: { name: 'renamed', status: 'SUSPENDED' },
    })
    expect((await user.delete(`/api/v1/projects/${other}`)).status).toBe(204)
  })

  test.each([
    ['plain', {}],
    ['limited', { concurrency: 1 }],
    ['ordered', { ordering_key: 'row.document' }],
  ])('starts no run of a %s hook, and continues when it is activated', async (_, rest) => {
    await user.hook('zerodb.vector.stored', 'auto_embed', rest)
    await undispatched(app.system.app.store, async () => {
      await store('a text')
      await suspend()
    })
    const [waiting] = await user.runs()
    expect(waiting).toMatchObject({ status: 'queued', attempts: 0, waiting_for: { reason: 'suspended' } })
    app.clock.advance(60)
    expect(await user.runs()).toMatchObject([{ id: waiting!.id, status: 'queued' }])
    await activate()
    expect(await user.runs()).toMatchObject([{ id: waiting!.id, status: 'succeeded', attempts: 1 }])
  })

  test('starts no run of a hook for all projects, whose runs in other projects continue', async () => {
    const other = await user.project('other')
    await user.hook('zerodb.vector.stored', 'auto_embed')
    await undispatched(app.system.app.store, async () => {
      await store('a text')
      await suspend()
      await user.post(`/api/v1/projects/${other}/database/vectors/upsert`, { document: 'a text' })
    })
    const runs = await user.runs()
    expect(Object.fromEntries(runs.map(({ project_id, status }) => [project_id, status]))).toEqual({
      [user.project_id]: 'queued',
      [other]: 'succeeded',
    })
  })

  test('starts no schedule; the ticks that it missed count as missed', async () => {
    const config = { schedule: { cron: '0 * * * *', missed: 'run_once' } }
    await user.post('/api/v1/functions', {
      name: 'hourly',
      runtime: 'nodejs',
      source: 'export default () => 1',
      config,
    })
    await suspend()
    app.clock.advance(3 * 3600)
    expect(await user.runs()).toEqual([])
    await activate()
    await app.system.engine.drained()
    expect(await user.runs()).toMatchObject([{ trigger: 'cron', handler: 'hourly', status: 'succeeded' }])
  })

  test('refuses calls of its functions, and the function can be called after it is activated', async () => {
    const source = 'export default () => 1'
    const config = { http: { auth: 'none', methods: ['GET'] } }
    await user.post('/api/v1/functions', { name: 'one', runtime: 'nodejs', source, config })
    const call = () => user.post('/api/v1/functions/one/invoke', { payload: 1 })
    const fetch = () => app.request('GET', `/fn/${user.project_id}/one`)
    expect((await fetch()).status).toBe(200)
    await suspend()
    expect(await call()).toMatchObject({ status: 409, body: { code: 'project_suspended' } })
    expect(await fetch()).toMatchObject({ status: 409, body: { code: 'project_suspended' } })
    await activate()
    expect((await call()).status).toBe(200)
    expect((await fetch()).status).toBe(200)
  })

  test('remains suspended when it is moved to another user', async () => {
    await suspend()
    const file = await user.get(`${project}/export`)
    const other = await app.newUser()
    const part = 'content-disposition: form-data; name="file"; filename="file"'
    const imported = await other.request('POST', '/api/v1/projects/import', {
      payload: `--cut\r\n${part}\r\n\r\n${file.raw}\r\n--cut--\r\n`,
      headers: { 'content-type': 'multipart/form-data; boundary=cut' },
    })
    expect(imported.status).toBe(201)
    const moved = await other.get(`/api/v1/projects/${imported.body.project_id}`)
    expect(moved.body.status).toBe('SUSPENDED')
  })
})

describe('counts of a project', () => {
  test('projects.status and projects.stats count the objects of the project', async () => {
    const { database } = user
    await user.post(`${database}/tables`, { table_name: 'orders' })
    await user.post(`${database}/tables/orders/rows`, { rows: [{ n: 1 }, { n: 2 }] })
    await user.post(`${database}/vectors/upsert`, { vector_embedding: [1, 0] })
    await user.post(`${database}/memory/store`, { content: 'a record' })
    await user.post(`${database}/events/publish`, { topic: 'a topic' })
    await user.post(`${database}/files/upload`, { file_name: 'a.txt', file_content: 'aGk=' })
    await user.hook('zerodb.vector.stored', 'auto_embed', { project_id: user.project_id })
    await user.hook('zerodb.vector.stored', 'auto_embed')
    await suspend()
    const status = {
      status: 'SUSPENDED',
      tables_count: 1,
      vectors_count: 1,
      memory_records_count: 1,
      events_count: 1,
      files_count: 1,
      counts_are_exact: true,
    }
    for (const path of [database, `${database}/status`])
      expect((await user.get(path)).body).toEqual({ enabled: true, ...status })
    expect((await user.get(`${project}/stats`)).body).toEqual({
      project_id: user.project_id,
      ...status,
      rows_count: 2,
      entities_count: 0,
      hooks_count: 1,
      functions_count: 0,
      schedules_count: 0,
    })
  })

  test('end at a bound, and say so', async () => {
    const publish = (count: number) =>
      app.system.database.query(sql`
        insert into zerodb_published_events (project_id, topic, payload, source)
        select ${user.project_id}::uuid, 'a topic', '{}', 'api' from generate_series(1, ${count}::int)`)
    await publish(MAX_COUNTED_OBJECTS)
    const exact = await user.get(user.database)
    expect(exact.body).toMatchObject({ events_count: MAX_COUNTED_OBJECTS, counts_are_exact: true })
    await publish(1)
    const bounded = await user.get(`${project}/stats`)
    expect(bounded.body).toMatchObject({ events_count: MAX_COUNTED_OBJECTS, counts_are_exact: false })
  })
})

test('the database of a project is always enabled, and has no settings', async () => {
  const { body: status } = await user.get(user.database)
  expect(await user.post(user.database)).toMatchObject({ status: 200, body: status })
  const configured = await user.request('PUT', user.database, {
    body: { vectorDimensions: 384, quantumEnabled: true, mcp_enabled: false, databaseConfig: {} },
  })
  expect(configured).toMatchObject({ status: 200, body: status })
  expect(configured.body.warnings).toEqual(
    ['vectorDimensions', 'quantumEnabled', 'mcp_enabled', 'databaseConfig'].map(
      (name) => `"${name}" has no effect here and was ignored`,
    ),
  )
  const unknown = await user.request('PUT', user.database, { body: { dimension: 384 } })
  expect(unknown).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'dimension'] }] } })
})
