import { json, type Statement, sql } from '../src/db/sql.ts'
import type { Scope } from '../src/store/context.ts'
import {
  addHooks,
  type Backend,
  type Bench,
  CALLERS,
  hammer,
  log,
  type Measurement,
  median,
  milliseconds,
  openBench,
  PUBLISHED,
} from './support.ts'

// Cost of a durable event for the writer: the same row, written to the same table with and without its event.

const ROUNDS = 11
const HOOKS = [0, 1, 10, 100]

export async function write(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    const measurements = [await sustained(bench), await updates(bench), await deletions(bench)]
    for (const hooks of HOOKS) measurements.push(await measureWaves(bench, hooks))
    return measurements
  } finally {
    await bench.close()
  }
}

/** Inserts only the row, without an event or a check of the project's owner. Parameters and result are those of `store.published.publish`. */
function plainInsert({ project_id }: Scope): Statement {
  return sql`
    insert into zerodb_published_events (project_id, topic, payload, source, correlation_id)
    values (${project_id}::uuid, ${PUBLISHED.topic}, ${json(PUBLISHED.event_payload)}::jsonb, ${PUBLISHED.source}, ${PUBLISHED.correlation_id})
    returning
      id as event_id, id, project_id, topic, topic as event_type, payload as event_payload, payload as data, source, correlation_id,
      published_at, published_at as timestamp`
}

const callersOf = (bench: Bench) => (bench.database.kind === 'pglite' ? 1 : CALLERS)

/** Measures the statement alone: callers write without a pause, and the engine is off. */
async function sustained(bench: Bench): Promise<Measurement> {
  const callers = callersOf(bench)
  const count = callers === 1 ? 300 : 2_000
  const scope = await bench.newScope()
  return compare(`write.sustained`, callers, {
    plain: () => hammer(callers, count, () => bench.database.query(plainInsert(scope))).then((ms) => ms / count),
    ours: () => hammer(callers, count, () => bench.store.published.publish(scope, PUBLISHED)).then((ms) => ms / count),
  })
}

const UPDATED = { status: 'paid', note: 'y'.repeat(100) }

/** Measures updates of single rows by id. Each side changes rows that the other does not, and each update has another value. */
async function updates(bench: Bench): Promise<Measurement> {
  const callers = callersOf(bench)
  const count = callers === 1 ? 200 : 1_600
  const scope = await bench.newScope()
  const plain = await rowIds(bench, scope, 'plain', count)
  const ours = await rowIds(bench, scope, 'ours', count)
  let n = 0
  const data = () => ({ ...UPDATED, n: n++ })
  return compare('write.update', callers, {
    plain: () =>
      eachRow(callers, plain, (id) =>
        bench.database.query(sql`
          update zerodb_rows set data = data || ${json(data())}::jsonb, updated_at = now()
          where id = ${id}::uuid
          returning id, project_id, table_id, data, version, created_at, updated_at`),
      ),
    ours: () =>
      eachRow(callers, ours, (id) =>
        bench.store.rowChanges.updateRow(scope, 'ours', id, { kind: 'merge', data: data() }, undefined, false),
      ),
  })
}

/** Measures deletions of single rows by id. Each round has new rows. */
async function deletions(bench: Bench): Promise<Measurement> {
  const callers = callersOf(bench)
  const count = callers === 1 ? 150 : 1_000
  const scope = await bench.newScope()
  return compare('write.delete', callers, {
    async plain() {
      const ids = await rowIds(bench, scope, 'plain', count)
      return eachRow(callers, ids, (id) =>
        bench.database.query(sql`delete from zerodb_rows where id = ${id}::uuid returning id, version`),
      )
    },
    async ours() {
      const ids = await rowIds(bench, scope, 'ours', count)
      return eachRow(callers, ids, (id) => bench.store.rowChanges.removeRow(scope, 'ours', id, undefined))
    },
  })
}

/** Inserts `count` rows into a table and returns their ids. */
async function rowIds(bench: Bench, scope: Scope, name: string, count: number): Promise<string[]> {
  await bench.store.tables.create(scope, { name }).catch(() => undefined)
  const row = { customer: 'Ada Lovelace', total: 99.5, items: ['book', 'pen'], note: 'x'.repeat(100) }
  const rows = await bench.store.tables.insertRows(scope, name, Array(count).fill(row))
  return rows.map((each) => each.row_id)
}

/** Runs `work` once for each row; returns the milliseconds per row. */
async function eachRow(
  callers: number,
  ids: readonly string[],
  work: (id: string) => Promise<unknown>,
): Promise<number> {
  let next = 0
  return (await hammer(callers, ids.length, () => work(ids[next++]!))) / ids.length
}

/** Measures waves in which each caller writes once. The next wave starts when all runs of the previous one have ended. */
async function measureWaves(bench: Bench, hooks: number): Promise<Measurement> {
  const callers = callersOf(bench)
  // Each write creates a run for every hook.
  const waves = Math.ceil((callers === 1 ? 80 : 25) / Math.max(1, hooks / 8))
  const scope = await bench.newScope()
  await addHooks(bench, scope, hooks, () => undefined)
  const engine = await bench.startEngine()
  async function wave(work: () => Promise<unknown>): Promise<number> {
    const times: number[] = []
    for (let n = 0; n < waves; n++) {
      times.push((await hammer(callers, callers, work)) / callers)
      await engine.drained()
    }
    return median(times)
  }
  const measurement = await compare(`write.hooks.${hooks}`, callers, {
    plain: () => wave(() => bench.database.query(plainInsert(scope))),
    ours: () => wave(() => bench.store.published.publish(scope, PUBLISHED)),
  })
  await bench.stopEngine()
  return measurement
}

/** Runs both sides alternately in rounds, with changing order. Each side returns the milliseconds of one write. */
async function compare(
  row: string,
  callers: number,
  sides: { plain(): Promise<number>; ours(): Promise<number> },
): Promise<Measurement> {
  log(`${row}: ${ROUNDS} rounds of both sides, ${callers} ${callers === 1 ? 'caller' : 'callers'}`)
  const plain: number[] = []
  const ours: number[] = []
  await sides.plain()
  await sides.ours()
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) plain.push(await sides.plain())
    ours.push(await sides.ours())
    if (round % 2 === 1) plain.push(await sides.plain())
  }
  const ratios = ours.map((time, round) => time / plain[round]!)
  return {
    row,
    value: median(ratios),
    ours: milliseconds(median(ours)),
    baseline: `plain statement ${milliseconds(median(plain))}`,
  }
}
