import {
  addHooks,
  type Backend,
  CALLERS,
  hammer,
  type Measurement,
  median,
  milliseconds,
  openBench,
  PUBLISHED,
  pause,
  perSecond,
  say,
} from './support.ts'

// Events from the write to the finished, acknowledged run: as they come, and as a backlog that an engine finds at its start.

const ROUNDS = 7

export async function throughput(backend: Backend): Promise<Measurement[]> {
  return [await pipeline(backend), await drain(backend)]
}

async function pipeline(backend: Backend): Promise<Measurement> {
  const count = backend === 'pglite' ? 2_000 : 4_000
  say(`throughput.pipeline: ${ROUNDS} rounds of ${count} writes by ${CALLERS} callers`)
  const bench = await openBench(backend)
  try {
    let handled = 0
    const scope = await bench.newScope()
    await addHooks(bench, scope, 1, () => handled++)
    const engine = await bench.startEngine()
    const rates: number[] = []
    const writeRates: number[] = []
    const processor: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      handled = 0
      const used = process.cpuUsage()
      const start = performance.now()
      const writing = await hammer(CALLERS, count, () => bench.store.published.publish(scope, PUBLISHED))
      while (handled < count) await pause(1)
      await engine.idle()
      rates.push((count * 1000) / (performance.now() - start))
      writeRates.push((count * 1000) / writing)
      const { user, system } = process.cpuUsage(used)
      processor.push((user + system) / 1000 / count)
    }
    // The first round warms up.
    const value = median(rates.slice(1))
    return {
      row: 'throughput.pipeline',
      value,
      ours: `${perSecond(value)}, ${milliseconds(median(processor.slice(1)))} of CPU here for each`,
      baseline: `of which the writes: ${perSecond(median(writeRates.slice(1)))}`,
    }
  } finally {
    await bench.close()
  }
}

async function drain(backend: Backend): Promise<Measurement> {
  const count = backend === 'pglite' ? 4_000 : 10_000
  const rounds = backend === 'pglite' ? 3 : 5
  say(`throughput.drain: ${rounds} rounds of ${count} events`)
  const rates: number[] = []
  const bench = await openBench(backend)
  try {
    let handled = 0
    const scope = await bench.newScope()
    await addHooks(bench, scope, 1, () => handled++)
    for (let round = 0; round <= rounds; round++) {
      handled = 0
      // The engine does not run: nobody dispatches them.
      await hammer(CALLERS, count, () => bench.store.published.publish(scope, PUBLISHED))
      const start = performance.now()
      const engine = await bench.startEngine()
      while (handled < count) await pause(1)
      await engine.idle()
      rates.push((count * 1000) / (performance.now() - start))
      await bench.stopEngine()
    }
  } finally {
    await bench.close()
  }
  const value = median(rates.slice(1))
  return { row: 'throughput.drain', value, ours: perSecond(value) }
}
