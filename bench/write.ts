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
    const measurements = [await sustained(bench)]
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
    baseline: `plain INSERT ${milliseconds(median(plain))}`,
  }
}
