import { json, sql } from '../src/db/sql.ts'
import {
  addHooks,
  type Backend,
  log,
  type Measurement,
  milliseconds,
  openBench,
  PUBLISHED,
  pause,
  quantile,
} from './support.ts'

// Time from the response to a write until its event reaches a handler, compared with an in-memory queue that is polled every 50 ms.

const ROUNDS = 7
const EVENTS = 150
const POLLED_EVENTS = 25
const POLL_MS = 50

export async function latency(backend: Backend): Promise<Measurement[]> {
  const bench = await openBench(backend)
  log(`latency: ${ROUNDS} rounds of ${EVENTS} events and ${POLLED_EVENTS} polled ones, one at a time`)
  let started = (_: number) => {}
  const scope = await bench.newScope()
  await addHooks(bench, scope, 1, () => started(performance.now()))
  await bench.startEngine()

  const inMemory: (() => void)[] = []
  const poller = setInterval(() => {
    for (const handle of inMemory.splice(0)) handle()
  }, POLL_MS)

  /** Milliseconds from the response to the start of the handler. */
  async function one(write: () => Promise<unknown>): Promise<number> {
    const start = new Promise<number>((resolve) => {
      started = resolve
    })
    await write()
    const answered = performance.now()
    const waited = (await start) - answered
    // Waits past the acknowledgement, with a random part so that writes do not synchronise with the poller.
    await pause(8 + Math.random() * 10)
    return waited
  }
  const publish = () => bench.store.published.publish(scope, PUBLISHED)
  async function insertAndQueue(): Promise<void> {
    await bench.database.query(sql`
      insert into zerodb_published_events (project_id, topic, payload)
      values (${scope.project_id}::uuid, ${PUBLISHED.topic}, ${json(PUBLISHED.event_payload)}::jsonb)`)
    inMemory.push(() => started(performance.now()))
  }

  const ours: number[] = []
  const polled: number[] = []
  for (let n = 0; n < 30; n++) await one(publish)
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < EVENTS; n++) ours.push(await one(publish))
    for (let n = 0; n < POLLED_EVENTS; n++) polled.push(await one(insertAndQueue))
  }
  clearInterval(poller)
  await bench.close()

  return [['latency.p50', 0.5] as const, ['latency.p99', 0.99] as const].map(([row, share]) => ({
    row,
    value: quantile(ours, share),
    ours: milliseconds(quantile(ours, share)),
    baseline: `poller every ${POLL_MS} ms: ${milliseconds(quantile(polled, share))}`,
  }))
}
