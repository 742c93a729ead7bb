import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ZeroDB } from '../../../src/client/index.ts'
import { sql } from '../../../src/db/sql.ts'
import type { LoggedEvent } from '../../../src/schema/event-log.ts'
import type { Replay } from '../../../src/schema/replay.ts'
import { PROJECT_ROWS } from '../../../src/schema/transfer-rows.ts'
import { emptyLinesUntil } from '../../../src/transfer/dump.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { eventually } from '../../support/eventually.ts'

let [from, to]: TestApp[] = []
let [fromUrl, toUrl]: string[] = []
beforeAll(async () => {
  from = await openTestApp()
  to = await openTestApp({ ZERODB_MAX_UPLOAD_MB: '4' })
  fromUrl = await from.server.listen({ host: '127.0.0.1', port: 0 })
  toUrl = await to.server.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await from?.close()
  await to?.close()
})

let giver: TestUser
let taker: TestUser
let source: ZeroDB
let target: ZeroDB
beforeEach(async () => {
  giver = await from!.newUser()
  taker = await to!.newUser()
  source = new ZeroDB({ url: fromUrl!, apiKey: giver.key })
  target = new ZeroDB({ url: toUrl!, apiKey: taker.key })
})

const exported = async (zerodb: ZeroDB, project_id?: string) => (await zerodb.projects.export({ project_id })).text()
const imported = (zerodb: ZeroDB, text: string) => zerodb.projects.import({ content: new Blob([text]) })
const MINUTES = 5

/** Creates one object of every kind, with values that are easily lost in a transfer. */
async function fill(zerodb: ZeroDB): Promise<string> {
  const { id: project_id } = await zerodb.projects.create({
    name: 'Bücher & "mehr"',
    metadata: { deep: [{ x: 1e-7 }] },
  })
  const scoped = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
  await scoped.hooks.create({ event_type: 'zeromemory.remembered', hook_name: 'auto_graph', project_id })
  await scoped.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: 'auto_embed', project_id })
  await scoped.hooks.create({
    ...{ event_type: 'zerodb.event.published', hook_name: 'webhook:orders', project_id, paused: true },
    ...{
      hook_config: { url: 'https://hooks.example.com/' },
      filter: { 'row.topic': { $in: ['a', 'b'] } },
      ordering_key: 'row.topic',
    },
  })
  await scoped.vectors.upsert({
    vector_id: 'own',
    vector_embedding: [0.1, -1 / 3, 3.4e38, 1e-38],
    vector_metadata: { n: 0.1 },
  })
  await scoped.vectors.upsert({ vector_id: 'text', document: 'Übermorgen \u2028 ist "Freitag"\\', namespace: 'n' })
  await scoped.memory.remember({
    content: 'Maria leads the Apollo project at Initech in Oslo',
    entity_id: 'maria',
    tags: ['a', 'b,"c"'],
    importance: 0.7,
  })
  await scoped.memory.store({ content: 'a record', role: 'user', memory_metadata: { nothing: null } })
  await scoped.tables.create({ table_name: 'numbers', schema_definition: { n: 'number' } })
  await scoped.rows.insert({ table: 'numbers', rows: Array.from({ length: 250 }, (_, n) => ({ n, half: n / 2 })) })
  await scoped.events.publish({ topic: 'a', event_payload: [1, 'two', null] })
  await scoped.files.upload({ file_name: 'large.bin', content: new Uint8Array(900_000).fill(7) })
  await scoped.files.upload({ file_name: 'empty.txt', content: new Uint8Array(0) })
  await scoped.files.upload({ file_key: 'without/content' })
  await scoped.secrets.set({ name: 'TOKEN', value: 'a secret value' })
  await scoped.env_sets.set({ name: 'shared', env: { MODEL: 'ä "b"' }, secrets: ['TOKEN'] })
  for (const source of [CODE, `${CODE}// changed`])
    await scoped.functions.deploy({ project_id, name: 'count', runtime: 'nodejs', source })
  const event = { topic: 'report', event_payload: { kind: 'daily' }, source: 'clock', correlation_id: 'c-1' }
  await scoped.schedules.create({ ...event, project_id, name: 'nightly', cron: '0 6 1 1 *', timezone: 'Europe/Berlin' })
  await scoped.events.publish({ topic: 'later', event_payload: null, delay: '100d' })
  await from!.drained()
  return project_id
}

const CODE = `export const config = {
  triggers: [{ event: 'zerodb.table.row_inserted', filter: { 'row.n': { $gt: 5 } } }],
  schedule: [{ cron: '0 6 1 1 *', timezone: 'Europe/Berlin' }],
  secrets: ['TOKEN'],
  env_from: ['shared'],
  network: ['api.example.com'],
}
export default async (event, ctx) => ({ n: (await ctx.row())?.n ?? null, secret: ctx.env.TOKEN ?? null })
`

describe('a project that is exported and imported on another server', () => {
  test(
    'is identical: its second export equals the first',
    async () => {
      const project_id = await fill(source)
      const file = await exported(source, project_id)
      expect(file).not.toContain(giver.user_id)
      const { counts, without_secret, ...made } = await imported(target, file)
      expect(made).toEqual({ project_id, name: 'Bücher & "mehr"' })
      expect(counts).toMatchObject({
        vectors: 2,
        memories: 2,
        tables: 1,
        rows: 250,
        files: 3,
        hooks: 4,
        published_events: 1,
      })
      expect(counts['edges']).toBeGreaterThan(0)
      expect(without_secret).toEqual(['webhook:orders'])
      expect(await exported(target, project_id)).toBe(file)
    },
    MINUTES * 60_000,
  )

  test(
    'works: it can be searched, its events belong to the importer, and its hooks continue',
    async () => {
      const project_id = await fill(source)
      await imported(target, await exported(source, project_id))
      const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
      expect(
        (await here.vectors.search({ query: 'the day after tomorrow', namespace: 'n' })).vectors[0]!.vector_id,
      ).toBe('text')
      expect((await here.graph.neighbors({ entity: 'maria' })).count).toBeGreaterThan(0)
      const files = await here.files.list()
      const large = await here.files.download({
        file_id: files.find(({ file_name }) => file_name === 'large.bin')!.file_id,
      })
      expect((await large.bytes()).every((byte) => byte === 7)).toBe(true)
      const { items } = await here.event_log.list({ project_id, limit: 1000 })
      expect(items).toHaveLength(263)
      for (const { data } of items) expect(data).toMatchObject({ user_id: taker.user_id })
      expect(await here.event_log.get({ event_id: items[0]!.id })).toEqual(items[0])
      // Imported events were handled where they were written.
      expect(await taker.runs()).toEqual([])
      await here.vectors.upsert({ vector_id: 'new', document: 'text' })
      expect(await taker.runs()).toMatchObject([{ handler: 'auto_embed', status: 'succeeded' }])
      const [newest] = (await here.event_log.list({ limit: 1 })).items
      expect(newest!.data).toMatchObject({ vector_id: 'new' })
      // Its functions can be called, triggered by events, and rolled back.
      await here.secrets.set({ name: 'TOKEN', value: 'another' })
      expect((await here.functions.invoke({ name: 'count', project_id, payload: {} })).result).toEqual({
        n: null,
        secret: 'another',
      })
      await here.rows.insert({ table: 'numbers', row_data: { n: 7 } })
      await here.rows.insert({ table: 'numbers', row_data: { n: 3 } })
      expect(
        (await taker.runs()).filter(({ trigger, handler }) => trigger === 'event' && handler === 'count'),
      ).toMatchObject([{ status: 'succeeded', result: { n: 7 } }])
      expect(await here.functions.rollback({ name: 'count', project_id })).toMatchObject({ version: 1 })
      const schedules = await here.schedules.list({ project_id })
      expect(schedules.sort((a, b) => String(a.topic).localeCompare(String(b.topic)))).toMatchObject([
        { topic: 'later', event_payload: null, cron: null, run_at: expect.any(String) },
        { function: 'count', topic: null, cron: '0 6 1 1 *' },
        { topic: 'report', event_payload: { kind: 'daily' }, name: 'nightly', cron: '0 6 1 1 *', missed: 'run_once' },
      ])
      const [later] = schedules
      expect(Date.parse(later!.next_at!)).toBe(Date.parse(later!.run_at!))
      // Forgetting finds the runs of a memory by the number of its event.
      const { results } = await here.memory.recall({ query: 'Apollo' })
      expect((await here.memory.forget({ memory_id: results[0]!.memory_id })).receipt.edges).toBeGreaterThan(0)
    },
    MINUTES * 60_000,
  )

  test('gets new numbers for its events where its numbers are used, and no two are ever the same', async () => {
    const { id } = await source.projects.create({ name: 'one' })
    const one = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: id })
    for (let n = 0; n < 3; n++) await one.events.publish({ topic: `e${n}` })
    const file = await exported(one)
    const last = (await one.event_log.list({ limit: 1 })).items[0]!
    // The other server reaches the same numbers.
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key })
    const [there] = await from!.system.database.query<{ seq: number }>(
      sql`select seq from zerodb_events where id = ${last.id}`,
    )
    while ((await sequences(to!))['zerodb_events_seq_seq']! < there!.seq) await here.events.publish({ topic: 'own' })
    const writing = Promise.all(Array.from({ length: 50 }, () => here.events.publish({ topic: 'during-import' })))
    await imported(target, file)
    await writing
    await here.events.publish({ topic: 'after' })
    const moved = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: id })
    const { items } = await moved.event_log.list({ project_id: id })
    expect(items).toHaveLength(3)
    for (const event of items) expect(await moved.event_log.get({ event_id: event.id })).toEqual(event)
    const [row] = await to!.system.database.query<{ all: number; different: number }>(
      sql`select count(*) as all, count(distinct id) as different from zerodb_events`,
    )
    expect(row!.all).toBe(row!.different)
  })
})

describe('a changed file', () => {
  let file: string
  let project_id: string
  beforeAll(async () => {
    giver = await from!.newUser()
    source = new ZeroDB({ url: fromUrl!, apiKey: giver.key })
    project_id = await fill(source)
    file = await exported(source, project_id)
  }, MINUTES * 60_000)

  const nothing = async () => {
    expect(await target.projects.list()).toHaveLength(1)
    const [row] = await to!.system.database.query<{ left: number }>(sql`
      select (select count(*) from zerodb_rows where project_id = ${project_id}::uuid)
        + (select count(*) from zerodb_vectors where project_id = ${project_id}::uuid) as left`)
    expect(row!.left).toBe(0)
  }
  const lines = () => file.trimEnd().split('\n')
  const without = (pattern: RegExp) => {
    const kept = lines().filter((line) => !pattern.test(line))
    return `${kept.slice(0, -1).join('\n')}\n{"lines":${kept.length}}\n`
  }

  test.each<[string, () => string, RegExp]>([
    ['cut short', () => lines().slice(0, -1).join('\n'), /truncated/],
    ['cut within a line', () => file.slice(0, file.length / 2), /not a JSON object|truncated/],
    [
      'without a line',
      () =>
        lines()
          .filter((_, i) => i !== 7)
          .join('\n'),
      /lines are missing/,
    ],
    ['with content after its end', () => `${file}{"lines":1}\n`, /line after the end/],
    ['without rows that others refer to', () => without(/^\{"table":"tables"/), /refers to something/],
    ['with other contents of a file', () => file.replace(/("base64":"Bw)c/, '$1d'), /does not match its hash/],
    ['without a content', () => without(/^\{"blob"/), /content .* is missing/],
    [
      'with a field that is unknown here',
      () => file.replace('{"table":"tables","row":{', '{"table":"tables","row":{"later":1,'),
      /Line 3 \(tables\) .*"later"/,
    ],
    [
      'with a table that is unknown here',
      () => file.replace('{"table":"tables"', '{"table":"users"'),
      /unknown table "users"/,
    ],
    [
      'with an invalid id',
      () => file.replace(/(\{"table":"vectors".*?"id": ?")[^"]*/, '$1x'),
      /Line \d+ \(vectors\) .*row\.id/,
    ],
    ['with an invalid hook', () => file.replaceAll('"auto_graph"', '"auto_grap"'), /no handler of type first_party/],
    ['with an invalid filter', () => file.replace('"$in"', '"$near"'), /\$near/],
    [
      'with a function that exceeds a limit',
      () => file.replaceAll('"memory_mb": 256', '"memory_mb": 99999'),
      /memory_mb/,
    ],
    [
      'with a function whose network has an invalid host',
      () => file.replaceAll('"api.example.com"', '"https://api.example.com"'),
      /Line \d+ \(function_versions\) .*row\.config\.network/,
    ],
    [
      'with a runtime that is unknown here',
      () => file.replaceAll('"runtime": "nodejs20"', '"runtime": "cobol"'),
      /Line \d+ \(functions\) .*row\.runtime/,
    ],
    [
      'with a hook of a missing function',
      () => without(/^\{"table":"(functions|function_versions|schedules)"/),
      /no handler of type function/,
    ],
    ['of a later version', () => file.replace(/"number":\d+/, '"number":9999'), /upgrade first/],
    ['that is not an export', () => 'id,name\n1,a\n', /Line 1 is not a valid line of an export/],
    ['empty', () => '', /truncated/],
  ])('%s is refused, and nothing is imported', async (_, broken, message) => {
    const error = await imported(target, broken()).catch((thrown: Error & { status?: number }) => thrown)
    expect(error).toMatchObject({ status: 422, message: expect.stringMatching(message) })
    await nothing()
  })

  test('that is too large for this server is refused', async () => {
    const error = await imported(target, file + ' '.repeat(5_000_000)).catch((thrown) => thrown)
    expect(error).toMatchObject({ status: 413 })
    await nothing()
  })

  test('brings nothing of other users: neither contents by their names, nor rows', async () => {
    const victim = new ZeroDB({ url: toUrl!, apiKey: (await to!.newUser()).key })
    const secret = await victim.files.upload({ file_name: 'secret', content: new TextEncoder().encode('secret') })
    const { etag } = await victim.files.download({ file_id: secret.file_id })
    const stolen = file.replace(/("table":"files".*?"blob": ?")[0-9a-f]{64}/, `$1${etag}`)
    await expect(imported(target, stolen)).rejects.toMatchObject({ status: 422 })
    const theirs = await victim.tables.create({ table_name: 'theirs' })
    const into = file.replaceAll(/("table":"rows".*?"table_id": ?")[0-9a-f-]{36}/g, `$1${theirs.table_id}`)
    await expect(imported(target, into)).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining('refers to'),
    })
    expect((await victim.rows.list({ table: 'theirs' })).total).toBe(0)
  })

  test('of an existing project is refused to its owner, and becomes another project for another user', async () => {
    await imported(target, file)
    await expect(imported(target, file)).rejects.toMatchObject({ status: 409, code: 'project_exists' })
    const other = new ZeroDB({ url: toUrl!, apiKey: (await to!.newUser()).key })
    const copy = await imported(other, file)
    expect(copy.project_id).not.toBe(project_id)
    await target.projects.delete({ project_id })
    // The objects of both users are separate: the copy is complete without the first project.
    expect(copy.counts).toEqual((await imported(target, file)).counts)
    await target.projects.delete({ project_id })
  })
})

describe('A3: export and import need the permission for every kind in the file', () => {
  const limited = async (zerodb: ZeroDB, url: string, scopes: string[]) => {
    const { key } = await zerodb.keys.create({ name: 'limited', scopes: scopes as never })
    return new ZeroDB({ url, apiKey: key })
  }
  const READ = ['zerodb:read', 'memory:read', 'hooks:read', 'functions:read']
  const WRITE = ['zerodb:write', 'memory:write', 'hooks:write', 'functions:write']

  test.each(READ)('A3: an export without %s is refused and names the permission', async (missing) => {
    const without = READ.filter((scope) => scope !== missing)
    const key = await limited(source, fromUrl!, without)
    await expect(key.projects.export({})).rejects.toMatchObject({
      status: 403,
      message: `This API key lacks the permission "${missing}"`,
    })
    await expect(exported(await limited(source, fromUrl!, READ))).resolves.toContain('"projects"')
  })

  test('A3: an import names each missing permission, and writes nothing', async () => {
    const project_id = await fill(source)
    const file = await exported(source, project_id)
    const key = await limited(target, toUrl!, ['zerodb:write', 'memory:write'])
    await expect(imported(key, file)).rejects.toMatchObject({
      status: 403,
      message: 'This API key lacks the permissions "functions:write", "hooks:write"',
    })
    expect(await target.projects.list()).toHaveLength(1)
    // The permissions of the function are those of the owner who deployed it.
    await imported(await limited(target, toUrl!, [...WRITE, 'zerodb:read', 'memory:read', 'functions:invoke']), file)
  })

  test('A3: an import needs no permission for kinds that the file does not contain', async () => {
    const { id: project_id } = await source.projects.create({ name: 'rows only' })
    const scoped = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
    await scoped.events.publish({ topic: 'a' })
    const key = await limited(target, toUrl!, ['zerodb:write'])
    expect(await imported(key, await exported(source, project_id))).toMatchObject({
      project_id,
      counts: { published_events: 1, events: 1 },
    })
  })

  test('a key that is bound to a project cannot import', async () => {
    const bound = new ZeroDB({ url: fromUrl!, apiKey: await from!.boundKey(giver, giver.project_id) })
    await expect(imported(bound, '')).rejects.toMatchObject({ status: 403 })
  })
})

test('a function gets no permission in its project that its importer does not have', async () => {
  const project_id = await fill(source)
  const file = (await exported(source, project_id)).replaceAll('"functions:invoke"', '"keys:write"')
  const scopes = ['zerodb:*', 'memory:*', 'hooks:*', 'functions:*'] as const
  const { key } = await target.keys.create({ name: 'limited', scopes: [...scopes] })
  const limited = new ZeroDB({ url: toUrl!, apiKey: key })
  await expect(imported(limited, file)).rejects.toMatchObject({
    status: 403,
    message: expect.stringContaining('keys:write'),
  })
  await imported(target, file)
})

/** The last number of each sequence. */
async function sequences(app: TestApp): Promise<Record<string, number>> {
  const rows = await app.system.database.query<{ name: string; last: number }>(sql`
    select sequencename::text as name, coalesce(last_value, 0) as last from pg_sequences where sequencename like 'zerodb%'`)
  return Object.fromEntries(rows.map(({ name, last }) => [name, last]))
}

/** Returns the file with `change` applied to each row of `table`. */
function withRows(file: string, table: string, change: (row: Record<string, unknown>, n: number) => object): string {
  let n = 0
  return file
    .split('\n')
    .map((text) => {
      if (!text.startsWith(`{"table":"${table}"`)) return text
      const line = JSON.parse(text)
      return JSON.stringify({ ...line, row: change(line.row, n++) })
    })
    .join('\n')
}

/** Returns the file without the rows of `table`. */
function withoutRows(file: string, table: string): string {
  const kept = file.split('\n').filter((text) => !text.startsWith(`{"table":"${table}"`))
  return kept.map((text) => (text.startsWith('{"lines"') ? `{"lines":${kept.length - 1}}` : text)).join('\n')
}

describe('A1: no number of a file becomes state of the server', () => {
  let file: string
  let project_id: string
  beforeAll(async () => {
    giver = await from!.newUser()
    source = new ZeroDB({ url: fromUrl!, apiKey: giver.key })
    project_id = await fill(source)
    file = await exported(source, project_id)
  }, MINUTES * 60_000)

  test('A1: an import renumbers events, rows and published events: sequences advance by their count', async () => {
    const last = '9223372036854774784'
    let big = file
    for (const [table, column] of [
      ['events', 'seq'],
      ['rows', 'position'],
      ['published_events', 'position'],
    ] as const) {
      const numbers = [...file.matchAll(new RegExp(`{"table":"${table}".*"${column}": (\\d+)`, 'g'))]
      const highest = Math.max(...numbers.map(([, number]) => Number(number)))
      expect(highest).toBe(numbers.length)
      big = big.replace(new RegExp(`({"table":"${table}".*"${column}": )${highest}\\b`), `$1${last}`)
    }
    const id = `evt_${(263).toString(16).padStart(16, '0')}`
    expect(big).toContain(`"id": "${id}`)
    big = big.replace(new RegExp(`"id": "${id}`), `"id": "evt_${BigInt(last).toString(16)}`)
    expect(big.split(last)).toHaveLength(4)
    const before = await sequences(to!)
    const { counts } = await imported(target, big)
    expect(counts).toMatchObject({ events: 263, rows: 250, published_events: 1 })
    expect(await sequences(to!)).toEqual({
      ...before,
      zerodb_events_seq_seq: before['zerodb_events_seq_seq']! + 263,
      zerodb_rows_position_seq: before['zerodb_rows_position_seq']! + 250,
      zerodb_published_events_position_seq: before['zerodb_published_events_position_seq']! + 1,
    })
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
    expect(await exported(target, project_id)).toBe(file)
    const { data } = await here.rows.list({ table: 'numbers', limit: 1000 })
    expect(data.map(({ row_data }) => row_data['n'])).toEqual(Array.from({ length: 250 }, (_, n) => n))
    const { items } = await here.event_log.list({ project_id, limit: 1000 })
    for (const event of [items[0]!, items.at(-1)!])
      expect(await here.event_log.get({ event_id: event.id })).toEqual(event)
    // Both users continue to write, with the next numbers.
    const other = await to!.newUser()
    expect((await other.post(`${other.database}/events/publish`, { topic: 'next' })).status).toBeLessThan(300)
    expect((await sequences(to!))['zerodb_events_seq_seq']).toBe(before['zerodb_events_seq_seq']! + 264)
    await target.projects.delete({ project_id })
  })

  test('A11: ids of imported events come from this server, whatever the file contains, also with ids of an older version', async () => {
    const first = 'evt_0000000000000001'
    // All events but the first belong to the chain of the first.
    const newer = file
      .split('\n')
      .map((line) =>
        /^{"table":"events".*"seq": 1\b/.test(line)
          ? line
          : line.replace(/("chain_id": )(null|"[^"]+")/, `$1"${first}"`),
      )
      .join('\n')
    // Ids in exports of older versions: 10 digits of the number and 6 random ones.
    const older = newer.replace(/"evt_[0-9a-f]{6}([0-9a-f]{10})"/g, '"evt_$1abcdef"')
    expect(older.match(/"evt_[0-9a-f]{10}abcdef"/g)).toHaveLength(2 * 263 - 1)
    const log: LoggedEvent[][] = []
    for (const each of [newer, older, newer]) {
      await imported(target, each)
      expect(await exported(target, project_id)).toBe(newer)
      const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
      const { items } = await here.event_log.list({ project_id, limit: 1000 })
      expect(items).toHaveLength(263)
      for (const { id, chain_id } of items) {
        expect(id).toMatch(/^evt_[0-9a-f]{22}$/)
        expect(chain_id).toBe(items.at(-1)!.id)
      }
      log.push(items)
      await target.projects.delete({ project_id })
    }
    const parts = log.flat().flatMap(({ id }) => [id.slice(4, 14), id.slice(14)])
    expect(new Set(parts).size).toBe(parts.length)
  })

  test('A1: forgetting an imported memory touches no run of other users, whatever number it had in the file', async () => {
    const victim = await to!.newUser()
    await victim.hook('zeromemory.remembered', 'auto_embed')
    expect((await victim.post('/api/v1/public/memory/v2/remember', { content: 'a secret' })).status).toBe(200)
    const runs = await victim.runs()
    expect(runs).toMatchObject([{ status: 'succeeded' }])
    const [row] = await to!.system.database.query<{ seq: number }>(
      sql`select event_seq as seq from zerodb_runs where id = ${runs[0]!.id}::uuid`,
    )
    await imported(
      target,
      withRows(file, 'memories', (memory) => ({ ...memory, event_seq: row!.seq })),
    )
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
    const { results } = await here.memory.recall({ query: 'Apollo' })
    await here.memory.forget({ memory_id: results[0]!.memory_id })
    expect(await victim.runs()).toEqual(runs)
    await target.projects.delete({ project_id })
  })

  test('A1: an event of a file that names the row of another user reveals nothing of that row', async () => {
    const victim = await to!.newUser()
    const secret = await victim.post('/api/v1/public/memory/v2/remember', { content: 'a secret' })
    const memory_id = secret.body.memory_id
    const other = withRows(file, 'events', (event) =>
      event['event'] === 'zeromemory.remembered' ? { ...event, ref: memory_id } : event,
    )
    await imported(target, other)
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
    const tried = {
      event_type: 'zeromemory.remembered' as const,
      project_id,
      filter: { 'row.content': { $exists: true } },
    }
    expect(await here.hooks.test_filter(tried)).toMatchObject({ tested: 1, matched: 0, items: [{ row: null }] })
    // The function is called with the row of its event.
    await here.functions.deploy({
      ...{ name: 'peek', project_id, runtime: 'nodejs' },
      source: 'export default async (event, ctx) => ({ row: await ctx.row() })',
    })
    const hook = await here.hooks.create({ event_type: 'zeromemory.remembered', hook_name: 'peek', project_id })
    await here.replays.create({ project_id, hook_id: hook.id })
    await eventually(async () =>
      expect((await taker.runs()).filter(({ handler }) => handler === 'peek')).toMatchObject([
        { status: 'succeeded', result: { row: null } },
      ]),
    )
    await target.projects.delete({ project_id })
  })

  test('A1: an imported schedule starts with its next tick, whatever the file contains', async () => {
    const late = withRows(file, 'schedules', (row) => ({ ...row, next_at: '2001-01-01T05:00:00+00:00' }))
    await imported(target, late)
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: project_id })
    const [schedule] = await here.schedules.list({ project_id })
    expect(Date.parse(schedule!.next_at!)).toBeGreaterThan(Date.now())
    expect(Date.parse(schedule!.next_at!)).toBe(Date.parse(schedule!.next_runs[0]!))
    expect(await taker.runs()).toEqual([])
    await target.projects.delete({ project_id })
  })

  test('A1: an id of another user is not revealed: the project gets new ids, and its references follow', async () => {
    const victim = await to!.newUser()
    const remembered = await victim.post('/api/v1/public/memory/v2/remember', { content: 'a secret' })
    const memory = JSON.parse(file.split('\n').find((line) => line.includes('"kind": "remembered"'))!).row.id
    const before = await victim.events()
    const { project_id: other, counts } = await imported(target, file.replaceAll(memory, remembered.body.memory_id))
    expect(other).not.toBe(project_id)
    expect(counts).toEqual(counts)
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key, projectId: other })
    const { results } = await here.memory.recall({ query: 'Apollo' })
    expect(results).toHaveLength(1)
    expect(results[0]!.memory_id).not.toBe(remembered.body.memory_id)
    expect((await here.graph.neighbors({ entity: 'maria' })).relationships[0]!.sources).toEqual([results[0]!.memory_id])
    const { items } = await here.event_log.list({ project_id: other, event_type: 'zeromemory.remembered' })
    expect(items).toMatchObject([{ data: { memory_id: results[0]!.memory_id } }])
    expect((await here.rows.list({ table: 'numbers' })).total).toBe(250)
    await here.secrets.set({ name: 'TOKEN', value: 'another' })
    expect((await here.functions.invoke({ name: 'count', project_id: other, payload: {} })).result).toMatchObject({
      secret: 'another',
    })
    await here.rows.insert({ table: 'numbers', row_data: { n: 7 } })
    expect((await taker.runs()).filter(({ trigger }) => trigger === 'event')).toMatchObject([
      { handler: 'count', status: 'succeeded', result: { n: 7 } },
    ])
    expect((await here.memory.forget({ memory_id: results[0]!.memory_id })).receipt.edges).toBeGreaterThan(0)
    expect(await victim.events()).toEqual(before)
    expect((await victim.get(`${victim.database}/memory`)).status).toBe(200)
  })

  const row = (table: string, fields: object) => () => withRows(file, table, (each) => ({ ...each, ...fields }))
  /** Changes the delayed event of the file. */
  const pendingRow = (fields: object) => () =>
    withRows(file, 'schedules', (each) => (each['topic'] === 'later' ? { ...each, ...fields } : each))
  test.each<[string, () => string, RegExp]>([
    ['a negative number', row('events', { seq: -1 }), /Line \d+ \(events\).*row\.seq/],
    ['a fraction', row('rows', { position: 1.5 }), /Line \d+ \(rows\).*row\.position/],
    ['one number twice', row('events', { seq: 1 }), /Line \d+ \(events\).*row\.seq: 1 appears twice in the file/],
    ['a chain that is too deep', row('events', { depth: 2_147_483_647 }), /\(events\).*row\.depth/],
    ['an invalid id', row('events', { id: 'evt_1' }), /\(events\).*row\.id/],
    ['an unknown event', row('events', { event: 'zerodb.later' }), /\(events\).*row\.event/],
    ['other data', row('events', { data: { secret: 1 } }), /\(events\).*row\.data/],
    ['a header in a trace', row('events', { trace: '00\r\nx: y' }), /\(events\).*row\.trace/],
    [
      'a time in the future',
      row('vectors', { created_at: '2999-01-01T00:00:00+00:00' }),
      /\(vectors\).*row\.created_at/,
    ],
    ['no time', row('memories', { created_at: 'infinity' }), /\(memories\).*row\.created_at/],
    [
      'a missing version',
      () => withoutRows(row('functions', { version: 9 })(), 'schedules'),
      /no version 9 of function "count"/,
    ],
    ['a version out of range', row('functions', { version: 2_147_483_647 }), /\(functions\).*row\.version/],
    ['the name of a handler', row('functions', { name: 'auto_embed' }), /\(functions\).*built-in handler/],
    [
      'a path outside the sandbox',
      row('function_versions', { files: { '../x': '' } }),
      /\(function_versions\).*relative/,
    ],
    ['a schedule without function and topic', pendingRow({ topic: null }), /\(schedules\).*row\.topic/],
    ['a schedule without time', pendingRow({ run_at: null }), /\(schedules\).*row\.cron/],
    ['a schedule with two times', pendingRow({ cron: '* * * * *' }), /\(schedules\).*row\.cron/],
    ['a time that is too late', pendingRow({ run_at: '9998-12-31T00:00:00+00:00' }), /\(schedules\).*row\.run_at/],
    ['a policy that events do not have', pendingRow({ overlap: 'skip' }), /\(schedules\).*row\.overlap/],
    [
      'a cron expression that is not one',
      pendingRow({ cron: 'x', timezone: 'UTC', missed: 'skip', run_at: null }),
      /\(schedules\).*row\.cron/,
    ],
    [
      'a schedule of a function with a topic',
      () => withRows(file, 'schedules', (row) => (row['function_id'] === null ? row : { ...row, topic: 'a' })),
      /\(schedules\).*row\.topic/,
    ],
    ['a schedule that no version declares', row('schedules', { cron: '* * * * * *' }), /\(schedules\).*row\.cron/],
    [
      'more retries than allowed',
      row('hooks', { retry: { max_attempts: 1e9 } }),
      /\(hooks\).*row\.retry\.max_attempts/,
    ],
    ['a hook of another user', row('hooks', { user_id: 'x' }), /\(hooks\).*"user_id"/],
    ['an importance out of range', row('memories', { importance: 9 }), /\(memories\).*row\.importance/],
    ['a file of another size', row('files', { size_bytes: 5 }), /\(files\).*row\.size_bytes/],
    [
      'a webhook to an internal address',
      row('hooks', {
        ...{ hook_type: 'webhook', hook_name: 'webhook:x', function_id: null },
        hook_config: { url: 'http://127.0.0.1/' },
      }),
      /\(hooks\).*127\.0\.0\.1/,
    ],
  ])('A1: %s is refused with the line and the field', async (_, changed, message) => {
    const error = await imported(target, changed()).catch((thrown: Error & { status?: number }) => thrown)
    expect(error).toMatchObject({ status: 422, message: expect.stringMatching(message) })
    expect(await target.projects.list()).toHaveLength(1)
  })

  test('every exported column has a schema, and every schema a column', async () => {
    const shapes = await to!.system.app.store.dump.shapes()
    for (const [table, schema] of Object.entries(PROJECT_ROWS)) {
      const { columns, vectors } = shapes.find(({ name }) => name === table)!
      const exported = columns.filter(
        (column) =>
          !['project_id', 'user_id', 'is_default', 'xid', 'filter_path', 'origin', 'is_suspended', ...vectors].includes(
            column,
          ) && !/^key_\d$/.test(column),
      )
      expect(Object.keys(schema.shape.row.shape).sort(), table).toEqual([...exported].sort())
    }
  })
})

test('an import counts for the quotas of its user, and is rolled back if it exceeds one', async () => {
  const small = await openTestApp({ ZERODB_QUOTA_PROJECTS: '1' })
  try {
    const user = await small.newUser()
    const url = await small.server.listen({ host: '127.0.0.1', port: 0 })
    const here = new ZeroDB({ url, apiKey: user.key })
    await expect(imported(here, await exported(source))).rejects.toMatchObject({ code: 'quota_exceeded' })
    expect(await here.projects.list()).toHaveLength(1)
  } finally {
    await small.close()
  }
})

describe('B4: export, delete, import on one server', () => {
  test(
    'B4: has equal counts, an event log that does not grow, and a second export equal to the first',
    async () => {
      const project_id = await fill(source)
      const here = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
      await here.events.publish({ topic: 'null', event_payload: null })
      const runs = (await giver.runs()).map(({ id, handler, event_type }) => ({ id, handler, event_type }))
      expect(runs.length).toBeGreaterThan(0)
      const file = await exported(source, project_id)
      const events = await giver.events()
      const counted: unknown[] = []
      for (let round = 0; round < 2; round++) {
        await source.projects.delete({ project_id })
        counted.push((await imported(source, file)).counts)
        expect(await exported(source, project_id)).toBe(file)
        // The log has the same events in the same order.
        const fieldsOf = ({ event, data, timestamp, depth }: (typeof events)[number]) => ({
          event,
          data,
          timestamp,
          depth,
        })
        expect((await giver.events()).map(fieldsOf)).toEqual(events.map(fieldsOf))
      }
      expect(counted[1]).toEqual(counted[0])
      // Runs stay attached to their events.
      expect((await giver.runs()).map(({ id, handler, event_type }) => ({ id, handler, event_type }))).toEqual(runs)
      expect((await here.event_log.get({ event_id: (await giver.events()).at(-1)!.id })).data).toMatchObject({
        topic: 'null',
      })
    },
    MINUTES * 60_000,
  )

  test('B4: a replay afterwards fires once per event', async () => {
    const { id: project_id } = await source.projects.create({ name: 'replayed' })
    const here = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
    for (let n = 0; n < 3; n++) await here.vectors.upsert({ document: `text ${n}` })
    const file = await exported(source, project_id)
    await source.projects.delete({ project_id })
    await imported(source, file)
    const hook = await here.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: 'auto_embed', project_id })
    const replay = (await here.replays.create({ project_id, hook_id: hook.id, rate_per_second: 1000 })) as Replay
    expect(replay).toMatchObject({ total: 3 })
    await eventually(async () =>
      expect(await here.replays.get({ replay_id: replay.id })).toMatchObject({ status: 'done', created: 3 }),
    )
    expect(await giver.runs()).toMatchObject(Array(3).fill({ handler: 'auto_embed', status: 'succeeded' }))
  })

  test('B4: events after the export are no longer in the log, nor are their ended runs', async () => {
    const { id: project_id } = await source.projects.create({ name: 'later' })
    const here = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
    await here.hooks.create({ event_type: 'zerodb.vector.stored', hook_name: 'auto_embed', project_id })
    await here.vectors.upsert({ document: 'early' })
    const [run] = await giver.runs()
    const file = await exported(source, project_id)
    await here.vectors.upsert({ document: 'late' })
    expect(await giver.runs()).toHaveLength(2)
    await source.projects.delete({ project_id })
    await imported(source, file)
    expect(await giver.events()).toHaveLength(1)
    expect((await giver.runs()).map(({ id }) => id)).toEqual([run!.id])
    expect(await exported(source, project_id)).toBe(file)
  })
})

test('numbers in rows keep every digit in a transfer', async () => {
  const { id: project_id } = await source.projects.create({ name: 'digits' })
  const here = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: project_id })
  await here.tables.create({ table_name: 't' })
  await here.rows.insert({ table: 't', row_data: { n: 0 } })
  const file = (await exported(source, project_id)).replace('{"n": 0}', '{"n": 12345678901234567890123.450}')
  await imported(target, file)
  expect(await exported(target, project_id)).toBe(file)
})

describe('a slow export', () => {
  /** Calls `use` while the export cannot read its rows; `use` can let it continue. */
  async function withSlowExport(use: (go: (error?: Error) => void) => Promise<void>): Promise<void> {
    const { blobs } = from!.system.app
    let go: (error?: Error) => void = () => {}
    const gone = new Promise<void>((resolve, reject) => {
      go = (error) => (error ? reject(error) : resolve())
    })
    gone.catch(() => undefined)
    const spy = vi.spyOn(blobs, 'put').mockImplementationOnce(function (this: typeof blobs, content, maxBytes) {
      async function* slowly() {
        for await (const piece of content) {
          await gone
          yield piece
        }
      }
      spy.mockRestore()
      return blobs.put(slowly(), maxBytes)
    })
    await use(go).finally(go)
  }
  const ask = () =>
    fetch(`${fromUrl}/api/v1/projects/${giver.project_id}/export`, {
      headers: { authorization: `Bearer ${giver.key}` },
    })

  test('responds before all its rows are read', async () => {
    await source.vectors.upsert({ vector_id: 'v', vector_embedding: [1] })
    const file = await exported(source)
    await withSlowExport(async (go) => {
      const response = await ask()
      expect(response.status).toBe(200)
      const reader = response.body!.getReader()
      let text = new TextDecoder().decode((await reader.read()).value)
      expect(text).toBe(`${file.split('\n')[0]}\n`)
      go()
      for (let next = await reader.read(); !next.done; next = await reader.read())
        text += new TextDecoder().decode(next.value)
      expect(text).toBe(file)
    })
  })

  test('breaks off if it fails then, and has an error status if it fails before', async () => {
    await withSlowExport(async (go) => {
      const response = await ask()
      expect(response.status).toBe(200)
      go(new Error('the disk is full'))
      await expect(response.text()).rejects.toThrow('terminated')
    })
    const { blobs } = from!.system.app
    vi.spyOn(blobs, 'put').mockRejectedValueOnce(new Error('the disk is full'))
    expect((await ask()).status).toBe(500)
    vi.restoreAllMocks()
    expect((await ask()).status).toBe(200)
  })

  test('sends an empty line every 15 s, which is not counted', async () => {
    vi.useFakeTimers()
    try {
      let end = () => {}
      const lines = emptyLinesUntil(
        new Promise<void>((resolve) => {
          end = resolve
        }),
      )
      for (let n = 0; n < 2; n++) {
        const next = lines.next()
        await vi.advanceTimersByTimeAsync(15_000)
        expect(await next).toEqual({ done: false, value: Buffer.from('\n') })
      }
      end()
      expect((await lines.next()).done).toBe(true)
    } finally {
      vi.useRealTimers()
    }
    await source.vectors.upsert({ vector_id: 'v', vector_embedding: [1] })
    const file = await exported(source)
    const [head, ...rest] = file.split('\n')
    await imported(target, [head, '', '', ...rest].join('\n'))
    expect(await exported(target, giver.project_id)).toBe(file)
  })
})

test('contains writes during the export completely or not at all', async () => {
  const tables = Array.from({ length: 4 }, (_, n) => `t${n}`)
  let ended = false
  const writing = (async () => {
    for (const table_name of tables) {
      await source.tables.create({ table_name })
      await source.rows.insert({ table: table_name, rows: Array.from({ length: 300 }, (_, n) => ({ n })) })
    }
    ended = true
  })()
  while (!ended) {
    const rows = (await exported(source)).split('\n').filter((line) => line.startsWith('{"table":"rows"'))
    expect(rows.length % 300).toBe(0)
  }
  await writing
})
