import { PassThrough } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import type { StreamHead, StreamItem, StreamReceiver } from '../schema/streamed-result.ts'

/** Data that waits for the client before the function has to wait. */
const MAX_WAITING_BYTES = 64 * 1024
/** A function that streams can clean up for this time after its client has left. */
const LEAVE_MS = 2_000

type Form = 'events' | 'lines' | 'text' | 'bytes'
const TYPES: Readonly<Record<Form, string>> = {
  events: 'text/event-stream; charset=utf-8',
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
  const left = new AbortController()
  const cancelled = new AbortController()
  const body = new PassThrough({ highWaterMark: MAX_WAITING_BYTES })
  let head: StreamHead | undefined
  let form: Form | undefined
  let isSent = false
  let leaving: NodeJS.Timeout | undefined

  reply.raw.once('close', () => {
    clearTimeout(leaving)
    if (reply.raw.writableFinished) return
    const reason = new Error('the client has disconnected')
    left.abort(reason)
    if (head === undefined) cancelled.abort(reason)
    else leaving = setTimeout(() => cancelled.abort(reason), LEAVE_MS)
  })

  function send(type: string | null): void {
    if (isSent) return
    isSent = true
    if (type !== null) void reply.type(type)
    // Proxies must pass the result on as it arrives.
    void reply.header('cache-control', reply.getHeader('cache-control') ?? 'no-cache, no-transform')
    void reply.header('x-accel-buffering', 'no').send(body)
  }

  return {
    left: left.signal,
    signal: cancelled.signal,
    get isStarted() {
      return head !== undefined
    },
    start(given, runId) {
      if (request.method === 'HEAD') return false
      sendHead(given, runId)
      head = given
      if (given.kind === 'response') send(null)
      else if (acceptsEvents(request)) {
        form = 'events'
        send(TYPES.events)
      }
      return true
    },
    async write(item) {
      if (left.signal.aborted) throw new ZeroError('invalid', 'The client has left')
      if (head!.kind === 'items' && form === undefined) {
        form = 'json' in item ? 'lines' : 'text' in item ? 'text' : 'bytes'
        send(TYPES[form])
      }
      if (!body.write(encode(item, form))) await drained(body, left.signal)
    },
    end(error) {
      clearTimeout(leaving)
      if (error === null) {
        send(null)
        body.end()
      } else if (form === 'events') {
        body.end(
          `event: error\ndata: ${stringifyJson({ code: error.code, detail: error.message, run_id: error.runId })}\n\n`,
        )
      } else if (isSent) body.destroy(error)
    },
  }
}

function acceptsEvents({ headers }: FastifyRequest): boolean {
  return /\btext\/event-stream\b/.test(String(headers.accept ?? ''))
}

/** Formats an item. Without a form it is a piece of a body. Throws `invalid` for a value among texts and bytes. */
function encode(item: StreamItem, form: Form | undefined): Buffer | string {
  if (form === 'events') {
    if ('text' in item)
      return `${item.text
        .split(/\r\n|\r|\n/)
        .map((line) => `data: ${line}\n`)
        .join('')}\n`
    return `data: ${json(item)}\n\n`
  }
  if (form === 'lines') return `${json(item)}\n`
  if ('bytes' in item) return item.bytes
  if ('text' in item) return item.text
  throw new ZeroError('invalid', 'A stream that starts with a text or bytes can have no other values')
}

function json(item: StreamItem): string {
  if ('bytes' in item) return stringifyJson({ $bytes: item.bytes.toString('base64') })
  return stringifyJson('text' in item ? item.text : item.json)
}

/** Resolves when the stream has room. Rejects when the client has left. */
function drained(body: PassThrough, left: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const ignore = onAbort(left, () => {
      body.off('drain', onDrain)
      reject(new ZeroError('invalid', 'The client has left'))
    })
    const onDrain = () => {
      ignore()
      resolve()
    }
    body.once('drain', onDrain)
  })
}
