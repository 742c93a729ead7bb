import type { Pool } from 'undici'
import { startFramework } from './framework.ts'
import { type Load, measure, measureAlternately, words } from './load.ts'
import type { Served } from './served.ts'
import { log, type Measurement, median, milliseconds, pause, perSecond } from './support.ts'

// Functions over HTTP beside @google-cloud/functions-framework with the same work and without isolation, in the same run.

const CALLERS = [1, 20, 100] as const
const FEW_ROUNDS = 3
const BURSTS = 7
const BURST_CALLERS = 20
const STREAMED = 40

type Calls = Record<(typeof CALLERS)[number], number>

/** Bodies of handlers, which return 'Ada'. `calls` is the number of calls per round. */
const WORKS: Record<'empty' | 'cpu' | 'wait', { body: string; calls: Calls }> = {
  empty: { body: '', calls: { 1: 400, 20: 3_000, 100: 3_000 } },
  // About 5 ms of a processor.
  cpu: {
    body: 'let sum = 0; for (let i = 0; i < 4e6; i++) sum = (sum * 31 + i) | 0; globalThis.sum = sum;',
    calls: { 1: 100, 20: 400, 100: 400 },
  },
  wait: { body: 'await new Promise((resolve) => setTimeout(resolve, 50));', calls: { 1: 20, 20: 400, 100: 800 } },
}

const CONFIG = `export const config = { http: { auth: 'none' } }\n`
const ours = (body: string) => `${CONFIG}export default async () => { ${body} return { hello: 'Ada' } }`
const theirs = (body: string) => `async (request, response) => { ${body} response.json({ hello: 'Ada' }) }`

/** Measures each work with each number of callers, both sides in alternation. */
export async function besideFramework(served: Served): Promise<Measurement[]> {
  const rows: Measurement[] = []
  for (const [work, { body, calls }] of Object.entries(WORKS)) {
    await deploy(served, `beside-${work}`, ours(body))
    const peer = await startFramework(theirs(body))
    try {
      const rates: Load[] = []
      for (const callers of CALLERS) {
        log(`functions: ${work}, ${callers} callers, beside functions-framework`)
        const count = calls[callers]
        const loads = await measureAlternately(
          {
            ours: () => measure(callers, count, () => call(served.pool, path(served, `beside-${work}`))),
            peer: () => measure(callers, count, () => call(peer.pool, '/')),
          },
          FEW_ROUNDS,
        )
        rates.push(loads.ours)
        rows.push({
          row: `functions.beside.${work}.${callers}`,
          value: loads.ours.rate / loads.peer.rate,
          ours: words(loads.ours),
          baseline: `functions-framework, no isolation: ${words(loads.peer)}`,
        })
      }
      const [one, twenty] = rates
      rows.push({
        row: `functions.scale.${work}`,
        value: twenty!.rate / one!.rate,
        ours: `20 callers ${perSecond(twenty!.rate)}`,
        baseline: `1 caller ${perSecond(one!.rate)}`,
      })
    } finally {
      await peer.stop()
    }
  }
  return rows
}

/** Measures the first second of 20 callers on a new function with one warm instance, beside one caller of that function before. */
export async function bursts(served: Served): Promise<Measurement[]> {
  const rows: Measurement[] = []
  for (const work of ['empty', 'cpu'] as const) {
    log(`functions: bursts, ${work}`)
    const ratios: number[] = []
    const rates: number[] = []
    const alone: number[] = []
    const slowest: number[] = []
    for (let n = 0; n < BURSTS; n++) {
      const name = `burst-${work}-${n}`
      await deploy(served, name, ours(WORKS[work].body))
      const one = () => call(served.pool, path(served, name))
      await one()
      const single = await firstSecond(1, one)
      const burst = await firstSecond(BURST_CALLERS, one)
      ratios.push(burst.rate / single.rate)
      rates.push(burst.rate)
      alone.push(single.rate)
      slowest.push(burst.slowestMs)
      // The pool starts new instances in the background.
      await pause(1_000)
    }
    rows.push(
      {
        row: `functions.burst.${work}`,
        value: median(ratios),
        ours: `20 callers, first second: ${perSecond(median(rates))}`,
        baseline: `1 caller: ${perSecond(median(alone))}`,
      },
      {
        row: `functions.burst.${work}.slowest`,
        value: median(slowest),
        ours: `median of ${BURSTS} bursts; worst ${milliseconds(Math.max(...slowest))}`,
      },
    )
  }
  return rows
}

/** Counts the responses within a second, and returns the longest time of a call. */
async function firstSecond(callers: number, one: () => Promise<void>): Promise<{ rate: number; slowestMs: number }> {
  const end = performance.now() + 1_000
  let count = 0
  let slowestMs = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) {
        const begin = performance.now()
        await one()
        slowestMs = Math.max(slowestMs, performance.now() - begin)
        if (performance.now() < end) count++
      }
    }),
  )
  return { rate: count, slowestMs }
}

/** Measures the time to the first byte of a streamed result whose second part comes 50 ms later. */
export async function firstByte(served: Served): Promise<Measurement> {
  log('functions: first byte of a stream')
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 50))'
  await deploy(served, 'streamed', `${CONFIG}export default async function* () { yield 'a'; ${wait}; yield 'b' }`)
  const peer = await startFramework(`async (request, response) => { response.write('a'); ${wait}; response.end('b') }`)
  try {
    const sides = { ours: [] as number[], peer: [] as number[] }
    for (let n = 0; n < STREAMED; n++) {
      sides.ours.push(await timeToFirstByte(served.pool, path(served, 'streamed')))
      sides.peer.push(await timeToFirstByte(peer.pool, '/'))
    }
    return {
      row: 'functions.stream.first',
      value: median(sides.ours),
      ours: `p50 ${milliseconds(median(sides.ours))}`,
      baseline: `functions-framework, no isolation: p50 ${milliseconds(median(sides.peer))}`,
    }
  } finally {
    await peer.stop()
  }
}

async function timeToFirstByte(pool: Pool, path: string): Promise<number> {
  const begin = performance.now()
  const { body } = await pool.request({ method: 'GET', path })
  let first: number | undefined
  let text = ''
  for await (const chunk of body) {
    first ??= performance.now() - begin
    text += String(chunk)
  }
  if (text !== 'ab' || first === undefined) throw new Error(`${path}: expected the stream "ab", not "${text}"`)
  return first
}

async function deploy(served: Served, name: string, source: string): Promise<void> {
  await served.api('POST', '/api/v1/functions', { name, runtime: 'nodejs', source })
}

const path = (served: Served, name: string): string => `/fn/${served.project_id}/${name}`

async function call(pool: Pool, path: string): Promise<void> {
  const { statusCode, body } = await pool.request({ method: 'GET', path })
  const text = await body.text()
  if (text !== '{"hello":"Ada"}') throw new Error(`${path}: ${statusCode} ${text}`)
}
