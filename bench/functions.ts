import type { Pool } from 'undici'
import { startFramework } from './framework.ts'
import { besideFramework, bursts, firstByte } from './functions-beside.ts'
import { measure, measureAlternately, ROUNDS, words } from './load.ts'
import { type Served, startServed } from './served.ts'
import { log, type Measurement, median, milliseconds, pause, quantile } from './support.ts'

// Isolated functions of the built program over HTTP, alternating with @google-cloud/functions-framework with the same handler and without
// isolation, from the same load generator. The specified figures (18 ms, 112/s) are from other hardware with a microVM and are therefore
// not comparable.

const CALLERS = [1, 20, 100]
const CALLS = { 1: 400, 20: 3_000, 100: 3_000 } as Record<number, number>
const SOURCES = {
  nodejs: `export const config = { http: { auth: 'none' } }\nexport default (event) => ({ hello: event.data.query.name })`,
  python: `config = {"http": {"auth": "none"}}\ndef handler(event, ctx):\n    return {"hello": event["data"]["query"]["name"]}\n`,
}
const PEER = `(request, response) => response.json({ hello: request.query.name })`

export async function functions(): Promise<Measurement[]> {
  const served = await startServed(100)
  const { project_id, pool, api } = served
  const peer = await startFramework(PEER)
  try {
    const rows: Measurement[] = []
    const firsts = await firstCalls(api, pool, project_id)
    rows.push(
      {
        row: 'functions.cold',
        value: median(firsts.cold),
        ours: `p50 ${milliseconds(median(firsts.cold))}, of ${firsts.cold.length} functions`,
      },
      {
        row: 'functions.deploy',
        value: median(firsts.deploy),
        ours: `deploy ${milliseconds(median(firsts.deploy))}, first response included`,
      },
    )
    for (const [runtime, source] of Object.entries(SOURCES))
      await api('POST', '/api/v1/functions', { name: runtime, runtime, source })
    const ours = (runtime: keyof typeof SOURCES) => () => call(pool, `/fn/${project_id}/${runtime}?name=Ada`)
    const targets = { nodejs: ours('nodejs'), python: ours('python'), peer: () => call(peer.pool, '/?name=Ada') }
    for (const callers of CALLERS) {
      log(`functions: ${callers} callers, ${ROUNDS} rounds`)
      const one = (name: keyof typeof targets) => () => measure(callers, CALLS[callers]!, targets[name])
      const loads = await measureAlternately({ nodejs: one('nodejs'), python: one('python'), peer: one('peer') })
      const baseline = `functions-framework, no isolation: ${words(loads.peer)}`
      for (const runtime of ['nodejs', 'python'] as const)
        rows.push({
          row: `functions.${runtime}.${callers === 1 ? 'p50' : callers}`,
          value: callers === 1 ? loads[runtime].p50 : loads[runtime].rate,
          ours: words(loads[runtime]),
          baseline,
        })
    }
    rows.push(
      ...(await bursts(served)),
      ...(await besideFramework(served)),
      await firstByte(served),
      await eventToEnd(api),
    )
    return rows
  } finally {
    await peer.stop()
    await served.stop()
  }
}

type Api = Served['api']

/** Deploys functions one after the other and calls each once. `cold` is the call alone, with a started instance in the pool. */
async function firstCalls(api: Api, pool: Pool, project: string): Promise<{ cold: number[]; deploy: number[] }> {
  const cold: number[] = []
  const deploy: number[] = []
  for (let n = 0; n < 12; n++) {
    const name = `cold-${n}`
    const begin = performance.now()
    await api('POST', '/api/v1/functions', { name, runtime: 'nodejs', source: `${SOURCES.nodejs} // ${n}` })
    const deployed = performance.now()
    await call(pool, `/fn/${project}/${name}?name=Ada`)
    const end = performance.now()
    if (n > 1) {
      cold.push(end - deployed)
      deploy.push(end - begin)
    }
    // The pool starts a new instance in the background.
    await pause(500)
  }
  return { cold, deploy }
}

async function call(pool: Pool, path: string): Promise<void> {
  const reply = await pool.request({ method: 'GET', path })
  const text = await reply.body.text()
  if (text !== '{"hello":"Ada"}') throw new Error(`${path}: ${reply.statusCode} ${text}`)
}

/** Measures from the commit of an event to the end of its function, with the timestamps of the runs. */
async function eventToEnd(api: Api): Promise<Measurement> {
  const source = `export const config = { triggers: 'zerodb.event.published' }\nexport default () => 1`
  await api('POST', '/api/v1/functions', { name: 'on-event', runtime: 'nodejs', source })
  for (let n = 0; n < 120; n++) {
    await api('POST', '/api/v1/projects/-/database/events/publish', { topic: 'x' })
    await pause(10)
  }
  await pause(1_000)
  const { items } = await api('GET', '/api/v1/runs?trigger=event&status=succeeded&limit=100')
  const events = new Map<string, string>()
  for (const { id, timestamp } of (await api('GET', '/api/v1/event-log?limit=200')).items) events.set(id, timestamp)
  const micros = (text: string) => Date.parse(`${text.slice(0, 23)}Z`) * 1000 + Number(text.slice(23, 26))
  const times = items.map(
    (run: { event_id: string; finished_at: string }) =>
      (micros(run.finished_at) - micros(events.get(run.event_id)!)) / 1000,
  )
  const value = quantile(times, 0.5)
  return {
    row: 'functions.event',
    value,
    ours: `p50 ${milliseconds(value)}, p99 ${milliseconds(quantile(times, 0.99))}, including the batched write of the result`,
  }
}
