import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ZeroDB } from '../../src/client/index.ts'
import { zerodb } from '../support/cli.ts'
import { type ListeningServer, startServer } from '../support/listening.ts'

// A command takes seconds on a busy machine, and a test runs a dozen.
vi.setConfig({ testTimeout: 240_000 })

let server: ListeningServer
let folder: string
let api: ZeroDB
beforeAll(async () => {
  server = await startServer({ ZERODB_INSTANT_DB: 'on' })
  folder = await mkdtemp(join(tmpdir(), 'zerodb-cli-'))
  api = new ZeroDB({ url: server.url, apiKey: server.key })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  zerodb(args, { cwd: folder, env: { ZERODB_URL: server.url, ZERODB_API_KEY: server.key } })

/** Returns the output of a command; fails the test unless the command succeeds and prints nothing else. */
async function outputOf(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args)
  expect({ code, err }, args.join(' ')).toEqual({ code: 0, err: '' })
  return out
}
const json = async (...args: string[]) => JSON.parse(await outputOf(...args, '--json'))

test('E: tables and rows are created, found and deleted', async () => {
  const table = await json('tables', 'create', 'orders', '--description', 'what was bought')
  expect(table).toEqual(await api.tables.get({ table: 'orders' }))
  expect(await json('tables', 'list')).toEqual(await api.tables.list())
  const one = await json('rows', 'insert', 'orders', '-d', '{"customer": "maria", "total": 120}')
  expect(await json('rows', 'get', 'orders', one.row_id)).toEqual(
    await api.rows.get({ table: 'orders', row_id: one.row_id }),
  )
  expect(await json('rows', 'insert', 'orders', '-d', '[{"total": 1}, {"total": 2}]')).toMatchObject({
    inserted_count: 2,
  })
  const found = await json('rows', 'query', 'orders', '--filters', '{"total": {"$gte": 2}}', '--sort', '{"total": 1}')
  expect(found.data.map(({ row_data }: { row_data: { total: number } }) => row_data.total)).toEqual([2, 120])
  expect(await outputOf('rows', 'list', 'orders', '--limit', '1')).toMatch(/^ROW ID .*\n\S{36} .*\n1 of 3\nNext page/)
  const wrong = await run('rows', 'query', 'orders', '--filters', '{"total": {"$about": 2}}')
  expect(wrong).toMatchObject({ code: 1, out: '', err: expect.stringContaining('$about') })
  expect(await run('tables', 'delete', 'orders')).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') })
  expect(await outputOf('tables', 'delete', 'orders', '--yes')).toBe('Deleted table orders\n')
  expect(await api.tables.list()).toEqual([])
})

test('E: rows are changed, upserted, counted and deleted, and show their history', async () => {
  const indexed = await json('tables', 'create', 'invoices', '--unique-keys', '["number"]', '--indexes', '["total"]')
  expect(indexed).toMatchObject({ indexes: [{ fields: ['total'], state: 'ready' }] })
  expect(await json('tables', 'update', 'invoices', '--indexes', '[]')).toMatchObject({ indexes: [] })
  const rows = '[{"number": 1, "total": 10}, {"number": 2, "total": 20}, {"number": 3, "total": 30}]'
  const [first] = (await json('rows', 'insert', 'invoices', '-d', rows)).row_ids
  const row = ['invoices', first]
  expect(await json('rows', 'update', ...row, '-d', '{"paid": true}')).toMatchObject({ version: 2 })
  expect(await json('rows', 'update', ...row, '--update', '{"$inc": {"total": 5}}', '--if-match', '2')).toMatchObject({
    row_data: { number: 1, total: 15, paid: true },
  })
  const stale = await run('rows', 'replace', ...row, '-d', '{"number": 1}', '--if-match', '2')
  expect(stale).toMatchObject({ code: 1, err: expect.stringContaining('The row has version 3') })
  expect(
    await outputOf(
      'rows',
      'upsert',
      'invoices',
      '-d',
      '[{"number": 2, "total": 21}, {"number": 4}]',
      '--upsert-key',
      'number',
    ),
  ).toBe('Inserted 1, updated 1\n')
  const many = ['invoices', '--filter', '{"total": {"$gt": 20}}']
  expect(await outputOf('rows', 'update-many', ...many, '--update', '{"late": true}')).toBe('Updated 2 of 2 rows\n')
  expect(
    await json('rows', 'aggregate', 'invoices', '--group-by', 'late', '--aggregates', '{"sum": {"sum": "total"}}'),
  ).toMatchObject({
    groups: [
      { key: { late: true }, values: { sum: 51 } },
      { key: { late: null }, values: { sum: 15 } },
    ],
  })
  expect(await outputOf('rows', 'history', ...row)).toMatch(/^AT .*\n(.*row_updated.*\n){2}.*row_inserted.*\n$/)
  expect(await outputOf('rows', 'delete-many', ...many, '--limit', '1', '--yes')).toBe(
    'Deleted 1 rows; more rows match\n',
  )
  expect(await outputOf('rows', 'delete', ...row, '--yes')).toBe(`Deleted row ${first}\n`)
  await outputOf('tables', 'delete', 'invoices', '--yes')
})

test('E: numbers keep their digits as input and output', async () => {
  await outputOf('tables', 'create', 'exact')
  const row = '{"id":9007199254740993,"big":12345678901234567890123}'
  expect(await outputOf('rows', 'insert', 'exact', '-d', row, '--json')).toContain(`"row_data":${row}`)
  const listed = await outputOf('rows', 'list', 'exact')
  expect(listed).toContain('9007199254740993')
  expect(await outputOf('rows', 'query', 'exact', '--filters', '{"id": 9007199254740993}', '--json')).toContain(
    '"total":1,',
  )
  expect(await outputOf('rows', 'query', 'exact', '--filters', '{"id": 9007199254740992}', '--json')).toContain(
    '"total":0,',
  )
  // This filter travels in the query of the address.
  const deletion = ['rows', 'delete-many', 'exact', '--filter', '{"id": 9007199254740993}', '--yes']
  expect(await outputOf(...deletion)).toBe('Deleted 1 rows\n')
})

test('E: lists name the cursor of their next page, and --all prints every page', async () => {
  await outputOf('tables', 'create', 'pages')
  await outputOf('rows', 'insert', 'pages', '-d', '[{"n": 1}, {"n": 2}, {"n": 3}]')
  const first = await outputOf('rows', 'list', 'pages', '--limit', '2')
  const [, cursor] = /\n2 of 3\nNext page: --cursor (\S+) {3}All pages: --all\n$/.exec(first)!
  const second = await json('rows', 'list', 'pages', '--limit', '2', '--cursor', cursor!)
  expect(second.data.map(({ row_data }: { row_data: { n: number } }) => row_data.n)).toEqual([3])
  const lines = (await outputOf('rows', 'list', 'pages', '--limit', '1', '--all', '--json')).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).row_data.n)).toEqual([1, 2, 3])
  expect(await outputOf('rows', 'list', 'pages', '--limit', '1', '--all')).toMatch(/^ROW ID .*\n(\S{36} .*\n){3}$/)
  // The cursor of a list without an envelope is in a header.
  await outputOf('tables', 'create', 'other')
  expect(await outputOf('tables', 'list', '--limit', '1')).toMatch(/\nNext page: --cursor \S+ {3}All pages: --all\n$/)
  const all = (await outputOf('tables', 'list', '--limit', '1', '--all', '--json')).trim().split('\n')
  expect(all.map((line) => JSON.parse(line))).toEqual(await api.tables.list())
})

test('E: a selection of everything needs its own option', async () => {
  await outputOf('tables', 'create', 'whole')
  await outputOf('rows', 'insert', 'whole', '-d', '[{"n": 1}, {"n": 2}]')
  const everything = ['whole', '--filter', '{}']
  const refused = await run('rows', 'delete-many', ...everything, '--yes')
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('confirm_large_operation') })
  expect(
    await outputOf('rows', 'update-many', ...everything, '--confirm-large-operation', '--update', '{"late": true}'),
  ).toBe('Updated 2 of 2 rows\n')
  expect(await outputOf('rows', 'delete-many', ...everything, '--confirm-large-operation', '--yes')).toBe(
    'Deleted 2 rows\n',
  )
  expect(await run('rows', 'list', 'nowhere')).toMatchObject({
    code: 1,
    err: 'error Table not found\ntry   zerodb tables list\n',
  })
})

test('E: vectors are stored, found, changed and deleted', async () => {
  const stored = await json(
    ...['vectors', 'upsert', '--vector-id', 'red', '--vector-embedding', '[1, 0]', '--namespace', 'n'],
  )
  expect(stored).toEqual(await api.vectors.get({ vector_id: 'red', namespace: 'n' }))
  expect(await json('vectors', 'list', '--namespace', 'n')).toMatchObject({ total: 1 })
  const data = [0, 1, 2, 3].map((i) => ({
    vector_id: `v${i}`,
    vector_embedding: [i, 1],
    vector_metadata: { lang: i < 2 ? 'en' : 'de', big: i },
    document: `apple ${i}`,
  }))
  await writeFile(join(folder, 'vectors.json'), JSON.stringify(data))
  expect(await outputOf('vectors', 'upsert-batch', '-d', '@vectors.json', '--namespace', 'n')).toBe(
    'Stored 4 vectors\n',
  )
  const inN = ['--namespace', 'n']
  const german = await json('vectors', 'list', ...inN, '--metadata-filter', '{"lang": "de"}')
  expect(german.vectors.map((vector: { vector_id: string }) => vector.vector_id).sort()).toEqual(['v2', 'v3'])
  expect(await json('vectors', 'search', ...inN, '--query-vector', '[0, 1]', '--limit', '1')).toMatchObject({
    vectors: [{ vector_id: 'v0' }],
  })
  expect(await outputOf('vectors', 'namespaces')).toBe('NAMESPACE  VECTORS\nn          5\n')
  expect(await json('vectors', 'stats', ...inN)).toEqual(await api.vectors.stats({ namespace: 'n' }))
  expect(await json('vectors', 'update', 'v0', ...inN, '--vector-metadata', '{"lang": "fr"}')).toMatchObject({
    vector_metadata: { lang: 'fr' },
  })
  expect(await outputOf('vectors', 'delete', 'red', ...inN, '--yes')).toBe('Deleted vector red\n')
  expect(await run('vectors', 'delete-many', 'v0', ...inN)).toMatchObject({
    code: 2,
    err: expect.stringContaining('Delete 1 vectors of the namespace n?'),
  })
  expect(await outputOf('vectors', 'delete-many', 'v0', 'gone', ...inN, '--yes')).toBe(
    'Deleted 1 vectors\nNot found: gone\n',
  )
  expect(await json('vectors', 'delete-many', ...inN, '--metadata-filter', '{"lang": "en"}', '--yes')).toMatchObject({
    deleted_count: 1,
    vector_ids: ['v1'],
  })
  expect(await run('vectors', 'delete-many', ...inN, '--yes')).toMatchObject({
    code: 1,
    err: expect.stringContaining('confirm_large_operation'),
  })
  expect(await outputOf('vectors', 'delete-many', ...inN, '--confirm-large-operation', '--yes')).toBe(
    'Deleted 2 vectors\n',
  )
  expect(await api.vectors.list({})).toMatchObject({ total: 0 })
})

test('E: texts are embedded, stored and found by words and meaning', async () => {
  const models = await json('embeddings', 'models')
  expect(models).toEqual(await api.embeddings.models({}))
  const printed = await outputOf('embeddings', 'generate', 'a red apple', 'a green pear')
  expect(
    printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).length),
  ).toEqual([models[0].dimensions, models[0].dimensions])
  expect(
    await outputOf(
      ...['embeddings', 'embed-and-store', 'a red apple', 'a green pear', '--namespace', 'fruit'],
      ...['--vector-ids', '["red", "green"]', '--metadata-list', '[{"n": 1}, {"n": 2}]'],
    ),
  ).toBe('red\ngreen\n')
  const search = ['vectors', 'search', 'green pear', '--namespace', 'fruit', '--hybrid', '--explain']
  expect(await json(...search)).toEqual(
    expect.objectContaining({
      vectors: [
        expect.objectContaining({ vector_id: 'green', vector_metadata: { n: 2 }, explain: expect.anything() }),
        expect.objectContaining({ vector_id: 'red' }),
      ],
    }),
  )
  expect(await outputOf(...search)).toMatch(/^VECTOR ID +SCORE +EXPLAIN +DOCUMENT\ngreen .*\{.*\} +a green pear\n/)
})

test('E: records of conversations', async () => {
  const inChat = ['--session-id', 'chat', '--role', 'user']
  const { memory_id } = await json('memory', 'store', 'Where is my order 17?', ...inChat)
  expect(await json('memory', 'get', memory_id)).toEqual(await api.memory.get({ memory_id }))
  const records = '[{"content": "It is late", "session_id": "chat", "role": "assistant"}, {"content": "Thanks"}]'
  const { memory_ids } = await json('memory', 'batch-store', '-d', records)
  expect(await json('memory', 'list', ...inChat)).toMatchObject([{ memory_id }])
  expect(await outputOf('memory', 'search', 'order 17', '--session-id', 'chat')).toMatch(
    new RegExp(`^MEMORY ID .*\n${memory_id} .*Where is my order 17\\?`),
  )
  expect(await json('memory', 'update', memory_id, '--memory-metadata', '{"solved": true}')).toMatchObject({
    content: 'Where is my order 17?',
    memory_metadata: { solved: true },
  })
  const updates = JSON.stringify([{ memory_id: memory_ids[0], content: 'It arrives today' }])
  expect(await outputOf('memory', 'batch-update', '-d', updates)).toBe('Updated 1 records\n')
  expect(await outputOf('memory', 'context', 'chat')).toBe('user: Where is my order 17?\nassistant: It arrives today\n')
  expect(await outputOf('memory', 'sessions')).toMatch(/^SESSION ID .*\nchat +2 /)
  expect(await json('memory', 'stats')).toEqual(await api.memory.stats({}))
  expect(await run('memory', 'list', '--role', 'robot')).toMatchObject({
    code: 2,
    err: expect.stringContaining('Allowed choices are user, assistant, system'),
  })
  expect(await outputOf('memory', 'delete', memory_ids[1], '--yes')).toBe(`Deleted record ${memory_ids[1]}\n`)
  expect(await outputOf('memory', 'batch-delete', memory_ids[0], memory_ids[1], '--yes')).toBe(
    `Deleted 1 records\nNot found: ${memory_ids[1]}\n`,
  )
  expect(await outputOf('memory', 'delete-session', 'chat', '--yes')).toBe('Deleted 1 records\n')
  expect(await run('memory', 'get', memory_id)).toMatchObject({ code: 1, err: expect.stringContaining('memory list') })
})

test('E: published events are listed, polled, counted, taken and deleted', async () => {
  await outputOf('events', 'publish', 'jobs', '-d', '{"n": 1}', '--source', 'shell', '--correlation-id', 'c')
  const events = '[{"topic": "jobs", "event_payload": {"n": 2}}, {"topic": "mail", "event_payload": {"n": 3}}]'
  expect(await outputOf('events', 'publish-batch', '-d', events)).toBe('Published 2 events\n')
  const { events: listed } = await json('published', 'list', '--since', '1h')
  expect(listed).toMatchObject([{ topic: 'mail' }, { topic: 'jobs' }, { source: 'shell', correlation_id: 'c' }])
  expect(await json('published', 'get', listed[2].event_id)).toEqual(listed[2])
  expect(await json('published', 'poll', '--topic', 'jobs', '--after', listed[2].event_id)).toMatchObject({
    events: [{ event_payload: { n: 2 } }],
  })
  expect(await outputOf('published', 'count', '--topic', 'jobs')).toBe('2\n')
  expect(await outputOf('published', 'stats', '--time-range', '1h')).toMatch(/TOPIC +COUNT\njobs +2\nmail +1\n$/)
  const tailed = await zerodb(['published', 'tail', '--topic', 'mail', '--from-timestamp', '1h'], {
    cwd: folder,
    env: { ZERODB_URL: server.url, ZERODB_API_KEY: server.key },
    until: '{"n":3}',
  })
  expect(tailed.out).toMatch(new RegExp(`^${listed[0].event_id} .* mail {2}\\{"n":3\\}\n$`))
  expect(await json('published', 'consume', '--topic', 'jobs')).toMatchObject({ events: [{ event_payload: { n: 1 } }] })
  expect(await outputOf('published', 'clear', 'jobs', '--yes')).toBe('Deleted 1 events\n')
  expect((await api.events.list({})).events).toMatchObject([{ topic: 'mail' }])
})

test('E: memories and the graph', async () => {
  await api.hooks.create({ event_type: 'zeromemory.remembered', hook_name: 'auto_graph' })
  const { memory_id } = await json(
    ...[
      'memory',
      'remember',
      'Maria leads the Apollo project at Initech',
      '--entity-id',
      'maria',
      '--tags',
      'a',
      '--tags',
      'b',
    ],
  )
  expect(await json('memory', 'recall', 'who leads Apollo?', '--entity-id', 'maria', '--limit', '1')).toMatchObject({
    results: [{ memory_id, tags: ['a', 'b'] }],
  })
  await expect
    .poll(async () => (await run('graph', 'neighbors', 'maria')).out, { timeout: 30_000 })
    .toContain('Initech')
  expect(await json('memory', 'forget', memory_id, '--yes')).toMatchObject({ status: 'forgotten' })
})

test('E: files are uploaded and downloaded', async () => {
  await writeFile(join(folder, 'notes.txt'), 'Pay the invoice')
  const { file_id } = await json('files', 'upload', 'notes.txt', '--folder', 'a')
  expect(await json('files', 'get', file_id)).toEqual(await api.files.get({ file_id }))
  expect(await json('files', 'list', '--folder', 'a')).toMatchObject([{ file_id, file_name: 'notes.txt' }])
  expect(await json('files', 'download', file_id, '-o', 'back.txt')).toEqual({ file: 'back.txt', bytes: 15 })
  expect(await readFile(join(folder, 'back.txt'), 'utf8')).toBe('Pay the invoice')
  expect(await outputOf('files', 'download', file_id, '-o', '-')).toBe('Pay the invoice')
  expect(await run('files', 'upload', 'nothing.txt')).toMatchObject({
    code: 2,
    err: expect.stringContaining('nothing.txt'),
  })
  expect(await json('files', 'update', file_id, '--folder', 'b')).toMatchObject({ folder: 'b' })
  const url = (await outputOf('files', 'presign', file_id, '--expires-in', '60')).trim()
  expect(await (await fetch(url)).text()).toBe('Pay the invoice')
  await outputOf('files', 'delete', file_id, '--yes')
})

test('E: projects and the status of one; - is the project of the key', async () => {
  const { id } = await json('projects', 'create', 'second', '--description', 'for tests')
  expect(await json('projects', 'get', id)).toMatchObject({ name: 'second', description: 'for tests' })
  expect(await json('projects', 'update', id, '--name', 'renamed')).toMatchObject({ name: 'renamed' })
  expect(await json('projects', 'list')).toHaveLength(2)
  const own = await json('projects', 'get', '-')
  expect(own).toEqual(await api.projects.get({ project_id: own.id }))
  expect(await json('status', '--project', '-')).toMatchObject({ server: server.url, project: { id: own.id } })
  expect(await json('status', '--project', id)).toMatchObject({
    project: { id, name: 'renamed' },
    holds: { tables_count: 0 },
  })
  expect(await outputOf('status')).toMatch(
    /^server .*\nproject .*\ntables .*\nvectors .*\nmemories .*\nfiles .*\npublished events .*\nruns +\d+ queued, \d+ running, \d+ dead\n$/,
  )
  const { claim_token, project_id } = await api.instant_db.create()
  expect(await json('projects', 'claim', claim_token)).toMatchObject({ project_id, api_key: expect.any(String) })
  expect(await outputOf('projects', 'delete', project_id, '--yes')).toBe(`Deleted project ${project_id}\n`)
  expect(await outputOf('projects', 'suspend', id)).toBe(`Suspended project ${id}\n`)
  expect(await json('projects', 'list', '--status', 'SUSPENDED')).toMatchObject([{ id }])
  expect(await outputOf('status', '--project', id)).toContain(`project           renamed (${id}), suspended\n`)
  expect(await json('projects', 'stats', id)).toMatchObject({ status: 'SUSPENDED', rows_count: 0 })
  expect(await outputOf('projects', 'activate', id)).toBe(`Activated project ${id}\n`)
  expect(await api.projects.get({ project_id: id })).toMatchObject({ status: 'ACTIVE' })
  expect(await outputOf('projects', 'delete', id, '--yes')).toBe(`Deleted project ${id}\n`)
})
