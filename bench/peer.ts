import { Logger, type Runner, run as runGraphile, runMigrations } from 'graphile-worker'
import pg from 'pg'
import { processorOf } from './processor.ts'
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
  NotMeasured,
  openBench,
  PUBLISHED,
  pause,
  perSecond,
  quantile,
} from './support.ts'

// The same rows, written alternately to the same table of the same server: with an event of this program, and with a job of graphile-worker
// in the transaction of the row.

const ROUNDS = 7
const EVENTS = { alone: 100, many: 2_000 }

/** One of the compared systems: writes a row, which causes the execution of a handler. */
interface Side {
  name: string
  write(): Promise<unknown>
  /** Sets the body of the handler. */
  onStart(work: () => void): void
  /** Resolves when all results are written. */
  settled(): Promise<unknown>
  /** Rejects when the worker has stopped unexpectedly and executes nothing more. */
  stopped: Promise<never>
  close(): Promise<unknown>
}

interface Round {
  p50: number
  wholeP50: number
  p99: number
  perSecond: number
  processorMs: number
}

export async function peer(backend: Backend): Promise<Measurement[]> {
  if (backend === 'pglite') throw new NotMeasured('graphile-worker needs a server')
  const bench = await openBench(backend)
  log(
    `peer: ${ROUNDS} rounds of ${EVENTS.alone} events one at a time and ${EVENTS.many} by ${CALLERS} callers, alternating between the sides`,
  )
  // A migration of one worker's schema stops all workers in the database, so all schemas are migrated before the first worker starts.
  for (const how of Object.keys(GRAPHILE))
    await runMigrations({ connectionString: bench.app.config.databaseUrl!, schema: schemaOf(how) })
  const sides = [await ours(bench)]
  for (const [how, worker] of Object.entries(GRAPHILE)) sides.push(await graphile(bench, how, worker))
  try {
    const rounds = new Map<Side, Round[]>(sides.map((side) => [side, []]))
    for (let n = 0; n <= ROUNDS; n++)
      for (const side of n % 2 === 0 ? sides : sides.toReversed()) {
        const round = await roundOf(bench, side)
        // The first round is the warm-up.
        if (n > 0) rounds.get(side)!.push(round)
        const numbers = `p50 ${milliseconds(round.p50)} (with the write ${milliseconds(round.wholeP50)}), p99 ${milliseconds(round.p99)}, ${perSecond(round.perSecond)}, ${milliseconds(round.processorMs)} of processor time per event`
        log(`peer: round ${n}${n === 0 ? ' (warming up)' : ''}, ${side.name}: ${numbers}`)
      }
    return compared(sides.map((side) => [side, rounds.get(side)!] as const))
  } finally {
    for (const side of sides) await side.close()
    await bench.close()
  }
}

async function ours(bench: Bench): Promise<Side> {
  let work = () => {}
  const scope = await bench.newScope()
  await addHooks(bench, scope, 1, () => work())
  const engine = await bench.startEngine()
  return {
    name: 'ours',
    write: () => bench.store.published.publish(scope, PUBLISHED),
    onStart(given) {
      work = given
    },
    settled: () => engine.drained(),
    stopped: new Promise(() => {}),
    close: () => bench.stopEngine(),
  }
}

/** Configurations of graphile-worker. `tuned` follows its documentation for high load; the delay equals that of our acknowledgements. */
const GRAPHILE: Record<string, GraphileConfig.WorkerOptions> = {
  default: {},
  tuned: { localQueue: { size: 256 }, completeJobBatchDelay: 5 },
}

const schemaOf = (how: string) => `graphile_worker_${how.replaceAll(' ', '_')}`

/** Writes the row and its job in one statement, so that both sides need the same number of round trips. */
async function graphile(bench: Bench, how: string, worker: GraphileConfig.WorkerOptions): Promise<Side> {
  let work = () => {}
  const schema = schemaOf(how)
  const connectionString = bench.app.config.databaseUrl!
  const writers = new pg.Pool({ connectionString, max: CALLERS })
  const { project_id } = await bench.newScope()
  const runner: Runner = await runGraphile({
    connectionString,
    schema,
    concurrency: bench.app.config.workerSlots,
    maxPoolSize: CALLERS,
    noHandleSignals: true,
    logger: new Logger(() => () => {}),
    preset: { worker },
    taskList: { bench: () => work() },
  })
  const stopped = runner.promise.then(() => {
    throw new Error(`graphile-worker ${how} has stopped`)
  })
  stopped.catch(() => {})
  const insert = {
    name: how,
    text: `
      with stored as (
        insert into zerodb_published_events (project_id, topic, payload, source, correlation_id)
        values ($1::uuid, $2, $3::jsonb, $4, $5)
        returning *
      )
      select stored.*, ${schema}.add_job('bench', jsonb_build_object('id', stored.id)::json) from stored`,
  }
  const values = [project_id, PUBLISHED.topic, JSON.stringify(PUBLISHED.event_payload), PUBLISHED.source, null]
  return {
    name: `graphile-worker 0.17.3 ${how}`,
    write: () => writers.query({ ...insert, values }),
    onStart(given) {
      work = given
    },
    async settled() {
      for (;;) {
        const { rows } = await writers.query(`select exists (select from ${schema}._private_jobs) as busy`)
        if (!rows[0].busy) return
        await pause(2)
      }
    },
    stopped,
    async close() {
      await runner.stop()
      await writers.end()
    },
  }
}

async function roundOf(bench: Bench, side: Side): Promise<Round> {
  const waits: number[] = []
  const wholes: number[] = []
  for (let n = 0; n < EVENTS.alone; n++) {
    const started = new Promise<number>((resolve) => side.onStart(() => resolve(performance.now())))
    const asked = performance.now()
    await side.write()
    const answered = performance.now()
    const begun = await Promise.race([started, side.stopped])
    waits.push(begun - answered)
    wholes.push(begun - asked)
    // Waits past the acknowledgement.
    await pause(8 + Math.random() * 4)
  }
  let handled = 0
  side.onStart(() => void handled++)
  let took = 0
  const used = await processorOf(bench, EVENTS.many, async () => {
    const start = performance.now()
    await hammer(CALLERS, EVENTS.many, side.write)
    while (handled < EVENTS.many) await Promise.race([pause(1), side.stopped])
    await side.settled()
    took = performance.now() - start
  })
  return {
    p50: quantile(waits, 0.5),
    wholeP50: quantile(wholes, 0.5),
    p99: quantile(waits, 0.99),
    perSecond: (EVENTS.many * 1000) / took,
    processorMs: used.here + (used.database ?? 0),
  }
}

/** Compares our numbers with the better of graphile-worker's configurations, separately for each number. */
function compared(sides: readonly (readonly [Side, Round[]])[]): Measurement[] {
  const [[, mine], ...others] = sides as [(typeof sides)[0], ...(typeof sides)[0][]]
  const row = (
    row: string,
    number: keyof Round,
    better: 'lower' | 'higher',
    words: (value: number) => string,
  ): Measurement => {
    const of = (rounds: Round[]) => median(rounds.map((round) => round[number]))
    const theirs = others.map(([side, rounds]) => ({ name: side.name, value: of(rounds) }))
    const best =
      better === 'lower' ? Math.min(...theirs.map(({ value }) => value)) : Math.max(...theirs.map(({ value }) => value))
    return {
      row,
      value: better === 'lower' ? best / of(mine) : of(mine) / best,
      ours: words(of(mine)),
      baseline: theirs.map(({ name, value }) => `${name}: ${words(value)}`).join(', '),
    }
  }
  return [
    row('peer.p50', 'p50', 'lower', milliseconds),
    row('peer.whole', 'wholeP50', 'lower', milliseconds),
    row('peer.throughput', 'perSecond', 'higher', perSecond),
    row('peer.processor', 'processorMs', 'lower', milliseconds),
  ]
}
