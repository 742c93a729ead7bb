/** The start of a streamed result: the head of an HTTP response whose body follows, or items of any kind. */
export type StreamHead = { kind: 'response'; status: number; headers: [string, string][] } | { kind: 'items' }

/** A piece of a streamed result: bytes, a text or another value. A body consists of bytes only. */
export type StreamItem = { bytes: Buffer } | { text: string } | { json: unknown }

/** Receives the streamed result of a call. */
export interface StreamReceiver {
  /** Called at most once, before the first item. Returns false if the result must be collected instead. */
  start(head: StreamHead, runId: string): boolean
  /** Resolves when there is room for more. Rejects when the client has left. */
  write(item: StreamItem): Promise<void>
  /** Aborted when the client has left. */
  readonly left: AbortSignal
}
