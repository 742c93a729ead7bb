import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { type Database, sql } from '../../src/db/sql.ts'
import { openDatabase } from '../../src/main.ts'
import { packageRoot } from '../../src/package.ts'
import { freshDatabaseUrl } from '../support/database.ts'

/** What a round of killing the server under load has shown. */
export interface CrashReport {
  backend: Database['kind']
  /** When, after the first write, the server was killed. */
  killedAfterMs: number
  /** Writes that were answered before the kill. */
  acknowledged: number
  /** Stored, but the answer was still on its way. */
  unanswered: number
  events: number
  /** Runs that the killed server was executing. */
  interrupted: number
  runs: number
  /** Runs that were executed more than once. */
  repeated: number
  /** From the second start to its first answer, and to the last run's end. */
  readyMs: number
  recoveredMs: number
  /** What the server promises and did not keep, in words; empty when all is well. */
  problems: string[]
}

const WRITERS = 8
const KILL_MS = { earliest: 300, latest: 2_000 }
const RECOVERY_SECONDS = 60
const KEY = 'zdb_chaos_key_that_only_this_round_knows'

/** The last one's handler can do nothing with the event: its runs end as `skipped`. */
const HOOKS = [
  ['zerodb.memory.stored', 'auto_embed'],
  ['zeromemory.remembered', 'auto_graph'],
  ['zerodb.vector.stored', 'auto_embed'],
  ['zerodb.event.published', 'auto_embed'],
] as const

interface Write {
  path: string
  body: (n: string) => object
  /** The stored row's name in the answer, or in what was sent. */
  id: (answer: Record<string, string>, n: string) => string
  event: string
  table: string
  /** The row's columns that are its name here, and the `ref` of its event. */
  named: string
  ref: string
}

const DATABASE = '/api/v1/projects/-/database'
const WRITES: readonly Write[] = [
  {
    path: `${DATABASE}/vectors/upsert`,
    body: (n) => ({ vector_id: n, vector_embedding: [0.1, 0.2, 0.3] }),
    id: (_, n) => n,
    event: 'zerodb.vector.stored',
    table: 'zerodb_vectors where batch_id is null',
    named: 'vector_id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/vectors/upsert-batch`,
    body: (n) => ({ vectors: [1, 2, 3].map((i) => ({ vector_id: `${n}/${i}`, vector_embedding: [i, 1] })) }),
    id: (_, n) => `${n}/3`,
    event: 'zerodb.vector.batch_stored',
    table: `zerodb_vectors where batch_id is not null and vector_id like '%/3'`,
    named: 'vector_id',
    ref: 'batch_id',
  },
  {
    path: `${DATABASE}/memory/store`,
    body: (n) => ({ content: `The parcel ${n} was delivered to Berlin.` }),
    id: (answer) => answer['memory_id']!,
    event: 'zerodb.memory.stored',
    table: `zerodb_memories where kind = 'record'`,
    named: 'id',
    ref: 'id',
  },
  {
    path: '/api/v1/public/memory/v2/remember',
    body: (n) => ({ content: `Carla met agent ${n} in Lisbon.`, entity_id: 'carla' }),
    id: (answer) => answer['id']!,
    event: 'zeromemory.remembered',
    table: `zerodb_memories where kind = 'remembered'`,
    named: 'id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/files/upload`,
    body: (n) => ({
      file_name: `${n}.txt`,
      file_content: Buffer.from(n).toString('base64'),
      content_type: 'text/plain',
    }),
    id: (answer) => answer['file_id']!,
    event: 'zerodb.file.uploaded',
    table: 'zerodb_files',
    named: 'id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/tables/load/rows`,
    body: (n) => ({ row_data: { n } }),
    id: (answer) => answer['row_id']!,
    event: 'zerodb.table.row_inserted',
    table: 'zerodb_rows',
    named: 'id',
    ref: 'id',
  },
  {
    path: `${DATABASE}/events/publish`,
    body: (n) => ({ topic: 'load', event_payload: { n } }),
    id: (answer) => answer['event_id']!,
    event: 'zerodb.event.published',
    table: 'zerodb_published_events',
    named: 'id',
    ref: 'id',
  },
]

interface Server {
  child: ChildProcess
  request(method: string, path: string, body?: unknown): Promise<{ status: number; body: never }>
}

/** Starts the built program, kills it while it is written to, starts it again and looks at what became of each write. */
export async function crashRound(): Promise<CrashReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-chaos-'))
  const server = await freshDatabaseUrl()
  const env = {
    ...process.env,
    ZERODB_DATA_DIR: dataDir,
    ZERODB_PORT: '0',
    ZERODB_BOOTSTRAP_KEY: KEY,
    ZERODB_LOG_LEVEL: 'error',
    DATABASE_URL: server?.url ?? '',
  }
  const children: ChildProcess[] = []
  try {
    const first = await start(env, children)
    await prepare(first)
    const killedAfterMs = Math.round(KILL_MS.earliest + Math.random() * (KILL_MS.latest - KILL_MS.earliest))
    const { acknowledged, problems } = await writeUntilKilled(first, killedAfterMs)

    const began = performance.now()
    const second = await start(env, children)
    const readyMs = Math.round(performance.now() - began)
    problems.push(...(await allFinal(second)))
    const recoveredMs = Math.round(performance.now() - began)
    second.child.kill('SIGTERM')
    const [code] = await once(second.child, 'exit')
    if (code !== 0) problems.push(`the second server ended with ${code}`)

    const database = await openDatabase(readConfig(env))
    try {
      const { stored, ...counts } = await judge(database, acknowledged, problems)
      const answered = [...acknowledged.values()].reduce((sum, ids) => sum + ids.length, 0)
      return {
        backend: database.kind,
        killedAfterMs,
        acknowledged: answered,
        unanswered: stored - answered,
        ...counts,
        readyMs,
        recoveredMs,
        problems,
      }
    } finally {
      await database.close()
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await server?.drop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function start(env: NodeJS.ProcessEnv, children: ChildProcess[]): Promise<Server> {
  const child = spawn(process.execPath, [join(packageRoot(), 'dist', 'zerodb.js'), 'start'], { env })
  children.push(child)
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      said += chunk
      const [, found] = /Ready on (http:\S+)/.exec(said) ?? []
      if (found) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said}`)))
  })
  return {
    child,
    async request(method, path, body) {
      const response = await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${KEY}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return { status: response.status, body: (await response.json()) as never }
    },
  }
}

async function prepare({ request }: Server): Promise<void> {
  for (const [event_type, hook_name] of HOOKS)
    await mustBe(201, request('POST', '/api/v1/hooks', { event_type, hook_name }))
  await mustBe(201, request('POST', `${DATABASE}/tables`, { table_name: 'load' }))
}

async function mustBe(expected: number, replying: ReturnType<Server['request']>): Promise<void> {
  const { status, body } = await replying
  if (status !== expected) throw new Error(`${status} in place of ${expected}: ${JSON.stringify(body)}`)
}

/** The ids of the writes that were answered, by event type. */
type Acknowledged = Map<string, string[]>

async function writeUntilKilled(
  { child, request }: Server,
  killAfterMs: number,
): Promise<{ acknowledged: Acknowledged; problems: string[] }> {
  const acknowledged: Acknowledged = new Map(WRITES.map(({ event }) => [event, []]))
  const problems: string[] = []
  let killed = false
  let turn = 0
  async function writer(): Promise<void> {
    while (!killed) {
      const write = WRITES[turn++ % WRITES.length]!
      const n = randomUUID()
      try {
        const { status, body } = await request('POST', write.path, write.body(n))
        if (status >= 300) problems.push(`${write.path} answered ${status}: ${JSON.stringify(body)}`)
        else acknowledged.get(write.event)!.push(write.id(body, n))
      } catch (error) {
        if (!killed) problems.push(`${write.path} failed before the kill: ${(error as Error).message}`)
        return
      }
    }
  }
  const writers = Array.from({ length: WRITERS }, writer)
  const exited = once(child, 'exit')
  await new Promise((resolve) => setTimeout(resolve, killAfterMs))
  killed = true
  child.kill('SIGKILL')
  await Promise.all([exited, ...writers])
  return { acknowledged, problems }
}

/** Waits until every event has its runs and every run is final. */
async function allFinal({ request }: Server): Promise<string[]> {
  interface Page {
    items: { event?: string; status?: string }[]
    next_cursor: string | null
  }
  async function all(path: string): Promise<Page['items']> {
    const items: Page['items'] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Page = (await request('GET', `${path}?limit=1000${cursor && `&cursor=${cursor}`}`)).body
      items.push(...page.items)
      cursor = page.next_cursor
    }
    return items
  }
  const hooked = new Set<string>(HOOKS.map(([event]) => event))
  const expected = (await all('/api/v1/event-log')).filter(({ event }) => hooked.has(event!)).length
  const until = performance.now() + RECOVERY_SECONDS * 1000
  for (;;) {
    const runs = await all('/api/v1/runs')
    const open = runs.filter(({ status }) => status === 'queued' || status === 'running').length
    if (runs.length >= expected && open === 0) return []
    if (performance.now() > until)
      return [
        `after ${RECOVERY_SECONDS} s ${runs.length} of ${expected} runs were there, and ${open} of them not final`,
      ]
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Compares what was promised with what is stored, and adds to `problems` what does not fit. */
async function judge(
  database: Database,
  acknowledged: Acknowledged,
  problems: string[],
): Promise<Pick<CrashReport, 'events' | 'interrupted' | 'runs' | 'repeated'> & { stored: number }> {
  // Our own names of tables and columns.
  const literal = (text: string) => sql([text] as unknown as TemplateStringsArray)
  const complain = async (what: string, statement: ReturnType<typeof sql>) => {
    const rows = await database.query(statement)
    if (rows.length > 0) problems.push(`${rows.length} ${what}, e.g. ${JSON.stringify(rows[0])}`)
  }

  let stored = 0
  for (const { event, table, named, ref } of WRITES) {
    const rows = sql`(select ${literal(named)}::text as name, ${literal(ref)}::text as ref from ${literal(table)}) as item`
    const events = sql`(select ref from zerodb_events where event = ${event}) as event`
    const [count] = await database.query<{ count: number }>(sql`select count(*) from ${rows}`)
    stored += count!.count
    await complain(
      `answered writes of ${event} without their row`,
      sql`select name from unnest(${acknowledged.get(event)!}::text[]) as answered (name) where not exists (select from ${rows} where item.name = answered.name)`,
    )
    await complain(
      `rows without exactly one ${event}`,
      sql`select name from ${rows} where (select count(*) from ${events} where event.ref = item.ref) <> 1`,
    )
    await complain(
      `events ${event} without their row`,
      sql`select ref from ${events} where not exists (select from ${rows} where item.ref = event.ref)`,
    )
  }
  await complain(
    'batches that are not whole',
    sql`select batch_id from zerodb_vectors where batch_id is not null group by batch_id having count(*) <> 3`,
  )
  const pairs = sql`zerodb_events e join zerodb_hooks h on h.event_type = e.event and h.user_id = e.user_id`
  await complain(
    'events whose hook has not exactly one run',
    sql`select e.id from ${pairs} where (select count(*) from zerodb_runs r where r.event_seq = e.seq and r.hook_id = h.id) <> 1`,
  )
  await complain(
    'runs of no event and hook',
    sql`select id from zerodb_runs r where not exists (select from ${pairs} where e.seq = r.event_seq and h.id = r.hook_id)`,
  )
  await complain(
    'runs that are not final, or not as they should be',
    sql`
      select r.id, r.status, r.error from zerodb_runs r join zerodb_events e on e.seq = r.event_seq
      where r.status <> (case when e.event = 'zerodb.event.published' then 'skipped' else 'succeeded' end)
        or r.finished_at is null or r.owner is not null`,
  )
  await complain(
    'memories whose auto_embed run succeeded and that have no embedding',
    sql`
      select m.id from zerodb_memories m join zerodb_runs r on r.ref = m.id::text
      where r.handler = 'auto_embed' and r.status = 'succeeded' and m.embedding is null`,
  )
  await complain(
    'memories whose auto_graph run succeeded and that are not in the graph',
    sql`
      select m.id from zerodb_memories m join zerodb_runs r on r.ref = m.id::text
      where r.handler = 'auto_graph' and r.status = 'succeeded' and not exists (select from zerodb_mentions where memory_id = m.id)`,
  )
  await complain('events that nobody dispatched', sql`select seq from zerodb_outbox`)
  const [counts] = await database.query<Pick<CrashReport, 'events' | 'interrupted' | 'runs' | 'repeated'>>(sql`
    select
      (select count(*) from zerodb_events) as events,
      count(*) filter (where deaths > 0) as interrupted,
      count(*) as runs,
      count(*) filter (where attempts > 1) as repeated
    from zerodb_runs`)
  return { stored, ...counts! }
}
