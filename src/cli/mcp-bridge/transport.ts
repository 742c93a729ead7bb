import { ZeroDBError } from '../../client/errors.ts'
import { readEvents } from '../../client/sse.ts'
import { parseStoredJson, stringifyJson } from '../../exact-json.ts'
import { type Message, transportFailure } from './message.ts'
import type { Session } from './session.ts'

/** Keeps all digits of numbers that pass through. */
const EXACT = { parse: parseStoredJson, stringify: stringifyJson }

export interface TransportOptions {
  /** Address of the server's `/mcp`. */
  url: string
  /** Headers of every request, including the API key. */
  headers: Record<string, string>
  fetch: typeof fetch
  session: Session
  /** Closes all streams. */
  closing: AbortSignal
  /** Reports a transport error to the user. */
  warn(text: string): void
}

/** Requests to a server's `/mcp`. */
export interface Transport {
  /**
   * Posts once, with `own` as additional headers, and calls `onMessage` with each message from the server. A failure becomes an error message.
   * Closes the stream when `stop` is aborted.
   */
  post(
    body: Message | Message[],
    own: Readonly<Record<string, string>>,
    stop: AbortSignal | undefined,
    onMessage: (received: Message) => void,
  ): Promise<void>
  /** Requests the stream on which a server of an older revision sends notifications. Rejects if the server cannot be reached. */
  openNotifications(): Promise<Response>
}

export function createTransport({ url, headers, fetch, session, closing, warn }: TransportOptions): Transport {
  function failure(request: Message, reason: string): Message {
    warn(reason)
    return transportFailure(request, reason)
  }

  return {
    async post(body, own, stop, onMessage) {
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
          signal: AbortSignal.any([closing, ...(stop ? [stop] : [])]),
        })
        session.rememberId(response)
        if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
          for await (const received of messagesOf(response.body!)) onMessage(received)
          return
        }
        const text = await response.text()
        if (text === '') return
        const answer = parseStoredJson(text) as Message & { detail?: unknown }
        if (answer.jsonrpc === '2.0') onMessage(answer)
        else if (request) onMessage(failure(request, `${answer.detail ?? text} (HTTP ${response.status})`))
      } catch (error) {
        if (closing.aborted || stop?.aborted) return
        if (request) onMessage(failure(request, reasonOf(error)))
      }
    },

    openNotifications: () =>
      fetch(url, { headers: { ...headers, ...session.headers(), accept: 'text/event-stream' }, signal: closing }),
  }
}

/** Yields the messages of a stream until it ends. Throws if the connection is lost. */
export async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Message, void> {
  for await (const part of readEvents(body, EXACT, () => {}))
    if (part.kind === 'message') yield part.message.data as Message
}

function reasonOf(error: unknown): string {
  if (error instanceof ZeroDBError) return error.message
  const { cause, message } = error as Error
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  return code === 'ECONNREFUSED'
    ? 'Connection refused: is the server running? (zerodb start)'
    : `The server cannot be reached: ${code ?? message}`
}
