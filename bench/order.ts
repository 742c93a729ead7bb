import { RetryLater } from '../src/errors.ts'
import type { HandlerRun } from '../src/handlers/handler.ts'
import { rowInserted } from '../src/schema/events.ts'
import {
  addHooks,
  type Backend,
  CALLERS,
  hammer,
  log,
  type Measurement,
  median,
  openBench,
  PUBLISHED,
  pause,
  perSecond,
} from './support.ts'

// Effect of ordered hooks on an unordered hook: its throughput alone, and beside another user's ordered hook whose runs wait behind first
// runs that are retried in an hour.

const ROUNDS = 7
const EVENTS = 2_000
const KEYS = 50
const WAITING = 5_000

export async function order(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    log(
      `order: ${ROUNDS} rounds of ${EVENTS} events, alone and beside ${WAITING} waiting ordered runs with ${KEYS} keys`,
    )
    let handled = 0
    const [unordered, ordered] = [await bench.newScope(), await bench.newScope()]
    const work = ({ event }: HandlerRun) => {
      if (event.event === rowInserted.name) throw new RetryLater(3600, 'blocked')
      handled++
    }
    await addHooks(bench, unordered, 1, work)
    const [hook] = await addHooks(bench, ordered, 1, work, {
      event_type: rowInserted.name,
      ordering_key: { path: 'row.data.key', policy: 'block' },
    })
    const engine = await bench.startEngine()
    await bench.store.tables.create(ordered, { name: 'ordered' })
    const rows = Array.from({ length: WAITING }, (_, n) => ({ key: `key ${n % KEYS}` }))
    await bench.store.tables.insertRows(ordered, 'ordered', rows)
    await engine.drained()

    const rates = { alone: [] as number[], beside: [] as number[] }
    for (let round = 0; round <= ROUNDS; round++)
      for (const [name, paused] of [['alone', true] as const, ['beside', false] as const]) {
        await bench.store.hooks.update(ordered.user_id, hook!, { paused })
        handled = 0
        const start = performance.now()
        await hammer(CALLERS, EVENTS, () => bench.store.published.publish(unordered, PUBLISHED))
        while (handled < EVENTS) await pause(1)
        await engine.drained()
        // The first round is the warm-up.
        if (round > 0) rates[name].push((EVENTS * 1000) / (performance.now() - start))
      }
    const [alone, beside] = [median(rates.alone), median(rates.beside)]
    return [
      {
        row: 'order.unordered',
        value: alone / beside,
        ours: perSecond(beside),
        baseline: `alone: ${perSecond(alone)}`,
      },
    ]
  } finally {
    await bench.close()
  }
}
