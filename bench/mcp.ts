import { request } from 'node:http'
import { measure, measureAlternately, ROUNDS, words } from './load.ts'
import { type Served, startServed } from './served.ts'
import { log, type Measurement, median, milliseconds } from './support.ts'

// One function of the built program, called alternately as a tool and over HTTP, with the same load generator and key. Then clients that
// subscribe to changes, half of them with the newest revision of the protocol and half with an earlier one.

const CALLS = { 1: 400, 20: 3_000 } as const
const CLIENTS = [1, 1_000]
const SOURCE = `export const config = { http: true, tool: { description: 'Greets',
  input_schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } } }
export default ({ data }) => ({ hello: (data.query ?? data).name })`

export async function mcp(): Promise<Measurement[]> {
  const served = await startServed(20)
  const { url, api_key, project_id, headers, pool, api } = served
  const calls = {
    http: { method: 'GET', path: `/fn/${project_id}/greet?name=Ada`, headers, body: null },
    tool: {
      method: 'POST',
      path: '/mcp',
      headers: { ...headers, ...newest('tools/call', 'greet') },
      body: message(META),
    },
    older: { method: 'POST', path: '/mcp', headers: { ...headers, accept: ACCEPT }, body: message({}) },
  } as const
  const call = async (name: keyof typeof calls) => {
    const reply = await pool.request(calls[name])
    const text = await reply.body.text()
    if (!text.includes('Ada') || reply.statusCode !== 200) throw new Error(`${name}: ${reply.statusCode} ${text}`)
  }
  try {
    await api('POST', '/api/v1/functions', { name: 'greet', runtime: 'nodejs', source: SOURCE })
    const rows: Measurement[] = []
    for (const callers of [1, 20] as const) {
      log(`mcp: ${callers} callers, ${ROUNDS} rounds`)
      const one = (name: keyof typeof calls) => () => measure(callers, CALLS[callers], () => call(name))
      const loads = await measureAlternately({ http: one('http'), tool: one('tool'), older: one('older') })
      const ratio = (name: 'tool' | 'older') =>
        callers === 1 ? loads[name].p50 / loads.http.p50 : loads.http.rate / loads[name].rate
      const baseline = `over HTTP: ${words(loads.http)}`
      for (const name of ['tool', 'older'] as const)
        rows.push({ row: `mcp.${name}.${callers}`, value: ratio(name), ours: words(loads[name]), baseline })
    }
    rows.push(await changes(url, api_key, api))
    return rows
  } finally {
    await served.stop()
  }
}

const ACCEPT = 'application/json, text/event-stream'
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const newest = (method: string, name?: string) => ({
  accept: ACCEPT,
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...(name === undefined ? {} : { 'mcp-name': name }),
})
const message = (_meta: object) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'greet', arguments: { name: 'Ada' }, _meta },
  })

type Api = Served['api']

/** Measures from the response to a deploy until the last client is notified; 0 if the notifications arrive before the response. */
async function changes(url: string, key: string, api: Api): Promise<Measurement> {
  const medians: number[] = []
  let deployed = 0
  for (const count of CLIENTS) {
    log(`mcp: ${count} subscribed clients`)
    const clients = await Promise.all(Array.from({ length: count }, (_, n) => subscribe(url, key, n % 2 === 0)))
    const times: number[] = []
    const deploys: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const notified = Promise.all(clients.map((client) => client.notified()))
      const begin = performance.now()
      await api('POST', '/api/v1/functions', {
        name: 'other',
        runtime: 'nodejs',
        source: `${SOURCE} // ${count} ${round}`,
      })
      const answered = performance.now()
      const last = Math.max(...(await notified))
      if (round === 0) continue
      times.push(Math.max(0, last - answered))
      deploys.push(answered - begin)
    }
    for (const client of clients) client.close()
    medians.push(median(times))
    deployed = median(deploys)
  }
  return {
    row: 'mcp.changes',
    value: medians[1]!,
    ours: `1,000 clients, the last notified ${milliseconds(medians[1]!)} after the response to the deploy (which takes ${milliseconds(deployed)})`,
    baseline: `one client: ${milliseconds(medians[0]!)}`,
  }
}

interface Subscriber {
  /** Resolves with the time of the next notification. */
  notified(): Promise<number>
  close(): void
}

/** Opens a connection for notifications. Resolves when the server has accepted it. */
function subscribe(url: string, key: string, isNewest: boolean): Promise<Subscriber> {
  const listen = {
    jsonrpc: '2.0',
    id: 1,
    method: 'subscriptions/listen',
    params: { notifications: { toolsListChanged: true }, _meta: META },
  }
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'text/event-stream' }
  return new Promise((resolve, reject) => {
    let onNotified: (at: number) => void = () => {}
    const asked = request(
      `${url}/mcp`,
      {
        method: isNewest ? 'POST' : 'GET',
        agent: false,
        headers: isNewest ? { ...headers, ...newest('subscriptions/listen') } : headers,
      },
      (answer) => {
        if (answer.statusCode !== 200)
          return reject(new Error(`the server rejects a client with status ${answer.statusCode}`))
        answer.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('list_changed')) onNotified(performance.now())
          else
            resolve({
              notified: () =>
                new Promise((tell) => {
                  onNotified = tell
                }),
              close: () => asked.destroy(),
            })
        })
        answer.on('error', () => {})
      },
    )
    asked.on('error', reject)
    asked.end(isNewest ? JSON.stringify(listen) : undefined)
  })
}
