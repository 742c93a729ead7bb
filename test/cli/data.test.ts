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
  server = await startServer()
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
  expect(await outputOf('rows', 'list', 'orders', '--limit', '1')).toMatch(/^ROW ID .*\n\S{36} .*\n1 of 3\n$/)
  const wrong = await run('rows', 'query', 'orders', '--filters', '{"total": {"$about": 2}}')
  expect(wrong).toMatchObject({ code: 1, out: '', err: expect.stringContaining('$about') })
  expect(await run('tables', 'delete', 'orders')).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') })
  expect(await outputOf('tables', 'delete', 'orders', '--yes')).toBe('Deleted table orders\n')
  expect(await api.tables.list()).toEqual([])
})

test('E: rows are changed, upserted, counted and deleted, and show their history', async () => {
  await outputOf('tables', 'create', 'invoices', '--unique-keys', '["number"]')
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
})

test('E: vectors, memory and graph', async () => {
  const stored = await json(
    'vectors',
    'upsert',
    '--vector-id',
    'red',
    '--vector-embedding',
    '[1, 0]',
    '--namespace',
    'n',
  )
  expect(stored).toEqual(await api.vectors.get({ vector_id: 'red', namespace: 'n' }))
  expect(await json('vectors', 'list', '--namespace', 'n')).toMatchObject({ total: 1 })
  expect(await outputOf('vectors', 'delete', 'red', '--namespace', 'n', '--yes')).toBe('Deleted vector red\n')
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
  expect(await outputOf('projects', 'suspend', id)).toBe(`Suspended project ${id}\n`)
  expect(await outputOf('status', '--project', id)).toContain(`project           renamed (${id}), suspended\n`)
  expect(await json('projects', 'stats', id)).toMatchObject({ status: 'SUSPENDED', rows_count: 0 })
  expect(await outputOf('projects', 'activate', id)).toBe(`Activated project ${id}\n`)
  expect(await api.projects.get({ project_id: id })).toMatchObject({ status: 'ACTIVE' })
  expect(await outputOf('projects', 'delete', id, '--yes')).toBe(`Deleted project ${id}\n`)
})
