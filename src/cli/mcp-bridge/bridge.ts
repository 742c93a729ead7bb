import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { ZeroDBError } from '../../client/errors.ts'
import { readEvents } from '../../client/sse.ts'
import { parseStoredJson, stringifyJson } from '../../exact-json.ts'
import { headersOf, rememberSchemas, type Schemas } from './headers.ts'

/** A number keeps its digits on its way through. */
const EXACT = { parse: parseStoredJson, stringify: stringifyJson }

/** A message of JSON-RPC: a request, a notification or an answer. */
export interface Message {
  jsonrpc: '2.0'
  id?: string | number | null
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever client and server say to each other
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: whatever client and server say to each other
  result?: any
  error?: { code: number; message: string; data?: unknown }
}

export interface BridgeOptions {
  /** Of the server's `/mcp`. */
  url: string
  /** With the key. */
  headers: Record<string, string>
  fetch: typeof fetch
  /** What goes to the client. */
  say(message: Message): void
  /** What went wrong on the way, for a person. */
  warn(text: string): void
}

/** One client on this side, a server's `/mcp` on the other. */
export interface Bridge {
  /** Takes a line that the client has written. Never rejects: what goes wrong is said to the client. */
  take(line: string): Promise<void>
  /** The client says no more: resolves when what it has asked is answered, and listens no longer. */
  finish(): Promise<void>
}

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
const CHANGED = 'notifications/tools/list_changed'
/** Pauses before a stream that has ended is opened again, in seconds; the last one goes on. */
const PAUSES = [0.5, 1, 2, 5, 10, 30]

const message = z.looseObject({ jsonrpc: z.literal('2.0'), method: z.string().optional() })

/**
 * Passes messages between a client that speaks MCP over standard input and output and a server that speaks it over HTTP, of whichever revision:
 * neither is understood further than the way from one transport to the other takes.
 */
export function createBridge({ url, headers, fetch, say, warn }: BridgeOptions): Bridge {
  const closing = new AbortController()
  const schemas: Schemas = new Map()
  /** Requests that are not answered yet, by id. */
  const asked = new Map<unknown, AbortController>()
  const exchanges = new Set<Promise<unknown>>()
  /** What the handshake of the older protocol has settled. */
  const session: Record<string, string> = {}

  async function take(line: string): Promise<void> {
    let parsed: Message | Message[]
    try {
      parsed = z.union([message, z.array(message).min(1)]).parse(parseStoredJson(line)) as Message | Message[]
    } catch {
      return say({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'This is no message of JSON-RPC' } })
    }
    if (Array.isArray(parsed)) return counted(post(parsed, headersOf({ ...session }, null, schemas)))
    const isModern = parsed.params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined
    if (parsed.method === 'notifications/cancelled') {
      const request = asked.get(parsed.params?.requestId)
      // Of the newest revision: who closes the stream of a request cancels it, and there is no other way.
      if (request?.signal.reason === undefined) request?.abort()
      if (isModern || Object.keys(session).length === 0) return
    }
    if (parsed.method === 'subscriptions/listen') return keepListening(parsed)
    await counted(exchange(parsed, isModern))
    if (parsed.method === 'notifications/initialized') void keepOpen()
  }

  async function counted(exchange: Promise<unknown>): Promise<void> {
    exchanges.add(exchange)
    await exchange.finally(() => exchanges.delete(exchange))
  }

  async function exchange(request: Message, isModern: boolean): Promise<void> {
    const stop = new AbortController()
    if (request.id !== undefined && request.method !== undefined) asked.set(request.id, stop)
    try {
      const answered = await post(
        request,
        headersOf(isModern ? {} : session, isModern ? request : null, schemas),
        stop.signal,
      )
      const missing = request.id !== undefined && request.method !== undefined && !answered && !stop.signal.aborted
      if (missing) say(failure(request, 'The server has ended the answer before it was whole'))
    } finally {
      if (asked.get(request.id) === stop) asked.delete(request.id)
    }
  }

  /** Sends, and says what comes back. Resolves with whether an answer has come. */
  async function post(body: Message | Message[], own: Record<string, string>, stop?: AbortSignal): Promise<boolean> {
    let answered = false
    await stream(body, own, stop, (heard) => {
      if (heard.id !== undefined && heard.method === undefined) answered = true
      rememberSchemas(heard.result, schemas)
      if (heard.result?.protocolVersion) session['mcp-protocol-version'] = heard.result.protocolVersion
      say(heard)
    })
    return answered
  }

  /** One exchange: `hear` gets each message that comes back; what goes wrong is one as well. */
  async function stream(
    body: Message | Message[],
    own: Record<string, string>,
    stop: AbortSignal | undefined,
    hear: (heard: Message) => void,
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
          if (part.kind === 'message') hear(part.message.data as Message)
        return
      }
      const text = await response.text()
      if (text === '') return
      const answer = parseStoredJson(text) as Message & { detail?: unknown }
      if (answer.jsonrpc === '2.0') hear(answer)
      else if (request) hear(failure(request, `${answer.detail ?? text} (HTTP ${response.status})`))
    } catch (error) {
      if (closing.signal.aborted || stop?.aborted) return
      if (request) hear(failure(request, reasonOf(error)))
    }
  }

  /** A subscription that outlives the server's restarts: the client hears of what it may have missed. */
  async function keepListening(request: Message): Promise<void> {
    const stop = new AbortController()
    asked.set(request.id, stop)
    let isAcknowledged = false
    for (let failures = 0; !stop.signal.aborted && !closing.signal.aborted; failures++) {
      let refused: Message | undefined
      await stream(request, headersOf({}, request, schemas), stop.signal, (heard) => {
        if (heard.error) refused = heard
        else if (heard.method === 'notifications/subscriptions/acknowledged') {
          failures = 0
          say(isAcknowledged ? changedFor(request) : heard)
          isAcknowledged = true
        } else if (heard.method !== undefined) say(heard)
      })
      if (refused && !isAcknowledged) {
        say(refused)
        break
      }
      await pause(failures, stop.signal)
    }
    if (asked.get(request.id) === stop) asked.delete(request.id)
  }

  /** The stream on which a server of the older protocol speaks of its own accord. */
  async function keepOpen(): Promise<void> {
    for (let failures = 0, times = 0; !closing.signal.aborted; ) {
      try {
        const response = await fetch(url, {
          headers: { ...headers, ...session, accept: 'text/event-stream' },
          signal: closing.signal,
        })
        // It offers none.
        if (response.status === 405) return
        if (response.ok && response.body) {
          if (times++ > 0) say({ jsonrpc: '2.0', method: CHANGED })
          failures = 0
          for await (const part of readEvents(response.body, EXACT, () => {}))
            if (part.kind === 'message') say(part.message.data as Message)
        }
      } catch {
        // Lost, or not there: it is opened again.
      }
      await pause(failures++, closing.signal)
    }
  }

  async function pause(failures: number, signal: AbortSignal): Promise<void> {
    const seconds = PAUSES[Math.min(failures, PAUSES.length - 1)]!
    await setTimeout(seconds * 1000, undefined, { signal: AbortSignal.any([signal, closing.signal]) }).catch(() => {})
  }

  /** The answer to a request that has not got through. */
  function failure({ id }: Message, reason: string): Message {
    warn(reason)
    return { jsonrpc: '2.0', ...(id === undefined ? {} : { id }), error: { code: -32000, message: reason } }
  }

  return {
    take,
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
    ? 'Nothing listens there: is the server running? (zerodb start)'
    : `The server cannot be asked: ${code ?? text}`
}
