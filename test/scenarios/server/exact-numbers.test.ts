import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ZeroDB } from '../../../src/client/index.ts'
import { parseStoredJson, stringifyJson } from '../../../src/exact-json.ts'
import { OPERATIONS } from '../../../src/operations/index.ts'
import { openTestApp, type Reply, type TestApp, type TestUser } from '../../support/app.ts'
import { createFixtures, type Fixtures } from '../../support/fixtures.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'

/** Integers and fractions that no double represents, and keys that every object inherits. */
const VALUES = {
  n: '9007199254740993',
  negative: '-9007199254740995',
  long: '12345678901234567890123.5',
  fraction: '0.12345678901234567891',
  constructor: '9007199254740999',
  toString: '1',
}
const FIELDS = [...Object.entries(VALUES), ['__proto__', '{"n":9007199254740997}'] as const].map(
  ([key, value]) => `"${key}":${value}`,
)
const DOCUMENT = `{${FIELDS.join(',')}}`
const INFINITE = '1e400'

let app: TestApp
let receiver: Receiver
let user: TestUser
beforeAll(async () => {
  app = await openTestApp({ ZERODB_ALLOW_NETWORKS: '127.0.0.0/8' })
  receiver = await startReceiver()
})
afterAll(async () => {
  await app?.close()
  await receiver?.close()
})

const send = (method: string, url: string, payload: string): Promise<Reply> =>
  user.request(method, url, { payload, headers: { 'content-type': 'application/json' } })
const post = (url: string, payload: string) => send('POST', url, payload)

/** Asserts that a JSON text has each field of `DOCUMENT` unchanged. */
function expectWhole(text: string): void {
  for (const field of FIELDS) expect(text).toContain(field)
}

const FORM = { 'content-type': 'multipart/form-data; boundary=x' }

/** Returns a multipart body with names and contents. */
function form(...parts: string[]): string {
  const heads = parts.map((part, i) =>
    i % 2 === 0 ? `--x\r\ncontent-disposition: form-data; name="${part}"\r\n\r\n` : `${part}\r\n`,
  )
  return `${heads.join('')}--x--\r\n`
}

const isTakingBody = ({ route }: { route: string }) => /^(POST|PUT|PATCH) /.test(route)

function innermost(schema: z.core.$ZodType): z.core.$ZodType {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType }
  return innerType === undefined ? schema : innermost(innerType)
}

/** Returns the fields of an operation’s body that accept any JSON. */
function freeFields(shape: Record<string, z.core.$ZodType>): string[] {
  return Object.entries(shape)
    .filter(([, schema]) => {
      const inner = innermost(schema)
      if (inner instanceof z.ZodArray) return freeFields({ item: inner.element }).length > 0
      if (inner instanceof z.ZodObject) return freeFields(inner.shape).length > 0
      return inner instanceof z.ZodUnknown || (inner instanceof z.ZodRecord && inner.valueType instanceof z.ZodUnknown)
    })
    .map(([field]) => field)
}

describe('every field that accepts any JSON', () => {
  let fixtures: Fixtures
  beforeAll(async () => {
    user = await app.newUser()
    fixtures = await createFixtures(app, user, user.project_id)
  })

  const D = () => user.database
  const TOOL = `{"tool":{"description":"x","input_schema":{"type":"object","x":${DOCUMENT}}}}`
  const SOURCE = JSON.stringify('export default ({ data }) => data')

  /** By operation and field: the request, and the URL to read it from; null if the response has the value. */
  const CASES: Record<string, () => { url: string; method?: string; body: string; read: string | null }> = {
    'projects.create metadata': () => ({
      url: '/api/v1/projects',
      body: `{"name":"a","metadata":${DOCUMENT}}`,
      read: '/api/v1/projects',
    }),
    'projects.create settings': () => ({
      url: '/api/v1/projects',
      body: `{"name":"b","settings":${DOCUMENT}}`,
      read: '/api/v1/projects',
    }),
    'projects.update metadata': () => ({
      url: `/api/v1/projects/${fixtures.project}`,
      method: 'PATCH',
      body: `{"metadata":${DOCUMENT}}`,
      read: `/api/v1/projects/${fixtures.project}`,
    }),
    'projects.update settings': () => ({
      url: `/api/v1/projects/${fixtures.project}`,
      method: 'PATCH',
      body: `{"settings":${DOCUMENT}}`,
      read: `/api/v1/projects/${fixtures.project}`,
    }),
    'vectors.upsert vector_metadata': () => ({
      url: `${D()}/vectors/upsert`,
      body: `{"vector_id":"a","vector_embedding":[1],"vector_metadata":${DOCUMENT}}`,
      read: `${D()}/vectors/a`,
    }),
    'vectors.upsert_batch vectors': () => ({
      url: `${D()}/vectors/upsert-batch`,
      body: `{"vectors":[{"vector_id":"b","vector_embedding":[2],"metadata":${DOCUMENT}}]}`,
      read: `${D()}/vectors/b`,
    }),
    'vectors.search metadata_filter': () => ({
      url: `${D()}/vectors/search`,
      body: `{"query_vector":[1],"metadata_filter":${DOCUMENT}}`,
      read: null,
    }),
    'memory.store memory_metadata': () => ({
      url: `${D()}/memory/store`,
      body: `{"content":"a","memory_metadata":${DOCUMENT}}`,
      read: `${D()}/memory`,
    }),
    'memory.remember metadata': () => ({
      url: '/api/v1/public/memory/v2/remember',
      body: `{"content":"digits","metadata":${DOCUMENT}}`,
      read: null,
    }),
    'files.upload file_metadata': () => ({
      url: `${D()}/files/upload`,
      body: `{"file_name":"a","file_metadata":${DOCUMENT}}`,
      read: `${D()}/files`,
    }),
    'tables.create schema_definition': () => ({
      url: `${D()}/tables`,
      body: `{"table_name":"defined","schema_definition":${DOCUMENT}}`,
      read: `${D()}/tables/defined`,
    }),
    'rows.insert row_data': () => ({
      url: `${D()}/tables/defined/rows`,
      body: `{"row_data":${DOCUMENT}}`,
      read: `${D()}/tables/defined/rows`,
    }),
    'rows.insert rows': () => ({
      url: `${D()}/tables/defined/rows`,
      body: `{"rows":[{"other":true},${DOCUMENT}]}`,
      read: `${D()}/tables/defined/rows?offset=2`,
    }),
    'rows.query filters': () => ({
      url: `${D()}/tables/defined/query`,
      body: `{"filters":${DOCUMENT}}`,
      read: null,
    }),
    'events.publish event_payload': () => ({
      url: `${D()}/events/publish`,
      body: `{"topic":"t","event_payload":${DOCUMENT}}`,
      read: `${D()}/events?topic=t`,
    }),
    'events.publish_batch events': () => ({
      url: `${D()}/events/batch`,
      body: `{"events":[{"topic":"batch","event_payload":${DOCUMENT}}]}`,
      read: `${D()}/events?topic=batch`,
    }),
    'vectors.update vector_metadata': () => ({
      url: `${D()}/vectors/a`,
      method: 'PATCH',
      body: `{"vector_metadata":${DOCUMENT}}`,
      read: `${D()}/vectors/a`,
    }),
    'embeddings.embed_and_store metadata_list': () => ({
      url: `/api/v1/projects/${user.project_id}/embeddings/embed-and-store`,
      body: `{"texts":["a text"],"namespace":"digits","metadata_list":[${DOCUMENT}]}`,
      read: `${D()}/vectors?namespace=digits`,
    }),
    'memory.recall metadata_filter': () => ({
      url: '/api/v1/public/memory/v2/recall',
      body: `{"query":"a text","metadata_filter":${DOCUMENT}}`,
      read: null,
    }),
    'embeddings.search metadata_filter': () => ({
      url: `/api/v1/projects/${user.project_id}/embeddings/search`,
      body: `{"query":"a text","namespace":"digits","metadata_filter":${DOCUMENT}}`,
      read: null,
    }),
    'memory.update memory_metadata': () => ({
      url: `${D()}/memory/${fixtures.record}`,
      method: 'PATCH',
      body: `{"memory_metadata":${DOCUMENT}}`,
      read: `${D()}/memory/${fixtures.record}`,
    }),
    'files.presign_upload file_metadata': () => ({
      url: `${D()}/files/presigned-upload`,
      body: `{"file_name":"digits.txt","file_metadata":${DOCUMENT}}`,
      read: null,
    }),
    'schedules.create event_payload': () => ({
      url: '/api/v1/schedules',
      body: `{"topic":"t","cron":"0 0 1 1 *","event_payload":${DOCUMENT}}`,
      read: '/api/v1/schedules',
    }),
    'files.update file_metadata': () => ({
      url: `${D()}/files/${fixtures.file}`,
      method: 'PATCH',
      body: `{"file_metadata":${DOCUMENT}}`,
      read: `${D()}/files/${fixtures.file}`,
    }),
    'rows.replace row_data': () => ({
      url: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
      method: 'PUT',
      body: `{"row_data":${DOCUMENT}}`,
      read: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
    }),
    'rows.update row_data': () => ({
      url: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
      method: 'PATCH',
      body: `{"row_data":{"deep":${DOCUMENT}}}`,
      read: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
    }),
    'rows.update update': () => ({
      url: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
      method: 'PATCH',
      body: `{"update":{"$set":{"set":${DOCUMENT}}}}`,
      read: `${D()}/tables/${fixtures.table}/rows/${fixtures.row}`,
    }),
    'rows.update_many filter': () => ({
      url: `${D()}/tables/defined/rows`,
      method: 'PUT',
      body: `{"filter":${DOCUMENT},"update":{"$set":{"found":true}}}`,
      read: null,
    }),
    'rows.update_many update': () => ({
      url: `${D()}/tables/defined/rows`,
      method: 'PUT',
      body: `{"filter":{"other":true},"update":{"$set":{"set":${DOCUMENT}}}}`,
      read: `${D()}/tables/defined/rows`,
    }),
    'rows.upsert row_data': () => ({
      url: `${D()}/tables/defined/rows/upsert`,
      body: `{"row_data":{"key":1,"deep":${DOCUMENT}},"upsert_key":"key"}`,
      read: `${D()}/tables/defined/rows`,
    }),
    'rows.upsert rows': () => ({
      url: `${D()}/tables/defined/rows/upsert`,
      body: `{"rows":[{"key":2,"deep":${DOCUMENT}}],"upsert_key":"key"}`,
      read: `${D()}/tables/defined/rows`,
    }),
    'rows.aggregate filters': () => ({
      url: `${D()}/tables/defined/aggregate`,
      body: `{"filters":${DOCUMENT}}`,
      read: null,
    }),
    'tables.update schema_definition': () => ({
      url: `${D()}/tables/defined`,
      method: 'PATCH',
      body: `{"schema_definition":${DOCUMENT}}`,
      read: `${D()}/tables/defined`,
    }),
    'vectors.delete_many metadata_filter': () => ({
      url: `${D()}/vectors/delete`,
      body: `{"namespace":"digits","metadata_filter":${DOCUMENT}}`,
      read: null,
    }),
    'memory.batch_store records': () => ({
      url: `${D()}/memory/batch/upsert`,
      body: `{"records":[{"content":"a","session_id":"digits","memory_metadata":${DOCUMENT}}]}`,
      read: `${D()}/memory?session_id=digits`,
    }),
    'memory.batch_update updates': () => ({
      url: `${D()}/memory/batch/update`,
      body: `{"updates":[{"memory_id":"${fixtures.record}","memory_metadata":${DOCUMENT}}]}`,
      read: `${D()}/memory/${fixtures.record}`,
    }),
    'hooks.create hook_config': () => ({
      url: '/api/v1/hooks',
      body: `{"event_type":"zerodb.memory.stored","hook_name":"auto_embed","hook_config":${DOCUMENT}}`,
      read: '/api/v1/hooks?active_only=false',
    }),
    'hooks.create filter': () => ({
      url: '/api/v1/hooks',
      body: `{"event_type":"zerodb.file.uploaded","hook_name":"auto_summarize","filter":{"data.file_name":{"$in":[${VALUES.n}]}}}`,
      read: '/api/v1/hooks?active_only=false',
    }),
    'hooks.update hook_config': () => ({
      url: `/api/v1/hooks/${fixtures.pausedHook}`,
      method: 'PATCH',
      body: `{"hook_config":${DOCUMENT}}`,
      read: `/api/v1/hooks/${fixtures.pausedHook}`,
    }),
    'hooks.update filter': () => ({
      url: `/api/v1/hooks/${fixtures.pausedHook}`,
      method: 'PATCH',
      body: `{"filter":{"row.n":${VALUES.n}}}`,
      read: `/api/v1/hooks/${fixtures.pausedHook}`,
    }),
    'hooks.test_filter filter': () => ({
      url: '/api/v1/hooks/test-filter',
      body: `{"event_type":"zerodb.table.row_inserted","filter":{"row.long":${VALUES.long}}}`,
      read: null,
    }),
    'hooks.invoke payload': () => ({
      url: `/api/v1/hooks/${fixtures.pausedHook}/invoke`,
      body: `{"payload":${DOCUMENT},"wait_seconds":0}`,
      read: null,
    }),
    'functions.deploy config': () => ({
      url: '/api/v1/functions',
      body: `{"name":"digits","runtime":"nodejs","source":${SOURCE},"config":${TOOL}}`,
      read: '/api/v1/functions/digits',
    }),
    'functions.invoke payload': () => ({
      url: '/api/v1/functions/digits/invoke',
      body: `{"payload":${DOCUMENT}}`,
      read: null,
    }),
  }

  test('B2: has a case in this test', () => {
    const free = OPERATIONS.filter(isTakingBody).flatMap(({ name, input }) =>
      freeFields(input.shape).map((field) => `${name} ${field}`),
    )
    expect(Object.keys(CASES).sort()).toEqual(free.sort())
  })

  test.each(Object.keys(CASES))('B2: %s keeps digits and keys', async (name) => {
    const { url, method = 'POST', body, read } = CASES[name]!()
    const sent = await send(method, url, body)
    expect(sent.status, sent.raw.toString()).toBeLessThan(300)
    if (read === null) return
    const text = (await user.get(read)).raw.toString()
    if (body.includes(DOCUMENT)) expectWhole(text)
    else expect(text).toContain(VALUES.n)
  })

  test('B3: a memory and a file that are sent as a form keep digits and keys', async () => {
    const recalled = await user.post('/api/v1/public/memory/v2/recall', { query: 'digits' })
    expectWhole(recalled.raw.toString())
    const file = ['file"; filename="a', 'a'] as const
    const upload = (metadata: string) =>
      user.request('POST', `${D()}/files/upload`, {
        payload: form('file_metadata', metadata, ...file),
        headers: FORM,
      })
    const uploaded = await upload(DOCUMENT)
    expect(uploaded.status).toBe(200)
    expectWhole(uploaded.raw.toString())
    const refused = await upload(`{"n":${INFINITE}}`)
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'file_metadata', 'n'] }] } })
  })
})

/** Operations whose body is the content of a file, which can be anything. */
const RAW_BODIES = ['files.upload_presigned']

test.each(
  OPERATIONS.filter((each) => isTakingBody(each) && !RAW_BODIES.includes(each.name)).map(
    ({ name, route }) => [name, route] as const,
  ),
)('B2: %s refuses a number that is infinite as a double', async (_, route) => {
  user = await app.newUser()
  const [method, path] = route.split(' ') as [string, string]
  const refused = await send(method, path.replace(/:\w+/g, user.project_id), `{"a":[{"b":${INFINITE}}]}`)
  expect(refused).toMatchObject({
    status: 422,
    body: {
      code: 'validation_failed',
      detail: [
        {
          type: 'value_error',
          loc: ['body', 'a', 0, 'b'],
          msg: expect.stringContaining('send it as text'),
          input: INFINITE,
        },
      ],
    },
  })
})

describe('comparisons', () => {
  const NUMBERS = ['9007199254740992', '9007199254740993', '9007199254740994', '0.1234567890123456789', '2']
  beforeEach(async () => {
    user = await app.newUser()
    await user.post(`${user.database}/tables`, { table_name: 't' })
    await post(`${user.database}/tables/t/rows`, `{"rows":[${NUMBERS.map((n) => `{"n":${n}}`).join(',')}]}`)
  })

  const found = async (query: string) => {
    const { raw } = await post(`${user.database}/tables/t/query`, query)
    // The response has the rows twice, as `data` and as `rows`.
    const [text = ''] = raw.toString().split('"rows":')
    return [...text.matchAll(/"row_data":\{"n":([^}]*)\}/g)].map(([, n]) => n)
  }
  const [below, exact, above, fraction, two] = NUMBERS

  test.each([
    ['9007199254740993', [exact]],
    ['{"$eq":9007199254740993.0}', [exact]],
    ['{"$ne":9007199254740993}', [below, above, fraction, two]],
    ['{"$gt":9007199254740993}', [above]],
    ['{"$gte":9007199254740993}', [exact, above]],
    ['{"$lt":9007199254740993}', [below, fraction, two]],
    ['{"$lte":9007199254740993}', [below, exact, fraction, two]],
    ['{"$in":[9007199254740993,0.1234567890123456789]}', [exact, fraction]],
    ['{"$nin":[9007199254740993,0.1234567890123456789]}', [below, above, two]],
    ['{"$in":[[1],9007199254740993]}', [exact]],
    ['{"$gt":0.1234567890123456788,"$lt":3}', [fraction, two]],
    ['{"$contains":9007199254740993}', [exact]],
  ])('B2: a filter %s finds the exact rows and not their neighbours', async (condition, rows) => {
    expect(await found(`{"filters":{"n":${condition}}}`)).toEqual(rows)
  })

  test('B2: rows are sorted by all digits', async () => {
    expect(await found('{"sort":{"n":-1}}')).toEqual([above, exact, below, two, fraction])
  })

  test('B2: vectors are found by the exact number in their metadata', async () => {
    for (const n of NUMBERS)
      await post(
        `${user.database}/vectors/upsert`,
        `{"vector_id":"v${n}","vector_embedding":[1],"metadata":{"n":${n}}}`,
      )
    const { body } = await post(
      `${user.database}/vectors/search`,
      `{"query_vector":[1],"metadata_filter":{"n":${exact}}}`,
    )
    expect(body.results.map(({ vector_id }: { vector_id: string }) => vector_id)).toEqual([`v${exact}`])
  })

  test('B2: a hook runs for the exact row, and its webhook message has all digits', async () => {
    receiver.messages.length = 0
    const hook = await user.hook('zerodb.table.row_inserted', 'webhook:a', { hook_config: { url: receiver.url } })
    const changed = await send('PATCH', `/api/v1/hooks/${hook.id}`, `{"filter":{"row.n":${exact}}}`)
    expect(changed.status).toBe(200)
    const rows = await post(`${user.database}/tables/t/rows`, `{"rows":[{"n":${below}},{"n":${exact}},{"n":${above}}]}`)
    await user.runs()
    const delivered = receiver.messages.map(({ body }) => body.data.row_id)
    expect(delivered).toEqual([rows.body.row_ids[1]])
    const invoked = await post(`/api/v1/hooks/${hook.id}/invoke`, `{"payload":${DOCUMENT}}`)
    expect(invoked).toMatchObject({ status: 200, body: { status: 'succeeded' } })
    expectWhole(receiver.messages.at(-1)!.text)
  })
})

test('B2: a field that is declared as a number uses the nearest double', async () => {
  user = await app.newUser()
  const stored = await post(
    `${user.database}/vectors/upsert`,
    '{"vector_id":"v","vector_embedding":[0.10000000000000000001, 9007199254740993, 2.5]}',
  )
  expect(stored.status).toBe(200)
  const { body } = await user.get(`${user.database}/vectors/v`)
  expect(body.vector_embedding).toEqual([Math.fround(0.1), 2 ** 53, 2.5])
  const limit = await post(`${user.database}/tables`, '{"table_name":9007199254740993}')
  expect(limit).toMatchObject({ status: 422, body: { detail: [{ type: 'string_type', loc: ['body', 'table_name'] }] } })
  expect(limit.raw.toString()).toContain('"input":9007199254740993')
  const whole = await post(`${user.database}/tables`, '9007199254740993')
  expect(whole).toMatchObject({ status: 422, body: { detail: [{ type: 'dict_type', loc: ['body'] }] } })
})

test('B3: a top-level key __proto__ does not affect other fields', async () => {
  user = await app.newUser()
  const created = await post(`${user.database}/tables`, '{"__proto__":{"table_name":"inherited"}}')
  expect(created).toMatchObject({
    status: 422,
    body: { detail: expect.arrayContaining([{ type: 'missing', loc: ['body', 'table_name'], msg: 'Field required' }]) },
  })
})

describe.each([
  [
    'nodejs',
    `export const config = { http: { auth: 'key' } }
export default async ({ data }, { zerodb }) => {
  if (data.json) return data.json
  const { row_id } = await zerodb.rows.insert({ table: 't', row_data: data.row })
  const { row_data } = await zerodb.rows.get({ table: 't', row_id })
  const { data: [found] } = await zerodb.rows.query({ table: 't', filters: { n: data.row.n } })
  return { data, row_data, type: typeof data.row.n, next: data.row.n + 1n, half: data.row.fraction * 2, text: JSON.stringify({ data }), same: found.row_id === row_id }
}`,
    { type: '"bigint"', next: '9007199254740994', half: '0.24691357802469135' },
  ],
  [
    'python',
    `config = {"http": {"auth": "key"}}
def handler(event, ctx):
    data = event["data"]
    if data.get("json"):
        return data["json"]
    row_id = ctx.zerodb.rows.insert(table="t", row_data=data["row"])["row_id"]
    row_data = ctx.zerodb.rows.get(table="t", row_id=row_id)["row_data"]
    found = ctx.zerodb.rows.query(table="t", filters={"n": data["row"]["n"]})["data"][0]
    n = data["row"]["n"]
    return {"data": data, "row_data": row_data, "type": type(n).__name__, "next": n + 1, "half": float(data["row"]["fraction"]) * 2, "same": found["row_id"] == row_id}`,
    { type: '"int"', next: '9007199254740994', half: '0.24691357802469135' },
  ],
])('a function in %s', (runtime, source, expected) => {
  beforeEach(async () => {
    user = await app.newUser()
    await user.post(`${user.database}/tables`, { table_name: 't' })
    await post(`${user.database}/tables/t/rows`, '{"rows":[{"n":9007199254740992},{"n":9007199254740994}]}')
    const deployed = await user.post('/api/v1/functions', { name: 'f', runtime, source })
    expect(deployed.status).toBe(201)
  })

  test('B2: gets all digits, writes and reads them, and returns them', async () => {
    const called = await post('/api/v1/functions/f/invoke', `{"payload":{"row":${DOCUMENT}}}`)
    const text = called.raw.toString()
    expect(called, text).toMatchObject({ status: 200, body: { result: { same: true } } })
    const [, data, row] = /"data":(.*),"row_data":(.*),"type":/.exec(text) ?? []
    expectWhole(data!)
    expectWhole(row!)
    for (const [key, value] of Object.entries(expected)) expect(text).toContain(`"${key}":${value}`)
    if (runtime === 'nodejs') expectWhole(JSON.parse(text).result.text)
    const { body: queued } = await post('/api/v1/functions/f/invoke', `{"payload":{"row":${DOCUMENT}},"wait":false}`)
    await user.runs()
    expectWhole((await user.get(`/api/v1/runs/${queued.run_id}`)).raw.toString())
  })

  test('B2: gets the digits of an HTTP body, and returns them', async () => {
    const url = `/fn/${user.project_id}/f`
    expectWhole((await post(url, DOCUMENT)).raw.toString())
    const refused = await post(url, `{"a":${INFINITE}}`)
    expect(refused).toMatchObject({ status: 422, body: { detail: [{ loc: ['body', 'a'] }] } })
  })
})

test.each([
  ['nodejs', 'export default () => ({ a: [10n ** 400n] })'],
  ['python', 'def handler(event, ctx):\n    return {"a": [10 ** 400]}'],
])('B2: a result in %s that cannot be stored fails with the reason', async (runtime, source) => {
  user = await app.newUser()
  await user.post('/api/v1/functions', { name: 'f', runtime, source })
  const called = await user.post('/api/v1/functions/f/invoke', {})
  expect(called).toMatchObject({
    status: 502,
    body: { code: 'function_failed', detail: expect.stringContaining('send it as text') },
  })
})

test('B2: an export and an import keep digits and keys', async () => {
  user = await app.newUser()
  const project = await user.project('digits')
  const database = `/api/v1/projects/${project}/database`
  await user.post(`${database}/tables`, { table_name: 't' })
  await post(`${database}/tables/t/rows`, `{"row_data":${DOCUMENT}}`)
  const exported = (await user.get(`/api/v1/projects/${project}/export`)).raw.toString()
  expectWhole(exported.replaceAll('": ', '":'))
  await user.delete(`/api/v1/projects/${project}`)
  const upload = (text: string) =>
    user.request('POST', '/api/v1/projects/import', { payload: form('file"; filename="export', text), headers: FORM })
  const refused = await upload(exported.replaceAll(VALUES.n, INFINITE))
  expect(refused).toMatchObject({ status: 422, body: { detail: expect.stringContaining('send it as text') } })
  expect((await upload(exported)).status).toBe(201)
  expectWhole((await user.get(`${database}/tables/t/rows`)).raw.toString())
})

describe('over the network', () => {
  let url: string
  beforeAll(async () => {
    url = await app.server.listen({ host: '127.0.0.1', port: 0 })
  })
  beforeEach(async () => {
    user = await app.newUser()
    await user.post(`${user.database}/tables`, { table_name: 't' })
  })

  async function call(tool: string, args: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${user.key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      },
      body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${args},"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`,
    })
    return { status: response.status, text: await response.text() }
  }

  test('B2: an MCP tool accepts and returns all digits, also as structured content', async () => {
    const source = `export const config = { tool: {
      description: 'x',
      input_schema: { type: 'object', properties: { n: { type: 'integer' }, fraction: { type: 'number' } } },
      output_schema: { type: 'object', properties: { n: { type: 'integer' }, fraction: { type: 'number' } } },
    } }
    export default ({ data }) => data`
    await user.post('/api/v1/functions', { name: 'same', runtime: 'nodejs', source })
    const { status, text } = await call('same', `{"n":${VALUES.n},"row":${DOCUMENT}}`)
    expect(status, text).toBe(200)
    const [, structured] = /"structuredContent":(\{.*)/.exec(text) ?? []
    expectWhole(structured!)
    const plain = text.replace(structured!, '').replaceAll('\\"', '"')
    expectWhole(plain)
    const refused = await call('same', `{"n":${INFINITE}}`)
    expect(refused).toMatchObject({ status: 422, text: expect.stringContaining('send it as text') })
  })

  test('B2: the built-in tools find a row by its exact number, and return it', async () => {
    await post(`${user.database}/tables/t/rows`, `{"rows":[{"n":9007199254740992},{"n":${VALUES.n}}]}`)
    const { text } = await call('query_table', `{"table":"t","filters":{"n":${VALUES.n}}}`)
    expect(text).toContain(`\\"n\\":${VALUES.n}`)
    expect(text).toContain(`"n":${VALUES.n}`)
    expect(text).toContain('\\"total\\":1')
  })

  test('B2: a client with a custom parser and serializer keeps all digits', async () => {
    const json = { parse: parseStoredJson, stringify: stringifyJson }
    const zerodb = new ZeroDB({ url, apiKey: user.key, projectId: user.project_id, json })
    const row_data = parseStoredJson(DOCUMENT) as Record<string, unknown>
    const { row_id } = (await zerodb.rows.insert({ table: 't', row_data })) as { row_id: string }
    expectWhole(stringifyJson((await zerodb.rows.get({ table: 't', row_id })).row_data))
    const uploaded = await zerodb.files.upload({ file_metadata: row_data, content: new Uint8Array(1) })
    expectWhole(stringifyJson(uploaded.file_metadata))
  })
})
