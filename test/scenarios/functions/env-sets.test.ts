import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { SANDBOX } from '../../support/sandbox.ts'

const SETS = '/api/v1/env-sets'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())

async function set(user: TestUser, name: string, body: object, query = ''): Promise<Record<string, unknown>> {
  const reply = await user.request('PUT', `${SETS}/${name}${query}`, { body })
  expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  return reply.body
}

const secret = async (user: TestUser, name: string, value: string) =>
  expect((await user.request('PUT', `/api/v1/secrets/${name}`, { body: { value } })).status).toBe(200)

const SOURCES = {
  nodejs: 'export default (event, ctx) => ({ ...ctx.env, fromProcess: process.env.MODEL ?? null })',
  python: 'import os\ndef handler(event, ctx):\n    return {**ctx.env, "fromProcess": os.environ.get("MODEL")}\n',
} as const

async function deploy(user: TestUser, runtime: keyof typeof SOURCES, config: object): Promise<Record<string, unknown>> {
  const reply = await user.post('/api/v1/functions', { name: 'shows', runtime, source: SOURCES[runtime], config })
  expect(reply.status, JSON.stringify(reply.body)).toBe(201)
  return reply.body
}

const shown = async (user: TestUser) => (await user.post('/api/v1/functions/shows/invoke', {})).body.result

describe.each(['nodejs', 'python'] as const)('a function (%s)', (runtime) => {
  test('gets the variables of its env sets, and changes from its next call', async () => {
    const user = await app.newUser()
    await secret(user, 'KEY', 'key-of-the-project')
    await set(user, 'openai', { env: { MODEL: 'small', BASE: 'https://api.example.com' }, secrets: ['KEY'] })
    await deploy(user, runtime, { env_from: ['openai'] })
    const first = { MODEL: 'small', BASE: 'https://api.example.com', KEY: 'key-of-the-project', fromProcess: 'small' }
    expect(await shown(user)).toEqual(first)
    await set(user, 'openai', { env: { MODEL: 'large' }, secrets: ['KEY'] })
    expect(await shown(user)).toEqual({ MODEL: 'large', KEY: 'key-of-the-project', fromProcess: 'large' })
    await secret(user, 'KEY', 'another-key')
    expect(await shown(user)).toMatchObject({ KEY: 'another-key' })
    expect((await user.delete(`${SETS}/openai`)).status).toBe(204)
    expect(await shown(user)).toEqual({ fromProcess: null })
  })
})

test('later sets take precedence over earlier ones, and the own variables of a function over both', async () => {
  const user = await app.newUser()
  for (const name of ['A', 'B', 'D']) await secret(user, name, `secret ${name}`)
  await set(user, 'first', { env: { B: 'first', C: 'first', D: 'first' }, secrets: ['A'] })
  await set(user, 'second', { env: { A: 'second', D: 'second' }, secrets: ['B'] })
  await deploy(user, 'nodejs', { env_from: ['first', 'second'], env: { C: 'own' }, secrets: ['D'] })
  expect(await shown(user)).toEqual({ A: 'second', B: 'secret B', C: 'own', D: 'secret D', fromProcess: null })
})

test('a deployment warns of sets and secrets that do not exist', async () => {
  const user = await app.newUser()
  await set(user, 'there', { secrets: ['MISSING'] })
  const { warnings, config } = await deploy(user, 'nodejs', { env_from: ['there', 'absent'] })
  expect(warnings).toEqual([
    'The env set absent does not exist: its variables are missing until you store it',
    'The secret MISSING is declared but not set: env.MISSING is missing until you set it',
  ])
  expect(config).toMatchObject({ env_from: ['there', 'absent'] })
  await set(user, 'absent', { env: { LATE: '1' } })
  expect(await shown(user)).toEqual({ LATE: '1', fromProcess: null })
})

test('a secret of a set is redacted in logs', async () => {
  const user = await app.newUser()
  await secret(user, 'KEY', 'c0rrect-h0rse-battery')
  await set(user, 'openai', { secrets: ['KEY'] })
  const source = 'export default (event, ctx) => { console.log(ctx.env.KEY); throw new Error(ctx.env.KEY) }'
  await user.post('/api/v1/functions', { name: 'leaks', runtime: 'nodejs', source, config: { env_from: ['openai'] } })
  const { detail, run_id } = (await user.post('/api/v1/functions/leaks/invoke', {})).body
  expect(detail).toBe('Error: [secret KEY]')
  await app.drained()
  expect((await user.get(`/api/v1/runs/${run_id}`)).body.logs[0].message).toBe('[secret KEY]')
  expect(JSON.stringify((await user.get(SETS)).body)).not.toContain('c0rrect')
})

test('a set has its variables and the functions that use it', async () => {
  const user = await app.newUser()
  expect((await user.get(SETS)).body).toEqual([])
  const openai = await set(user, 'openai', { env: { MODEL: 'small' }, secrets: ['KEY'] })
  const time = expect.stringMatching(/Z$/)
  expect(openai).toEqual({
    name: 'openai',
    env: { MODEL: 'small' },
    secrets: ['KEY'],
    used_by: [],
    created_at: time,
    updated_at: time,
  })
  await set(user, 'a-set', {})
  await deploy(user, 'nodejs', { env_from: ['openai'] })
  const { body } = await user.get(SETS)
  expect(body.map(({ name, used_by }: { name: string; used_by: string[] }) => [name, used_by])).toEqual([
    ['a-set', []],
    ['openai', ['shows']],
  ])
  expect((await user.get(`${SETS}/openai`)).body).toEqual({ ...openai, used_by: ['shows'] })
  expect((await user.get(`${SETS}/nothing`)).status).toBe(404)
  expect((await user.delete(`${SETS}/nothing`)).status).toBe(404)
  expect(await user.trail()).toEqual({ events: [], runs: [] })
})

test('the history has each change with the names of the variables, without values', async () => {
  const user = await app.newUser()
  await set(user, 'openai', { env: { MODEL: 'value-1', BASE: 'value-2' } })
  await set(user, 'openai', { env: { MODEL: 'value-3', BASE: 'value-2' }, secrets: ['KEY'] })
  await set(user, 'openai', { env: { MODEL: 'value-3' }, secrets: ['BASE', 'KEY'] })
  await set(user, 'openai', { env: { MODEL: 'value-3' }, secrets: ['BASE', 'KEY'] })
  await set(user, 'other', { env: { MODEL: 'value-4' } })
  await user.delete(`${SETS}/openai`)
  const { body } = await user.get(`${SETS}/openai/history`)
  const changes = body.items.map(({ change, variables }: { change: string; variables: string[] }) => [
    change,
    variables,
  ])
  expect(changes).toEqual([
    ['deleted', ['BASE', 'KEY', 'MODEL']],
    ['replaced', []],
    ['replaced', ['BASE']],
    ['replaced', ['KEY', 'MODEL']],
    ['created', ['BASE', 'MODEL']],
  ])
  expect(body.items[0]).toEqual({
    id: expect.any(String),
    name: 'openai',
    change: 'deleted',
    variables: ['BASE', 'KEY', 'MODEL'],
    run_id: null,
    created_at: expect.stringMatching(/Z$/),
  })
  expect(JSON.stringify(body)).not.toContain('value-')
  const first = (await user.get(`${SETS}/openai/history?limit=3`)).body
  const rest = (await user.get(`${SETS}/openai/history?limit=3&cursor=${first.next_cursor}`)).body
  expect([...first.items, ...rest.items]).toEqual(body.items)
  expect(rest.next_cursor).toBeNull()
  expect((await user.get(`${SETS}/unknown/history`)).status).toBe(404)
})

test('the history names the run of a function that made the change, and keeps the latest 1,000 changes', async () => {
  const user = await app.newUser()
  await app.system.database.query(sql`
    insert into zerodb_env_set_changes (project_id, name, change, variables, created_at)
    select ${user.project_id}::uuid, 'old', 'replaced', '[]', now() - make_interval(secs => n)
    from generate_series(1, 1200) n`)
  const source = `export default (event, ctx) => ctx.zerodb.env_sets.set({ name: 'made', env: { A: '1' } })`
  const config = { permissions: ['functions:write'] }
  await user.post('/api/v1/functions', { name: 'makes', runtime: 'nodejs', source, config })
  const { run_id, status } = (await user.post('/api/v1/functions/makes/invoke', {})).body
  expect(status).toBe('succeeded')
  expect((await user.get(`${SETS}/made/history`)).body.items).toMatchObject([{ change: 'created', run_id }])
  const [row] = await app.system.database.query<{ count: number }>(
    sql`select count(*)::int as count from zerodb_env_set_changes where project_id = ${user.project_id}::uuid`,
  )
  expect(row!.count).toBe(1_000)
})

test('sets belong to one project of the user, and end with it', async () => {
  const [user, other] = [await app.newUser(), await app.newUser()]
  const project = await user.project('second')
  await set(user, 'shared', { env: { MODEL: 'first' } })
  await set(user, 'shared', { env: { MODEL: 'second' } }, `?project_id=${project}`)
  await set(other, 'shared', { env: { MODEL: 'foreign' } })
  await deploy(user, 'nodejs', { env_from: ['shared'] })
  await deploy(other, 'nodejs', { env_from: ['shared'] })
  expect([await shown(user), await shown(other)]).toMatchObject([{ MODEL: 'first' }, { MODEL: 'foreign' }])
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/shared'],
    ['DELETE', '/shared'],
    ['GET', '/shared/history'],
  ] as const)
    expect((await other.request(method, `${SETS}${path}?project_id=${project}`, {})).status).toBe(404)
  const put = await other.request('PUT', `${SETS}/shared?project_id=${project}`, { body: { env: {} } })
  expect(put.status).toBe(404)
  expect((await user.get(`${SETS}/shared?project_id=${project}`)).body.env).toEqual({ MODEL: 'second' })
  expect((await user.delete(`/api/v1/projects/${project}`)).status).toBeLessThan(300)
  const [left] = await app.system.database.query<{ count: number }>(sql`
    select
      (select count(*) from zerodb_env_sets where project_id = ${project}::uuid)::int
      + (select count(*) from zerodb_env_set_changes where project_id = ${project}::uuid)::int as count`)
  expect(left!.count).toBe(0)
})

test.each([
  ['Open AI', {}, ['path', 'name']],
  ['ok', { env: { 'A-B': '1' } }, ['body', 'env', 'A-B']],
  ['ok', { env: { A: 1 } }, ['body', 'env', 'A']],
  ['ok', { env: { A: 'x'.repeat(30_000), B: 'x'.repeat(30_000), C: 'x'.repeat(30_000) } }, ['body', 'env']],
  ['ok', { secrets: ['A-B'] }, ['body', 'secrets', 0]],
  ['ok', { values: {} }, ['body', 'values']],
])('%s %j is 422 with the field, and stores nothing', async (name, body, loc) => {
  const user = await app.newUser()
  const reply = await user.request('PUT', `${SETS}/${encodeURIComponent(name)}`, { body })
  expect(reply).toMatchObject({ status: 422, body: { detail: [{ loc }] } })
  expect((await user.get(SETS)).body).toEqual([])
})

test('a wrong name in env_from is 422', async () => {
  const user = await app.newUser()
  const config = { env_from: ['Not a name'] }
  const reply = await user.post('/api/v1/functions', {
    name: 'wrong',
    runtime: 'nodejs',
    source: SOURCES.nodejs,
    config,
  })
  expect([reply.status, JSON.stringify(reply.body)]).toEqual([422, expect.stringContaining('env_from')])
})
