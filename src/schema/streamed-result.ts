/** The start of a streamed result: the head of an HTTP response whose body follows, or items of any kind. */
export type StreamHead = { kind: 'response'; status: number; headers: [string, string][] } | { kind: 'items' }

/** A piece of a streamed result: bytes, a text or another value. A body consists of bytes only. */
export type StreamItem = { bytes: Buffer } | { text: string } | { json: unknown }

/** Returns an item as a JSON value. */
export function itemValue(item: StreamItem): unknown {
  if ('bytes' in item) return { $bytes: item.bytes.toString('base64') }
  return 'text' in item ? item.text : item.json
}

/** Tells whether the body of a response with this `content-type` is text. */
export const isTextType = (type = '') => /^text\/|json|xml|javascript|x-www-form-urlencoded/.test(type)

/** Receives the streamed result of a call. */
export interface StreamReceiver {
  /** True: the result is also collected, within the limit on results. */
  readonly isCollected?: boolean
  /** Called at most once, before the first item. Returns false if the result must be collected instead. */
  start(head: StreamHead, runId: string): boolean
  /** Resolves when there is room for more. Rejects when the client has left. */
  write(item: StreamItem): Promise<void>
  /** Aborted when the client has left. */
  readonly left: AbortSignal
}
