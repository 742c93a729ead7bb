import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MCP_OPERATIONS } from '../../../src/http/dialects/mcp-operations.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

const URLS = [
  '/v1/public/mcp',
  '/v1/public/zerodb/mcp/execute',
  '/api/v1/public/mcp',
  '/api/v1/public/zerodb/mcp/execute',
]

let app: TestApp
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8', ZERODB_REGISTRATION: 'on' })
})
afterAll(async () => {
  await app?.close()
  await receiver?.close()
})

/** Executes an operation as an MCP bridge does: with the project among the parameters. */
function execute(user: TestUser, operation: string, params: object = {}): Promise<Reply> {
  executed.add(operation)
  return user.post(URLS[1]!, { operation, params: { project_id: user.project_id, ...params } })
}
const executed = new Set<string>()

/** Executes an operation and returns its result. Fails the test unless the answer has the form that clients read. */
// biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary results
async function result(user: TestUser, operation: string, params: object = {}): Promise<any> {
  const { status, body } = await execute(user, operation, params)
  expect(body, operation).toMatchObject({ success: true })
  expect(status).toBe(200)
  const { success: _, result, data, ...top } = body
  expect(data).toEqual(result)
  const { success: __, data: ___, ...fields } = result
  expect(top).toEqual(fields)
  return result
}

const names = async (user: TestUser) => (await user.events()).map(({ event }) => event)

describe('G10: the route that executes operations by name', () => {
  test.each(URLS)('%s answers with the result, also as data and at the top level', async (url) => {
    const user = await app.newUser()
    const byToken = await user.post(url, {
      operation: 'create_table',
      params: { table_name: 'jobs', schema: { id: 'string' } },
    })
    expect(byToken).toMatchObject({
      status: 200,
      body: { success: true, table_name: 'jobs', result: { table_name: 'jobs', project_id: user.project_id } },
    })
    expect(byToken.body.data).toEqual(byToken.body.result)
    const headers = { 'x-api-key': user.key }
    const body = { operation: 'list_tables', params: { project_id: user.project_id } }
    const byKey = await app.request('POST', url, { headers, body })
    expect(byKey).toMatchObject({ status: 200, body: { success: true, count: 1, tables: [{ table_name: 'jobs' }] } })
  })

  test('an MCP bridge logs in with user name and password', async () => {
    const account = { email: `${randomUUID()}@example.test`, password: 'correct horse battery' }
    expect((await app.request('POST', '/v1/public/auth/register', { body: account })).status).toBe(201)
    const login = await app.request('POST', '/v1/public/auth/login-json', {
      body: { username: account.email, password: account.password },
    })
    expect(login).toMatchObject({ status: 200, body: { token_type: 'bearer', expires_in: expect.any(Number) } })
    const listed = await app.request('POST', URLS[1]!, {
      headers: { authorization: `Bearer ${login.body.access_token}` },
      body: { operation: 'list_projects', params: {} },
    })
    expect(listed).toMatchObject({ status: 200, body: { success: true, count: 1 } })
  })

  test.each(['quantum_compress_vector', 'rlhf_collect_interaction', 'admin_system_health', 'postgres_provision'])(
    '%s is answered as not supported',
    async (operation) => {
      const user = await app.newUser()
      expect(await execute(user, operation, { anything: 1 })).toMatchObject({
        status: 200,
        body: { success: false, error: { message: `The operation "${operation}" is not supported by this server` } },
      })
    },
  )

  test('an unknown operation is answered with a similar name', async () => {
    const user = await app.newUser()
    expect(await execute(user, 'query_row')).toMatchObject({
      status: 200,
      body: { success: false, error: { message: 'Unknown operation "query_row". Did you mean "query_rows"?' } },
    })
    for (const operation of ['constructor', '__proto__', 'toString'])
      expect(await execute(user, operation)).toMatchObject({ status: 200, body: { success: false } })
  })

  test('requests without a valid key are 401, before the operation is looked up', async () => {
    for (const operation of ['list_tables', 'quantum_kernel_similarity'])
      for (const headers of [{}, { authorization: 'Bearer wrong' }])
        expect(await app.request('POST', URLS[0]!, { headers, body: { operation } })).toMatchObject({
          status: 401,
          body: {
            error: { message: expect.any(String), details: null },
            detail: expect.any(String),
            code: 'unauthorized',
          },
        })
  })

  test.each([
    [[], ['body']],
    [{}, ['body', 'operation']],
    [{ operation: 7 }, ['body', 'operation']],
    [{ operation: 'list_tables', params: [] }, ['body', 'params']],
    [{ operation: 'list_tables', parameters: {} }, ['body', 'parameters']],
  ])('the body %j is 422', async (body, loc) => {
    const user = await app.newUser()
    const reply = await user.post(URLS[0]!, body)
    expect(reply).toMatchObject({ status: 422, body: { detail: [{ loc }], error: { details: [{ loc }] } } })
    expect(
      await user.request('POST', URLS[0]!, { payload: '{', headers: { 'content-type': 'application/json' } }),
    ).toMatchObject({
      status: 422,
      body: { error: { message: expect.stringContaining('JSON decode error') } },
    })
  })

  test('errors of an operation name its parameters as the client sends them', async () => {
    const user = await app.newUser()
    expect(await execute(user, 'query_rows', {})).toMatchObject({
      status: 422,
      body: {
        error: { message: 'params.table_id: Field required', details: [{ loc: ['body', 'params', 'table_id'] }] },
        detail: [{ type: 'missing', loc: ['body', 'params', 'table_id'] }],
        code: 'validation_failed',
      },
    })
    expect(await execute(user, 'query_rows', { table_id: 'none' })).toMatchObject({
      status: 404,
      body: { error: { message: 'Table not found', details: null }, detail: 'Table not found', code: 'not_found' },
    })
    expect(await execute(user, 'list_events', { end_time: '2026-01-01T00:00:00Z' })).toMatchObject({
      status: 422,
      body: { detail: [{ type: 'extra_forbidden', loc: ['body', 'params', 'end_time'] }] },
    })
    expect(await execute(user, 'semantic_search', { query_text: 7 })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'query_text'] }] },
    })
    expect(await execute(user, 'query_rows', { table_id: 'a', table_name: 'b' })).toMatchObject({
      status: 422,
      body: { error: { message: 'params.table_name: "table_name" contradicts "table_id": send one of them' } },
    })
    expect(await execute(user, 'insert_rows', { table_id: 'a', rows: [{}], return_ids: 'perhaps' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'return_ids'] }] },
    })
  })

  test('the project of another user is 404, and nothing is written', async () => {
    const [user, other] = [await app.newUser(), await app.newUser()]
    await result(other, 'create_table', { table_name: 'jobs' })
    for (const operation of Object.keys(MCP_OPERATIONS)) {
      if (['create_project', 'list_projects'].includes(operation)) continue
      const params = { ...EXAMPLES[operation], project_id: other.project_id }
      const { status, body } = await execute(user, operation, params)
      expect({ operation, status, body }).toMatchObject({
        operation,
        status: 404,
        body: { error: { message: expect.any(String) } },
      })
    }
    expect(await user.events()).toEqual([])
    expect(await other.events()).toEqual([])
    expect((await result(other, 'list_tables')).count).toBe(1)
    expect((await other.get('/api/v1/hooks')).body).toEqual([])
  })

  test('a key without the permission is 403', async () => {
    const user = await app.newUser()
    const { body } = await user.post('/api/v1/auth/api-keys', { name: 'reader', scopes: ['zerodb:read'] })
    const headers = { 'x-api-key': body.key }
    const post = (operation: string, params: object) =>
      app.request('POST', URLS[0]!, { headers, body: { operation, params } })
    expect(await post('create_table', { table_name: 'jobs' })).toMatchObject({
      status: 403,
      body: { error: { message: 'This API key lacks the permission "zerodb:write"' }, code: 'forbidden' },
    })
    expect(await post('list_tables', {})).toMatchObject({ status: 200, body: { count: 0 } })
  })

  test('a repeated request with an Idempotency-Key writes nothing', async () => {
    const user = await app.newUser()
    await result(user, 'create_table', { table_name: 'jobs' })
    const insert = (n: number) =>
      user.post(
        URLS[0]!,
        { operation: 'insert_rows', params: { table_id: 'jobs', rows: [{ n }] } },
        { 'idempotency-key': 'k' },
      )
    const first = await insert(1)
    const second = await insert(1)
    expect(second).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } })
    expect(second.body).toEqual(first.body)
    expect(await insert(2)).toMatchObject({
      status: 409,
      body: { error: { message: expect.any(String) }, code: 'idempotency_mismatch' },
    })
    expect(await names(user)).toEqual(['zerodb.table.row_inserted'])
  })

  test('a limit of requests and of quotas applies', async () => {
    const small = await openTestApp({ ZERODB_RATE_LIMIT: '1', ZERODB_QUOTA_TABLES: '1' })
    const user = await small.newUser()
    const create = (table_name: string) => user.post(URLS[0]!, { operation: 'create_table', params: { table_name } })
    expect(await create('a')).toMatchObject({ status: 200, headers: { 'ratelimit-limit': '10' } })
    expect(await create('b')).toMatchObject({ status: 403, body: { error: {}, code: 'quota_exceeded' } })
    const replies = await Promise.all(
      Array.from({ length: 12 }, () => user.post(URLS[0]!, { operation: 'list_tables' })),
    )
    const limited = replies.find(({ status }) => status === 429)
    expect(limited).toMatchObject({
      body: { error: { message: expect.any(String) } },
      headers: { 'retry-after': expect.any(String) },
    })
    await small.close()
  })

  test('another method is 405', async () => {
    const user = await app.newUser()
    for (const url of URLS) expect(await user.get(url)).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  })

  test('the header X-Project-ID selects the project of parameters without one', async () => {
    const user = await app.newUser()
    const project_id = await user.project()
    const create = { operation: 'create_table', params: { table_name: 'jobs' } }
    const headers = { 'x-project-id': project_id }
    expect((await user.post(URLS[0]!, create, headers)).body.result).toMatchObject({ project_id })
    expect((await result(user, 'list_tables')).count).toBe(0)
    expect((await result(user, 'list_tables', { project_id })).count).toBe(1)
  })

  test('a suspended project refuses writes with 409 and can be read', async () => {
    const user = await app.newUser()
    await result(user, 'create_table', { table_name: 'jobs' })
    await user.post(`/api/v1/projects/${user.project_id}/suspend`)
    expect(await execute(user, 'insert_rows', { table_id: 'jobs', rows: [{ n: 1 }] })).toMatchObject({
      status: 409,
      body: { code: 'project_suspended' },
    })
    expect((await result(user, 'query_rows', { table_id: 'jobs' })).rows).toEqual([])
  })
})

const UUID = '00000000-0000-4000-8000-000000000000'
/** Valid parameters of each operation. */
const EXAMPLES: Record<string, object> = {
  generate_embeddings: { texts: ['a'] },
  embed_and_store: { texts: ['a'] },
  semantic_search: { query_text: 'a' },
  store_memory: { content: 'a' },
  search_memory: { query: 'a' },
  get_context: { session_id: 'a' },
  upsert_vector: { vector_embedding: [1, 0] },
  batch_upsert_vectors: { vectors: [{ vector_embedding: [1, 0] }] },
  search_vectors: { query_vector: [1, 0] },
  get_vector: { vector_id: 'a' },
  delete_vector: { vector_id: 'a' },
  create_table: { table_name: 'a' },
  get_table: { table_id: 'jobs' },
  delete_table: { table_id: 'jobs', confirm: true },
  insert_rows: { table_id: 'jobs', rows: [{}] },
  query_rows: { table_id: 'jobs' },
  update_rows: { table_id: 'jobs', filter: { a: 1 }, update: { a: 2 } },
  delete_rows: { table_id: 'jobs', filter: { a: 1 } },
  upload_file: { file_name: 'a', file_content: 'YQ==' },
  download_file: { file_id: UUID },
  delete_file: { file_id: UUID },
  get_file_metadata: { file_id: UUID },
  generate_presigned_url: { file_id: UUID },
  create_event: { event_type: 'a', event_data: {} },
  get_event: { event_id: UUID },
  subscribe_to_events: { event_types: ['a'], webhook_url: 'https://example.com/' },
  update_project: { project_name: 'mine' },
  delete_project: { confirm: true },
}

describe('G10: vectors and embeddings', () => {
  test('vectors are stored, searched, listed, counted, exported and deleted', async () => {
    const user = await app.newUser()
    const stored = await result(user, 'upsert_vector', {
      vector_embedding: [1, 0],
      document: 'red',
      metadata: { warm: true },
      namespace: 'colours',
      vector_id: 'red',
    })
    expect(stored).toMatchObject({ vector_id: 'red', namespace: 'colours', metadata: { warm: true }, document: 'red' })
    const batch = await result(user, 'batch_upsert_vectors', {
      vectors: [{ vector_embedding: [0, 1], document: 'blue', metadata: { warm: false }, vector_id: 'blue' }],
      namespace: 'colours',
    })
    expect(batch).toMatchObject({ success_count: 1, vector_ids: ['blue'] })
    const search = { query_vector: [1, 0.1], namespace: 'colours', limit: 1, threshold: 0.7 }
    expect((await result(user, 'search_vectors', search)).vectors).toMatchObject([
      { vector_id: 'red', document: 'red' },
    ])
    const cold = await result(user, 'search_vectors', { ...search, threshold: 0, filter_metadata: { warm: false } })
    expect(cold.results).toMatchObject([{ vector_id: 'blue' }])
    const key = { vector_id: 'red', namespace: 'colours' }
    expect(await result(user, 'get_vector', key)).toMatchObject({ vector_id: 'red', vector_embedding: [1, 0] })
    expect(await result(user, 'get_vector', { ...key, include_embedding: false })).not.toHaveProperty(
      'vector_embedding',
    )
    const listed = await result(user, 'list_vectors', { namespace: 'colours', limit: 10, offset: 1 })
    expect(listed).toMatchObject({ total: 2, vectors: [{ vector_id: 'blue' }] })
    const warm = await result(user, 'list_vectors', { filter_metadata: { warm: true } })
    expect(warm.vectors).toMatchObject([{ vector_id: 'red' }])
    const stats = await result(user, 'vector_stats', { namespace: 'colours', detailed: true })
    expect(stats).toMatchObject({ total_vectors: 2, warnings: ['"detailed" has no effect here and was ignored'] })

    const exported = await result(user, 'export_vectors', { namespace: 'colours', format: 'json' })
    expect(exported).toMatchObject({ format: 'json', count: 2, total: 2, next_cursor: null })
    expect(exported.vectors).toMatchObject([{ vector_embedding: [1, 0] }, { vector_embedding: [0, 1] }])
    const bare = await result(user, 'export_vectors', { include_embeddings: false, filter_metadata: { warm: true } })
    expect(bare.vectors).toHaveLength(1)
    expect(bare.vectors[0]).not.toHaveProperty('vector_embedding')
    const page = await result(user, 'export_vectors', { limit: 1 })
    expect(page.vectors).toMatchObject([{ vector_id: 'red' }])
    const rest = await result(user, 'export_vectors', { limit: 1, cursor: page.next_cursor })
    expect(rest.vectors).toMatchObject([{ vector_id: 'blue' }])
    expect(await execute(user, 'export_vectors', { format: 'parquet' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'format'] }] },
    })

    expect(await result(user, 'delete_vector', key)).toEqual({ deleted: true, vector_id: 'red' })
    expect(await execute(user, 'delete_vector', key)).toMatchObject({
      status: 404,
      body: { error: { message: 'Vector not found' } },
    })
    expect(await names(user)).toEqual(['zerodb.vector.stored', 'zerodb.vector.batch_stored', 'zerodb.vector.deleted'])
  })

  test('operations on indexes and storage answer with the state', async () => {
    const user = await app.newUser()
    await result(user, 'upsert_vector', { vector_embedding: [1, 0], document: 'red' })
    const index = await result(user, 'create_vector_index', { index_type: 'ivf', distance_metric: 'cosine' })
    expect(index).toMatchObject({
      created: false,
      status: 'automatic',
      index_type: 'hnsw',
      stats: { total_vectors: 1 },
      warnings: ['"index_type" has no effect here and was ignored'],
    })
    expect(await execute(user, 'create_vector_index', { distance_metric: 'dot' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'distance_metric'] }] },
    })
    const optimized = await result(user, 'optimize_vector_storage', { optimize_type: 'reindex', dry_run: true })
    expect(optimized).toMatchObject({ optimized: false, dry_run: true, stats: { total_vectors: 1 } })
  })

  test('texts are embedded, stored and found', async () => {
    const user = await app.newUser()
    const embedded = await result(user, 'generate_embeddings', {
      texts: ['a cat', 'a dog'],
      model: 'BAAI/bge-small-en-v1.5',
    })
    expect(embedded).toMatchObject({ count: 2, dimensions: 512, warnings: [expect.stringContaining('BAAI')] })
    expect(embedded.embeddings).toHaveLength(2)
    const stored = await result(user, 'embed_and_store', {
      texts: ['cats chase mice', 'invoices are due'],
      namespace: 'notes',
      metadata: { kind: 'note' },
    })
    expect(stored).toMatchObject({ vectors_stored: 2, namespace: 'notes' })
    await result(user, 'embed_and_store', { texts: ['pay the bill'], namespace: 'notes', metadata: [{ kind: 'task' }] })
    const found = await result(user, 'semantic_search', {
      query_text: 'a cat and a mouse',
      namespace: 'notes',
      limit: 1,
    })
    expect(found.results).toMatchObject([{ document: 'cats chase mice', metadata: { kind: 'note' } }])
    const filter_metadata = { kind: 'task' }
    const tasks = await result(user, 'semantic_search', { query_text: 'a cat', namespace: 'notes', filter_metadata })
    expect(tasks.results).toMatchObject([{ document: 'pay the bill' }])
    expect(await names(user)).toEqual(['zerodb.vector.batch_stored', 'zerodb.vector.batch_stored'])
  })
})

describe('G10: tables', () => {
  test('a queue client finds its rows flat, with their own ids', async () => {
    const user = await app.newUser()
    const table_name = 'queue_mail'
    await result(user, 'create_table', { table_name, schema: { id: 'string', data: 'string' } })
    expect(await execute(user, 'create_table', { table_name })).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('exists already') }, code: 'table_exists' },
    })
    const job = (id: string, timestamp: number) => ({ id, status: 'waiting', data: '{}', version: 7, timestamp })
    const inserted = await result(user, 'insert_rows', { table_name, rows: [job('b', 2), job('a', 1)] })
    expect(inserted).toMatchObject({ inserted_count: 2, rows: [job('b', 2), job('a', 1)] })
    expect(inserted.row_ids).toEqual([inserted.rows[0].row_id, inserted.rows[1].row_id])
    const waiting = {
      table_name,
      filters: { status: { $in: ['waiting'] } },
      limit: 10,
      offset: 0,
      sort: { timestamp: 1 },
    }
    const { body } = await execute(user, 'query_rows', waiting)
    expect(body.rows).toMatchObject([
      { ...job('a', 1), row_id: inserted.row_ids[1], row_data: job('a', 1), table_name },
      { ...job('b', 2), row_id: inserted.row_ids[0], row_data: job('b', 2), table_name },
    ])
    expect(body.data.rows).toEqual(body.rows)
    expect(
      (await execute(user, 'query_rows', { table_name, filters: { status: 'waiting' }, limit: 0 })).body,
    ).toMatchObject({
      total: 2,
      rows: [],
    })
    const updated = await result(user, 'update_rows', {
      table_name,
      filters: { id: 'a' },
      updates: { status: 'active' },
    })
    expect(updated).toMatchObject({ matched_count: 1, modified_count: 1, row_ids: [inserted.row_ids[1]] })
    expect((await result(user, 'query_rows', { table_name, filters: { id: 'a' } })).rows).toMatchObject([
      { status: 'active' },
    ])
    expect(await result(user, 'delete_rows', { table_name, filters: { id: 'a' } })).toMatchObject({ deleted_count: 1 })
    expect(await result(user, 'delete_table', { table_name })).toEqual({ deleted: true, table_name })
    expect(await names(user)).toEqual([
      'zerodb.table.row_inserted',
      'zerodb.table.row_inserted',
      'zerodb.table.row_updated',
      'zerodb.table.row_deleted',
    ])
  })

  test('an MCP bridge names tables by id and uses operators, projections and limits', async () => {
    const user = await app.newUser()
    const { table_id } = await result(user, 'create_table', {
      table_name: 'orders',
      schema: { fields: { n: 'number' }, indexes: [] },
      description: 'All orders',
    })
    const rows = [1, 2, 3, 4].map((n) => ({ n, open: true }))
    const inserted = await result(user, 'insert_rows', { table_id, rows, return_ids: false })
    expect(inserted).toEqual({ inserted_count: 4 })
    const one = await result(user, 'insert_rows', { table_id, row_data: { n: 5, open: true } })
    expect(one).toMatchObject({ inserted_count: 1, rows: [{ n: 5, id: one.row_ids[0], row_id: one.row_ids[0] }] })
    expect(await result(user, 'list_tables', { limit: 100, offset: 0 })).toMatchObject({
      count: 1,
      tables: [{ table_id }],
    })
    expect(await result(user, 'get_table', { table_id, include_stats: true })).toMatchObject({
      table_id,
      description: 'All orders',
      row_count: 5,
      row_count_is_exact: true,
    })
    expect(await result(user, 'get_table', { table_id: 'orders', include_stats: false })).not.toHaveProperty(
      'row_count',
    )
    const found = await result(user, 'query_rows', {
      table_id,
      filter: { n: { $gt: 1 } },
      sort: { n: -1 },
      limit: 2,
      offset: 1,
      projection: { n: 1 },
    })
    expect(found.rows.map((row: { row_data: unknown }) => row.row_data)).toEqual([{ n: 4 }, { n: 3 }])
    const update = { $set: { open: false }, $inc: { n: 10 } }
    expect(await result(user, 'update_rows', { table_id, filter: { n: { $lte: 2 } }, update })).toMatchObject({
      modified_count: 2,
    })
    const upsert = { table_id, filter: { n: 99 }, update: { $set: { open: true } }, upsert: true }
    const { upserted_id } = await result(user, 'update_rows', upsert)
    expect((await result(user, 'query_rows', { table_id, filter: { n: 99 } })).rows).toMatchObject([
      { row_id: upserted_id, n: 99, open: true },
    ])
    expect(await result(user, 'delete_rows', { table_id, filter: { open: false }, limit: 1 })).toMatchObject({
      deleted_count: 1,
      has_more: true,
    })
    expect(await result(user, 'delete_rows', { table_id, filter: {}, limit: 0 })).toMatchObject({ deleted_count: 5 })
    expect(await execute(user, 'delete_rows', { table_id, filter: {} })).toMatchObject({ status: 422 })
    expect(await execute(user, 'delete_table', { table_id, confirm: false })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'confirm'] }] },
    })
    expect(await result(user, 'delete_table', { table_id, confirm: true })).toEqual({ deleted: true, table_id })
    expect(await names(user)).toEqual([
      ...Array(5).fill('zerodb.table.row_inserted'),
      ...Array(2).fill('zerodb.table.row_updated'),
      'zerodb.table.row_inserted',
      ...Array(6).fill('zerodb.table.row_deleted'),
    ])
  })

  test('numbers keep all their digits', async () => {
    const user = await app.newUser()
    await result(user, 'create_table', { table_name: 'n' })
    const payload = '{"operation":"insert_rows","params":{"table_id":"n","rows":[{"n":9007199254740993}]}}'
    const headers = { 'content-type': 'application/json' }
    const { raw } = await user.request('POST', URLS[0]!, { payload, headers })
    expect(raw.toString().match(/"n":9007199254740993/g)).toHaveLength(6)
  })
})

describe('G10: files', () => {
  test('files are uploaded, listed, downloaded, shared and deleted', async () => {
    const user = await app.newUser()
    const file_content = Buffer.from('hello').toString('base64')
    const uploaded = await result(user, 'upload_file', {
      file_name: 'hello.txt',
      file_content,
      content_type: 'text/plain',
      metadata: { kind: 'note' },
      folder: 'notes',
    })
    const { file_id } = uploaded
    expect(uploaded).toMatchObject({ file_name: 'hello.txt', size_bytes: 5, file_metadata: { kind: 'note' } })
    expect(await result(user, 'list_files', { folder: 'notes', limit: 100, offset: 0 })).toMatchObject({
      count: 1,
      files: [{ file_id }],
    })
    expect(await result(user, 'get_file_metadata', { file_id })).toMatchObject({ file_id, content_type: 'text/plain' })
    expect(await result(user, 'download_file', { file_id, return_base64: true })).toEqual({
      file_id,
      file_name: 'hello.txt',
      content_type: 'text/plain',
      size_bytes: 5,
      encoding: 'base64',
      file_content,
      content: file_content,
    })
    const { url } = await result(user, 'download_file', { file_id, return_base64: false })
    expect(await app.request('GET', url)).toMatchObject({ status: 200, body: 'hello' })
    const presigned = await result(user, 'generate_presigned_url', {
      file_id,
      expiration_seconds: 60,
      operation: 'download',
    })
    expect(presigned).toMatchObject({ method: 'GET', expires_in: 60 })
    expect(await app.request('GET', presigned.url)).toMatchObject({ status: 200, body: 'hello' })
    expect(await execute(user, 'generate_presigned_url', { file_id, operation: 'upload' })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'params', 'file_id'] }] },
    })
    const registered = (await user.post(`${user.database}/files/upload`, { file_name: 'b.txt' })).body.file_id
    const upload = await result(user, 'generate_presigned_url', { file_id: registered, operation: 'upload' })
    expect(upload).toMatchObject({ method: 'PUT', file_id: registered })
    expect(await app.request('PUT', upload.url, { payload: 'b' })).toMatchObject({
      status: 201,
      body: { size_bytes: 1 },
    })
    await user.delete(`${user.database}/files/${registered}`)
    expect(await result(user, 'delete_file', { file_id })).toEqual({ deleted: true, file_id })
    expect(await execute(user, 'get_file_metadata', { file_id })).toMatchObject({ status: 404 })
    expect(await names(user)).toEqual([
      'zerodb.file.uploaded',
      'zerodb.file.uploaded',
      'zerodb.file.updated',
      'zerodb.file.deleted',
      'zerodb.file.deleted',
    ])
  })
})

describe('G10: published events', () => {
  test('events are published, listed, read and counted', async () => {
    const user = await app.newUser()
    const created = await result(user, 'create_event', {
      event_type: 'order.paid',
      event_data: { order: 17 },
      source: 'shop',
      correlation_id: 'c1',
    })
    expect(created).toMatchObject({ event_type: 'order.paid', event_payload: { order: 17 }, source: 'shop' })
    await result(user, 'create_event', { event_type: 'queue.mail.job_added', data: { job_id: 'a' } })
    const paid = await result(user, 'list_events', { event_type: 'order.paid', limit: 100, offset: 0 })
    expect(paid).toMatchObject({ count: 1, events: [{ event_id: created.event_id }] })
    const since = await result(user, 'list_events', { start_time: created.published_at ?? created.created_at })
    expect(since.count).toBe(2)
    expect(await result(user, 'get_event', { event_id: created.event_id })).toMatchObject({ topic: 'order.paid' })
    expect(await result(user, 'event_stats', { time_range: 'week' })).toMatchObject({
      time_range: '7d',
      total_events: 2,
    })
    expect(await result(user, 'event_stats', { event_type: 'order.paid' })).toMatchObject({
      time_range: '24h',
      event_type: 'order.paid',
      count: 1,
      topics: [{ topic: 'order.paid', count: 1 }],
    })
    expect(await execute(user, 'event_stats', { time_range: 'century' })).toMatchObject({ status: 422 })
    expect(await names(user)).toEqual(['zerodb.event.published', 'zerodb.event.published'])
  })

  test('a subscription with webhook_url sends the events of the topics and types', async () => {
    const user = await app.newUser()
    await result(user, 'create_table', { table_name: 'orders' })
    const subscribed = await result(user, 'subscribe_to_events', {
      event_types: ['order.paid', 'order.sent', 'zerodb.table.row_inserted'],
      webhook_url: receiver.url,
    })
    expect(subscribed).toMatchObject({ subscription_id: expect.any(String), status: 'active' })
    expect(subscribed.hook_ids).toHaveLength(2)
    const hooks = (await user.get('/api/v1/hooks')).body
    expect(hooks.map((hook: { hook_name: string; project_id: string }) => [hook.hook_name, hook.project_id])).toEqual(
      Array(2).fill([`webhook:${subscribed.subscription_id}`, user.project_id]),
    )
    const before = receiver.messages.length
    await result(user, 'create_event', { event_type: 'order.paid', event_data: { order: 17 } })
    await result(user, 'create_event', { event_type: 'order.lost', event_data: { order: 18 } })
    await result(user, 'insert_rows', { table_id: 'orders', rows: [{ n: 1 }] })
    expect((await user.trail()).runs).toEqual(Array(2).fill(`webhook:${subscribed.subscription_id} succeeded`))
    const messages = receiver.messages.slice(before)
    expect(messages.map(({ body }) => body.type ?? body.event).sort()).toEqual([
      'zerodb.event.published',
      'zerodb.table.row_inserted',
    ])
    for (const message of messages) expect(receiver.signedBy(message, subscribed.webhook_secret)).toEqual([true])
  })

  test('a filter of a subscription applies to its topics', async () => {
    const user = await app.newUser()
    const filter = { 'row.event_payload.total': { $gt: 100 } }
    const { subscription_id } = await result(user, 'subscribe_to_events', {
      event_types: ['order.paid'],
      filter,
      webhook_url: receiver.url,
    })
    for (const total of [50, 150])
      await result(user, 'create_event', { event_type: 'order.paid', event_data: { total } })
    expect((await user.trail()).runs).toEqual([`webhook:${subscription_id} succeeded`])
  })

  test('a subscription that cannot be made leaves no hook', async () => {
    const user = await app.newUser()
    const filter = { 'row.row_data.n': { $unknown: 1 } }
    const event_types = ['zerodb.table.row_inserted', 'order.paid']
    for (const params of [
      { event_types, webhook_url: 'not an address' },
      { event_types, webhook_url: receiver.url, filter },
      { event_types: [], webhook_url: receiver.url },
      { event_types, filter: { 'data.topic': 'x' } },
    ])
      expect(await execute(user, 'subscribe_to_events', params)).toMatchObject({ status: 422, body: { error: {} } })
    expect((await user.get('/api/v1/hooks')).body).toEqual([])
  })

  test('a subscription whose second webhook exceeds the quota leaves no hook', async () => {
    const small = await openTestApp({ ZERODB_QUOTA_HOOKS: '1', ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
    const user = await small.newUser()
    const event_types = ['zerodb.vector.stored', 'order.paid']
    const params = { event_types, webhook_url: receiver.url }
    expect(await user.post(URLS[0]!, { operation: 'subscribe_to_events', params })).toMatchObject({
      status: 403,
      body: { error: { message: expect.any(String) }, code: 'quota_exceeded' },
    })
    expect((await user.get('/api/v1/hooks')).body).toEqual([])
    await small.close()
  })

  test('a subscription without webhook_url names the streams and polls', async () => {
    const user = await app.newUser()
    const event_types = ['order.paid', 'zerodb.vector.stored']
    const subscribed = await result(user, 'subscribe_to_events', { event_types })
    expect(subscribed).toMatchObject({ subscription_id: null, status: 'pull', event_types })
    const [topic, type] = subscribed.sources
    expect(type).toMatchObject({ event_type: 'zerodb.vector.stored', stream_path: null })
    await result(user, 'create_event', { event_type: 'order.paid', event_data: { n: 1 } })
    await result(user, 'upsert_vector', { vector_embedding: [1, 0], vector_id: 'v' })
    expect((await user.get(topic.poll_path)).body).toMatchObject({ events: [{ topic: 'order.paid' }] })
    await app.drained()
    expect((await user.get(type.poll_path)).body.events).toHaveLength(1)
    const stream = await app.request('GET', topic.stream_path)
    expect(stream).toMatchObject({ status: 200, body: expect.stringContaining('"connection"') })
  })
})

describe('G10: projects', () => {
  test('projects are created, read, changed, counted and deleted', async () => {
    const user = await app.newUser()
    const created = await result(user, 'create_project', {
      project_name: 'second',
      description: 'a test',
      settings: { a: 1 },
    })
    expect(created).toMatchObject({ project_name: 'second', name: 'second', settings: { a: 1 } })
    const { project_id } = created
    expect(project_id).not.toBe(user.project_id)
    expect(await result(user, 'get_project', { project_id })).toMatchObject({ id: project_id, description: 'a test' })
    expect(await result(user, 'list_projects', { limit: 100, offset: 0 })).toMatchObject({
      count: 2,
      projects: [{ project_id: user.project_id }, { project_id, project_name: 'second' }],
    })
    const renamed = await result(user, 'update_project', { project_id, project_name: 'renamed', settings: { b: 2 } })
    expect(renamed).toMatchObject({ project_name: 'renamed', settings: { b: 2 }, description: 'a test' })
    await result(user, 'create_table', { project_id, table_name: 'jobs' })
    expect(await result(user, 'get_project_stats', { project_id, include_details: true })).toMatchObject({
      project_id,
      tables_count: 1,
      warnings: ['"include_details" has no effect here and was ignored'],
    })
    expect(await result(user, 'enable_database', { project_id, features: ['vectors', 'quantum'] })).toMatchObject({
      enabled: true,
      warnings: ['"features" has no effect here and was ignored'],
    })
    for (const params of [{}, { confirm: false }])
      expect(await execute(user, 'delete_project', { project_id, ...params })).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['body', 'params', 'confirm'] }] },
      })
    expect(await result(user, 'delete_project', { project_id, confirm: true })).toEqual({ deleted: true, project_id })
    expect(await execute(user, 'get_project', { project_id })).toMatchObject({ status: 404 })
  })
})

describe('G10: records of conversations', () => {
  test('records are stored, found, and make the context of a session', async () => {
    const user = await app.newUser()
    const record = {
      content: 'The parcel is in Rome',
      role: 'user',
      session_id: 's',
      agent_id: 'a',
      metadata: { n: 1 },
    }
    const stored = await result(user, 'store_memory', record)
    const { metadata: memory_metadata, ...fields } = record
    expect(stored).toMatchObject({ ...fields, memory_metadata, memory_id: expect.any(String) })
    await result(user, 'store_memory', {
      content: 'It arrives on Monday',
      role: 'assistant',
      session_id: 's',
      agent_id: 'b',
    })
    await result(user, 'store_memory', { content: 'The parcel is lost', role: 'user', session_id: 'other' })
    const found = await result(user, 'search_memory', {
      query: 'where is the parcel?',
      session_id: 's',
      agent_id: 'a',
      role: 'user',
      limit: 10,
    })
    expect(found).toMatchObject({ count: 1, results: [{ content: record.content }] })
    const context = await result(user, 'get_context', { session_id: 's', max_tokens: 4000 })
    expect(context).toMatchObject({
      session_id: 's',
      message_count: 2,
      messages: [
        { content: record.content, role: 'user' },
        { content: 'It arrives on Monday', role: 'assistant' },
      ],
      truncated: false,
    })
    const ofAgent = await result(user, 'get_context', { session_id: 's', agent_id: 'b' })
    expect(ofAgent).toMatchObject({ message_count: 1, messages: [{ content: 'It arrives on Monday' }] })
    const small = await result(user, 'get_context', { session_id: 's', max_tokens: 5 })
    expect(small).toMatchObject({ message_count: 1, truncated: true })
    expect(await names(user)).toEqual(Array(3).fill('zerodb.memory.stored'))
  })
})

test('G10: every operation has been executed', () => {
  expect(Object.keys(MCP_OPERATIONS).filter((name) => !executed.has(name))).toEqual([])
})
