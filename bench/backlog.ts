import { rowInserted } from '../src/schema/events.ts'
import {
  addHooks,
  type Backend,
  insertRows,
  log,
  type Measurement,
  median,
  openBench,
  pause,
  perSecond,
} from './support.ts'

// Rate at which an engine works off a backlog: 100,000 undispatched events that it finds at its start, and as many runs that were
// queued while their hook was paused.

const COUNT = 100_000
const ROUNDS = 3

export async function backlog(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    log(`backlog: ${ROUNDS} rounds of ${COUNT} events, and of ${COUNT} queued runs`)
    const rates: Record<'events' | 'runs', number[]> = { events: [], runs: [] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const kind of ['events', 'runs'] as const) {
        let handled = 0
        const scope = await bench.newScope()
        const hooks = { event_type: rowInserted.name, paused: kind === 'runs' } as const
        const [hook] = await addHooks(bench, scope, 1, () => handled++, hooks)
        await insertRows(bench, scope, COUNT)
        let start = performance.now()
        const engine = await bench.startEngine()
        if (kind === 'runs') {
          await engine.drained()
          start = performance.now()
          await bench.store.hooks.update(scope.user_id, hook!, { paused: false })
          engine.queued()
        }
        while (handled < COUNT) await pause(1)
        await engine.drained()
        rates[kind].push((COUNT * 1000) / (performance.now() - start))
        log(`backlog: round ${round + 1}, ${kind}: ${perSecond(rates[kind].at(-1)!)}`)
        await bench.stopEngine()
      }
    }
    const row = (row: string, of: number[]) => ({
      row,
      value: median(of),
      ours: `${perSecond(median(of))}, of ${COUNT}`,
    })
    return [row('backlog.events', rates.events), row('backlog.runs', rates.runs)]
  } finally {
    await bench.close()
  }
}
