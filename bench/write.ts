import { json, type Statement, sql } from '../src/db/sql.ts'
import type { Scope } from '../src/store/context.ts'
import {
  addHooks,
  type Backend,
  type Bench,
  CALLERS,
  hammer,
  type Measurement,
  median,
  milliseconds,
  openBench,
  PUBLISHED,
  say,
} from './support.ts'

// What a durable event costs the writer: the same row, into the same table, with its event and without.

const ROUNDS = 11
const HOOKS = [0, 1, 10, 100]

export async function write(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    const measurements = [await sustained(bench)]
    for (const hooks of HOOKS) measurements.push(await quiet(bench, hooks))
    return measurements
  } finally {
    await bench.close()
  }
}

/** The row alone: no event, no check of whose project it is. Parameters and answer are those of `store.published.publish`. */
function plainInsert({ project_id }: Scope): Statement {
  return sql`
    insert into zerodb_published_events (project_id, topic, payload, source, correlation_id)
    values (${project_id}::uuid, ${PUBLISHED.topic}, ${json(PUBLISHED.event_payload)}::jsonb, ${PUBLISHED.source}, ${PUBLISHED.correlation_id})
    returning
      id as event_id, id, project_id, topic, topic as event_type, payload as event_payload, payload as data, source, correlation_id,
      published_at, published_at as timestamp`
}

const callersOf = (bench: Bench) => (bench.database.kind === 'pglite' ? 1 : CALLERS)

/** Callers that write without a pause, and no engine: what the statement itself costs. */
async function sustained(bench: Bench): Promise<Measurement> {
  const callers = callersOf(bench)
  const count = callers === 1 ? 300 : 2_000
  const scope = await bench.newScope()
  return compare(`write.sustained`, callers, {
    plain: () => hammer(callers, count, () => bench.database.query(plainInsert(scope))).then((ms) => ms / count),
    ours: () => hammer(callers, count, () => bench.store.published.publish(scope, PUBLISHED)).then((ms) => ms / count),
  })
}

/** Each caller writes once at the same time as the others; then all that follows from it runs before they write again. */
async function quiet(bench: Bench, hooks: number): Promise<Measurement> {
  const callers = callersOf(bench)
  // Each of them makes a run for every hook.
  const waves = Math.ceil((callers === 1 ? 80 : 25) / Math.max(1, hooks / 8))
  const scope = await bench.newScope()
  await addHooks(bench, scope, hooks, () => undefined)
  const engine = await bench.startEngine()
  async function wave(work: () => Promise<unknown>): Promise<number> {
    const times: number[] = []
    for (let n = 0; n < waves; n++) {
      times.push((await hammer(callers, callers, work)) / callers)
      await engine.idle()
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

/** Rounds of both sides in turn, the first to go changing; each returns milliseconds for one write. */
async function compare(
  row: string,
  callers: number,
  sides: { plain(): Promise<number>; ours(): Promise<number> },
): Promise<Measurement> {
  say(`${row}: ${ROUNDS} rounds of both sides, ${callers} ${callers === 1 ? 'caller' : 'callers'}`)
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
