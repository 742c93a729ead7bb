import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { runMaintenance } from '../../../src/engine/maintenance.ts'
import { openTestApp, type Reply, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({ ZERODB_INSTANT_DB: 'on' })
})
afterAll(() => app.close())
// Each test begins without databases that count for its client.
beforeEach(() => app.clock.advance(3601))

const ROUTE = '/api/v1/public/instant-db'
const HOURS_72 = 72 * 3600

const create = (body?: unknown) => app.request('POST', ROUTE, { body })
const claim = (token: string, key: string) =>
  app.request('POST', `${ROUTE}/claim`, { body: { claim_token: token }, headers: { 'x-api-key': key } })

function withKey(key: string, method: string, url: string, body?: unknown): Promise<Reply> {
  return app.request(method, url, { body, headers: { authorization: `Bearer ${key}` } })
}

/** Creates an instant database in which a hook has embedded a vector. */
async function usedDatabase(): Promise<{ project_id: string; api_key: string; claim_token: string }> {
  const { body } = await create()
  const { api_key, endpoints } = body
  const hook = { event_type: 'zerodb.vector.stored', hook_name: 'auto_embed' }
  expect((await withKey(api_key, 'POST', '/api/v1/hooks', hook)).status).toBe(201)
  const vector = { vector_id: 'cat', document: 'A cat sleeps on the sofa' }
  expect((await withKey(api_key, 'POST', `${endpoints.vectors}/upsert`, vector)).status).toBe(200)
  await app.drained()
  return body
}

/** Counts the rows of a project, and those of its user in the log. */
async function rowsOf(projectId: string): Promise<Record<string, number>> {
  const [row] = await app.system.database.query<Record<string, number>>(sql`
    select
      (select count(*) from zerodb_projects where id = ${projectId}::uuid) as projects,
      (select count(*) from zerodb_vectors where project_id = ${projectId}::uuid) as vectors,
      (select count(*) from zerodb_hooks where project_id = ${projectId}::uuid) as hooks,
      (select count(*) from zerodb_events where project_id = ${projectId}::uuid) as events,
      (select count(*) from zerodb_runs where project_id = ${projectId}::uuid) as runs,
      (select count(*) from zerodb_api_keys where project_id = ${projectId}::uuid) as keys`)
  return row!
}

describe('instant_db.create', () => {
  test('creates a project with a key for 72 hours, without an account', async () => {
    const before = Date.now()
    const reply = await create()
    expect(reply).toMatchObject({
      status: 200,
      body: {
        project_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        api_key: expect.stringMatching(/^tmp_\w{36}$/),
        claim_url: `${ROUTE}/claim`,
        claim_token: expect.stringMatching(/^[\w-]{43}$/),
      },
    })
    expect(reply.body.warnings).toBeUndefined()
    const { project_id, api_key, expires_at, endpoints } = reply.body
    expect(Date.parse(expires_at)).toBeGreaterThan(before + HOURS_72 * 1000)
    for (const path of Object.values<string>(endpoints)) expect((await withKey(api_key, 'GET', path)).status).toBe(200)
    expect((await withKey(api_key, 'GET', '/api/v1/auth/me')).body).toMatchObject({
      email: null,
      default_project_id: project_id,
    })
    app.clock.advance(HOURS_72 + 1)
    expect((await withKey(api_key, 'GET', endpoints.vectors)).status).toBe(401)
  })

  test('accepts and names the fields that clients send', async () => {
    const reply = await create({ agree_terms: true, on_behalf_of: 'maria@example.com', source: 'a client' })
    expect(reply.status).toBe(200)
    expect(reply.body.warnings).toEqual(
      ['agree_terms', 'on_behalf_of', 'source'].map((name) => `"${name}" has no effect here and was ignored`),
    )
    expect((await create({ agree_term: true })).status).toBe(422)
  })

  test('gives a key for data, memories and hooks of the one project, but not for code, keys and other projects', async () => {
    const { api_key } = (await create()).body
    const function_ = { name: 'one', runtime: 'nodejs', source: 'export default () => 1' }
    for (const [url, body] of [
      ['/api/v1/functions', function_],
      ['/api/v1/sandbox/execute', { language: 'python', code: '' }],
      ['/api/v1/auth/api-keys', { name: 'another' }],
      ['/api/v1/projects', { name: 'another' }],
    ] as const)
      expect({ url, status: (await withKey(api_key, 'POST', url, body)).status }).toEqual({ url, status: 403 })
    const other = await create()
    const foreign = await withKey(api_key, 'GET', other.body.endpoints.vectors)
    expect(foreign.status).toBe(404)
  })

  test('is 429 for the sixth database of a client in an hour', async () => {
    for (let i = 0; i < 5; i++) expect((await create()).status).toBe(200)
    const refused = await create()
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    app.clock.advance(3601)
    expect((await create()).status).toBe(200)
  })

  test('is 403 with the name of the setting when it is off, as by default', async () => {
    const usual = await openTestApp()
    try {
      const reply = await usual.request('POST', ROUTE)
      expect(reply).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect(reply.body.detail).toContain('ZERODB_INSTANT_DB')
    } finally {
      await usual.close()
    }
  })
})

describe('instant_db.claim', () => {
  test('gives the project with its data, hooks and log to the user, with a permanent key', async () => {
    const { project_id, api_key, claim_token } = await usedDatabase()
    const user = await app.newUser()
    const reply = await claim(claim_token, user.key)
    expect(reply).toMatchObject({ status: 200, body: { project_id, api_key: expect.stringMatching(/^zdb_live_/) } })

    const projects = (await user.get('/api/v1/projects')).body
    expect(projects.map(({ id }: { id: string }) => id).sort()).toEqual([user.project_id, project_id].sort())
    expect((await user.get('/api/v1/auth/me')).body.default_project_id).toBe(user.project_id)
    expect(await user.trail()).toEqual({ events: ['zerodb.vector.stored'], runs: ['auto_embed succeeded'] })

    const vectors = `/api/v1/projects/${project_id}/database/vectors`
    const permanent = reply.body.api_key
    expect((await withKey(permanent, 'GET', `${vectors}/cat`)).body).toMatchObject({ model: 'use-lite' })
    const second = { vector_id: 'tax', document: 'The tax return is due' }
    expect((await withKey(permanent, 'POST', `${vectors}/upsert`, second)).status).toBe(200)
    expect((await user.trail()).runs).toEqual(['auto_embed succeeded', 'auto_embed succeeded'])
    expect((await withKey(permanent, 'GET', `${user.database}/vectors`)).status).toBe(404)

    expect((await withKey(api_key, 'GET', vectors)).status).toBe(401)
    app.clock.advance(HOURS_72 + 1)
    await runMaintenance(app.system.app)
    expect((await withKey(permanent, 'GET', vectors)).body.total).toBe(2)
  })

  test('gives the key the permissions of the caller', async () => {
    const { claim_token } = (await create()).body
    const user = await app.newUser()
    const scopes = ['keys:write', 'zerodb:read']
    const { key } = (await user.post('/api/v1/auth/api-keys', { name: 'some', scopes })).body
    const { project_id, api_key } = (await claim(claim_token, key)).body
    const tables = `/api/v1/projects/${project_id}/database/tables`
    expect((await withKey(api_key, 'GET', tables)).status).toBe(200)
    expect((await withKey(api_key, 'POST', tables, { table_name: 'a' })).status).toBe(403)
  })

  test('is 404 for a token that is unknown, used or expired', async () => {
    const user = await app.newUser()
    expect((await claim('unknown', user.key)).status).toBe(404)
    const { claim_token } = (await create()).body
    expect((await claim(claim_token, user.key)).status).toBe(200)
    expect((await claim(claim_token, user.key)).status).toBe(404)
    const late = (await create()).body
    app.clock.advance(HOURS_72 + 1)
    expect((await claim(late.claim_token, user.key)).status).toBe(404)
  })

  test('is 403 for a bound key and for the temporary key, and changes nothing', async () => {
    const { project_id, api_key, claim_token } = await usedDatabase()
    const user = await app.newUser()
    const before = await rowsOf(project_id)
    expect((await claim(claim_token, await app.boundKey(user, user.project_id))).status).toBe(403)
    expect((await claim(claim_token, api_key)).status).toBe(403)
    expect(await rowsOf(project_id)).toEqual(before)
    expect((await claim(claim_token, user.key)).status).toBe(200)
  })

  test('is 403 beyond the quota of projects, and the database can still be claimed', async () => {
    const small = await openTestApp({ ZERODB_INSTANT_DB: 'on', ZERODB_QUOTA_PROJECTS: '1' })
    try {
      const { body } = await small.request('POST', ROUTE)
      const user = await small.newUser()
      const request = { body: { claim_token: body.claim_token }, headers: { 'x-api-key': user.key } }
      const refused = await small.request('POST', `${ROUTE}/claim`, request)
      expect(refused).toMatchObject({ status: 403, body: { code: 'quota_exceeded' } })
      const headers = { 'x-api-key': body.api_key }
      expect((await small.request('GET', body.endpoints.vectors, { headers })).status).toBe(200)
    } finally {
      await small.close()
    }
  })
})

test('an expired database is deleted with everything in it, and others are not', async () => {
  const expired = await usedDatabase()
  app.clock.advance(HOURS_72 / 2)
  const live = await usedDatabase()
  const before = await rowsOf(live.project_id)
  expect(before).toEqual({ projects: 1, vectors: 1, hooks: 1, events: 1, runs: 1, keys: 1 })
  app.clock.advance(HOURS_72 / 2 + 1)
  await runMaintenance(app.system.app)
  expect(await rowsOf(expired.project_id)).toEqual({ projects: 0, vectors: 0, hooks: 0, events: 0, runs: 0, keys: 0 })
  expect(await rowsOf(live.project_id)).toEqual(before)
  const users = await app.system.database.query(sql`
    select from zerodb_users u where not exists (select from zerodb_projects p where p.user_id = u.id)`)
  expect(users).toEqual([])
})
