import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { type Admitted, admitInput, type Place } from '../operations/lib/input.ts'
import type { Operation } from '../operations/operation.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { PREFERRED_NAMES, renameFields } from './aliases.ts'

/**
 * Reads the input of an operation from path, query and body. Fields can be in the query or the body; fields of the path take precedence.
 * Throws the errors of `admitInput`.
 */
export function readRequest<Schema extends z.ZodObject>(
  operation: Operation & { input: Schema },
  caller: Caller,
  request: FastifyRequest,
): Admitted<z.infer<Schema>> {
  const { fields, warnings, ...origin } = fieldsOf(operation, request)
  const isAsync = Object.hasOwn(operation.input.shape, 'wait') && prefersAsync(request)
  const resumedAt = operation.kind === 'stream' ? request.headers['last-event-id'] : undefined
  const fromHeaders = { ...(resumedAt === undefined ? {} : { after: resumedAt }), ...(isAsync ? { wait: false } : {}) }
  const admitted = admitInput(operation, caller, { ...fields, ...fromHeaders }, origin)
  return { ...admitted, warnings: [...warnings, ...admitted.warnings] }
}

const prefersAsync = ({ headers }: FastifyRequest) => /\brespond-async\b/.test(String(headers['prefer'] ?? ''))

/** Whether the body is the content of a file, without fields. */
const isRaw = (operation: Operation) => operation.kind === 'upload' && operation.isRaw === true

/** Returns the fields of query and body under their canonical names, with the origin of each. */
function fieldsOf(operation: Operation, request: FastifyRequest) {
  const places: Record<Place, Record<string, unknown>> = {
    path: request.params as Record<string, string>,
    query: request.query as Record<string, unknown>,
    body: bodyOf(operation, request),
  }
  const hasNoFields = request.method === 'GET' || request.method === 'DELETE' || isRaw(operation)
  const main: Place = hasNoFields ? 'query' : 'body'
  const other: Place = main === 'query' ? 'body' : 'query'
  const names = new Map<string, { place: Place; sent: string }>()
  const fields: Record<string, unknown> = {}
  const warnings: string[] = []
  for (const place of [main, other]) {
    for (const { name, sent, value } of renameFields(operation.name, places[place])) {
      const first = names.get(name)
      if (first !== undefined) {
        if (isEqual(fields[name], value)) continue
        const preferred = PREFERRED_NAMES[operation.name]?.[name]
        if (preferred?.includes(sent) && preferred.includes(first.sent)) {
          const isBetter = preferred.indexOf(sent) < preferred.indexOf(first.sent)
          warnings.push(
            `"${isBetter ? first.sent : sent}" was ignored: "${isBetter ? sent : first.sent}" is used as ${name}`,
          )
          if (!isBetter) continue
          names.delete(name)
        } else throw contradiction({ place, sent }, first)
      }
      names.set(name, { place, sent })
      Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true })
    }
  }
  const { project_id } = places.path
  // `-` in the path stands for any project of the caller; the query or the body can name it.
  const path = project_id === '-' && fields['project_id'] != null ? without(places.path, 'project_id') : places.path
  return {
    fields,
    warnings,
    path: path as Record<string, string>,
    placeOf: (name: string) => names.get(name)?.place ?? main,
    sentAs: (name: string) => names.get(name)?.sent ?? name,
  }
}

function contradiction(second: { place: Place; sent: string }, first: { place: Place; sent: string }): ZeroError {
  const msg = `"${second.sent}" in the ${second.place} contradicts "${first.sent}" in the ${first.place}: send one of them`
  return new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'value_error', loc: [second.place, second.sent], msg }],
  })
}

/** Compares values. Text in the query equals the body's value that it spells, such as "5" and 5. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a === 'object' || typeof b === 'object') return stringifyJson(a) === stringifyJson(b)
  return String(a) === String(b)
}

function without(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const { [name]: _, ...rest } = fields
  return rest
}

function bodyOf(operation: Operation, request: FastifyRequest): Record<string, unknown> {
  if (isRaw(operation)) return {}
  if (request.isMultipart()) {
    if (operation.kind === 'upload') return {}
    throw new ZeroError('unsupported_media_type', 'Send application/json: only uploads accept multipart/form-data')
  }
  const { body } = request
  // A body is optional if all fields of the operation are.
  if (body === undefined || body === null) return {}
  if (Array.isArray(body) && operation.kind === 'json' && operation.array) return { [operation.array]: body }
  if (isJsonObject(body)) return body
  throw new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'dict_type', loc: ['body'], msg: 'Input should be a valid dictionary' }],
  })
}
