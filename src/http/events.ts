import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { stringifyJson } from '../exact-json.ts'
import type { StreamMessage } from '../operations/operation.ts'
import { within } from '../platform/abort.ts'

/** Interval of heartbeats: proxies close connections that are idle for longer. */
const HEARTBEAT_MS = 15_000

/**
 * Streams messages as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) until `messages` ends. If the client
 * disconnects, calls `stop`, after which `messages` must end soon.
 */
export function sendEvents(
  reply: FastifyReply,
  messages: AsyncIterable<StreamMessage>,
  stop: () => void,
): FastifyReply {
  reply.raw.once('close', stop)
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(framed(messages), { objectMode: false, highWaterMark: 64 * 1024 }))
}

async function* framed(messages: AsyncIterable<StreamMessage>): AsyncGenerator<Buffer> {
  yield Buffer.from('retry: 2000\n\n')
  const source = messages[Symbol.asyncIterator]()
  let next = source.next()
  try {
    for (;;) {
      const message = await within(next, HEARTBEAT_MS)
      if (message === 'late') {
        yield Buffer.from(': heartbeat\n\n')
        continue
      }
      if (message.done) return
      yield Buffer.from(frame(message.value))
      next = source.next()
    }
  } finally {
    await source.return?.()
  }
}

export function acceptsEvents({ headers }: FastifyRequest): boolean {
  return /\btext\/event-stream\b/.test(String(headers.accept ?? ''))
}

/** Formats a message. JSON has no line breaks, so the data is a single line. */
export function frame({ event, id, data }: StreamMessage): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${stringifyJson(data)}\n\n`
}
