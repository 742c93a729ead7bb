import { isRequest, isResponse, MALFORMED, type Message, parseMessages, transportFailure } from './message.ts'
import { keepNotified, keepSubscribed } from './notification-streams.ts'
import { createSession, isNewest } from './session.ts'
import { createTransport, type TransportOptions } from './transport.ts'

export interface BridgeOptions extends Omit<TransportOptions, 'session' | 'closing'> {
  /** Sends a message to the client. */
  send(message: Message): void
}

/** A connection between one client and a server's `/mcp`. */
export interface Bridge {
  /** Handles a line from the client. Never rejects: errors are sent to the client. */
  receive(line: string): Promise<void>
  /** Call this after the last line. Resolves when all requests are answered, and closes the streams. */
  finish(): Promise<void>
}

/**
 * Forwards messages between a client that uses MCP over standard input and output and a server that uses it over HTTP, in any revision of the
 * protocol. Messages are interpreted only as far as the change of transport requires.
 */
export function createBridge({ send, warn, ...server }: BridgeOptions): Bridge {
  const closing = new AbortController()
  const session = createSession()
  const transport = createTransport({ ...server, warn, session, closing: closing.signal })
  const notifications = { transport, session, closing: closing.signal, send }
  /** Requests without a response, by id. */
  const pending = new Map<unknown, AbortController>()
  const exchanges = new Set<Promise<unknown>>()

  async function receive(line: string): Promise<void> {
    const parsed = parseMessages(line)
    if (parsed === null) return send(MALFORMED)
    if (Array.isArray(parsed)) return track(forward(parsed))
    if (parsed.method === 'notifications/cancelled') {
      // In the newest revision a request is cancelled by closing its stream; there is no other way.
      pending.get(parsed.params?.requestId)?.abort()
      if (isNewest(parsed) || !session.isOpen()) return
    }
    if (parsed.method === 'subscriptions/listen')
      return cancellable(parsed, (stop) => keepSubscribed(parsed, stop, notifications))
    await track(isRequest(parsed) ? cancellable(parsed, (stop) => exchange(parsed, stop)) : forward(parsed))
    if (parsed.method === 'notifications/initialized') void keepNotified(notifications)
  }

  /** Makes `finish` wait for an exchange. */
  async function track(exchange: Promise<unknown>): Promise<void> {
    exchanges.add(exchange)
    await exchange.finally(() => exchanges.delete(exchange))
  }

  /** Runs `handle` with a signal that is aborted when the client cancels the request. */
  async function cancellable(request: Message, handle: (stop: AbortSignal) => Promise<void>): Promise<void> {
    const stop = new AbortController()
    pending.set(request.id, stop)
    try {
      await handle(stop.signal)
    } finally {
      // A client can use the id again after it has cancelled the first request.
      if (pending.get(request.id) === stop) pending.delete(request.id)
    }
  }

  /** Forwards a request and its response. */
  async function exchange(request: Message, stop: AbortSignal): Promise<void> {
    const isAnswered = await forward(request, stop)
    if (isAnswered || stop.aborted) return
    const reason = 'The server closed the connection before the response was complete'
    warn(reason)
    send(transportFailure(request, reason))
  }

  /** Posts to the server and forwards its messages to the client. Resolves with whether a response was among them. */
  async function forward(body: Message | Message[], stop?: AbortSignal): Promise<boolean> {
    let isAnswered = false
    await transport.post(body, session.headersOf(body), stop, (received) => {
      if (isResponse(received)) isAnswered = true
      session.remember(received)
      send(received)
    })
    return isAnswered
  }

  return {
    receive,
    async finish() {
      await Promise.allSettled(exchanges)
      closing.abort()
    },
  }
}
