import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import type { Permission } from '../auth/caller.ts'
import type { ErrorCode } from '../errors.ts'
import type { StreamReceiver } from '../schema/streamed-result.ts'
import { isRefusedWhenSuspended, refuseWhenSuspended } from './lib/suspended.ts'

interface Verb<Input extends z.ZodObject> {
  /** The name in the form `noun.verb`, under which other surfaces offer the operation. */
  name: string
  /** One line for lists of operations. */
  summary: string
  /** The behavior of the operation, for users of the API. */
  description: string
  /** Method and path; `:key` is a key of `input`. The other keys come from the query of a GET or DELETE, else from the body. */
  route: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`
  /** Required permission of the caller's key. `any` accepts every key; `public` needs no key (`caller` is `ANONYMOUS`). */
  permission: Permission | 'any' | 'public'
  /**
   * Whether clients can repeat a request without an `Idempotency-Key`: the repetition changes nothing and gets the same kind of response. A
   * DELETE does not qualify, because a repeated one is 404.
   */
  idempotent: boolean
  input: Input
  /** True for an operation on projects themselves, which a suspended project does not refuse. */
  allowedWhenSuspended?: true
  /** Error codes of this operation, in addition to the common ones. */
  errors?: readonly ErrorCode[]
}

/** A client that reads a result as a stream. */
export interface ResultReader extends StreamReceiver {
  /** Aborted when the client has left; for a result that is being streamed some time after that. */
  readonly signal: AbortSignal
}

/** An operation that returns JSON. */
export interface JsonOperation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType>
  extends Verb<Input> {
  kind: 'json'
  output: Output
  /** Status of the response. Default 200; 204 has no body. */
  status?: 200 | 201 | 204
  /** Status of responses for which `holds` is true. */
  otherStatus?: { status: 200 | 202; description: string; holds(answer: object): boolean }
  /**
   * For a list that is a bare array: the cursor of the next page, which the surface sends as `X-Next-Cursor`. Null on the last page. Other
   * lists have a field `next_cursor`.
   */
  nextCursor?(page: z.infer<Output>, input: z.infer<Input>): string | null
  /** The field that receives a body that is an array. */
  array?: keyof z.infer<Input> & string
  /** Set if clients that accept server-sent events can read the result while it is produced: `run` then gets a reader. */
  streamed?: {
    /** The verb under which the SDK offers the operation with a streamed result. */
    verb: string
    /** Schema of the data of each kind of message. The last one is `run`, which has the output, or `error`. */
    messages: Readonly<Record<string, z.ZodType>>
  }
  run(app: App, caller: Caller, input: z.infer<Input>, reader?: ResultReader): Promise<z.input<Output>>
}

/** A part of a multipart body. Parts arrive in order: a file must be read before the next part. */
export type UploadPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; file_name: string; content_type: string; content: AsyncIterable<Uint8Array> }

/** An operation that accepts a multipart body as a stream, or a JSON body. */
export interface UploadOperation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType>
  extends Verb<Input> {
  kind: 'upload'
  output: Output
  status?: 200 | 201
  /** True: the body is the content itself, of any media type, and arrives as the only part. */
  isRaw?: true
  /** For a JSON body, `parts` is null and `input` has its fields. For a multipart body, `input` only has the fields of path and query. */
  run(
    app: App,
    caller: Caller,
    input: z.infer<Input>,
    parts: AsyncIterable<UploadPart> | null,
  ): Promise<z.input<Output>>
}

export interface Bytes {
  /** Null when the size is unknown until the end; ranges are not supported then. */
  size: number | null
  content_type: string
  file_name: string
  /** Identifies the content: equal bytes have the same tag. Null for generated content. */
  etag: string | null
  open(range?: { start: number; end: number }): Promise<Readable>
}

/** An operation that returns bytes. The surface handles ranges and caching. */
export interface BytesOperation<Input extends z.ZodObject = z.ZodObject> extends Verb<Input> {
  kind: 'bytes'
  /** Media type of the bytes, a wildcard if the uploader chooses the type. */
  media: string
  run(app: App, caller: Caller, input: z.infer<Input>): Promise<Bytes>
}

export interface StreamMessage {
  event: string
  /** Position of the message. Clients send it back as `Last-Event-ID`, which the operation receives as `after`. */
  id?: string
  data: unknown
}

/** An operation that returns a stream of messages. The surface handles framing, heartbeats and connections. */
export interface StreamOperation<Input extends z.ZodObject = z.ZodObject> extends Verb<Input> {
  kind: 'stream'
  /** Schema of the data of each kind of message. */
  messages: Readonly<Record<string, z.ZodType>>
  /** Opens the stream. Throws before the first message if the input is wrong. Ends soon after `signal` is aborted. */
  run(app: App, caller: Caller, input: z.infer<Input>, signal: AbortSignal): Promise<AsyncIterable<StreamMessage>>
}

/** An operation of the API. All surfaces are derived from the list of operations. */
export type Operation = JsonOperation | UploadOperation | BytesOperation | StreamOperation

/** Defines an operation with the types of its input. Its input rejects unknown fields. A suspended project refuses writes. */
export function defineJson<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Omit<JsonOperation<Input, Output>, 'kind'>,
): Operation {
  return { ...strict(operation), kind: 'json' } as unknown as Operation
}

export function defineUpload<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Omit<UploadOperation<Input, Output>, 'kind'>,
): Operation {
  return { ...strict(operation), kind: 'upload' } as unknown as Operation
}

export function defineBytes<Input extends z.ZodObject>(operation: Omit<BytesOperation<Input>, 'kind'>): Operation {
  return { ...strict(operation), kind: 'bytes' } as unknown as Operation
}

export function defineStream<Input extends z.ZodObject>(operation: Omit<StreamOperation<Input>, 'kind'>): Operation {
  return { ...strict(operation), kind: 'stream' } as unknown as Operation
}

interface Defined extends Verb<z.ZodObject> {
  // biome-ignore lint/suspicious/noExplicitAny: each kind of operation has other arguments and results
  run(app: App, caller: Caller, input: any, ...rest: any[]): Promise<any>
}

/** Returns the operation with an input that rejects unknown fields. A write throws `project_suspended` for a suspended project. */
function strict<Given extends Defined>(operation: Given): Defined {
  const input = operation.input.strict()
  if (!isRefusedWhenSuspended(operation)) return { ...operation, input }
  const errors: readonly ErrorCode[] = [...(operation.errors ?? []), 'project_suspended']
  return { ...operation, input, errors, run: refuseWhenSuspended(operation.run) }
}
