import type { JsonCodec, Message } from './transport.ts'
import { chunks } from './upload.ts'

/** What a stream of server-sent events brings: a message, or how long to wait before it is opened again. */
export type StreamPart = { kind: 'message'; message: Message; id: string | undefined } | { kind: 'retry'; ms: number }

/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) whose data is JSON. `onBytes` is told of all that comes, heartbeats too. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  json: JsonCodec,
  onBytes: () => void,
): AsyncGenerator<StreamPart, void> {
  const decoder = new TextDecoder()
  let pending = ''
  for await (const bytes of chunks(body)) {
    onBytes()
    pending += decoder.decode(bytes, { stream: true })
    for (let end = pending.indexOf('\n\n'); end >= 0; end = pending.indexOf('\n\n')) {
      const part = partOf(pending.slice(0, end), json)
      pending = pending.slice(end + 2)
      if (part) yield part
    }
  }
}

function partOf(block: string, json: JsonCodec): StreamPart | null {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '')
  }
  const { event, data, id, retry } = fields
  if (event !== undefined && data !== undefined)
    return { kind: 'message', message: { event, data: json.parse(data) }, id }
  return retry === undefined ? null : { kind: 'retry', ms: Number(retry) }
}
