import type { OperationName } from './generated.ts'

export interface CallOptions {
  /** Aborts the call, which then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined
  /** Timeout of the response in seconds, instead of that of the client. Streams and contents of files can take longer. */
  timeoutSeconds?: number | undefined
  headers?: Record<string, string> | undefined
}

/** Sends calls to the server. */
export interface Transport {
  /** Calls an operation. Resolves with JSON, a `Download` for bytes, or `AsyncIterable<Message>` for a stream. Throws `ZeroDBError`. */
  call(operation: OperationName, input: Record<string, unknown>, options: CallOptions): Promise<unknown>
  /** Calls an operation and reads its result as a stream. Absent in transports that cannot. */
  stream?(operation: OperationName, input: Record<string, unknown>, options: CallOptions): ResultStream<unknown>
}

/** The streamed result of a call: iterate over its chunks, once. Leaving the iteration closes the connection. */
export interface ResultStream<Answer> extends AsyncIterable<unknown> {
  /** Status and headers of a streamed HTTP response, whose body the chunks are; null until it starts, and for other results. */
  readonly response: { status: number; headers: Record<string, string> } | null
  /** Reads the remaining chunks and resolves with the response of the call. A result that is not streamed is in it. */
  run(): Promise<Answer>
}

/** A message of a stream. */
export interface Message {
  event: string
  data: unknown
}

/** A paged result: `await` it for the first page, or `for await` over the items of all pages. */
export interface Page<Answer, Item> extends Promise<Answer>, AsyncIterable<Item> {}

/** The content of a file to upload. A Blob or bytes can be sent again after a failure, a stream cannot. */
export interface UploadContent {
  content?: Blob | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | undefined
}

export interface DownloadOptions extends CallOptions {
  /** Byte range from `start` up to but not including `end`. */
  range?: { start: number; end?: number | undefined } | undefined
}

/** The content of a file as a stream. */
export interface Download {
  content_type: string
  file_name: string
  /** Size in bytes, of the range if one was requested. Null if unknown in advance. */
  size: number | null
  /** Identifies the content: equal bytes have the same tag. Null for generated content. */
  etag: string | null
  stream: ReadableStream<Uint8Array>
  bytes(): Promise<Uint8Array>
  text(): Promise<string>
}

/** Parses and formats JSON. */
export interface JsonCodec {
  parse(text: string): unknown
  stringify(value: unknown): string
}
