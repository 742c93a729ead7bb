import { processorOf } from './processor.ts'
import {
  addHooks,
  type Backend,
  CALLERS,
  hammer,
  log,
  type Measurement,
  median,
  milliseconds,
  openBench,
  PUBLISHED,
  pause,
  perSecond,
} from './support.ts'

// Throughput from the write of an event to its finished, acknowledged run.

const ROUNDS = 7

export async function throughput(backend: Backend): Promise<Measurement[]> {
  const count = backend === 'pglite' ? 2_000 : 4_000
  log(`throughput.pipeline: ${ROUNDS} rounds of ${count} writes by ${CALLERS} callers`)
  const bench = await openBench(backend)
  try {
    let handled = 0
    const scope = await bench.newScope()
    await addHooks(bench, scope, 1, () => handled++)
    const engine = await bench.startEngine()
    const rates: number[] = []
    const writeRates: number[] = []
    const here: number[] = []
    const database: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      handled = 0
      const used = await processorOf(bench, count, async () => {
        const start = performance.now()
        const writing = await hammer(CALLERS, count, () => bench.store.published.publish(scope, PUBLISHED))
        while (handled < count) await pause(1)
        await engine.drained()
        rates.push((count * 1000) / (performance.now() - start))
        writeRates.push((count * 1000) / writing)
      })
      here.push(used.here)
      database.push(used.database ?? 0)
    }
    // The first round is the warm-up.
    const value = median(rates.slice(1))
    const processor = [here, database].map((each) => milliseconds(median(each.slice(1))))
    return [
      {
        row: 'throughput.pipeline',
        value,
        ours: `${perSecond(value)}; processor time per event: ${processor[0]} here, ${processor[1]} on the server`,
        baseline: `of which the writes: ${perSecond(median(writeRates.slice(1)))}`,
      },
    ]
  } finally {
    await bench.close()
  }
}
