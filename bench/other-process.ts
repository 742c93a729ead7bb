import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  addHooks,
  type Backend,
  log,
  type Measurement,
  milliseconds,
  NotMeasured,
  newPlace,
  openBench,
  PUBLISHED,
  pause,
  quantile,
} from './support.ts'

// Time from the response to a write until its event reaches a handler in another process. This process writes and executes nothing.

const EVENTS = 400
const WARMING = 30

/** Returns nanoseconds of the monotonic clock, which all processes of a machine share. */
export const sharedClock = (): number => Number(process.hrtime.bigint())

export async function otherProcess(backend: Backend): Promise<Measurement[]> {
  if (backend === 'pglite') throw new NotMeasured('only one process can use the embedded database')
  log(`latency.other: ${EVENTS} events, one at a time`)
  const place = await newPlace(backend)
  const bench = await openBench(backend, { ...place, env: { ...place.env, ZERODB_WORKER_SLOTS: '0' } })
  const child = fork(fileURLToPath(new URL('other-worker.ts', import.meta.url)), [JSON.stringify(place.env)])
  try {
    const scope = await bench.newScope()
    await addHooks(bench, scope, 1, () => {})
    await bench.startEngine()
    await once(child, 'message')
    const waits: number[] = []
    for (let n = 0; n < WARMING + EVENTS; n++) {
      const started = once(child, 'message') as Promise<[number]>
      await bench.store.published.publish(scope, PUBLISHED)
      const answered = sharedClock()
      const [at] = await started
      if (n >= WARMING) waits.push((at - answered) / 1e6)
      await pause(8 + Math.random() * 10)
    }
    const p50 = quantile(waits, 0.5)
    const ours = `${milliseconds(p50)}, p99 ${milliseconds(quantile(waits, 0.99))}`
    return [{ row: 'latency.other', value: p50, ours }]
  } finally {
    child.send('stop')
    await once(child, 'exit')
    await bench.close()
  }
}
