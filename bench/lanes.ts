import type { HandlerRun } from '../src/handlers/handler.ts'
import { rowInserted } from '../src/schema/events.ts'
import {
  addHooks,
  type Backend,
  insertRows,
  log,
  type Measurement,
  median,
  milliseconds,
  openBench,
  PUBLISHED,
  pause,
} from './support.ts'

// Effect of 100,000 queued runs of one hook on another user's hook: how many of them start, and how long it takes, before a new run of the
// other hook starts. The baseline is the same without the queued runs.

const QUEUED = 100_000
const WRITES = 40
const HANDLER_MS = 5

export async function lanes(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  try {
    log(`lanes: ${QUEUED} queued runs of ${HANDLER_MS} ms in one lane, ${WRITES} writes into another`)
    let others = 0
    let started = () => {}
    const work = ({ event }: HandlerRun) => {
      if (event.event !== rowInserted.name) return started()
      others++
      return pause(HANDLER_MS)
    }
    const [busy, small] = [await bench.newScope(), await bench.newScope()]
    await addHooks(bench, small, 1, work)
    const [hook] = await addHooks(bench, busy, 1, work, { event_type: rowInserted.name, paused: true })
    const engine = await bench.startEngine()

    async function writes(): Promise<{ runs: number[]; ms: number[] }> {
      const runs: number[] = []
      const ms: number[] = []
      for (let n = 0; n < WRITES; n++) {
        const start = new Promise<number>((resolve) => {
          started = () => resolve(performance.now())
        })
        await bench.store.published.publish(small, PUBLISHED)
        const answered = performance.now()
        const before = others
        ms.push((await start) - answered)
        runs.push(others - before)
        await pause(20 + Math.random() * 20)
      }
      return { runs, ms }
    }

    const alone = await writes()
    await insertRows(bench, busy, QUEUED)
    await engine.drained()
    await bench.store.hooks.update(busy.user_id, hook!, { paused: false })
    engine.queued()
    // Wait until the queued runs occupy all slots.
    while (others < 200) await pause(1)
    const beside = await writes()
    const left = QUEUED - others
    if (left < QUEUED / 10) log(`lanes: only ${left} were left at the end`)
    // The remaining runs are not waited for.
    await bench.store.hooks.remove(busy.user_id, hook!)
    return [
      {
        row: 'lanes.runs',
        value: median(beside.runs),
        ours: `median ${median(beside.runs)}, most ${Math.max(...beside.runs)}`,
        baseline: `of ${QUEUED} queued, ${left} left at the end`,
      },
      {
        row: 'lanes.ms',
        value: median(beside.ms),
        ours: `median ${milliseconds(median(beside.ms))}, longest ${milliseconds(Math.max(...beside.ms))}`,
        baseline: `without the queue ${milliseconds(median(alone.ms))}`,
      },
    ]
  } finally {
    await bench.close()
  }
}
