import { request } from 'node:http'
import { inTurn, measure, ROUNDS, words } from './load.ts'
import { type Served, startServed } from './served.ts'
import { type Measurement, median, milliseconds, say } from './support.ts'

// The built program; one function, called as a tool and over HTTP in turn, from the same load generator and with the same key. Then clients
// that wait for word of changes, half of them as the newest revision does and half as those before it.

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
      say(`mcp: ${callers} callers, ${ROUNDS} rounds`)
      const one = (name: keyof typeof calls) => () => measure(callers, CALLS[callers], () => call(name))
      const loads = await inTurn({ http: one('http'), tool: one('tool'), older: one('older') })
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

/** From the answer to a deploy (which word may outrun: then 0) until the last client knows. */
async function changes(url: string, key: string, api: Api): Promise<Measurement> {
  const medians: number[] = []
  let deployed = 0
  for (const count of CLIENTS) {
    say(`mcp: ${count} clients wait`)
    const clients = await Promise.all(Array.from({ length: count }, (_, n) => wait(url, key, n % 2 === 0)))
    const times: number[] = []
    const deploys: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const told = Promise.all(clients.map((client) => client.told()))
      const begin = performance.now()
      await api('POST', '/api/v1/functions', {
        name: 'other',
        runtime: 'nodejs',
        source: `${SOURCE} // ${count} ${round}`,
      })
      const answered = performance.now()
      const last = Math.max(...(await told))
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
    ours: `1,000 clients, the last ${milliseconds(medians[1]!)} after the deploy is answered (which takes ${milliseconds(deployed)})`,
    baseline: `one client: ${milliseconds(medians[0]!)}`,
  }
}

interface Waiting {
  /** When it hears of the next change. */
  told(): Promise<number>
  close(): void
}

/** A connection on which word comes. Resolves when the server has accepted it. */
function wait(url: string, key: string, isNewest: boolean): Promise<Waiting> {
  const listen = {
    jsonrpc: '2.0',
    id: 1,
    method: 'subscriptions/listen',
    params: { notifications: { toolsListChanged: true }, _meta: META },
  }
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'text/event-stream' }
  return new Promise((resolve, reject) => {
    let onTold: (at: number) => void = () => {}
    const asked = request(
      `${url}/mcp`,
      {
        method: isNewest ? 'POST' : 'GET',
        agent: false,
        headers: isNewest ? { ...headers, ...newest('subscriptions/listen') } : headers,
      },
      (answer) => {
        if (answer.statusCode !== 200) return reject(new Error(`a client is not let in: ${answer.statusCode}`))
        answer.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('list_changed')) onTold(performance.now())
          else
            resolve({
              told: () =>
                new Promise((tell) => {
                  onTold = tell
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
