import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'

export const EVENT_STREAM = 'text/event-stream; charset=utf-8'

/** Data that waits for the client before the function has to wait. */
const MAX_WAITING_BYTES = 64 * 1024
/** A function that streams can clean up for this time after its client has left. */
const LEAVE_MS = 2_000
/** Interval of heartbeats: proxies close connections that are idle for longer. */
const HEARTBEAT_MS = 15_000

/** The body of a response that is sent while a function produces it. */
export interface ResponseBody {
  /** Aborted when the client has left. */
  readonly left: AbortSignal
  /** Aborted when the client has left; for a started result some time after that. */
  readonly signal: AbortSignal
  readonly isSent: boolean
  /** Tells that the function streams its result. */
  start(): void
  /** Sends the head of the response, with this media type if it is not null. Server-sent events get heartbeats. */
  send(type: string | null): void
  /** Resolves when there is room for more. Rejects when the client has left. */
  write(chunk: Buffer | string): Promise<void>
  end(chunk?: string): void
  /** Closes the connection, so that the client can tell that the body is not complete. */
  destroy(error: Error): void
}

export function createResponseBody(reply: FastifyReply): ResponseBody {
  const left = new AbortController()
  const cancelled = new AbortController()
  let stream: PassThrough | undefined
  let isStarted = false
  let isSent = false
  let leaving: NodeJS.Timeout | undefined
  let heartbeats: NodeJS.Timeout | undefined

  function stopTimers(): void {
    clearTimeout(leaving)
    clearInterval(heartbeats)
  }

  // Most functions do not stream, and a stream costs several microseconds.
  function openStream(): PassThrough {
    stream ??= new PassThrough({ highWaterMark: MAX_WAITING_BYTES })
    return stream
  }

  reply.raw.once('close', () => {
    stopTimers()
    if (reply.raw.writableFinished) return
    const reason = new Error('the client has disconnected')
    left.abort(reason)
    if (isStarted) leaving = setTimeout(() => cancelled.abort(reason), LEAVE_MS)
    else cancelled.abort(reason)
  })

  return {
    left: left.signal,
    signal: cancelled.signal,
    get isSent() {
      return isSent
    },
    start() {
      isStarted = true
    },
    send(type) {
      if (isSent) return
      isSent = true
      const body = openStream()
      if (type !== null) void reply.type(type)
      if (type === EVENT_STREAM)
        heartbeats = setInterval(() => body.writableNeedDrain || body.write(': heartbeat\n\n'), HEARTBEAT_MS)
      // Proxies must pass the result on as it arrives.
      void reply.header('cache-control', reply.getHeader('cache-control') ?? 'no-cache, no-transform')
      void reply.header('x-accel-buffering', 'no').send(body)
    },
    async write(chunk) {
      if (left.signal.aborted) throw new ZeroError('invalid', 'The client has left')
      const body = openStream()
      if (!body.write(chunk)) await drained(body, left.signal)
    },
    end(chunk) {
      stopTimers()
      openStream().end(chunk)
    },
    destroy(error) {
      stopTimers()
      openStream().destroy(error)
    },
  }
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
