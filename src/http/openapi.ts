import { z } from 'zod'
import { OPERATIONS } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'

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
    },
  },
  HTTPValidationError: {
    title: 'HTTPValidationError',
    type: 'object',
    required: ['detail'],
    properties: {
      detail: {
        oneOf: [{ type: 'string' }, { type: 'array', items: { $ref: '#/components/schemas/ValidationError' } }],
      },
      code: { type: 'string' },
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
  ]
  const body = {
    type: 'object',
    properties: Object.fromEntries(others),
    required: others.map(([name]) => name).filter(required),
  }
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.name.split('.')[0]],
    ...(operation.permission === 'public' ? { security: [] } : {}),
    parameters,
    ...(inQuery ? {} : { requestBody: { required: body.required.length > 0, content: contentOf(operation, body) } }),
    responses: {
      [statusOf(operation)]: { description: 'Done', ...answerOf(operation) },
      ...(operation.kind === 'json' && operation.otherStatus
        ? { [operation.otherStatus.status]: { description: 'Nothing made', ...answerOf(operation) } }
        : {}),
      default: {
        description: 'Refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/HTTPValidationError' } } },
      },
    },
  }
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
  if (operation.kind === 'bytes') return { content: { 'application/octet-stream': {} } }
  if (operation.kind === 'stream') {
    const messages = Object.entries(operation.messages).map(([event, data]) => {
      return { title: event, ...schemaOf(data, 'output') }
    })
    return { content: { 'text/event-stream': { schema: { oneOf: messages } } } }
  }
  if (statusOf(operation) === 204) return {}
  return { content: { 'application/json': { schema: schemaOf(operation.output, 'output') } } }
}

function schemaOf(type: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: 'any' })
  return schema
}
