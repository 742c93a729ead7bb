import { StringDecoder } from 'node:string_decoder'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { type Admitted, withWarnings } from '../operations/lib/input.ts'
import type { JsonOperation, ResultReader } from '../operations/operation.ts'
import { isTextType, itemValue } from '../schema/streamed-result.ts'
import { frame } from './events.ts'
import { createResponseBody, EVENT_STREAM } from './response-body.ts'

/**
 * Runs an operation and sends its result as server-sent events: messages while it is produced, and at the end the response or the error. An error
 * before the first message is thrown. Throws `invalid` for an Idempotency-Key, because a stream cannot be repeated.
 */
export async function sendResultAsEvents(
  app: App,
  operation: JsonOperation,
  { input, caller, ...remarks }: Admitted,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (request.headers['idempotency-key'] !== undefined)
    throw new ZeroError(
      'invalid',
      'A streamed result cannot be repeated: send the Idempotency-Key without Accept: text/event-stream',
    )
  const body = createResponseBody(reply)
  let decoder: StringDecoder | undefined
  let isStarted = false
  const reader: ResultReader = {
    left: body.left,
    signal: body.signal,
    start(head, runId) {
      isStarted = true
      body.start()
      void reply.header('x-zerodb-run-id', runId)
      body.send(EVENT_STREAM)
      if (head.kind === 'items') return true
      const headers = Object.fromEntries(head.headers)
      if (isTextType(headers['content-type'])) decoder = new StringDecoder()
      // The first chunk waits for the client.
      body.write(frame({ event: 'response', data: { status: head.status, headers } })).catch(() => {})
      return true
    },
    async write(item) {
      const data = decoder && 'bytes' in item ? decoder.write(item.bytes) : itemValue(item)
      // The rest of a character follows with the next bytes.
      if (decoder && data === '') return
      await body.write(frame({ event: 'chunk', data }))
    },
  }
  try {
    const answer = await operation.run(app, caller, input, reader)
    if (!isStarted && operation.otherStatus?.holds(answer as object)) void reply.code(operation.otherStatus.status)
    body.send(EVENT_STREAM)
    body.end(frame({ event: 'run', data: withWarnings(answer, remarks) }))
  } catch (error) {
    if (!isStarted) throw error
    const { code, message, runId = null } = error instanceof ZeroError ? error : new ZeroError('internal')
    body.end(frame({ event: 'error', data: { code, detail: message, run_id: runId } }))
    if (!(error instanceof ZeroError)) throw error
  }
  return reply
}
