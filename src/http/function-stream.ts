import type { FastifyReply, FastifyRequest } from 'fastify'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { itemValue, type StreamHead, type StreamItem, type StreamReceiver } from '../schema/streamed-result.ts'
import { acceptsEvents } from './events.ts'
import { createResponseBody, EVENT_STREAM } from './response-body.ts'

type Form = 'events' | 'lines' | 'text' | 'bytes'
const TYPES: Readonly<Record<Form, string>> = {
  events: EVENT_STREAM,
  lines: 'application/x-ndjson; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  bytes: 'application/octet-stream',
}

export interface ResponseStream extends StreamReceiver {
  /** Aborted when the client has left; for a streamed result some time after that. */
  readonly signal: AbortSignal
  /** Whether the function has started to stream its result. */
  readonly isStarted: boolean
  /** Ends the response. After an error, a client can tell that the result is not complete. */
  end(error: ZeroError | null): void
}

/**
 * Sends the streamed result of a function as the response to a request. The body of a response is sent as it is. Items are sent as server-sent
 * events to a client that accepts these; otherwise by the first item as text, bytes, or lines of JSON. `sendHead` sets status and headers.
 */
export function createResponseStream(
  request: FastifyRequest,
  reply: FastifyReply,
  sendHead: (head: StreamHead, runId: string) => void,
): ResponseStream {
  const body = createResponseBody(reply)
  let head: StreamHead | undefined
  let form: Form | undefined

  return {
    left: body.left,
    signal: body.signal,
    get isStarted() {
      return head !== undefined
    },
    start(given, runId) {
      if (request.method === 'HEAD') return false
      sendHead(given, runId)
      head = given
      body.start()
      if (given.kind === 'response') body.send(null)
      else if (acceptsEvents(request)) {
        form = 'events'
        body.send(TYPES.events)
      }
      return true
    },
    async write(item) {
      if (head!.kind === 'items' && form === undefined) {
        form = 'json' in item ? 'lines' : 'text' in item ? 'text' : 'bytes'
        body.send(TYPES[form])
      }
      await body.write(encode(item, form))
    },
    end(error) {
      if (error === null) {
        body.send(null)
        body.end()
      } else if (form === 'events') {
        body.end(
          `event: error\ndata: ${stringifyJson({ code: error.code, detail: error.message, run_id: error.runId })}\n\n`,
        )
      } else if (body.isSent) body.destroy(error)
    },
  }
}

/** Formats an item. Without a form it is a piece of a body. Throws `invalid` for a value among texts and bytes. */
function encode(item: StreamItem, form: Form | undefined): Buffer | string {
  if (form === 'events') {
    if ('text' in item)
      return `${item.text
        .split(/\r\n|\r|\n/)
        .map((line) => `data: ${line}\n`)
        .join('')}\n`
    return `data: ${stringifyJson(itemValue(item))}\n\n`
  }
  if (form === 'lines') return `${stringifyJson(itemValue(item))}\n`
  if ('bytes' in item) return item.bytes
  if ('text' in item) return item.text
  throw new ZeroError('invalid', 'A stream that starts with a text or bytes can have no other values')
}
