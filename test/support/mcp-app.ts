import { expect } from 'vitest'
import { openTestApp, type TestApp, type TestUser } from './app.ts'
import { type ClientKind, connect, type TestClient } from './mcp-clients.ts'

export const FUNCTIONS = '/api/v1/functions'
export const BUILT_IN = [
  'remember',
  'recall',
  'forget',
  'search_vectors',
  'graph_neighbors',
  'query_table',
  'store_text',
  'publish_event',
]

/** Returns the source of a function with a tool; `body` can use `data`, `ctx` and `zerodb`. */
export async function deployTool(user: TestUser, name: string, body: string, tool = {}): Promise<void> {
  const config = { tool: { description: `${name} of a test`, ...tool } }
  const source = `export const config = ${JSON.stringify(config)}
    export default async ({ data }, ctx) => { const { zerodb } = ctx; ${body} }`
  const reply = await user.post(FUNCTIONS, { name, runtime: 'nodejs', source })
  expect(reply.body).toMatchObject({ name })
}

export async function scopedKey(user: TestUser, ...scopes: string[]): Promise<string> {
  return (await user.post('/api/v1/auth/api-keys', { name: 'scoped', scopes })).body.key
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  messages: any[]
  /** The last message. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  answer: any
}

export interface McpApp extends TestApp {
  /** URL of the MCP endpoint. */
  mcpUrl: string
  /** Connects a client. By default it accepts only the newest revision. */
  connect(key: string, kind?: ClientKind, headers?: Record<string, string>): Promise<TestClient>
  /** Lists the tools that a new client with this key sees. */
  names(key: string, headers?: Record<string, string>): Promise<string[]>
  /** Sends a raw request of revision 2026-07-28. */
  ask(key: string, method: string, params: Record<string, unknown>, headers?: object, meta?: object): Promise<Answer>
}

/** Starts the real program on a port. */
export async function openMcpApp(settings: Record<string, string> = {}): Promise<McpApp> {
  const app = await openTestApp(settings)
  const mcpUrl = `${await app.server.listen({ host: '127.0.0.1', port: 0 })}/mcp`
  let lastId = 0
  const open: McpApp['connect'] = (key, kind = 'current, 2026-07-28', headers = {}) =>
    connect(kind, mcpUrl, { authorization: `Bearer ${key}`, ...headers })
  return {
    ...app,
    mcpUrl,
    connect: open,
    async names(key, headers) {
      const client = await open(key, undefined, headers)
      const names = await client.names()
      await client.close()
      return names
    },
    async ask(key, method, params, headers = {}, meta = {}) {
      const response = await fetch(mcpUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method,
          ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
          ...headers,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: ++lastId,
          method,
          params: {
            ...params,
            _meta: {
              'io.modelcontextprotocol/protocolVersion': '2026-07-28',
              'io.modelcontextprotocol/clientCapabilities': {},
              ...meta,
            },
          },
        }),
      })
      const text = await response.text()
      const isStream = response.headers.get('content-type')?.includes('text/event-stream')
      const messages = isStream
        ? text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []))
        : [text === '' ? null : JSON.parse(text)]
      return { status: response.status, messages, answer: messages.at(-1) }
    },
  }
}
