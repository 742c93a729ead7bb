import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { ZeroDBError } from '../../client/errors.ts'
import { readEvents } from '../../client/sse.ts'
import { parseStoredJson, stringifyJson } from '../../exact-json.ts'
import { headersOf, rememberSchemas, type Schemas } from './headers.ts'

/** Keeps all digits of numbers that pass through. */
const EXACT = { parse: parseStoredJson, stringify: stringifyJson }

/** A JSON-RPC message: a request, a notification or a response. */
export interface Message {
  jsonrpc: '2.0'
  id?: string | number | null
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: defined by the client and the server, not by the bridge
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: defined by the client and the server, not by the bridge
  result?: any
  error?: { code: number; message: string; data?: unknown }
}

export interface BridgeOptions {
  /** Address of the server's `/mcp`. */
  url: string
  /** Headers of every request, including the API key. */
  headers: Record<string, string>
  fetch: typeof fetch
  /** Sends a message to the client. */
  send(message: Message): void
  /** Reports a transport error to the user. */
  warn(text: string): void
}

/** A connection between one client and a server's `/mcp`. */
export interface Bridge {
  /** Handles a line from the client. Never rejects: errors are sent to the client. */
  receive(line: string): Promise<void>
  /** Call this after the last line. Resolves when all requests are answered, and closes the streams. */
  finish(): Promise<void>
}

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
const CHANGED = 'notifications/tools/list_changed'
/** Delays in seconds before an ended stream is opened again; the last one repeats. */
const RECONNECT_DELAYS = [0.5, 1, 2, 5, 10, 30]

const message = z.looseObject({ jsonrpc: z.literal('2.0'), method: z.string().optional() })

/**
 * Forwards messages between a client that uses MCP over standard input and output and a server that uses it over HTTP, in any revision of the
 * protocol. Messages are interpreted only as far as the change of transport requires.
 */
export function createBridge({ url, headers, fetch, send, warn }: BridgeOptions): Bridge {
  const closing = new AbortController()
  const schemas: Schemas = new Map()
  /** Requests without a response, by id. */
  const pending = new Map<unknown, AbortController>()
  const exchanges = new Set<Promise<unknown>>()
  /** Headers from the handshake of the older protocol. */
  const session: Record<string, string> = {}

  async function receive(line: string): Promise<void> {
    let parsed: Message | Message[]
    try {
      parsed = z.union([message, z.array(message).min(1)]).parse(parseStoredJson(line)) as Message | Message[]
    } catch {
      return send({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Not a valid JSON-RPC message' } })
    }
    if (Array.isArray(parsed)) return track(post(parsed, headersOf({ ...session }, null, schemas)))
    const isModern = parsed.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined
    if (parsed.method === 'notifications/cancelled') {
      const request = pending.get(parsed.params?.requestId)
      // In the newest revision a request is cancelled by closing its stream; there is no other way.
      if (request?.signal.reason === undefined) request?.abort()
      if (isModern || Object.keys(session).length === 0) return
    }
    if (parsed.method === 'subscriptions/listen') return keepListening(parsed)
    await track(exchange(parsed, isModern))
    if (parsed.method === 'notifications/initialized') void keepOpen()
  }

  async function track(exchange: Promise<unknown>): Promise<void> {
    exchanges.add(exchange)
    await exchange.finally(() => exchanges.delete(exchange))
  }

  async function exchange(request: Message, isModern: boolean): Promise<void> {
    const stop = new AbortController()
    if (request.id !== undefined && request.method !== undefined) pending.set(request.id, stop)
    try {
      const answered = await post(
        request,
        headersOf(isModern ? {} : session, isModern ? request : null, schemas),
        stop.signal,
      )
      const missing = request.id !== undefined && request.method !== undefined && !answered && !stop.signal.aborted
      if (missing) send(failure(request, 'The server closed the connection before the response was complete'))
    } finally {
      if (pending.get(request.id) === stop) pending.delete(request.id)
    }
  }

  /** Posts to the server and forwards its messages to the client. Resolves with whether a response was among them. */
  async function post(body: Message | Message[], own: Record<string, string>, stop?: AbortSignal): Promise<boolean> {
    let answered = false
    await stream(body, own, stop, (received) => {
      if (received.id !== undefined && received.method === undefined) answered = true
      rememberSchemas(received.result, schemas)
      if (received.result?.protocolVersion) session['mcp-protocol-version'] = received.result.protocolVersion
      send(received)
    })
    return answered
  }

  /** Posts once and calls `onMessage` with each message from the server. A failure becomes an error message. */
  async function stream(
    body: Message | Message[],
    own: Record<string, string>,
    stop: AbortSignal | undefined,
    onMessage: (received: Message) => void,
  ): Promise<void> {
    const request = Array.isArray(body) ? undefined : body
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...own,
        },
        body: stringifyJson(body),
        signal: AbortSignal.any([closing.signal, ...(stop ? [stop] : [])]),
      })
      const id = response.headers.get('mcp-session-id')
      if (id !== null) session['mcp-session-id'] = id
      if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
        for await (const part of readEvents(response.body!, EXACT, () => {}))
          if (part.kind === 'message') onMessage(part.message.data as Message)
        return
      }
      const text = await response.text()
      if (text === '') return
      const answer = parseStoredJson(text) as Message & { detail?: unknown }
      if (answer.jsonrpc === '2.0') onMessage(answer)
      else if (request) onMessage(failure(request, `${answer.detail ?? text} (HTTP ${response.status})`))
    } catch (error) {
      if (closing.signal.aborted || stop?.aborted) return
      if (request) onMessage(failure(request, reasonOf(error)))
    }
  }

  /** Keeps a subscription open across restarts of the server. After a reconnect, notifies the client of possibly missed changes. */
  async function keepListening(request: Message): Promise<void> {
    const stop = new AbortController()
    pending.set(request.id, stop)
    let isAcknowledged = false
    for (let failures = 0; !stop.signal.aborted && !closing.signal.aborted; failures++) {
      let rejection: Message | undefined
      await stream(request, headersOf({}, request, schemas), stop.signal, (received) => {
        if (received.error) rejection = received
        else if (received.method === 'notifications/subscriptions/acknowledged') {
          failures = 0
          send(isAcknowledged ? changedFor(request) : received)
          isAcknowledged = true
        } else if (received.method !== undefined) send(received)
      })
      if (rejection && !isAcknowledged) {
        send(rejection)
        break
      }
      await pause(failures, stop.signal)
    }
    if (pending.get(request.id) === stop) pending.delete(request.id)
  }

  /** Keeps the stream open on which a server of the older protocol sends notifications. */
  async function keepOpen(): Promise<void> {
    for (let failures = 0, times = 0; !closing.signal.aborted; ) {
      try {
        const response = await fetch(url, {
          headers: { ...headers, ...session, accept: 'text/event-stream' },
          signal: closing.signal,
        })
        // The server does not offer such a stream.
        if (response.status === 405) return
        if (response.ok && response.body) {
          if (times++ > 0) send({ jsonrpc: '2.0', method: CHANGED })
          failures = 0
          for await (const part of readEvents(response.body, EXACT, () => {}))
            if (part.kind === 'message') send(part.message.data as Message)
        }
      } catch {
        // The connection failed or was lost: it is opened again after a delay.
      }
      await pause(failures++, closing.signal)
    }
  }

  async function pause(failures: number, signal: AbortSignal): Promise<void> {
    const seconds = RECONNECT_DELAYS[Math.min(failures, RECONNECT_DELAYS.length - 1)]!
    await setTimeout(seconds * 1000, undefined, { signal: AbortSignal.any([signal, closing.signal]) }).catch(() => {})
  }

  /** Returns the error response to a request that failed in transport. */
  function failure({ id }: Message, reason: string): Message {
    warn(reason)
    return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), error: { code: -32000, message: reason } }
  }

  return {
    receive,
    async finish() {
      await Promise.allSettled(exchanges)
      closing.abort()
    },
  }
}

function changedFor({ id }: Message): Message {
  return { jsonrpc: '2.0', method: CHANGED, params: { _meta: { [SUBSCRIPTION]: id } } }
}

function reasonOf(error: unknown): string {
  if (error instanceof ZeroDBError) return error.message
  const { cause, message: text } = error as Error
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return code === 'ECONNREFUSED'
    ? 'Connection refused: is the server running? (zerodb start)'
    : `The server cannot be reached: ${code ?? text}`
}
