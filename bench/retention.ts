import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { vectorStored } from '../src/schema/events.ts'
import {
  addHooks,
  type Backend,
  CALLERS,
  hammer,
  log,
  type Measurement,
  milliseconds,
  NotMeasured,
  openBench,
} from './support.ts'

// One hour at 50 writes per second with one hook and a retention of ten minutes, on the embedded database. Runs as fast as the machine can,
// with a checkpoint every minute and a vacuum every tenth. The directory must not grow after the first deletions.

const [WRITES_PER_SECOND, MINUTES, KEPT_MINUTES, VACUUM_MINUTES] = [50, 60, 10, 10]
/** End of the first compared interval: deletion and vacuum have reached a steady state. */
const FROM_MINUTE = 30
const ROWS = 1_000

export async function retention(backend: Backend): Promise<Measurement[]> {
  if (backend === 'postgres') throw new NotMeasured('a PostgreSQL server chooses the times of its vacuums itself')
  const writes = WRITES_PER_SECOND * 60
  log(`retention: ${MINUTES} minutes of ${writes} writes each, ${KEPT_MINUTES} minutes kept`)
  const bench = await openBench(backend)
  try {
    const scope = await bench.newScope()
    await addHooks(bench, scope, 1, () => {}, { event_type: vectorStored.name })
    const engine = await bench.startEngine()
    const directory = join(bench.app.config.dataDir, 'pg')
    const ends = [performance.now()]
    const sizes = [megabytes(directory)]
    let [spent, deleted] = [0, 0]
    let n = 0
    for (let minute = 1; minute <= MINUTES; minute++) {
      await hammer(CALLERS, writes, () =>
        bench.store.vectors.upsert(scope, {
          vector_id: `v${n++ % ROWS}`,
          namespace: 'default',
          vector_embedding: null,
          document: 'The invoice has to be paid before Friday, said Ada, and no one had an answer to that',
          vector_metadata: { n },
          source: 'bench',
        }),
      )
      await engine.drained()
      const start = performance.now()
      ends.push(start)
      if (minute > KEPT_MINUTES) {
        // Events from before this time have expired, independent of the machine's speed.
        deleted += await expire(bench.store, (start - ends[minute - KEPT_MINUTES]!) / 1000)
        spent += performance.now() - start
      }
      await bench.database.exec('checkpoint')
      if (minute % VACUUM_MINUTES === 0) await bench.database.exec('vacuum (analyze)')
      sizes.push(megabytes(directory))
      if (minute % 5 === 0)
        log(`retention: minute ${minute}, ${sizes[minute]!.toFixed(0)} MB, ${deleted} events deleted so far`)
    }
    // The directory grows between vacuums, so the maximum of each interval is compared.
    const largestUntil = (minute: number) => Math.max(...sizes.slice(minute + 1 - VACUUM_MINUTES, minute + 1))
    const [early, late] = [largestUntil(FROM_MINUTE), largestUntil(MINUTES)]
    return [
      {
        row: 'retention.growth',
        value: late / early,
        ours: `${late.toFixed(0)} MB at most in the last ${VACUUM_MINUTES} minutes`,
        baseline: `${early.toFixed(0)} MB until minute ${FROM_MINUTE}, ${sizes[0]!.toFixed(0)} MB empty`,
      },
      {
        row: 'retention.cost',
        value: (spent * 1000) / deleted,
        ours: `${milliseconds((spent * 1000) / deleted)} for 1,000 events with their runs, ${deleted} in all`,
      },
    ]
  } finally {
    await bench.close()
  }
}

/** Deletes events older than `seconds`; returns how many were deleted. */
async function expire(store: Awaited<ReturnType<typeof openBench>>['store'], seconds: number): Promise<number> {
  let count = 0
  for (let after: number | null = 0; after !== null; ) {
    const { events, through } = await store.maintenance.expireEvents(after, { seconds, deadSeconds: seconds })
    count += events
    after = through
  }
  return count
}

function megabytes(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const bytes = files.map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0)
  return bytes.reduce((sum, size) => sum + size, 0) / 2 ** 20
}
