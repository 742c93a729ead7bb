import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { JsonCodec, Message } from './transport.ts'
import { chunks } from './upload.ts'

/** What a stream of server-sent events brings: a message, or how long to wait before the stream is opened again. */
export type StreamPart = { kind: 'message'; message: Message; id: string | undefined } | { kind: 'retry'; ms: number }

/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) whose data is JSON. Calls `onBytes` for each chunk, heartbeats included. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  json: JsonCodec,
  onBytes: () => void,
): AsyncGenerator<StreamPart, void> {
  const decoder = new TextDecoder()
  let received: (EventSourceMessage | { retryMs: number })[] = []
  const parser = createParser({
    onEvent: (event) => received.push(event),
    onRetry: (retryMs) => received.push({ retryMs }),
  })
  for await (const bytes of chunks(body)) {
    onBytes()
    parser.feed(decoder.decode(bytes, { stream: true }))
    const parts = received
    received = []
    for (const part of parts) {
      if ('retryMs' in part) yield { kind: 'retry', ms: part.retryMs }
      // MCP servers open a stream with an event whose only content is its id.
      else if (part.data !== '') yield messageOf(part, json)
    }
  }
}

function messageOf({ event = 'message', data, id }: EventSourceMessage, json: JsonCodec): StreamPart {
  return { kind: 'message', message: { event, data: json.parse(data) }, id }
}
