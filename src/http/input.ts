import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { ZeroError } from '../errors.ts'
import type { Operation } from '../operations/operation.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { safeParse } from '../schema/safe-parse.ts'
import { shapeErrors } from '../schema/shape-errors.ts'
import { renameFields } from './aliases.ts'

/** Path, query and body as one object: the path's keys win, then those of the body (or, for a GET or DELETE, of the query). */
export function gatherInput(operation: Operation, request: FastifyRequest): Record<string, unknown> {
  const path = request.params as Record<string, string>
  const later = 'wait' in operation.input.shape && /\brespond-async\b/.test(String(request.headers['prefer'] ?? ''))
  const last = operation.kind === 'stream' ? request.headers['last-event-id'] : undefined
  const resumed = last === undefined ? {} : { after: last }
  return {
    ...renameFields(operation.name, fieldsOf(operation, request)),
    ...resumed,
    ...(later ? { wait: false } : {}),
    ...path,
  }
}

/** The operation's input. Throws `validation_failed` with every field that is wrong. */
export function parseInput<Schema extends z.ZodObject>(
  operation: Operation & { input: Schema },
  request: FastifyRequest,
): z.infer<Schema> {
  const gathered = gatherInput(operation, request)
  const parsed = safeParse(operation.input, gathered)
  if (parsed.success) return parsed.data as z.infer<Schema>
  const rest = takesBody(request) ? 'body' : 'query'
  const placeOf = (key: string) => (key in (request.params as object) ? 'path' : rest)
  throw new ZeroError('validation_failed', undefined, { fields: shapeErrors(parsed.error, gathered, placeOf) })
}

function takesBody(request: FastifyRequest): boolean {
  return request.method !== 'GET' && request.method !== 'DELETE'
}

function fieldsOf(operation: Operation, request: FastifyRequest): Record<string, unknown> {
  if (!takesBody(request)) return request.query as Record<string, unknown>
  const { body } = request
  if (body === undefined || body === null) {
    // An operation whose fields are all optional may be called without a body.
    return {}
  }
  if (Array.isArray(body) && operation.kind === 'json' && operation.array) return { [operation.array]: body }
  if (isJsonObject(body)) return body
  throw new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'dict_type', loc: ['body'], msg: 'Input should be a valid dictionary' }],
  })
}
