import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'

/**
 * The official clients: the current one with its defaults, the current one that negotiates the newest revision, the current one that
 * accepts no other revision, and the previous one.
 */
export const CLIENTS = ['current', 'current, auto', 'current, 2026-07-28', 'previous'] as const
export type ClientKind = (typeof CLIENTS)[number]

/** Common interface of all clients. */
export interface TestClient {
  /** Negotiated revision of the protocol. */
  revision: string | undefined
  names(): Promise<string[]>
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  tools(): Promise<any[]>
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary responses
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<any>
  /** Number of notifications that the tools have changed. */
  changes(): number
  close(): Promise<void>
}

interface CallOptions {
  signal?: AbortSignal
  onprogress?(made: { progress: number; total?: number | undefined; message?: string | undefined }): void
}

export function connect(kind: ClientKind, url: string, headers: Record<string, string>): Promise<TestClient> {
  const options = { requestInit: { headers } }
  return kind === 'previous'
    ? connectPrevious(new Http1(new URL(url), options))
    : connectCurrent(kind, new Http2(new URL(url), options))
}

/** Starts a server with a command and connects to its standard input and output. */
export function spawnAndConnect(kind: ClientKind, args: string[]): Promise<TestClient> {
  const options = { command: process.execPath, args }
  return kind === 'previous' ? connectPrevious(new Stdio1(options)) : connectCurrent(kind, new Stdio2(options))
}

const IDENTITY = { name: 'test', version: '1' }

async function connectCurrent(kind: ClientKind, transport: Http2 | Stdio2): Promise<TestClient> {
  let changes = 0
  const mode =
    kind === 'current' ? undefined : kind === 'current, auto' ? ('auto' as const) : { pin: '2026-07-28' as const }
  const client = new Client2(IDENTITY, {
    ...(mode ? { versionNegotiation: { mode } } : {}),
    listChanged: {
      tools: {
        autoRefresh: false,
        debounceMs: 0,
        onChanged: () => {
          changes++
        },
      },
    },
  })
  await client.connect(transport)
  const tools = async () => (await client.listTools()).tools
  return {
    revision: client.getNegotiatedProtocolVersion(),
    tools,
    names: async () => (await tools()).map(({ name }) => name),
    call: (name, args = {}, options) => client.callTool({ name, arguments: args }, options),
    changes: () => changes,
    close: () => client.close(),
  }
}

async function connectPrevious(transport: Http1 | Stdio1): Promise<TestClient> {
  let changes = 0
  const client = new Client1(IDENTITY)
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    changes++
  })
  // biome-ignore lint/suspicious/noExplicitAny: the package's types conflict under exactOptionalPropertyTypes
  await client.connect(transport as any)
  const tools = async () => (await client.listTools()).tools
  return {
    revision: transport instanceof Http1 ? transport.protocolVersion : undefined,
    tools,
    names: async () => (await tools()).map(({ name }) => name),
    call: (name, args = {}, options) => client.callTool({ name, arguments: args }, undefined, options),
    changes: () => changes,
    close: () => client.close(),
  }
}
