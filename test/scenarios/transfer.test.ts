import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { ZeroDB } from '../../src/client/index.ts'
import { sql } from '../../src/db/sql.ts'
import { emptyLinesUntil } from '../../src/transfer/dump.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'

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

/** One of everything, with values that are easily lost on the way. */
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
  for (const source of [CODE, `${CODE}// changed`])
    await scoped.functions.deploy({ project_id, name: 'count', runtime: 'nodejs', source })
  await from!.idle()
  return project_id
}

const CODE = `export const config = {
  triggers: [{ event: 'zerodb.table.row_inserted', filter: { 'row.n': { $gt: 5 } } }],
  schedule: [{ cron: '0 6 1 1 *', timezone: 'Europe/Berlin' }],
  secrets: ['TOKEN'],
}
export default async (event, ctx) => ({ n: (await ctx.row())?.n ?? null, secret: ctx.env.TOKEN ?? null })
`

describe('a project that is exported and imported elsewhere', () => {
  test(
    'is the same in everything: its second export equals the first',
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
    'works: it is searched, its events are there and belong to who imported it, and its hooks go on',
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
      expect(items).toHaveLength(258)
      for (const { data } of items) expect(data).toMatchObject({ user_id: taker.user_id })
      expect(await here.event_log.get({ event_id: items[0]!.id })).toEqual(items[0])
      // What is imported has been handled where it was written.
      expect(await taker.runs()).toEqual([])
      await here.vectors.upsert({ vector_id: 'new', document: 'text' })
      expect(await taker.runs()).toMatchObject([{ handler: 'auto_embed', status: 'succeeded' }])
      const [newest] = (await here.event_log.list({ limit: 1 })).items
      expect(newest!.data).toMatchObject({ vector_id: 'new' })
      // Its functions are called, set off by events, and rolled back.
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
      expect(await here.schedules.list({ project_id })).toMatchObject([{ cron: '0 6 1 1 *' }])
      // Forgetting finds the runs of a memory by the number of its event.
      const { results } = await here.memory.recall({ query: 'Apollo' })
      expect((await here.memory.forget({ memory_id: results[0]!.memory_id })).receipt.edges).toBeGreaterThan(0)
    },
    MINUTES * 60_000,
  )

  test('gets other numbers for its events where its own are taken, and no two are ever the same', async () => {
    const { id } = await source.projects.create({ name: 'one' })
    const one = new ZeroDB({ url: fromUrl!, apiKey: giver.key, projectId: id })
    for (let n = 0; n < 3; n++) await one.events.publish({ topic: `e${n}` })
    const file = await exported(one)
    const last = (await one.event_log.list({ limit: 1 })).items[0]!
    // The other server comes to the same numbers.
    const here = new ZeroDB({ url: toUrl!, apiKey: taker.key })
    const seq = Number.parseInt(last.id.slice(4, -6), 16)
    for (;;) {
      const { id } = await here.events
        .publish({ topic: 'own' })
        .then(async () => (await here.event_log.list({ limit: 1 })).items[0]!)
      if (Number.parseInt(id.slice(4, -6), 16) >= seq) break
    }
    const writing = Promise.all(Array.from({ length: 50 }, () => here.events.publish({ topic: 'meanwhile' })))
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

describe('a file that is not as it was', () => {
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
    ['cut short', () => lines().slice(0, -1).join('\n'), /cut short/],
    ['cut in a line', () => file.slice(0, file.length / 2), /is no JSON|cut short/],
    [
      'without a line',
      () =>
        lines()
          .filter((_, i) => i !== 7)
          .join('\n'),
      /lines are missing/,
    ],
    ['with something behind its end', () => `${file}{"lines":1}\n`, /follows the end/],
    ['without the rows that others refer to', () => without(/^\{"table":"tables"/), /refers to something/],
    ['with another content', () => file.replace(/("base64":"Bw)c/, '$1d'), /is not what it was/],
    ['without a content', () => without(/^\{"blob"/), /content .* is missing/],
    [
      'with a field that is not known here',
      () => file.replace('{"table":"tables","row":{', '{"table":"tables","row":{"later":1,'),
      /no field "later"/,
    ],
    [
      'with a table that is not known here',
      () => file.replace('{"table":"tables"', '{"table":"users"'),
      /"users" is not known/,
    ],
    [
      'with an id that is none',
      () => file.replace(/(\{"table":"vectors".*?"id": ?")[^"]*/, '$1x'),
      /A row of "vectors" cannot be stored/,
    ],
    [
      'with a hook that cannot be',
      () => file.replaceAll('"auto_graph"', '"auto_grap"'),
      /no handler of type first_party/,
    ],
    ['with a filter that cannot be', () => file.replace('"$in"', '"$near"'), /\$near/],
    [
      'with a function that asks for more than there is',
      () => file.replaceAll('"memory_mb": 256', '"memory_mb": 99999'),
      /memory_mb/,
    ],
    [
      'with a runtime that is not known here',
      () => file.replaceAll('"runtime": "nodejs20"', '"runtime": "cobol"'),
      /"cobol" is not known/,
    ],
    [
      'with a hook of a function that it has not',
      () => without(/^\{"table":"(functions|function_versions|schedules)"/),
      /no handler of type function/,
    ],
    ['of a later version', () => file.replace(/"number":\d+/, '"number":9999'), /upgrade first/],
    ['no export at all', () => 'id,name\n1,a\n', /Line 1 is not as an export/],
    ['empty', () => '', /cut short/],
  ])('%s is refused, and nothing of it is there', async (_, broken, message) => {
    const error = await imported(target, broken()).catch((thrown: Error & { status?: number }) => thrown)
    expect(error).toMatchObject({ status: 422, message: expect.stringMatching(message) })
    await nothing()
  })

  test('too large for this server is refused', async () => {
    const error = await imported(target, file + ' '.repeat(5_000_000)).catch((thrown) => thrown)
    expect(error).toMatchObject({ status: 413 })
    await nothing()
  })

  test('brings nothing of anybody else: neither contents by their names, nor rows', async () => {
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

  test('that is here already is refused, also when it is somebody else’s', async () => {
    await imported(target, file)
    await expect(imported(target, file)).rejects.toMatchObject({ status: 409, code: 'project_exists' })
    const other = new ZeroDB({ url: toUrl!, apiKey: (await to!.newUser()).key })
    await expect(imported(other, file)).rejects.toMatchObject({ status: 409 })
    await target.projects.delete({ project_id })
  })
})

test('who may not read all of a project may not export it, and who is bound to one may not import', async () => {
  const limited = async (scopes: string[]) => {
    const { key } = await source.keys.create({ name: 'limited', scopes: scopes as never })
    return new ZeroDB({ url: fromUrl!, apiKey: key })
  }
  await expect((await limited(['zerodb:*'])).projects.export({})).rejects.toMatchObject({ status: 403 })
  await expect(
    exported(await limited(['zerodb:read', 'memory:read', 'hooks:read', 'functions:read'])),
  ).resolves.toContain('"projects"')
  const bound = new ZeroDB({ url: fromUrl!, apiKey: await from!.boundKey(giver, giver.project_id) })
  await expect(imported(bound, '')).rejects.toMatchObject({ status: 403 })
})

test('a function may not do in its project what who imports it may not', async () => {
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

describe('an export that takes long', () => {
  /** What `use` meets while the rows of an export cannot be kept, until it lets them go on. */
  async function held(use: (go: (error?: Error) => void) => Promise<void>): Promise<void> {
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

  test('answers before its rows have all been read', async () => {
    await source.vectors.upsert({ vector_id: 'v', vector_embedding: [1] })
    const file = await exported(source)
    await held(async (go) => {
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

  test('breaks off when it fails then, and has its status when it fails before', async () => {
    await held(async (go) => {
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

  test('has an empty line every 15 s, which does not count', async () => {
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

test('what is written while a project is exported is in it whole or not at all', async () => {
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
