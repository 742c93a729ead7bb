import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from '../../../src/db/sql.ts'
import { openTestApp, type TestApp, type TestUser } from '../../support/app.ts'
import { instant } from '../../support/gate.ts'

// Statements are prepared while tables are small, and their plans are kept. The rows read per event must not grow with the amount of data.

const STORED = 'zerodb.vector.stored'
const MUCH = 20_000
/** Maximum rows and index entries that a step may read; each of the tables below has many times as many. */
const ENOUGH = 2_000

let app: TestApp
let user: TestUser
beforeAll(async () => {
  app = await openTestApp()
  app.system.app.embedder.embed = instant
  user = await app.newUser()
  await user.hook(STORED, 'auto_embed')
  await user.hook(STORED, 'auto_graph', { ordering_key: 'data.namespace' })
  await user.hook(STORED, 'auto_summarize', { concurrency: 2 })
  await user.hook(STORED, 'webhook:paused', { paused: true, hook_config: { url: 'https://hooks.example.com/' } })
})
afterAll(() => app.close())

/** Returns how many rows and index entries of each table were read so far. */
async function readSoFar(): Promise<Map<string, number>> {
  await app.system.database.query(sql`select pg_stat_force_next_flush()`)
  const rows = await app.system.database.query<{ name: string; tuples: number }>(sql`
    select relname as name, (coalesce(seq_tup_read, 0) + coalesce((
      select sum(idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid
    ), 0))::float8 as tuples
    from pg_stat_user_tables t`)
  return new Map(rows.map(({ name, tuples }) => [name, tuples]))
}

async function reading(work: () => Promise<void>): Promise<Record<string, number>> {
  const before = await readSoFar()
  await work()
  const after = await readSoFar()
  const read = [...after].map(([name, tuples]) => [name, tuples - (before.get(name) ?? 0)] as const)
  return Object.fromEntries(read.filter(([, tuples]) => tuples > ENOUGH))
}

async function storeOne(): Promise<void> {
  const reply = await user.post(`${user.database}/vectors/upsert`, { document: 'a' })
  expect(reply.status).toBe(200)
  await app.system.engine.drained()
  // A heartbeat, which a timer sends otherwise.
  const { runs } = app.system.app.store
  await runs.recover()
  await runs.reclaim(1, [randomUUID()])
  await runs.lost(1, [randomUUID()])
  await runs.pending(user, ['auto_graph'], [STORED])
}

test('an event costs the same with 20,000 hooks, runs and events of other users, and as many paused runs', async () => {
  for (let n = 0; n < 12; n++) await storeOne()
  const { database } = app.system
  await database.query(sql`
    insert into zerodb_hooks (user_id, event_type, hook_name)
    select gen_random_uuid(), ${STORED}, 'auto_embed' from generate_series(1, ${MUCH}::int)`)
  await database.query(sql`
    insert into zerodb_events (id, event, channel, data, user_id, project_id, ref)
    select 'other_' || n, ${STORED}, 'zerodb', '{}', gen_random_uuid(), gen_random_uuid(), '' from generate_series(1, ${MUCH}::int) as n`)
  await database.query(sql`
    insert into zerodb_runs (trigger, hook_id, event_seq, user_id, project_id, handler, status, finished_at)
    select 'event', h.id, e.seq, h.user_id, gen_random_uuid(), 'auto_embed', 'succeeded', now()
    from (select *, row_number() over () as n from zerodb_hooks where user_id <> ${user.user_id}::uuid) h
    join (select *, row_number() over () as n from zerodb_events where id like 'other_%') e using (n)`)
  await database.query(sql`
    insert into zerodb_runs (trigger, hook_id, event_seq, user_id, project_id, handler, status)
    select 'event', h.id, e.seq, h.user_id, ${user.project_id}::uuid, h.hook_name, 'queued'
    from zerodb_hooks h, zerodb_events e
    where h.paused_at is not null and e.id like 'other_%'`)
  // No statistics are updated: the prepared plans are used.
  expect(await reading(storeOne)).toEqual({})
}, 120_000)
