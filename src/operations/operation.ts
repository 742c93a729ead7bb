import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import type { Permission } from '../auth/caller.ts'
import type { ErrorCode } from '../errors.ts'

interface Verb<Input extends z.ZodObject> {
  /** `noun.verb`, the name under which other surfaces offer it. */
  name: string
  /** A line for lists. */
  summary: string
  /** What the operation promises. */
  description: string
  /** Method and path; `:key` is a key of `input`. The other keys come from the query of a GET or DELETE, else from the body. */
  route: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`
  /** What the caller's key must allow. `any`: every caller may; `public`: requests need no key (`caller` is `NOBODY` then). */
  permission: Permission | 'any' | 'public'
  /**
   * Whether a repeated request changes nothing and gets the same kind of answer, so that clients can repeat it without an `Idempotency-Key`.
   * A DELETE does not qualify: a repeated one is 404.
   */
  idempotent: boolean
  input: Input
  /** Errors that it may answer, besides those that every operation may. */
  errors?: readonly ErrorCode[]
}

/** Answers JSON. */
export interface JsonOperation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType>
  extends Verb<Input> {
  kind: 'json'
  output: Output
  /** 200 unless given; 204 answers no body. */
  status?: 200 | 201 | 204
  /** The status of answers for which `holds` is true. */
  otherStatus?: { status: 200 | 202; description: string; holds(answer: object): boolean }
  /** The key under which a body that is a bare array is taken. */
  array?: keyof z.infer<Input> & string
  run(app: App, caller: Caller, input: z.infer<Input>): Promise<z.input<Output>>
}

/** A part of a multipart body, in the order sent: a file must be read before the next part comes. */
export type UploadPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; file_name: string; content_type: string; content: AsyncIterable<Uint8Array> }

/** Takes a multipart body as it streams in, or a JSON body. */
export interface UploadOperation<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType>
  extends Verb<Input> {
  kind: 'upload'
  output: Output
  status?: 200 | 201
  /** `parts` is null for a JSON body, which `input` then holds; else `input` has the fields of path and query, and the function reads the rest. */
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
  /** Names the content: the same bytes have the same tag. Null when every request makes new bytes. */
  etag: string | null
  open(range?: { start: number; end: number }): Promise<Readable>
}

/** Answers bytes. Ranges and caching are the surface's business. */
export interface BytesOperation<Input extends z.ZodObject = z.ZodObject> extends Verb<Input> {
  kind: 'bytes'
  /** The media type of what it answers; any, where that is an uploader's choice. */
  media: string
  run(app: App, caller: Caller, input: z.infer<Input>): Promise<Bytes>
}

export interface StreamMessage {
  event: string
  /** Where to go on after it: sent back as `Last-Event-ID`, which the operation then finds in its input's `after`. */
  id?: string
  data: unknown
}

/** Answers messages as they come. Framing, heartbeats and connections are the surface's business. */
export interface StreamOperation<Input extends z.ZodObject = z.ZodObject> extends Verb<Input> {
  kind: 'stream'
  /** What each kind of message carries. */
  messages: Readonly<Record<string, z.ZodType>>
  /** Throws what is wrong before the first message. Ends soon after `signal` is aborted. */
  run(app: App, caller: Caller, input: z.infer<Input>, signal: AbortSignal): Promise<AsyncIterable<StreamMessage>>
}

/** One verb of the API. Every surface is a projection of the list of these. */
export type Operation = JsonOperation | UploadOperation | BytesOperation | StreamOperation

/** Keeps the types of one operation together while it is written; the list forgets them. Its input takes no unknown fields. */
export function defineJson<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Omit<JsonOperation<Input, Output>, 'kind'>,
): Operation {
  return { ...operation, input: operation.input.strict(), kind: 'json' } as unknown as Operation
}

export function defineUpload<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Omit<UploadOperation<Input, Output>, 'kind'>,
): Operation {
  return { ...operation, input: operation.input.strict(), kind: 'upload' } as unknown as Operation
}

export function defineBytes<Input extends z.ZodObject>(operation: Omit<BytesOperation<Input>, 'kind'>): Operation {
  return { ...operation, input: operation.input.strict(), kind: 'bytes' } as unknown as Operation
}

export function defineStream<Input extends z.ZodObject>(operation: Omit<StreamOperation<Input>, 'kind'>): Operation {
  return { ...operation, input: operation.input.strict(), kind: 'stream' } as unknown as Operation
}
