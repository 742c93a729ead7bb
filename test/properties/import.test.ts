import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../src/db/sql.ts'
import { PROJECT_ROWS } from '../../src/schema/transfer-rows.ts'
import { nameOf } from '../../src/store/transfer/table-catalog.ts'
import { openTestApp, type TestApp, type TestUser } from '../support/app.ts'

const RUNS = 150
const MINUTES = 5

let app: TestApp
let [giver, taker, victim]: TestUser[] = []
let file: string[]
/** Ids that the file may not use: ids of the other user, and some ids of the file itself. */
let ids: string[]

beforeAll(async () => {
  app = await openTestApp()
  giver = await app.newUser()
  taker = await app.newUser()
  victim = await app.newUser()
  const project = await giver.project()
  await fill(giver, project)
  await fill(victim, victim.project_id)
  file = (await giver.get(`/api/v1/projects/${project}/export`)).body.trimEnd().split('\n')
  const rowIds = (text: string) => [...text.matchAll(/[0-9a-f-]{36}|evt_[0-9a-f]{16,22}/g)].map(([id]) => id)
  const theirs = (await victim.get(`/api/v1/projects/${victim.project_id}/export`)).body as string
  const events = (await victim.events()).map(({ id }) => id)
  ids = [...new Set([victim.user_id, ...rowIds(theirs), ...events, ...rowIds(file.join('\n'))])]
  expect(new Set(file.map((line) => /^{"table":"(\w+)"/.exec(line)?.[1])).size).toBeGreaterThan(15)
}, MINUTES * 60_000)
afterAll(() => app?.close())

/** Creates a row in almost every table, without code that runs. */
async function fill(user: TestUser, project_id: string): Promise<void> {
  const made = async (method: string, url: string, body: unknown) => {
    const reply = await user.request(method, url, { body, headers: { 'x-project-id': project_id } })
    expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(300)
  }
  const database = `/api/v1/projects/${project_id}/database`
  await made('POST', '/api/v1/hooks', { event_type: 'zeromemory.remembered', hook_name: 'auto_graph', project_id })
  await made('POST', '/api/v1/hooks', {
    ...{ event_type: 'zerodb.event.published', hook_name: 'webhook:orders', project_id, paused: true },
    ...{ hook_config: { url: 'https://hooks.example.com/' }, filter: { 'row.topic': 'a' }, retry: { max_attempts: 3 } },
  })
  await made('POST', '/api/v1/public/memory/v2/remember', {
    content: 'Maria leads the Apollo project at Initech in Oslo',
    tags: ['a'],
  })
  await made('POST', `${database}/memory`, { content: 'a record', role: 'user' })
  await made('POST', `${database}/vectors/upsert`, { vector_embedding: [0.5, 1], vector_metadata: { n: 1 } })
  await made('POST', `${database}/tables`, { table_name: 'numbers' })
  await made('POST', `${database}/tables/numbers/rows`, { rows: [{ n: 1 }, { n: 2 }, { n: 3 }] })
  await made('POST', `${database}/events/publish`, { topic: 'b', event_payload: { x: [1, null] } })
  await made('POST', '/api/v1/schedules', { project_id, topic: 'c', name: 'yearly', cron: '0 6 1 1 *' })
  await made('POST', `${database}/events/publish`, { topic: 'd', delay: '100d' })
  await made('POST', `${database}/files/upload`, { file_name: 'a.txt', file_content: 'aGVsbG8=' })
  await made('POST', '/api/v1/functions', {
    ...{ project_id, name: 'count', runtime: 'nodejs', source: 'export default async () => 1' },
    config: { schedule: [{ cron: '0 6 1 1 *' }], triggers: [{ event: 'zerodb.file.uploaded' }] },
  })
  await app.drained()
}

type Path = (string | number)[]

/** Returns the paths of all values of a line. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inner = Object.entries(value).flatMap(([key, each]) =>
    pathsOf(each, [...path, Array.isArray(value) ? Number(key) : key]),
  )
  return path.length === 0 ? inner : [path, ...inner]
}

/** JSON texts that replace a value. */
const VALUES = [
  ...[
    '0',
    '-1',
    '1',
    '1.5',
    '1e3',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854774784',
  ],
  ...['-9223372036854775808', '1e308', '1e400', '2147483647', '2147483648', 'null', 'true', '{}', '[]', '[[]]', '""'],
  ...['"x"', '"0"', '"infinity"', '"NaN"', '"9999-12-31T00:00:00+00:00"', '"0001-01-01T00:00:00+00:00"', '"\\u0000"'],
  ...['"\\ud800"', '"evt_7ffffffffffffc00abcdef"', '"../../etc/passwd"', '"00000000-0000-0000-0000-000000000000"'],
  ...['{"$regex":"((a*)*)*"}', '{"__proto__":1}', `"${'a'.repeat(3_000)}"`, '['.repeat(600) + ']'.repeat(600)],
]
const FIELDS = ['user_id', 'project_id', 'is_default', 'xid', 'owner', 'status', 'attempts', '__proto__', 'id', 'seq']
const STRANGERS = [
  '{"table":"users","row":{"id":"00000000-0000-0000-0000-000000000001","email":"a@example.test"}}',
  '{"table":"api_keys","row":{"scopes":["*"]}}',
  '{"table":"runs","row":{"status":"running"}}',
  '{"table":"secrets","row":{"name":"A"}}',
  '{"blob":"00","base64":""}',
  '{"lines":1}',
  '[]',
  'null',
  '',
  '{"table":"rows","row":null}',
  '{"table":"__proto__","row":{}}',
  '{"table":"constructor","row":{}}',
]

interface Mutation {
  kind: 'value' | 'id' | 'drop field' | 'add field' | 'drop' | 'double' | 'swap' | 'cut' | 'table' | 'stranger'
  line: number
  pick: number
  other: number
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Mutation['kind']>('value', 'id') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Mutation['kind']>(
        ...(['drop field', 'add field', 'drop', 'double', 'swap', 'cut', 'table', 'stranger'] as const),
      ),
    },
  ),
  line: fc.nat(),
  pick: fc.nat(),
  other: fc.nat(),
})

const HOLE = '"the place of a value"'

/** Returns the line with one value replaced. */
function withValue(line: string, pick: number, json: (before: unknown) => string): string {
  const value = JSON.parse(line)
  const paths = pathsOf(value)
  const path = paths[pick % paths.length]!
  const holder = path.slice(0, -1).reduce((each, key) => each[key], value)
  const text = json(holder[path.at(-1)!])
  holder[path.at(-1)!] = JSON.parse(HOLE)
  return JSON.stringify(value).replace(HOLE, () => text)
}

function mutated(lines: readonly string[], { kind, line, pick, other }: Mutation): string[] {
  const at = line % lines.length
  const to = other % lines.length
  const replaced = (text: string) => lines.with(at, text)
  const isObject = lines[at]!.startsWith('{')
  switch (kind) {
    case 'value':
      return isObject ? replaced(withValue(lines[at]!, pick, () => VALUES[other % VALUES.length]!)) : [...lines]
    case 'id':
      return replaced(lines[at]!.replace(/[0-9a-f-]{36}/, () => ids[other % ids.length]!))
    case 'drop field':
      return isObject ? replaced(JSON.stringify(withoutField(JSON.parse(lines[at]!), pick))) : [...lines]
    case 'add field':
      return replaced(
        lines[at]!.replace('"row":{', `"row":{"${FIELDS[pick % FIELDS.length]}":${VALUES[other % VALUES.length]},`),
      )
    case 'drop':
      return lines.toSpliced(at, 1)
    case 'double':
      return lines.toSpliced(to, 0, lines[at]!)
    case 'swap':
      return lines.with(at, lines[to]!).with(to, lines[at]!)
    case 'cut':
      return pick % 2 === 0 ? lines.slice(0, at) : replaced(lines[at]!.slice(0, pick % (lines[at]!.length + 1)))
    case 'table': {
      const tables = Object.keys(PROJECT_ROWS)
      return replaced(lines[at]!.replace(/^{"table":"\w+"/, `{"table":"${tables[pick % tables.length]}"`))
    }
    case 'stranger':
      return lines.toSpliced(at, 0, STRANGERS[pick % STRANGERS.length]!)
  }
}

function withoutField(value: { row?: Record<string, unknown> }, pick: number): object {
  const fields = Object.keys(value.row ?? value)
  const field = fields[pick % Math.max(1, fields.length)]!
  if (value.row)
    return { ...value, row: Object.fromEntries(Object.entries(value.row).filter(([name]) => name !== field)) }
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
}

/** Returns the file with the correct number of lines in its last line. */
function counted(lines: readonly string[]): string {
  const kept = lines.filter((line) => line !== '')
  const text = lines.map((line) => (/^{"lines":\d+}$/.test(line) ? `{"lines":${kept.length}}` : line)).join('\n')
  return `${text}\n`
}

const upload = (user: TestUser, text: string) =>
  user.request('POST', '/api/v1/projects/import', {
    payload: `--limit\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n${text}\r\n--limit--\r\n`,
    headers: { 'content-type': 'multipart/form-data; boundary=limit' },
  })

interface State {
  /** Returns everything that belongs to other users than the importer, as one hash per table. */
  others: Record<string, string>
  /** Rows per table. */
  counts: Record<string, number>
  sequences: Record<string, number>
}

async function state(): Promise<State> {
  const { database } = app.system
  const taken = sql`(select id from zerodb_projects where user_id = ${taker!.user_id}::uuid)`
  const others: Record<string, string> = {}
  const counts: Record<string, number> = {}
  for (const shape of await app.system.app.store.dump.shapes()) {
    const { name, columns } = shape
    const own = columns.includes('user_id')
      ? sql`t.user_id = ${taker!.user_id}::uuid`
      : name === 'schedules'
        ? sql`coalesce(t.project_id, (select f.project_id from zerodb_functions f where f.id = t.function_id)) in ${taken}`
        : columns.includes('project_id')
          ? sql`t.project_id in ${taken}`
          : null
    const where = own === null ? sql`false` : sql`not coalesce(${own}, false)`
    const [row] = await database.query<{ hash: string | null; count: number }>(sql`
      select
        md5(string_agg(t::text, '' order by t::text) filter (where ${where})) as hash, count(*) as count
      from ${nameOf(`zerodb_${name}`)} t`)
    others[name] = String(row!.hash)
    // The last use of a key changes with each request.
    if (name !== 'api_keys') counts[name] = row!.count
  }
  delete others['api_keys']
  const rows = await database.query<{ name: string; last: number }>(sql`
    select sequencename::text as name, coalesce(last_value, 0) as last from pg_sequences where sequencename like 'zerodb%'`)
  return { others, counts, sequences: Object.fromEntries(rows.map(({ name, last }) => [name, last])) }
}

test(
  'A1: a mutated export is imported, or refused with the position of the error, and changes no data of other users',
  async () => {
    let before = await state()
    const answers: Record<string, number> = {}
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.nat(9), async (mutations, keep) => {
        const lines = mutations.reduce<string[]>((each, one) => (each.length > 0 ? mutated(each, one) : each), file)
        const text = keep === 0 ? lines.join('\n') : counted(lines)
        const reply = await upload(taker!, text)
        answers[reply.status] = (answers[reply.status] ?? 0) + 1
        const said = JSON.stringify(reply.body)
        expect(reply.status === 201 || (reply.status >= 400 && reply.status < 500), said).toBe(true)
        if (reply.status === 422)
          expect(reply.body.detail, said).toMatch(/^(Line \d+[ :]|The file |The content |This is )/)
        const after = await state()
        expect(after.others).toEqual(before.others)
        for (const [name, last] of Object.entries(after.sequences))
          expect(last - before.sequences[name]!, name).toBeLessThanOrEqual(lines.length)
        if (reply.status === 201) {
          const gone = await taker!.delete(`/api/v1/projects/${reply.body.project_id}`)
          expect(gone.status).toBe(204)
        } else {
          expect(after.counts).toEqual(before.counts)
        }
        before = await state()
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    // Both outcomes have occurred.
    expect(answers[201]).toBeGreaterThan(5)
    expect(answers[422]).toBeGreaterThan(20)
    await fill(victim!, await victim!.project())
    expect((await upload(taker!, `${file.join('\n')}\n`)).status).toBe(201)
  },
  MINUTES * 60_000,
)
