import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Statement, sql } from '../../../src/db/sql.ts'
import { ROUTE_ALIASES } from '../../../src/http/aliases.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import type { Operation } from '../../../src/operations/operation.ts'
import { openTestApp, type Reply, type RequestOptions, type TestApp, type TestUser } from '../../support/app.ts'
import { createFixtures, type Fixtures } from '../../support/fixtures.ts'
import { SANDBOX } from '../../support/sandbox.ts'
import { wheelOf } from '../../support/wheels.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp(SANDBOX)
})
afterAll(() => app.close())

const REMEMBERED = 'zeromemory.remembered'
const MEMORY = '/api/v1/public/memory/v2'
/** Longer than a key stays in the cache. */
const FORGOTTEN_SECONDS = 6

const WHEEL = wheelOf('example', '1.0', { 'example.py': '' })

interface Example {
  params?: Record<string, string>
  body?: unknown
  /** Sent as the only file of a multipart body. */
  file?: string
}

/** The export of an empty project from another server. */
const exportOfNone = () => {
  const at = '2026-06-10T08:00:00+00:00'
  const times = { created_at: at, updated_at: at }
  const row = { id: randomUUID(), name: 'elsewhere', description: null, metadata: {}, settings: {}, ...times }
  return [
    { zerodb: 'project', format: 1, schema: { number: 1, name: '0001_init' } },
    { table: 'projects', row },
    { lines: 3 },
  ]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
}

const inProject =
  (rest: (fixtures: Fixtures) => Example = () => ({})) =>
  (fixtures: Fixtures): Example => {
    const { params, body } = rest(fixtures)
    return { params: { project_id: fixtures.project, ...params }, body }
  }
const ofHook = (body?: unknown) => (fixtures: Fixtures) => ({ params: { hook_id: fixtures.hook }, body })

const ofFunction = (body?: unknown) => (fixtures: Fixtures) => ({ params: { name: fixtures.function }, body })

/** A request of each operation for these fixtures; deletions come last. */
const EXAMPLES: Record<string, (fixtures: Fixtures) => Example> = {
  'auth.me': () => ({}),
  'keys.create': () => ({ body: { name: 'new' } }),
  'keys.list': () => ({}),
  'instant_db.claim': ({ claimToken }) => ({ body: { claim_token: claimToken } }),
  'hooks.create': ({ project }) => ({
    body: { event_type: 'zerodb.vector.stored', hook_name: 'auto_embed', project_id: project },
  }),
  'hooks.list': () => ({}),
  'hooks.get': ofHook(),
  'hooks.update': ofHook({ is_active: true }),
  'hooks.rotate_secret': ({ webhook }) => ({ params: { hook_id: webhook }, body: {} }),
  'hooks.test_filter': ({ project }) => ({ body: { event_type: 'zerodb.vector.stored', project_id: project } }),
  'hooks.invoke': ofHook({ payload: {} }),
  'hooks.runs': ofHook(),
  'hooks.backfill': ofHook({ dry_run: false }),
  'event_log.list': () => ({}),
  'event_log.stream': () => ({}),
  'event_log.get': ({ event }) => ({ params: { event_id: event } }),
  'event_log.hooks': ({ event }) => ({ params: { event_id: event } }),
  'functions.deploy': () => ({ body: { name: 'redeployed', runtime: 'nodejs', source: 'export default () => 3' } }),
  'packages.target': () => ({}),
  'packages.upload': () => ({
    body: { file_name: WHEEL.file_name, file_content: WHEEL.bytes.toString('base64') },
  }),
  'functions.list': () => ({}),
  'functions.get': ofFunction(),
  'functions.update': ofFunction({ is_active: true }),
  'functions.versions': ofFunction(),
  'functions.version': (fixtures) => ({ params: { name: fixtures.function, version: '1' } }),
  'functions.diff': ofFunction(),
  'functions.rollback': ofFunction({}),
  'functions.invoke': ofFunction({ payload: 1 }),
  'secrets.list': () => ({}),
  'secrets.set': () => ({ params: { name: 'SECOND' }, body: { value: 'another' } }),
  'secrets.delete': (fixtures) => ({ params: { name: fixtures.secret } }),
  'secrets.history': () => ({}),
  'env_sets.list': () => ({}),
  'env_sets.get': (fixtures) => ({ params: { name: fixtures.envSet } }),
  'env_sets.set': () => ({ params: { name: 'second' }, body: { env: { A: 'another' } } }),
  'env_sets.delete': (fixtures) => ({ params: { name: fixtures.envSet } }),
  'env_sets.history': (fixtures) => ({ params: { name: fixtures.envSet } }),
  'schedules.create': () => ({ body: { topic: 'a', delay: '1d' } }),
  'schedules.list': () => ({}),
  'schedules.get': ({ schedule }) => ({ params: { schedule_id: schedule } }),
  'schedules.update': ({ schedule }) => ({ params: { schedule_id: schedule }, body: { paused: false } }),
  'schedules.run': ({ schedule }) => ({ params: { schedule_id: schedule } }),
  'runs.list': () => ({}),
  'runs.get': ({ run }) => ({ params: { run_id: run } }),
  'runs.logs': ({ run }) => ({ params: { run_id: run } }),
  'runs.cancel': ({ waitingRun }) => ({ params: { run_id: waitingRun } }),
  'runs.retry': ({ waitingRun }) => ({ params: { run_id: waitingRun } }),
  'runs.redrive': ({ hook }) => ({ body: { hook_id: hook } }),
  'replays.create': ({ hook }) => ({ body: { hook_id: hook } }),
  'replays.list': () => ({}),
  'replays.get': ({ replay }) => ({ params: { replay_id: replay } }),
  'replays.cancel': ({ replay }) => ({ params: { replay_id: replay } }),
  'projects.create': () => ({ body: { name: 'new' } }),
  'projects.list': () => ({}),
  'projects.get': inProject(),
  'projects.update': inProject(() => ({ body: { description: 'changed' } })),
  'projects.suspend': inProject(),
  'projects.activate': inProject(),
  'projects.status': inProject(),
  'projects.enable_database': inProject(),
  'projects.configure_database': inProject(() => ({ body: { vector_dimensions: 384 } })),
  'projects.stats': inProject(),
  'projects.export': inProject(),
  'projects.import': () => ({ file: exportOfNone() }),
  'backups.create': () => ({}),
  'vectors.upsert': inProject(({ vector }) => ({ body: { vector_id: vector, vector_embedding: [0, 1] } })),
  'vectors.upsert_batch': inProject(({ vector }) => ({ body: [{ vector_id: vector, vector_embedding: [0, 1] }] })),
  'vectors.search': inProject(() => ({ body: { query_vector: [1, 0] } })),
  'vectors.list': inProject(),
  'vectors.namespaces': inProject(),
  'vectors.stats': inProject(),
  'embeddings.generate': inProject(() => ({ body: { texts: ['a text'] } })),
  'embeddings.embed_and_store': inProject(({ vector }) => ({ body: { texts: ['a text'], vector_ids: [vector] } })),
  'embeddings.search': inProject(() => ({ body: { query: 'a text', namespace: 'texts' } })),
  'embeddings.models': inProject(),
  'embeddings.create': () => ({ body: { input: 'a text' } }),
  'vectors.update': inProject(({ vector }) => ({ params: { vector_id: vector }, body: { source: 'x' } })),
  'embeddings.re_embed': inProject(() => ({ body: {} })),
  'vectors.get': inProject(({ vector }) => ({ params: { vector_id: vector } })),
  'memory.store': inProject(() => ({ body: { content: 'more' } })),
  'memory.list': inProject(),
  'memory.search': inProject(() => ({ body: { query: 'more' } })),
  'memory.stats': inProject(),
  'memory.sessions': inProject(),
  'memory.context': inProject(() => ({ params: { session_id: 'none' } })),
  'memory.batch_store': inProject(() => ({ body: { records: [{ content: 'more', session_id: 'brief' }] } })),
  'memory.batch_update': inProject(({ record }) => ({ body: { updates: [{ memory_id: record, role: 'user' }] } })),
  'memory.batch_delete': inProject(() => ({ body: { memory_ids: ['00000000-0000-4000-8000-000000000000'] } })),
  'memory.delete_session': inProject(() => ({ params: { session_id: 'brief' } })),
  'memory.get': inProject(({ record }) => ({ params: { memory_id: record } })),
  'memory.update': inProject(({ record }) => ({ params: { memory_id: record }, body: { role: 'user' } })),
  'memory.remember': () => ({ body: { content: 'more' } }),
  'memory.recall': () => ({ body: { query: 'Alice' } }),
  'memory.recall_context': () => ({ body: { query: 'Alice' } }),
  'memory.process': () => ({ body: { messages: [{ role: 'user', content: 'more' }] } }),
  'memory.memories': () => ({}),
  'memory.profile': () => ({}),
  'graph.relate': () => ({ body: { subject: 'Alice', predicate: 'knows', object: 'Carol' } }),
  'graph.end_relation': ({ relation }) => ({ params: { relation_id: relation } }),
  'plans.create': () => ({ body: { title: 'another plan', content: 'steps' } }),
  'plans.get': ({ plan }) => ({ params: { plan_id: plan } }),
  'plans.update': ({ plan }) => ({ params: { plan_id: plan }, body: { status: 'active' } }),
  'plans.history': ({ plan }) => ({ params: { plan_id: plan } }),
  'graph.path': ({ entity }) => ({ params: { from: entity, to: entity } }),
  'graph.neighbors': ({ entity }) => ({ params: { entity } }),
  'files.upload': inProject(() => ({ body: { file_name: 'b.txt', file_content: 'aGk=' } })),
  'files.list': inProject(),
  'files.search': inProject(() => ({ body: { query: 'b' } })),
  'files.get': inProject(({ file }) => ({ params: { file_id: file } })),
  'files.update': inProject(({ file }) => ({ params: { file_id: file }, body: { folder: 'a' } })),
  'files.download': inProject(({ file }) => ({ params: { file_id: file } })),
  'files.presign': inProject(({ file }) => ({ params: { file_id: file }, body: {} })),
  'files.presign_upload': inProject(() => ({ body: { file_name: 'c.txt' } })),
  'tables.create': inProject(() => ({ body: { table_name: 'new' } })),
  'tables.list': inProject(),
  'tables.update': inProject(({ table }) => ({ params: { table }, body: { description: 'a table' } })),
  'tables.get': inProject(({ table }) => ({ params: { table } })),
  'rows.insert': inProject(({ table }) => ({ params: { table }, body: { row_data: {} } })),
  'rows.upsert': inProject(({ table }) => ({ params: { table }, body: { row_data: { id: 1 }, upsert_key: 'id' } })),
  'rows.aggregate': inProject(({ table }) => ({ params: { table }, body: {} })),
  'rows.list': inProject(({ table }) => ({ params: { table } })),
  'rows.query': inProject(({ table }) => ({ params: { table }, body: {} })),
  'rows.get': inProject(({ table, row }) => ({ params: { table, row_id: row } })),
  'rows.replace': inProject(({ table, row }) => ({ params: { table, row_id: row }, body: { row_data: { n: 2 } } })),
  'rows.update': inProject(({ table, row }) => ({ params: { table, row_id: row }, body: { row_data: { n: 3 } } })),
  'rows.update_many': inProject(({ table }) => ({ params: { table }, body: { filter: { n: 3 }, update: { n: 4 } } })),
  'rows.history': inProject(({ table, row }) => ({ params: { table, row_id: row } })),
  'events.publish': inProject(() => ({ body: { topic: 'more' } })),
  'events.publish_batch': inProject(() => ({ body: [{ topic: 'more' }] })),
  'events.list': inProject(),
  'events.poll': inProject(),
  'events.count': inProject(),
  'events.stats': inProject(),
  'events.stream': inProject(),
  'events.stream_token': inProject(() => ({ body: {} })),
  'events.get': inProject(({ published }) => ({ params: { event_id: published } })),
  'events.consume': inProject(() => ({ body: { topic: 'none' } })),
  'events.clear': inProject(() => ({ body: { topic: 'none' } })),
  'sandbox.execute': () => ({ body: { language: 'python', code: '' } }),
  'memory.forget': ({ memory }) => ({ body: { memory_id: memory } }),
  'rows.delete_many': inProject(({ table }) => ({ params: { table }, body: { filter: { none: 1 } } })),
  'rows.delete': inProject(({ table, row }) => ({ params: { table, row_id: row } })),
  'memory.delete': inProject(({ record }) => ({ params: { memory_id: record } })),
  'vectors.delete_many': inProject(() => ({ body: { vector_ids: ['none'] } })),
  'vectors.delete': inProject(({ vector }) => ({ params: { vector_id: vector } })),
  'files.delete': inProject(({ file }) => ({ params: { file_id: file } })),
  'schedules.delete': ({ eventSchedule }) => ({ params: { schedule_id: eventSchedule } }),
  'tables.delete': inProject(({ table }) => ({ params: { table } })),
  'functions.delete': ofFunction(),
  'keys.revoke': ({ key }) => ({ params: { key_id: key } }),
  'hooks.delete': ofHook(),
  'projects.delete': inProject(),
}

/** All operations except those that need no key, which login.test.ts tests. */
const GUARDED = OPERATIONS.filter(({ permission }) => permission !== 'public')
const BY_NAME = new Map(GUARDED.map((operation) => [operation.name, operation]))
const IN_ORDER = Object.keys(EXAMPLES).map((name) => BY_NAME.get(name)!)

function send(
  key: string | null,
  operation: Operation,
  { params = {}, body, file }: Example,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const [method, path] = operation.route.split(' ') as [string, string]
  const url = path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(params[name] ?? 'x'))
  const sent = { ...(key ? { 'x-api-key': key } : {}), ...headers }
  if (file === undefined) return app.request(method, url, { body, headers: sent })
  const part = 'content-disposition: form-data; name="file"; filename="file"'
  const payload = `--cut\r\n${part}\r\n\r\n${file}\r\n--cut--\r\n`
  return app.request(method, url, {
    payload,
    headers: { ...sent, 'content-type': 'multipart/form-data; boundary=cut' },
  })
}

/** Returns which of the fixtures a response mentions. */
const namedIn = (reply: Reply, fixtures: Fixtures) =>
  Object.values(fixtures).filter((id) => JSON.stringify(reply.body).includes(id))

/** Columns by which a row belongs to a user or a project, directly or through another row. The first that a table has counts. */
const OWNED_BY: Record<string, string> = {
  user_id: `t.user_id = $1::uuid and ($2::uuid is null or coalesce(to_jsonb(t) ->> 'project_id', to_jsonb(t) ->> 'id') = $2::uuid::text)`,
  project_id: `t.project_id in (select id from project)`,
  function_id: 't.function_id in (select id from zerodb_functions where project_id in (select id from project))',
  hook_id:
    't.hook_id in (select id from zerodb_hooks where user_id = $1::uuid and ($2::uuid is null or project_id = $2::uuid))',
  entity_id: 't.entity_id in (select id from zerodb_entities where project_id in (select id from project))',
}
/** Columns that change without a write of the user: a running replay advances, and a key notes its use. */
const VOLATILE = ['last_used_at', 'seen', 'created', 'advanced_at']

/**
 * Reads all rows of all tables that belong to a user, or to one of the user's projects, to show that nothing has changed. The tables are
 * those of the database, so that a new one is compared too.
 */
async function stateOf(user: TestUser, project: string | null = null): Promise<Record<string, unknown>> {
  const columns = await app.system.database.query<{ table_name: string; names: string[] }>(sql`
    select table_name::text, array_agg(column_name::text) as names
    from information_schema.columns
    where table_schema = current_schema() and table_name like 'zerodb\\_%'
    group by table_name`)
  const state: Record<string, unknown> = {}
  for (const { table_name, names } of columns) {
    const owners = Object.keys(OWNED_BY).filter((column) => names.includes(column))
    if (owners.length === 0) continue
    // A schedule belongs to a project directly, or through its function.
    const counted = table_name === 'zerodb_schedules' ? owners : owners.slice(0, 1)
    const isOwned = counted.map((column) => `(${OWNED_BY[column]})`).join(' or ')
    const position = table_name === 'zerodb_replays' ? [...VOLATILE, 'position'] : VOLATILE
    const text = `
      with project as (
        select id from zerodb_projects where user_id = $1::uuid and ($2::uuid is null or id = $2::uuid)
      )
      select to_jsonb(t) - $3::text[] as row from ${table_name} t
      where (${isOwned}) and to_jsonb(t) ->> 'replay_id' is null
      order by t::text collate "C"`
    state[table_name] = await app.system.database.query(new Statement(text, [user.user_id, project, position]))
  }
  return state
}

/** Operations for the owner of the server only. */
const OWNERS = ['backups.create']

describe('every operation that needs a key', () => {
  test('has an example here, which its owner may send', async () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual([...BY_NAME.keys()].sort())
    const user = await app.newUser()
    const fixtures = await createFixtures(app, user, await user.project())
    for (const operation of IN_ORDER) {
      const reply = await send(user.key, operation, EXAMPLES[operation.name]!(fixtures), {
        'x-project-id': fixtures.project,
      })
      expect({ operation: operation.name, status: reply.status }).toEqual({
        operation: operation.name,
        status: OWNERS.includes(operation.name) ? 403 : ('status' in operation && operation.status) || 200,
      })
    }
  })

  test('is 401 without a key and with an invalid one, under all its paths', async () => {
    for (const operation of GUARDED) {
      for (const route of [operation.route, ...(ROUTE_ALIASES[operation.name] ?? [])]) {
        const [method, url] = route.split(' ') as [string, string]
        for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
          const reply = await app.request(method, url, { headers, body: {} })
          expect({ route, status: reply.status, www: reply.headers['www-authenticate'] }).toEqual({
            route,
            status: 401,
            www: 'Bearer',
          })
        }
      }
    }
  })

  test('changes and shows nothing without a key, with an invalid one, and with one that lacks the permission', async () => {
    const user = await app.newUser()
    const fixtures = await createFixtures(app, user, user.project_id)
    const lacking = await keyWith(user, sql`scopes = '{other:read}'`)
    const before = await stateOf(user)
    const kinds = [
      'rows',
      'vectors',
      'memories',
      'files',
      'events',
      'runs',
      'hooks',
      'secrets',
      'env_sets',
      'schedules',
      'function_versions',
    ]
    for (const kind of kinds) expect({ kind, rows: before[`zerodb_${kind}`] }).not.toEqual({ kind, rows: [] })
    for (const operation of IN_ORDER) {
      const example = EXAMPLES[operation.name]!(fixtures)
      for (const [key, status] of [
        [null, 401],
        ['wrong', 401],
        [lacking, 403],
      ] as const) {
        if (status === 403 && operation.permission === 'any') continue
        const reply = await send(key, operation, example, { 'x-project-id': fixtures.project })
        expect({ operation: operation.name, key, status: reply.status }).toEqual({
          operation: operation.name,
          key,
          status,
        })
        if (status === 403) expect(reply.body.detail).toContain(operation.permission)
        expect(namedIn(reply, fixtures)).toEqual([])
      }
    }
    expect(await stateOf(user)).toEqual(before)
  })

  /** Operations that return the caller's objects, whatever project is requested. */
  const LISTS = [
    // What packages must fit is the same for all users.
    'packages.target',
    'auth.me',
    'keys.list',
    'hooks.list',
    'event_log.list',
    'event_log.stream',
    'runs.list',
    'replays.list',
    'projects.list',
  ]
  /** Operations with a secret in the body, which is all that they need. */
  const WITH_SECRET = ['instant_db.claim']
  const CREATES = ['projects.create', 'projects.import', 'keys.create']

  test('is 404 for another user with the owner’s project and ids, and changes nothing', async () => {
    const user = await app.newUser()
    const stranger = await app.newUser()
    const fixtures = await createFixtures(app, user, user.project_id)
    const before = await stateOf(user)
    for (const operation of IN_ORDER) {
      const reply = await send(stranger.key, operation, EXAMPLES[operation.name]!(fixtures), {
        'x-project-id': fixtures.project,
      })
      const answers = OWNERS.includes(operation.name)
        ? 403
        : [...LISTS, ...WITH_SECRET].includes(operation.name)
          ? 200
          : 404
      const own = CREATES.includes(operation.name) ? 201 : answers
      expect({ operation: operation.name, status: reply.status }).toEqual({ operation: operation.name, status: own })
      if (own === 200) expect(namedIn(reply, fixtures)).toEqual([])
    }
    expect(await stateOf(user)).toEqual(before)
    expect(await stranger.trail()).toEqual({ events: [], runs: [] })
  })

  test('is 404 for another user’s ids in the caller’s project', async () => {
    const user = await app.newUser()
    const stranger = await app.newUser()
    const fixtures = await createFixtures(app, user, user.project_id)
    const before = await stateOf(user)
    for (const operation of IN_ORDER) {
      const example = EXAMPLES[operation.name]!({ ...fixtures, project: stranger.project_id })
      const named = Object.keys(example.params ?? {}).some((name) => name !== 'project_id')
      // The names of a secret, an env set and a session are not ids: the other user may have the same ones.
      if (
        (!named && operation.name !== 'memory.forget') ||
        ['secrets.set', 'env_sets.set', 'memory.context'].includes(operation.name)
      )
        continue
      const reply = await send(stranger.key, operation, example)
      expect({ operation: operation.name, status: reply.status }).toEqual({ operation: operation.name, status: 404 })
    }
    expect(await stateOf(user)).toEqual(before)
    expect(await stranger.trail()).toEqual({ events: [], runs: [] })
  })

  test('shows a key that is bound to a project nothing of the user’s other projects', async () => {
    const user = await app.newUser()
    const own = await user.project('own')
    const key = await app.boundKey(user, own)
    const fixtures = await createFixtures(app, user, user.project_id)
    const before = await stateOf(user, user.project_id)
    // Operations on the project of the key.
    const others: Record<string, number> = {
      'projects.create': 403,
      'functions.deploy': 201,
      'packages.target': 200,
      'packages.upload': 201,
      'functions.list': 200,
      'secrets.list': 200,
      'secrets.set': 200,
      'secrets.history': 200,
      'env_sets.list': 200,
      'env_sets.set': 200,
      'schedules.create': 201,
      'schedules.list': 200,
      'projects.import': 403,
      'backups.create': 403,
      'instant_db.claim': 403,
      'memory.memories': 200,
      'memory.profile': 200,
      'memory.recall': 200,
      'memory.recall_context': 200,
      'keys.create': 201,
      'embeddings.create': 200,
      'sandbox.execute': 200,
    }
    for (const operation of IN_ORDER) {
      if (['memory.remember', 'memory.process', 'graph.relate', 'plans.create'].includes(operation.name)) continue
      const example = EXAMPLES[operation.name]!(fixtures)
      const elsewhere = await send(key, operation, example, { 'x-project-id': fixtures.project })
      expect({ operation: operation.name, status: elsewhere.status }).toEqual({
        operation: operation.name,
        status: 404,
      })
      const reply = await send(key, operation, example)
      const status = LISTS.includes(operation.name) ? 200 : (others[operation.name] ?? 404)
      expect({ operation: operation.name, status: reply.status }).toEqual({ operation: operation.name, status })
      if (status === 200) expect(namedIn(reply, fixtures)).toEqual([])
    }
    expect(await stateOf(user, user.project_id)).toEqual(before)
  })
})

/** Operations of a suspended project that read it, or write data. The others change its state or its automation. */
test('every write takes an Idempotency-Key, and no read does', async () => {
  const user = await app.newUser()
  const fixtures = await createFixtures(app, user, user.project_id)
  const before = await stateOf(user)
  const { paths } = (await app.request('GET', '/openapi.json')).body
  for (const operation of IN_ORDER) {
    if (operation.permission === 'public' || OWNERS.includes(operation.name)) continue
    const { name, route, permission } = operation
    const isRead = route.startsWith('GET ') || permission.endsWith(':read')
    // A key that is too long is refused before anything is written.
    const reply = await send(user.key, operation, EXAMPLES[name]!(fixtures), { 'idempotency-key': 'x'.repeat(256) })
    const [method, path] = route.split(' ') as [string, string]
    const { parameters = [] } = paths[path.replace(/:(\w+)/g, '{$1}')][method.toLowerCase()]
    const named = (parameters as { name: string }[]).some((parameter) => parameter.name === 'Idempotency-Key')
    expect({ name, status: reply.status, named }).toEqual({ name, status: isRead ? 200 : 422, named: !isRead })
    if (!isRead) expect(reply.body.detail[0].loc).toEqual(['header', 'Idempotency-Key'])
  }
  expect(await stateOf(user)).toEqual(before)
})

const SUSPENDABLE = IN_ORDER.filter(
  ({ name, permission }) =>
    permission.endsWith(':read') ||
    (/^(zerodb|memory):write$/.test(permission) && !name.startsWith('projects.') && name !== 'schedules.delete'),
)

test('every write of data to a suspended project is 409 and changes nothing, and every read works as before', async () => {
  const user = await app.newUser()
  const fixtures = await createFixtures(app, user, user.project_id)
  await user.post(`/api/v1/projects/${user.project_id}/suspend`)
  const before = await stateOf(user)
  for (const operation of SUSPENDABLE) {
    const reply = await send(user.key, operation, EXAMPLES[operation.name]!(fixtures))
    const isRead = operation.permission.endsWith(':read')
    expect({ operation: operation.name, status: reply.status, code: reply.body.code }).toEqual(
      isRead
        ? { operation: operation.name, status: 200, code: undefined }
        : { operation: operation.name, status: 409, code: 'project_suspended' },
    )
  }
  expect(await stateOf(user)).toEqual(before)
})

/** Creates another key of the user, changed by an `update` of its row. */
async function keyWith(user: TestUser, change: ReturnType<typeof sql>): Promise<string> {
  const key = await app.boundKey(user, user.project_id)
  await app.system.database.query(sql`
    update zerodb_api_keys set ${change}
    where id = (select id from zerodb_api_keys where user_id = ${user.user_id}::uuid order by created_at desc, id limit 1)`)
  return key
}

test('a bound key works in its project without naming it', async () => {
  const user = await app.newUser()
  const own = await user.project('own')
  const key = await app.boundKey(user, own)
  const as = (method: string, url: string, body?: unknown) =>
    app.request(method, url, { body, headers: { 'x-api-key': key } })
  expect((await as('POST', `${MEMORY}/remember`, { content: 'a secret note' })).status).toBe(200)
  expect((await as('POST', `${MEMORY}/recall`, { query: 'secret' })).body.count).toBe(1)
  expect((await as('POST', '/api/v1/public/zerodb/events', { type: 'a' })).body.project_id).toBe(own)
  expect((await as('GET', '/api/v1/projects')).body).toMatchObject([{ id: own }])
  expect((await user.post(`${MEMORY}/recall`, { query: 'secret' })).body.count).toBe(0)
})

test('a hook that a bound key creates is for its project; the key can read the user’s global hooks and not change them', async () => {
  const user = await app.newUser()
  const own = await user.project('own')
  const key = await app.boundKey(user, own)
  const as = (method: string, url: string, body?: unknown) =>
    app.request(method, url, { body, headers: { 'x-api-key': key } })
  const everywhere = (await user.hook(REMEMBERED, 'auto_graph')).id
  const made = await as('POST', '/api/v1/hooks', { event_type: REMEMBERED, hook_name: 'auto_embed' })
  expect(made).toMatchObject({ status: 201, body: { project_id: own } })
  expect((await as('GET', '/api/v1/hooks')).body).toMatchObject([{ id: everywhere }, { id: made.body.id }])
  expect((await as('GET', `/api/v1/hooks/${everywhere}`)).status).toBe(200)
  expect((await as('PATCH', `/api/v1/hooks/${everywhere}`, { is_active: false })).status).toBe(403)
  expect((await as('DELETE', `/api/v1/hooks/${everywhere}`)).status).toBe(403)
  expect((await as('DELETE', `/api/v1/hooks/${made.body.id}`)).status).toBe(204)
  expect((await user.get('/api/v1/hooks')).body).toMatchObject([{ id: everywhere, is_active: true }])
})

test('a key is accepted in both headers, and X-API-Key takes precedence', async () => {
  const user = await app.newUser()
  const status = async (headers: Record<string, string>) =>
    (await app.request('GET', '/api/v1/hooks', { headers })).status
  expect(await status({ 'x-api-key': user.key })).toBe(200)
  expect(await status({ 'X-API-Key': ` ${user.key} ` })).toBe(200)
  expect(await status({ authorization: `Bearer ${user.key}` })).toBe(200)
  expect(await status({ authorization: `bearer  ${user.key} ` })).toBe(200)
  expect(await status({ 'x-api-key': user.key, authorization: 'Bearer wrong' })).toBe(200)
  expect(await status({ 'x-api-key': 'wrong', authorization: `Bearer ${user.key}` })).toBe(401)
  expect(await status({ 'x-api-key': '', authorization: `Bearer ${user.key}` })).toBe(200)
})

test('an invalid key is 401, the response says how to send one, and asks for Bearer', async () => {
  const user = await app.newUser()
  for (const headers of [
    {},
    { authorization: '' },
    { authorization: user.key },
    { authorization: `Basic ${Buffer.from(`user:${user.key}`).toString('base64')}` },
    { authorization: 'Bearer' },
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${user.key.slice(0, -1)}` },
    { authorization: `Bearer ${user.key}x` },
    { 'x-api-key': user.key.toUpperCase() },
  ] as Record<string, string>[]) {
    const reply = await app.request('GET', '/api/v1/hooks', { headers })
    expect({ headers, status: reply.status }).toEqual({ headers, status: 401 })
    expect(reply.headers['www-authenticate']).toBe('Bearer')
    expect(reply.body).toMatchObject({ code: 'unauthorized', detail: expect.any(String) })
    expect(JSON.stringify(reply.body)).not.toContain(user.key.slice(10, 20))
  }
})

test('a revoked key and an expired one are 401', async () => {
  const user = await app.newUser()
  const status = async (key: string) =>
    (await app.request('GET', '/api/v1/hooks', { headers: { authorization: `Bearer ${key}` } })).status
  const later = await keyWith(user, sql`expires_at = now() + interval '1 hour'`)
  expect(await status(later)).toBe(200)
  expect(await status(await keyWith(user, sql`expires_at = now() - interval '1 second'`))).toBe(401)
  expect(await status(await keyWith(user, sql`revoked_at = now()`))).toBe(401)

  expect(await status(user.key)).toBe(200)
  for (const { id } of (await app.system.app.store.keys.list()).filter((key) => key.user_id === user.user_id))
    await app.system.app.store.keys.revoke(id)
  app.clock.advance(FORGOTTEN_SECONDS)
  expect(await status(user.key)).toBe(401)
  expect(await status(later)).toBe(401)
})

test('X-Project-ID selects the project if the path has none', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const other = await user.project()
  const remember = (project: string) =>
    user.post(`${MEMORY}/remember`, { content: 'a note' }, { 'x-project-id': project })
  expect((await remember(other)).status).toBe(200)
  expect((await remember(other.toUpperCase())).status).toBe(200)
  const counts = async (project: string) =>
    (await user.get(`/api/v1/projects/${project}/database`)).body.memory_records_count
  expect([await counts(user.project_id), await counts(other)]).toEqual([0, 2])
  for (const project of [randomUUID(), stranger.project_id]) {
    expect(await remember(project)).toMatchObject({ status: 404, body: { detail: 'Project not found' } })
    const recall = await user.post(`${MEMORY}/recall`, { query: 'note' }, { 'x-project-id': project })
    expect(recall.status).toBe(404)
  }
  const wrong = await remember('my-project')
  expect(wrong.status).toBe(422)
  expect(wrong.body.detail).toEqual([
    {
      type: 'uuid_parsing',
      loc: ['header', 'X-Project-ID'],
      msg: 'Input should be a valid UUID',
      input: 'my-project',
    },
  ])
  expect(await user.trail()).toEqual({ events: [REMEMBERED, REMEMBERED], runs: [] })
})

test('headers of other services are ignored', async () => {
  const user = await app.newUser()
  const headers = { 'x-organization-id': 'org', 'x-api-secret': 'secret', 'x-client': 'sdk' }
  expect((await user.get('/api/v1/hooks', headers)).status).toBe(200)
})

test('B10: a bound key that is sent with another project writes nothing and is 404', async () => {
  const user = await app.newUser()
  const other = await user.project()
  const key = await app.boundKey(user, other)
  const headers = { 'x-api-key': key }
  const elsewhere = { ...headers, 'x-project-id': user.project_id }
  const named = { project_id: user.project_id }
  const table = `/api/v1/projects/-/database/tables`
  const upload = '/api/v1/projects/-/database/files/upload'
  const boundary = 'the-boundary'
  const form = [
    `--${boundary}\r\ncontent-disposition: form-data; name="project_id"\r\n\r\n${user.project_id}`,
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello`,
    `--${boundary}--\r\n`,
  ].join('\r\n')
  const requests: [string, string, RequestOptions][] = [
    ['POST', `${MEMORY}/remember`, { headers: elsewhere, body: { content: 'a note' } }],
    ['POST', table, { headers: elsewhere, body: { table_name: 'notes' } }],
    ['GET', '/api/v1/projects', { headers: elsewhere }],
    ['POST', `${MEMORY}/remember`, { headers, body: { content: 'a note', ...named } }],
    ['POST', table, { headers, body: { table_name: 'notes', ...named } }],
    [
      'POST',
      `/api/v1/projects/${other}/database/tables`,
      { headers, body: { table_name: 'notes', projectId: named.project_id } },
    ],
    ['POST', `${table}?project_id=${user.project_id}`, { headers, body: { table_name: 'notes' } }],
    ['GET', `${table}?project_id=${user.project_id}`, { headers }],
    [
      'POST',
      upload,
      { headers: { ...headers, 'content-type': `multipart/form-data; boundary=${boundary}` }, payload: form },
    ],
  ]
  for (const [method, url, options] of requests)
    expect({ url, ...(await app.request(method, url, options)) }).toMatchObject({
      url,
      status: 404,
      body: { code: 'not_found', detail: 'Project not found' },
    })
  expect((await user.get(`/api/v1/projects/${other}/database`)).body).toMatchObject({
    memory_records_count: 0,
    tables_count: 0,
    files_count: 0,
  })
  expect(await user.trail()).toEqual({ events: [], runs: [] })
  const own = await app.request('POST', `${MEMORY}/remember`, {
    headers: { ...headers, 'x-project-id': other.toUpperCase() },
    body: { content: 'a note' },
  })
  expect(own.status).toBe(200)
})

test('B10: a project_id in the body or query selects the project if the path has none, and must agree with the path', async () => {
  const user = await app.newUser()
  const stranger = await app.newUser()
  const other = await user.project()
  const create = (path: string, project_id: string) =>
    user.post(`/api/v1/projects/${path}/database/tables`, { table_name: 'notes', project_id })
  expect(await create(user.project_id, other)).toMatchObject({
    status: 422,
    body: { detail: [{ loc: ['body', 'project_id'], input: other }] },
  })
  expect((await create('-', stranger.project_id)).status).toBe(404)
  expect(await create('-', other)).toMatchObject({ status: 201, body: { project_id: other } })
  expect((await create(other, other)).status).toBe(409)
})
