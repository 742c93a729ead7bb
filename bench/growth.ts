import { sql } from '../src/db/sql.ts'
import { fileUploaded, rowInserted } from '../src/schema/events.ts'
import type { Scope } from '../src/store/context.ts'
import { type Backend, type Bench, log, type Measurement, milliseconds, openBench, quantile } from './support.ts'

// Cost of each list, search and query in a large project relative to a small one. A list of a few rare rows is the hard case: they are the
// oldest, so that a plan which walks the list and discards the others reads the whole table.

const SIZES: Record<Backend, number[]> = { pglite: [10_000, 100_000], postgres: [10_000, 100_000, 1_000_000] }
/** Rows with the rare value, among the oldest. */
const RARE = 30
const LIMIT = 20
const REPETITIONS = 41
/** Before the measurement, so that each connection has its prepared plan. */
const WARM_UPS = 8
/** Above every number of an event. */
const MAX_SEQ = 1_000_000_000

export async function growth(backend: Backend): Promise<Measurement[]> {
  const sizes = SIZES[backend]
  const benches: Bench[] = []
  try {
    const reads: Reads[] = []
    for (const size of sizes) {
      log(`growth: filling a database with ${size} rows of each kind`)
      const bench = await openBench(backend)
      benches.push(bench)
      reads.push(await filled(bench, size))
    }
    const measurements: Measurement[] = []
    for (const name of Object.keys(reads[0]!)) {
      const [smallest, ...larger] = await times(
        name,
        reads.map((each) => each[name]!),
      )
      measurements.push({
        row: `growth.${name}`,
        value: Math.max(...larger) / smallest!,
        ours: `${larger.map(milliseconds).join(', ')} at ${sizes.slice(1).join(', ')}`,
        baseline: `${milliseconds(smallest!)} at ${sizes[0]}`,
      })
    }
    return measurements
  } finally {
    for (const bench of benches) await bench.close()
  }
}

/** Fills a database, and returns its reads. They are prepared while it is small, as on a server that grows. */
async function filled(bench: Bench, size: number): Promise<Reads> {
  const stored = await createParents(bench)
  const reads = readsOf(bench, stored)
  const first = SIZES.pglite[0]!
  await fill(bench, stored, 0, first)
  for (const read of Object.values(reads)) for (let n = 0; n < WARM_UPS; n++) await read()
  if (size > first) await fill(bench, stored, first, size)
  return reads
}

type Read = () => Promise<unknown[]>
type Reads = Record<string, Read>

interface Parents {
  scope: Scope
  table: string
  hook: string
  rareHook: string
}

async function createParents(bench: Bench): Promise<Parents> {
  const scope = await bench.newScope()
  const { id } = await bench.store.tables.create(scope, { name: 'people' })
  const [ids] = await bench.database.query<{ hook: string; rare: string }>(
    sql`select gen_random_uuid()::text as hook, gen_random_uuid()::text as rare`,
  )
  return { scope, table: id, hook: ids!.hook, rareHook: ids!.rare }
}

/** Stores rows number `from` + 1 to `to` of each kind. */
async function fill({ database }: Bench, { scope, table, hook, rareHook }: Parents, from: number, to: number) {
  const { project_id, user_id } = scope
  const n = sql`generate_series(${from + 1}::int, ${to}::int) n`
  // One row a second. The first rows are the oldest.
  const at = sql`timestamptz '2026-01-01' + n * interval '1 second'`
  const isRare = sql`n <= ${RARE}::int`
  const slow = { timeoutSeconds: 3_600 }
  await database.query(
    sql`
    insert into zerodb_rows (table_id, project_id, data)
    select ${table}::uuid, ${project_id}::uuid, jsonb_build_object(
      'n', n, 'email', 'user' || n || '@example.com', 'status', case when ${isRare} then 'rare' else (array['open', 'paid', 'done'])[n % 3 + 1] end,
      'age', n % 90, 'tags', jsonb_build_array('t' || n % 10, 'u' || n % (${to}::int / 10)), 'note', repeat('x', 100)
    )
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_events (id, event, channel, data, user_id, project_id, ref, created_at)
    select
      'evt_' || n, case when ${isRare} then ${fileUploaded.name} else ${rowInserted.name} end, ${rowInserted.channel}, '{}'::jsonb,
      ${user_id}::uuid, ${project_id}::uuid, '-', ${at}
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_runs (trigger, hook_id, user_id, project_id, handler, status, created_at)
    select
      case when ${isRare} then 'cron' else 'event' end, case when ${isRare} then ${rareHook}::uuid else ${hook}::uuid end, ${user_id}::uuid,
      ${project_id}::uuid, 'bench', case when ${isRare} then 'dead' else 'succeeded' end, ${at}
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_memories (event_seq, user_id, project_id, kind, content, session_id, agent_id, created_at)
    select
      n, ${user_id}::uuid, ${project_id}::uuid, 'record', 'record ' || n, case when ${isRare} then 'rare' else 's' || n % 100 end,
      case when ${isRare} then 'rare' else 'a' || n % 3 end, ${at}
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_vectors (project_id, namespace, vector_id, embedding, source, metadata, created_at)
    select
      ${project_id}::uuid, case when ${isRare} then 'rare' else 'usual' end, 'v' || n, array[n, 1, 2, 3]::vector, 'bench',
      jsonb_build_object('n', n), ${at}
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_files (project_id, file_key, file_name, folder, created_at)
    select ${project_id}::uuid, 'k' || n, 'f' || n, case when ${isRare} then 'rare' else 'usual' end, ${at}
    from ${n}`,
    slow,
  )
  await database.query(
    sql`
    insert into zerodb_published_events (project_id, topic, payload, published_at)
    select ${project_id}::uuid, case when ${isRare} then 'rare' else 'usual' end, '{}'::jsonb, ${at}
    from ${n}`,
    slow,
  )
  await database.exec('vacuum (analyze)')
}

/** The reads by the name of their row in targets.json. Each returns what it found, which must not be empty. */
function readsOf({ store }: Bench, { scope, table, hook, rareHook }: Parents): Reads {
  const { user_id, project_id } = scope
  const page = { limit: LIMIT, offset: 0 }
  const first = { ...page, after: null }
  const newest = { ...page, before: null }
  const all = { bound: null, before: null, limit: LIMIT }
  const query = async (filter: Record<string, unknown>, sort: Record<string, 1 | -1> = {}) =>
    (await store.rowPages.list(scope, table, { filter, sort, ...first })).rows
  return {
    'rows.list': () => query({}),
    'rows.unique': () => query({ email: 'user7@example.com' }),
    'rows.common': () => query({ status: 'open' }),
    'rows.rare': () => query({ status: 'rare' }),
    'rows.element': () => query({ tags: 't3', status: 'rare' }),
    'rows.in': () => query({ n: { $in: [3, 4, 5] } }),
    'rows.range': () => query({ status: 'rare', n: { $gte: 10 } }),
    'events.list': async () => (await store.events.list(user_id, all)).items,
    'events.type': async () => (await store.events.list(user_id, { ...all, event_type: fileUploaded.name })).items,
    'events.project': async () => (await store.events.list(user_id, { ...all, project_id })).items,
    'events.project_deep': async () => (await store.events.list(user_id, { ...all, project_id, before: 5_000 })).items,
    'events.project_type': async () =>
      (await store.events.list(user_id, { ...all, project_id, event_type: fileUploaded.name })).items,
    'runs.list': () => store.runs.list(user_id, all),
    'runs.dead': () => store.runs.list(user_id, { ...all, status: 'dead' }),
    'runs.trigger': () => store.runs.list(user_id, { ...all, trigger: 'cron' }),
    'runs.hook': () => store.runs.list(user_id, { ...all, hook_id: hook }),
    'runs.rare_hook': () => store.runs.list(user_id, { ...all, hook_id: rareHook }),
    'runs.project': () => store.runs.list(user_id, { ...all, project_id }),
    'runs.project_dead': () => store.runs.list(user_id, { ...all, project_id, status: 'dead' }),
    'memories.list': () => store.memories.list(scope, first),
    'memories.session': () => store.memories.list(scope, { ...first, session_id: 'rare' }),
    'memories.agent': () => store.memories.list(scope, { ...first, agent_id: 'rare' }),
    'vectors.list': async () => (await store.vectors.list(scope, { namespace: null, filter: null }, first)).rows,
    'vectors.namespace': async () => (await store.vectors.list(scope, { namespace: 'rare', filter: null }, first)).rows,
    'vectors.search': async () =>
      (
        await store.vectorSearch.search(
          scope,
          { namespace: 'rare', dims: 4, model: null },
          Float32Array.of(1, 2, 3, 4),
          {
            limit: LIMIT,
            threshold: null,
            filter: null,
            canBeHalf: true,
          },
        )
      ).rows,
    'files.list': () => store.files.list(scope, first),
    'files.folder': () => store.files.list(scope, { ...first, folder: 'rare' }),
    'published.list': () => store.published.list(scope, newest),
    'published.topic': () => store.published.list(scope, { ...newest, topic: 'rare' }),
    'published.since': () => store.published.list(scope, { ...newest, since: '2026-01-01T00:00:00Z' }),
    'published.since_topic': () =>
      store.published.list(scope, { ...newest, topic: 'rare', since: '2026-01-01T00:00:00Z' }),
    'published.poll_topic': () => store.published.between(scope, { topic: 'rare' }, 0, MAX_SEQ, LIMIT),
    'published.poll_since': () => store.published.between(scope, { since: '2026-01-01T02:00:00Z' }, 0, MAX_SEQ, LIMIT),
    'published.count': async () => [await store.published.count(scope, { topic: 'usual' })],
    'published.stats': async () => [await store.published.stats(scope, undefined)],
    'events.poll_since': async () => [await store.events.seqBefore(user_id, '2026-01-01T02:00:00Z', MAX_SEQ)],
  }
}

/** Times the same read of each database. The calls alternate, so that other processes slow all of them. */
async function times(name: string, reads: readonly Read[]): Promise<number[]> {
  const all: number[][] = reads.map(() => [])
  for (let n = -WARM_UPS; n < REPETITIONS; n++) {
    for (const [i, read] of reads.entries()) {
      const start = performance.now()
      const found = await read()
      if (n >= 0) all[i]!.push(performance.now() - start)
      if (found.length === 0) throw new Error(`growth.${name} found nothing: the measurement would be of no use`)
    }
  }
  // Other processes only add time: the fast calls show the cost of the read.
  return all.map((each) => quantile(each, 0.25))
}
