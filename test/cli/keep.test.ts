import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeAtomically } from '../../src/cli/lib/file-io.ts'
import { ZeroDB } from '../../src/client/index.ts'
import { readConfig } from '../../src/config.ts'
import { hashApiKey } from '../../src/crypto.ts'
import { dropSchema, migrate } from '../../src/db/migrate.ts'
import { sql } from '../../src/db/sql.ts'
import { openStorage } from '../../src/main.ts'
import { dumpAll } from '../../src/transfer/dump.ts'
import { type Result, zerodb } from '../support/cli.ts'
import { freshDatabaseUrl } from '../support/database.ts'
import { startServer } from '../support/listening.ts'

const MINUTE = 60_000
const KEY = 'zdb_test_key_that_only_this_test_knows'

let folder: string
const undo: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-keep-'))
  undo.push(() => rm(folder, { recursive: true, force: true }))
})
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const run = (args: string[], env: Record<string, string> = {}): Promise<Result> => zerodb(args, { cwd: folder, env })

async function succeeds(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, out, err } = await run(args, env)
  expect(code, `${args.join(' ')}: ${err}`).toBe(0)
  return out
}

/** Starts a separate server in `dataDir` with the database of the tests; stopped at the end. */
async function serverIn(dataDir: string, settings: Record<string, string> = {}) {
  const server = await startServer({ ZERODB_DATA_DIR: dataDir, ...settings })
  undo.push(() => server.stop())
  return {
    ...server,
    api: new ZeroDB({ url: server.url, apiKey: KEY }),
    env: { ZERODB_URL: server.url, ZERODB_API_KEY: KEY },
  }
}

/** Creates a target for data: a directory, and a database if the tests use a PostgreSQL server. */
async function place(name: string): Promise<{ dataDir: string; env: Record<string, string> }> {
  const dataDir = join(folder, name)
  const database = await freshDatabaseUrl()
  if (database) undo.push(() => database.drop())
  return { dataDir, env: { ZERODB_DATA_DIR: dataDir, ...(database ? { DATABASE_URL: database.url } : {}) } }
}

/** Stores data of every kind that a user would miss. */
async function fill(api: ZeroDB): Promise<void> {
  await api.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: 'auto_embed' })
  await api.hooks.create({
    ...{ event_type: 'zerodb.event.published', hook_name: 'webhook:orders' },
    ...{ hook_config: { url: 'https://hooks.example.com/' }, paused: true },
  })
  await api.vectors.upsert({ vector_id: 'note', document: 'The invoice has to be paid before Friday' })
  await api.vectors.upsert({ vector_id: 'own', vector_embedding: [0.1, 0.2], namespace: 'own' })
  const content = 'Maria leads the Apollo project in Oslo'
  await api.memory.remember({ content })
  await api.files.upload({ file_name: 'notes.txt', content: new TextEncoder().encode('notes of a file') })
  await api.events.publish({ topic: 'order.paid', event_payload: { order: 17 } })
  await expect
    .poll(async () => (await api.runs.list({ status: 'succeeded' })).items.length, { timeout: MINUTE })
    .toBe(2)
  // An embedding that is computed after an export would be in the next one only.
  await expect
    .poll(async () => (await api.memory.recall({ query: content, explain: true })).results[0]?.explain?.meaning, {
      timeout: MINUTE,
    })
    .toBeGreaterThan(0)
}

/** Reads all data through the API. */
async function everything(api: ZeroDB): Promise<unknown> {
  const files = await api.files.list()
  return {
    me: await api.auth.me(),
    projects: await api.projects.list(),
    hooks: await api.hooks.list({ active_only: false }),
    vectors: (await api.vectors.list()).vectors,
    published: await api.events.list(),
    log: (await api.event_log.list()).items,
    runs: (await api.runs.list()).items.map(({ waiting_for: _, ...run }) => run),
    recalled: (await api.memory.recall({ query: 'Apollo' })).results.map(({ content }) => content),
    found: (await api.vectors.search({ query: 'when is the bill due?' })).vectors.map(({ vector_id }) => vector_id),
    files,
    contents: await Promise.all(files.map(async ({ file_id }) => (await api.files.download({ file_id })).text())),
  }
}

/** A11: ids of events are derived from a key, which the file includes. */
async function eventsAreFound(api: ZeroDB): Promise<void> {
  const { items } = await api.event_log.list()
  expect(items.length).toBeGreaterThan(0)
  for (const event of items) expect(await api.event_log.get({ event_id: event.id })).toEqual(event)
}

describe('backup and restore', () => {
  test(
    'copy a running server to a new directory, with its encryption key only on request',
    async () => {
      const first = await place('first')
      const server = await serverIn(first.dataDir, first.env)
      await fill(server.api)
      const before = await everything(server.api)
      const backedUp = JSON.parse(await succeeds(['backup', 'all.jsonl', '--json'], server.env))
      expect(backedUp).toEqual({ file: 'all.jsonl', bytes: (await stat(join(folder, 'all.jsonl'))).size })
      expect((await stat(join(folder, 'all.jsonl'))).mode & 0o777).toBe(0o600)
      await succeeds(['backup', 'key.jsonl', '--with-key'], server.env)
      const key = (await readFile(join(first.dataDir, 'encryption-key'), 'utf8')).trim()
      expect(await readFile(join(folder, 'all.jsonl'), 'utf8')).not.toContain(key)
      expect(await readFile(join(folder, 'key.jsonl'), 'utf8')).toContain(key)
      await server.stop()

      const second = await place('second')
      const { counts } = JSON.parse(await succeeds(['restore', 'key.jsonl', '--json'], second.env))
      expect(counts).toMatchObject({
        users: 1,
        projects: 1,
        hooks: 2,
        hook_secrets: 1,
        vectors: 2,
        memories: 1,
        files: 1,
        runs: 3,
      })
      expect((await readFile(join(second.dataDir, 'encryption-key'), 'utf8')).trim()).toBe(key)
      const restored = await serverIn(second.dataDir, second.env)
      expect(await everything(restored.api)).toEqual(before)
      await eventsAreFound(restored.api)
      // The copy continues: the next event has the next number, and is handled.
      await restored.api.vectors.upsert({ vector_id: 'new', document: 'text' })
      await expect
        .poll(async () => (await restored.api.runs.list({ status: 'succeeded' })).items.length, { timeout: MINUTE })
        .toBe(3)

      // A backup of the same data with the server stopped and without the key: everything is there, but secrets cannot be decrypted.
      await restored.stop()
      await succeeds(['backup', 'stopped.jsonl'], second.env)
      const third = await place('third')
      await succeeds(['restore', 'stopped.jsonl'], third.env)
      const again = await serverIn(third.dataDir, third.env)
      expect((await again.api.vectors.list()).total).toBe(3)
    },
    5 * MINUTE,
  )

  test(
    'refuse a target that has data, and write nothing of a damaged file',
    async () => {
      const here = await place('here')
      const server = await serverIn(here.dataDir, here.env)
      await server.api.vectors.upsert({ vector_id: 'a', document: 'text' })
      await succeeds(['backup', 'all.jsonl'], server.env)
      await server.stop()
      const mixed = await run(['restore', 'all.jsonl'], here.env)
      expect(mixed).toMatchObject({ code: 1, err: expect.stringContaining('The target already has data') })

      const text = await readFile(join(folder, 'all.jsonl'), 'utf8')
      const other = await place('other')
      for (const [damaged, message] of [
        [text.split('\n').slice(0, -2).join('\n'), 'truncated'],
        [text.replace('"zerodb":"backup"', '"zerodb":"project"'), 'export of a project'],
        [text.replace('"table":"vectors"', '"table":"victors"'), 'Unknown table "victors"'],
        [text.replace(/("table":"vectors".*?"created_at": ?")/, '$1never'), 'cannot be stored'],
      ] as const) {
        await writeFile(join(folder, 'damaged.jsonl'), damaged)
        const { code, err } = await run(['restore', 'damaged.jsonl'], other.env)
        expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(message) })
      }
      await succeeds(['restore', 'all.jsonl'], other.env)
    },
    5 * MINUTE,
  )

  test(
    'a backup is reserved for the owner',
    async () => {
      const here = await place('here')
      const server = await serverIn(here.dataDir, { ...here.env, ZERODB_REGISTRATION: 'on' })
      const { access_token } = await server.api.auth.register({ email: 'a@example.com', password: 'a long password' })
      const limited = await server.api.keys.create({
        name: 'limited',
        scopes: ['zerodb:*', 'memory:*', 'hooks:*', 'keys:*'],
      })
      for (const key of [access_token, limited.key]) {
        const { code } = await run(['backup', 'all.jsonl'], { ...server.env, ZERODB_API_KEY: key })
        expect(code).toBe(4)
      }
      await expect(stat(join(folder, 'all.jsonl'))).rejects.toThrow()
    },
    2 * MINUTE,
  )

  test(
    'a run that was running during the backup runs again',
    async () => {
      const here = await place('here')
      const storage = await openStorage(readConfig(here.env))
      const { user_id, project_id } = await storage.store.users.create(null)
      await storage.database.query(sql`
      insert into zerodb_runs (trigger, user_id, project_id, handler, status, owner, attempts)
      values ('event', ${user_id}::uuid, ${project_id}::uuid, 'auto_embed', 'running', 7, 1)`)
      await writeAtomically(join(folder, 'all.jsonl'), await dumpAll(storage))
      await storage.close()
      const other = await place('other')
      await succeeds(['restore', 'all.jsonl'], other.env)
      const restored = await openStorage(readConfig(other.env))
      expect(await restored.database.query(sql`select status, owner from zerodb_runs`)).toEqual([
        { status: 'queued', owner: null },
      ])
      await restored.close()
    },
    2 * MINUTE,
  )
})

test(
  'export and import take a project from one server to another, by file and through a pipe',
  async () => {
    const [one, two] = [await place('one'), await place('two')]
    const from = await serverIn(one.dataDir, one.env)
    const to = await serverIn(two.dataDir, two.env)
    await fill(from.api)
    const { default_project_id } = await from.api.auth.me()
    await succeeds(['export', 'project.jsonl'], from.env)
    const made = JSON.parse(await succeeds(['import', 'project.jsonl', '--json'], to.env))
    expect(made).toMatchObject({ project_id: default_project_id, counts: { vectors: 2, memories: 1, files: 1 } })
    const second = await succeeds(['export', '-', '--project', default_project_id], to.env)
    expect(second).toBe(await readFile(join(folder, 'project.jsonl'), 'utf8'))
    const again = await run(['import', 'project.jsonl'], to.env)
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('already exists') })
    const missing = await run(['import', 'nothing.jsonl'], to.env)
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining('nothing.jsonl (ENOENT)') })
    await to.api.projects.delete({ project_id: default_project_id })
    const piped = await zerodb(['import', '-'], { cwd: folder, env: to.env, input: second })
    expect(piped).toMatchObject({ code: 0, out: expect.stringContaining(`Project ${default_project_id} "default": `) })
  },
  5 * MINUTE,
)

describe('move --to', () => {
  test.runIf(process.env['ZERODB_TEST_DATABASE_URL'])(
    'moves everything from the embedded database to a server',
    async () => {
      const dataDir = join(folder, 'data')
      const embedded = await serverIn(dataDir, { DATABASE_URL: '' })
      await fill(embedded.api)
      const before = await everything(embedded.api)
      const target = (await freshDatabaseUrl())!
      undo.push(() => target.drop())
      const env = { ZERODB_DATA_DIR: dataDir }
      const running = await run(['move', '--to', target.url], env)
      expect(running).toMatchObject({ code: 1, err: expect.stringContaining('is in use by process') })
      embedded.process.kill('SIGTERM')
      await new Promise((resolve) => embedded.process.once('exit', resolve))

      const { counts } = JSON.parse(await succeeds(['move', '--to', target.url, '--json'], env))
      expect(counts).toMatchObject({ users: 1, vectors: 2, runs: 3 })
      expect((await run(['move', '--to', target.url], env)).err).toContain('already has data')
      const moved = await serverIn(dataDir, { DATABASE_URL: target.url })
      expect(await everything(moved.api)).toEqual(before)
      await eventsAreFound(moved.api)
      await moved.api.vectors.upsert({ vector_id: 'new', document: 'text' })
      await expect
        .poll(async () => (await moved.api.runs.list({ status: 'succeeded' })).items.length, { timeout: MINUTE })
        .toBe(3)
    },
    5 * MINUTE,
  )

  test('names missing arguments', async () => {
    const nothing = await run(['move', '--to', 'postgres://127.0.0.1:1/none'])
    expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining('has no embedded database') })
    expect(await run(['move'])).toMatchObject({ code: 2 })
  })
})

describe('data of the first version', () => {
  /** Data as the first version wrote it, with its schema. */
  async function ofTheFirst(env: Record<string, string>): Promise<{ user_id: string; project_id: string }> {
    const storage = await openStorage(readConfig(env))
    await dropSchema(storage.database)
    await migrate(storage.database, undefined, 1)
    const [owner] = await storage.database.query<{ user_id: string; project_id: string }>(sql`
      with person as (insert into zerodb_users default values returning id)
      insert into zerodb_projects (user_id, name, is_default) select id, 'default', true from person
      returning user_id, id as project_id`)
    const { user_id, project_id } = owner!
    await storage.database.query(sql`
      insert into zerodb_api_keys (user_id, name, hash, last4) values (${user_id}::uuid, 'first key', ${hashApiKey(KEY)}, 'nows')`)
    await storage.database.query(sql`
      insert into zerodb_hooks (user_id, event_type, hook_name) values (${user_id}::uuid, 'zerodb.vector.stored', 'auto_embed')`)
    await storage.database.query(sql`
      insert into zerodb_vectors (project_id, namespace, vector_id, embedding, metadata, source)
      values (${project_id}::uuid, 'default', 'old', ${Float32Array.of(1, 0)}::vector, '{"a": 1}', 'api')`)
    await storage.database.query(sql`
      insert into zerodb_events (id, event, channel, data, user_id, project_id, ref)
      values ('evt_0000000001abcdef', 'zerodb.vector.stored', 'zerodb', '{"vector_id": "old"}', ${user_id}::uuid, ${project_id}::uuid, 'x')`)
    await writeAtomically(join(folder, 'first.jsonl'), await dumpAll(storage))
    await storage.close()
    return { user_id, project_id }
  }

  async function isWhole(api: ZeroDB): Promise<void> {
    expect((await api.vectors.search({ query_vector: [1, 0] })).vectors).toMatchObject([
      { vector_id: 'old', metadata: { a: 1 } },
    ])
    expect((await api.event_log.list()).items).toMatchObject([{ id: 'evt_0000000001abcdef' }])
    await api.vectors.upsert({ vector_id: 'new', document: 'text' })
    await expect
      .poll(async () => (await api.runs.list({ status: 'succeeded' })).items.length, { timeout: MINUTE })
      .toBe(1)
  }

  test(
    'is migrated by the start, and works',
    async () => {
      const here = await place('here')
      await ofTheFirst(here.env)
      await isWhole((await serverIn(here.dataDir, here.env)).api)
    },
    2 * MINUTE,
  )

  test(
    'is migrated when its backup is restored',
    async () => {
      await ofTheFirst((await place('here')).env)
      const other = await place('other')
      await succeeds(['restore', 'first.jsonl'], other.env)
      await isWhole((await serverIn(other.dataDir, other.env)).api)
    },
    2 * MINUTE,
  )
})
