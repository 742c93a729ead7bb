import { Agent, request } from 'node:http'
import { type Credentials, readCredentials } from '../src/cli/lib/credentials.ts'
import { eventPublished } from '../src/schema/events.ts'
import {
  type Backend,
  CALLERS,
  hammer,
  log,
  type Measurement,
  median,
  newPlace,
  PUBLISHED,
  pause,
  perSecond,
  startProgram,
} from './support.ts'

// Writes to the built program, a separate process, over keep-alive connections, until the last run is recorded.

const ROUNDS = 7
const WRITES = { pglite: 1_200, postgres: 3_000 }

export async function http(backend: Backend): Promise<Measurement[]> {
  const count = WRITES[backend]
  log(`http: ${ROUNDS} rounds of ${count} writes by ${CALLERS} callers`)
  const place = await newPlace(backend)
  const program = await startProgram(place.env)
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS })
  try {
    const credentials = await readCredentials(place.env['ZERODB_DATA_DIR']!)
    const call = caller(agent, credentials!)
    const path = `/api/v1/projects/${credentials!.project_id}/database/events/publish`
    const rates: number[] = []
    const writeRates: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      // This handler ignores events of this type, so its run ends at once as `skipped`.
      const fields = { event_type: eventPublished.name, hook_name: 'auto_summarize' }
      const hook = await call<{ id: string }>('POST', '/api/v1/hooks', fields)
      if (round === 0) await pause(3_000)
      const start = performance.now()
      const writing = await hammer(CALLERS, count, () => call('POST', path, PUBLISHED))
      const end = await allRecorded(call, hook.id, count)
      rates.push((count * 1000) / (end - start))
      writeRates.push((count * 1000) / writing)
      await call('DELETE', `/api/v1/hooks/${hook.id}`)
    }
    const value = median(rates.slice(1))
    return [
      {
        row: 'http.pipeline',
        value,
        ours: perSecond(value),
        baseline: `of which the writes: ${perSecond(median(writeRates.slice(1)))}`,
      },
    ]
  } finally {
    agent.destroy()
    await program.stop()
    await place.remove()
  }
}

type Call = <Body>(method: string, path: string, body?: unknown) => Promise<Body>

function caller(agent: Agent, { url, api_key }: Credentials): Call {
  return <Body>(method: string, path: string, body?: unknown) =>
    new Promise<Body>((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const headers = { authorization: `Bearer ${api_key}`, 'content-type': 'application/json' }
      const sent = request(`${url}${path}`, { agent, method, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => {
          text += piece
        })
        response.on('end', () => {
          const { statusCode = 0 } = response
          if (statusCode >= 300) reject(new Error(`${method} ${path}: ${statusCode} ${text}`))
          else resolve((text === '' ? undefined : JSON.parse(text)) as Body)
        })
      })
      sent.on('error', reject)
      sent.end(payload)
    })
}

/** Resolves with the time when the hook has `count` runs and all of them have ended. */
async function allRecorded(call: Call, hookId: string, count: number): Promise<number> {
  const page = (query: string) =>
    call<{ items: { id: string }[]; next_cursor: string | null }>('GET', `/api/v1/hooks/${hookId}/runs?${query}`)
  for (;;) {
    const unfinished = await Promise.all(['queued', 'running'].map((status) => page(`limit=1&status=${status}`)))
    const asked = performance.now()
    if (unfinished.every(({ items }) => items.length === 0)) {
      let runs = 0
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { items, next_cursor }: Awaited<ReturnType<typeof page>> = await page(
          `limit=1000${cursor === '' ? '' : `&cursor=${cursor}`}`,
        )
        runs += items.length
        cursor = next_cursor
      }
      if (runs === count) return asked
    }
    await pause(5)
  }
}
