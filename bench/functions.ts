import { Pool } from 'undici'
import { readCredentials } from '../src/cli/credentials.ts'
import { startFramework } from './framework.ts'
import {
  hammer,
  type Measurement,
  median,
  milliseconds,
  newPlace,
  pause,
  perSecond,
  quantile,
  say,
  startProgram,
} from './support.ts'

// The built program, isolated functions behind its HTTP surface, and @google-cloud/functions-framework with the same handler and without
// any isolation, in turn, from the same load generator. The specified figures (18 ms, 112 a second) were taken on other hardware, behind a
// microVM: they are a line to know, and no comparison.

const ROUNDS = 5
const CALLERS = [1, 20, 100]
const CALLS = { 1: 400, 20: 3_000, 100: 3_000 } as Record<number, number>
const SOURCES = {
  nodejs: `export const config = { http: { auth: 'none' } }\nexport default (event) => ({ hello: event.data.query.name })`,
  python: `config = {"http": {"auth": "none"}}\ndef handler(event, ctx):\n    return {"hello": event["data"]["query"]["name"]}\n`,
}
const PEER = `(request, response) => response.json({ hello: request.query.name })`

interface Load {
  p50: number
  p99: number
  rate: number
}

export async function functions(): Promise<Measurement[]> {
  const place = await newPlace('pglite')
  const program = await startProgram({ ...place.env, ZERODB_LOG_LEVEL: 'error' })
  const peer = await startFramework(PEER)
  const { url, api_key, project_id } = (await readCredentials(place.env['ZERODB_DATA_DIR']!))!
  const pool = new Pool(url, { connections: 100 })
  const headers = { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' }
  const api = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const reply = await pool.request({
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    // biome-ignore lint/suspicious/noExplicitAny: a bench reads whatever the server says
    const answer = (await reply.body.json()) as any
    if (reply.statusCode >= 300) throw new Error(`${path}: ${reply.statusCode} ${JSON.stringify(answer)}`)
    return answer
  }
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
        ours: `deploy ${milliseconds(median(firsts.deploy))}, first answer included`,
      },
    )
    for (const [runtime, source] of Object.entries(SOURCES))
      await api('POST', '/api/v1/functions', { name: runtime, runtime, source })
    const targets = {
      nodejs: { pool, path: `/fn/${project_id}/nodejs?name=Ada` },
      python: { pool, path: `/fn/${project_id}/python?name=Ada` },
      peer: { pool: peer.pool, path: '/?name=Ada' },
    }
    for (const callers of CALLERS) {
      const loads: Record<keyof typeof targets, Load[]> = { nodejs: [], python: [], peer: [] }
      say(`functions: ${callers} callers, ${ROUNDS} rounds`)
      for (let round = 0; round <= ROUNDS; round++)
        for (const [name, target] of Object.entries(targets)) {
          const load = await measure(target.pool, target.path, callers, CALLS[callers]!)
          if (round > 0) loads[name as keyof typeof targets].push(load)
        }
      const words = (load: Load[]) => {
        const of = (key: keyof Load) => median(load.map((each) => each[key]))
        return `p50 ${milliseconds(of('p50'))}, p99 ${milliseconds(of('p99'))}, ${perSecond(of('rate'))}`
      }
      const baseline = `functions-framework, no isolation: ${words(loads.peer)}`
      for (const runtime of ['nodejs', 'python'] as const) {
        const ours = words(loads[runtime])
        if (callers === 1)
          rows.push({
            row: `functions.${runtime}.p50`,
            value: median(loads[runtime].map(({ p50 }) => p50)),
            ours,
            baseline,
          })
        else
          rows.push({
            row: `functions.${runtime}.${callers}`,
            value: median(loads[runtime].map(({ rate }) => rate)),
            ours,
            baseline,
          })
      }
    }
    rows.push(await eventToEnd(api))
    return rows
  } finally {
    await pool.close()
    await peer.stop()
    await program.stop()
    await place.remove()
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as above
type Api = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<any>

/** Deploys functions one after the other and calls each once: `cold` is the call alone, with a started instance in the pool. */
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
    // The pool fills again behind it.
    await pause(500)
  }
  return { cold, deploy }
}

async function measure(pool: Pool, path: string, callers: number, calls: number): Promise<Load> {
  const times: number[] = []
  const total = await hammer(callers, calls, async () => {
    const begin = performance.now()
    await call(pool, path)
    times.push(performance.now() - begin)
  })
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), rate: (times.length * 1000) / total }
}

async function call(pool: Pool, path: string): Promise<void> {
  const reply = await pool.request({ method: 'GET', path })
  const text = await reply.body.text()
  if (text !== '{"hello":"Ada"}') throw new Error(`${path}: ${reply.statusCode} ${text}`)
}

/** From the commit of an event to the end of its function, as their runs tell. */
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
    ours: `p50 ${milliseconds(value)}, p99 ${milliseconds(quantile(times, 0.99))}, the batched record included`,
  }
}
