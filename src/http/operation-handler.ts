import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller } from '../app.ts'
import { type Admitted, withWarnings } from '../operations/lib/input.ts'
import type { JsonOperation, Operation, StreamOperation, UploadOperation, UploadPart } from '../operations/operation.ts'
import type { Schedule } from '../schema/schedule.ts'
import { sendBytes } from './bytes.ts'
import { cronHookOf, runWithCronHooks } from './dialects/cron-hooks.ts'
import { bareListOf } from './dialects/events.ts'
import { memoryResponse } from './dialects/memories.ts'
import { runWithRowWritten } from './dialects/row-written.ts'
import { acceptsEvents, sendEvents } from './events.ts'
import { type Answer, answerOnce } from './idempotency.ts'
import { readRequest } from './input.ts'
import { sendResultAsEvents } from './result-events.ts'
import { uploadParts } from './upload-parts.ts'

const NEXT_CURSOR = 'x-next-cursor'
/** Streams end after this time; clients connect again, which checks their permissions again. */
const MAX_STREAM_MS = 3_600_000

/** Creates the handler of a route: reads the input, runs the operation and sends the response of its kind. */
export function createOperationHandler(
  app: App,
  operation: Operation,
  callers: WeakMap<FastifyRequest, Caller>,
  closing: AbortSignal,
) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const admitted = readRequest(operation, callers.get(request)!, request)
    const { input, caller } = admitted
    if (operation.kind === 'bytes') {
      const bytes = await operation.run(app, caller, input)
      setWarnings(reply, admitted)
      return sendBytes(request, reply, bytes)
    }
    if (operation.kind === 'stream') {
      setWarnings(reply, admitted)
      return openStream(app, operation, admitted, closing, request, reply)
    }
    if (operation.kind === 'json' && operation.streamed && acceptsEvents(request)) {
      setWarnings(reply, admitted)
      return sendResultAsEvents(app, operation, admitted, request, reply)
    }
    const { status, body, isRepeated } = await answerOnce(app, operation, caller, request, () =>
      answer(app, operation, admitted, request),
    )
    // The parts of a multipart body can add warnings while they arrive.
    setWarnings(reply, admitted)
    if (isRepeated) void reply.header('idempotency-replayed', 'true')
    const cursor = operation.kind === 'json' && operation.nextCursor?.(body, input)
    if (cursor) void reply.header(NEXT_CURSOR, cursor)
    if (status === 204) return reply.code(204).send()
    const list = bareListOf(operation.name, request.originalUrl)
    const response = memoryResponse(operation.name, request.originalUrl, body)
    return reply.code(status).send(list === undefined ? response : (response as Record<string, unknown>)[list])
  }
}

/** Runs an operation that returns JSON. */
async function answer(
  app: App,
  operation: JsonOperation | UploadOperation,
  { input, caller, ...remarks }: Admitted,
  request: FastifyRequest,
): Promise<Answer> {
  const result =
    operation.kind === 'upload'
      ? await operation.run(app, caller, input, partsOf(request, operation, remarks.warnings))
      : await runWithCronHooks(app, operation, caller, input, () => runWithRowWritten(app, operation, caller, input))
  if (operation.status === 204) return { status: 204, body: null }
  const other = operation.kind === 'json' ? operation.otherStatus : undefined
  const usual = operation.status ?? 200
  const status = other?.holds(result as object) ? other.status : usual
  const isCronHook = operation.name === 'schedules.create' && routeOf(request) === 'hooks.create'
  return { status, body: withWarnings(isCronHook ? cronHookOf(result as Schedule) : result, remarks) }
}

/** Returns the name of the operation that the route is for, from which the body can select another. */
function routeOf({ routeOptions }: FastifyRequest): unknown {
  return (routeOptions.config as { operation?: unknown }).operation
}

/** Returns the parts of an upload; null for a JSON body. */
function partsOf(
  request: FastifyRequest,
  operation: UploadOperation,
  warnings: string[],
): AsyncIterable<UploadPart> | null {
  if (operation.isRaw) return rawPart(request)
  return request.isMultipart() ? uploadParts(request, operation, warnings) : null
}

/** Yields the body as a file. */
async function* rawPart({ headers, body, raw }: FastifyRequest): AsyncIterable<UploadPart> {
  const content = (body ?? raw) as Readable
  yield { kind: 'file', name: 'file', file_name: 'file', content_type: headers['content-type'] ?? '', content }
}

async function openStream(
  app: App,
  operation: StreamOperation,
  { input, caller }: Admitted,
  closing: AbortSignal,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, closing, AbortSignal.timeout(MAX_STREAM_MS)])
  const messages = await operation.run(app, caller, input, signal)
  // HEAD only needs the headers of the stream, which does not end by itself.
  if (request.method === 'HEAD') stop.abort()
  return sendEvents(reply, messages, () => stop.abort())
}

function setWarnings(reply: FastifyReply, { warnings }: Admitted): void {
  if (warnings.length > 0) void reply.header('x-zerodb-warnings', warnings.join('; '))
}
