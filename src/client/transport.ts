import type { OperationName } from './generated.ts'

export interface CallOptions {
  /** Ends the call when it is aborted; the call then fails with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Seconds that the server may take to answer, in place of the client's own. Streams and contents of files may take longer. */
  timeoutSeconds?: number | undefined
  headers?: Record<string, string> | undefined
}

/** What carries calls to the server: HTTP, or for a function the channel out of its sandbox. */
export interface Transport {
  /** What the operation answers: JSON, a `Download` for bytes, `AsyncIterable<Message>` for a stream. Throws `ZeroDBError`. */
  call(operation: OperationName, input: Record<string, unknown>, options: CallOptions): Promise<unknown>
}

/** A message of a stream. */
export interface Message {
  event: string
  data: unknown
}

/** The first page as a promise, and all items of all pages as an async iterable: `await` it or `for await` over it. */
export interface Page<Answer, Item> extends Promise<Answer>, AsyncIterable<Item> {}

/** The content of a file to be uploaded. A Blob or bytes can be sent again after a failure, a stream cannot. */
export interface UploadContent {
  content?: Blob | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | undefined
}

export interface DownloadOptions extends CallOptions {
  /** Only these bytes: from `start` up to, and without, `end`. */
  range?: { start: number; end?: number | undefined } | undefined
}

/** The content of a file, as it comes. */
export interface Download {
  content_type: string
  file_name: string
  /** Bytes that come: of the range, where one was asked for. Null where nobody knows before they have come. */
  size: number | null
  /** Names the content: the same bytes have the same tag. Null where they are made anew each time. */
  etag: string | null
  stream: ReadableStream<Uint8Array>
  bytes(): Promise<Uint8Array>
  text(): Promise<string>
}

/** How JSON is read and written. */
export interface JsonCodec {
  parse(text: string): unknown
  stringify(value: unknown): string
}
