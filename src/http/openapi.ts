import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { OPERATIONS } from '../operations/index.ts'
import { nullableFields } from '../operations/lib/input.ts'
import type { Operation } from '../operations/operation.ts'
import { takesIdempotencyKey } from './idempotency.ts'

type Schema = Record<string, unknown>

/** FastAPI's names, so that clients generated against such servers keep working. */
const COMPONENTS: Schema = {
  ValidationError: {
    title: 'ValidationError',
    type: 'object',
    required: ['loc', 'msg', 'type'],
    properties: {
      loc: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } },
      msg: { type: 'string' },
      type: { type: 'string' },
      input: {},
      ctx: { type: 'object' },
    },
  },
  HTTPValidationError: {
    title: 'HTTPValidationError',
    type: 'object',
    required: ['detail', 'code', 'request_id'],
    properties: {
      detail: {
        oneOf: [{ type: 'string' }, { type: 'array', items: { $ref: '#/components/schemas/ValidationError' } }],
      },
      code: { enum: Object.keys(ERRORS) },
      request_id: { type: 'string' },
      run_id: { type: 'string' },
    },
  },
  Problem: {
    title: 'Problem',
    description: 'RFC 9457, for requests that accept application/problem+json',
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'instance', 'request_id'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string' },
      errors: { type: 'array', items: { $ref: '#/components/schemas/ValidationError' } },
      request_id: { type: 'string' },
    },
  },
}

/** The API as an OpenAPI 3.1 document, from the list of operations. Aliases are not in it. */
export function openapiDocument(version: string): Schema {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const [method, route] = operation.route.split(' ') as [string, string]
    const path = route.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, method, route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'zerodb-functions', version },
    paths,
    security: [{ bearer: [] }, { apiKey: [] }],
    components: {
      schemas: COMPONENTS,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  }
}

function describe(operation: Operation, method: string, route: string): Schema {
  const input = schemaOf(operation.input, 'input') as { properties?: Record<string, Schema>; required?: string[] }
  const properties = Object.entries(input.properties ?? {})
  const isInPath = ([name]: [string, Schema]) => route.split('/').includes(`:${name}`)
  const others = properties.filter((property) => !isInPath(property))
  const inQuery = method === 'GET' || method === 'DELETE'
  const required = (name: string) => input.required?.includes(name) ?? false
  const parameters = [
    ...properties.filter(isInPath).map(([name, schema]) => ({ name, in: 'path', required: true, schema })),
    ...(inQuery ? others.map(([name, schema]) => ({ name, in: 'query', required: required(name), schema })) : []),
    ...(takesIdempotencyKey(operation) ? [IDEMPOTENCY_KEY] : []),
  ]
  const nullable = nullableFields(operation)
  const orNull = ([name, schema]: [string, Schema]): [string, Schema] =>
    nullable.has(name) ? [name, { anyOf: [schema, { type: 'null' }] }] : [name, schema]
  const body = {
    type: others.some(([name]) => required(name)) ? 'object' : ['object', 'null'],
    properties: Object.fromEntries(others.map(orNull)),
    required: others.map(([name]) => name).filter(required),
    additionalProperties: false,
  }
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.name.split('.')[0]],
    ...(operation.permission === 'public' ? { security: [] } : {}),
    parameters,
    ...(inQuery ? {} : { requestBody: { required: body.required.length > 0, content: contentOf(operation, body) } }),
    responses: { ...successesOf(operation), ...failuresOf(operation, method) },
  }
}

function successesOf(operation: Operation): Record<string, Schema> {
  if (operation.kind === 'bytes') {
    const content = { [operation.media]: { schema: { type: 'string', contentMediaType: operation.media } } }
    const whole = { 200: { description: 'All bytes', content } }
    if (operation.media !== '*/*') return whole
    return {
      ...whole,
      206: { description: 'The range that the request asked for', content },
      304: { description: 'The request named the ETag of these bytes' },
      416: { description: 'The range lies behind the end' },
    }
  }
  const main = { [statusOf(operation)]: { description: 'Done', ...answerOf(operation) } }
  if (operation.kind !== 'json' || !operation.otherStatus) return main
  return { ...main, [operation.otherStatus.status]: { description: 'Accepted, or unchanged', ...answerOf(operation) } }
}

/** What a request may be answered before its operation runs, and when the server cannot serve it. */
const FOR_ALL: readonly ErrorCode[] = [
  'malformed_request',
  'address_too_long',
  'validation_failed',
  'invalid',
  'rate_limited',
  'headers_too_large',
  'internal',
  'unavailable',
  'query_timeout',
]
const WITH_KEY: readonly ErrorCode[] = ['unauthorized', 'forbidden', 'not_found']
const WITH_IDEMPOTENCY_KEY: readonly ErrorCode[] = ['idempotency_mismatch', 'idempotency_running']
const WITH_BODY: readonly ErrorCode[] = ['request_timeout', 'too_large', 'unsupported_media_type']

/** One response per status, with the codes that it may have. */
function failuresOf(operation: Operation, method: string): Record<string, Schema> {
  const { permission, errors = [] } = operation
  const codes = new Set([
    ...FOR_ALL,
    ...(permission === 'public' ? [] : WITH_KEY),
    ...(method === 'GET' ? [] : WITH_BODY),
    ...(takesIdempotencyKey(operation) ? WITH_IDEMPOTENCY_KEY : []),
    ...errors,
  ])
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of codes) byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code])
  return Object.fromEntries([...byStatus].map(([status, named]) => [status, failure(status, named)]))
}

function failure(status: number, codes: readonly ErrorCode[]): Schema {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join('\n'),
    ...(status === 429 || status === 503 ? { headers: RETRY_AFTER } : {}),
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/HTTPValidationError' } },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    },
  }
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A repeated request with this key gets the first answer, for 24 hours',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds after which to try again', schema: { type: 'string', pattern: '^\\d+$' } },
}

function contentOf(operation: Operation, body: Schema): Schema {
  const json = { 'application/json': { schema: body } }
  if (operation.kind !== 'upload') return json
  const file = {
    type: 'object',
    properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
  }
  return { 'multipart/form-data': { schema: { allOf: [file, body] } }, ...json }
}

function statusOf(operation: Operation): number {
  return ('status' in operation && operation.status) || 200
}

function answerOf(operation: Operation): Schema {
  if (operation.kind === 'bytes') return {}
  if (operation.kind === 'stream') {
    const messages = Object.entries(operation.messages).map(([event, data]) => ({
      title: event,
      type: 'object',
      required: ['event', 'data'],
      properties: {
        id: { type: 'string' },
        event: { const: event },
        data: { type: 'string', contentMediaType: 'application/json', contentSchema: schemaOf(data, 'output') },
      },
    }))
    return { content: { 'text/event-stream': { schema: { oneOf: messages } } } }
  }
  if (statusOf(operation) === 204) return {}
  return { content: { 'application/json': { schema: withWarnings(schemaOf(operation.output, 'output')) } } }
}

/** An object that is answered may have warnings about the request. */
function withWarnings(schema: Schema): Schema {
  const { properties, anyOf } = schema as { properties?: Schema; anyOf?: Schema[] }
  if (anyOf) return { ...schema, anyOf: anyOf.map(withWarnings) }
  return properties ? { ...schema, properties: { ...properties, warnings: WARNINGS } } : schema
}

const WARNINGS = {
  type: 'array',
  items: { type: 'string' },
  description: 'Fields of the request that had no effect, and what is likely a mistake',
}

function schemaOf(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any' })
  return schema
}
