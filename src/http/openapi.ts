import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { OPERATIONS } from '../operations/index.ts'
import { nullableFields } from '../operations/lib/input.ts'
import type { Operation } from '../operations/operation.ts'
import { type JsonSchema, toJsonSchema } from '../schema/json-schema.ts'
import { takesIdempotencyKey } from './idempotency.ts'

const ERROR_SCHEMAS: Record<string, JsonSchema> = {
  ValidationError: {
    description: 'One thing that is wrong with one field of a request',
    type: 'object',
    required: ['loc', 'msg', 'type'],
    properties: {
      loc: {
        description: 'Where the field is: `body`, `query`, `path` or `header`, then the keys down to the field',
        type: 'array',
        items: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        examples: [['body', 'retry', 'max_attempts']],
      },
      msg: { description: 'Explanation of the mistake', type: 'string' },
      type: {
        description: 'Kind of the mistake, with the name that pydantic uses',
        type: 'string',
        examples: ['missing'],
      },
      input: { description: 'The value that was sent, when it is short' },
      ctx: { description: 'Limits that the value exceeds', type: 'object' },
    },
  },
  ErrorCode: {
    description: 'Code of an error, which programs can rely on',
    type: 'string',
    enum: Object.keys(ERRORS),
  },
  Error: {
    description: 'An error',
    type: 'object',
    required: ['detail', 'code', 'request_id'],
    properties: {
      detail: {
        description: 'Explanation of the error; for invalid fields, one item for each',
        oneOf: [{ type: 'string' }, { type: 'array', items: { $ref: '#/components/schemas/ValidationError' } }],
      },
      code: { $ref: '#/components/schemas/ErrorCode' },
      request_id: { description: 'Id of the request, which the log of the server has too', type: 'string' },
      run_id: { description: 'Id of the run that failed. Absent when the request made none', type: 'string' },
    },
  },
  Problem: {
    description: 'An error in the form of RFC 9457, for requests that accept application/problem+json',
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'instance', 'request_id'],
    properties: {
      type: { description: 'Address that identifies the kind of error', type: 'string' },
      title: { description: 'The kind of error in words', type: 'string' },
      status: { description: 'HTTP status', type: 'integer' },
      detail: { description: 'Explanation of the error', type: 'string' },
      instance: { description: 'Path of the request', type: 'string' },
      errors: {
        description: 'The invalid fields. Absent for other errors',
        type: 'array',
        items: { $ref: '#/components/schemas/ValidationError' },
      },
      request_id: { description: 'Id of the request, which the log of the server has too', type: 'string' },
    },
  },
}

/** The nouns of the API. */
const TAGS: Readonly<Record<string, string>> = {
  auth: 'Accounts and logins',
  keys: 'API keys',
  instant_db: 'Temporary databases without an account',
  hooks: 'Hooks: which handler runs on which events',
  event_log: 'The log of the events of your writes',
  functions: 'Functions: user code and its versions',
  packages: 'Python packages of functions',
  secrets: 'Secrets of functions',
  env_sets: 'Environment variables that functions share',
  schedules: 'Schedules of functions and of events',
  runs: 'Runs: executions of handlers and functions',
  replays: 'Replays and backfills',
  projects: 'Projects, their export and import',
  backups: 'Backups of the whole server',
  vectors: 'Vectors and similarity search',
  embeddings: 'Embeddings of texts, and their conversion to another model',
  memory: 'Memories of agents and records of conversations',
  graph: 'The graph of entities and relations',
  plans: 'Plans of agents, with their history',
  files: 'Files and search in them',
  tables: 'Tables',
  rows: 'Rows of tables',
  events: 'Events that you publish',
  sandbox: 'Programs in a sandbox',
}

/** The API as an OpenAPI 3.1 document, from the list of operations. Aliases are not in it. */
export function openapiDocument(version: string): JsonSchema {
  const components = createComponents()
  // Responses first: their schemas have the plain names, and those of requests that differ have names with `Input`.
  const responses = new Map(OPERATIONS.map((operation) => [operation, successesOf(operation, components)]))
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const [method, route] = operation.route.split(' ') as [string, string]
    const path = route.replace(/:(\w+)/g, '{$1}')
    const described = describe(operation, method, route, responses.get(operation)!, components)
    paths[path] = { ...paths[path], [method.toLowerCase()]: described }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'zerodb-functions',
      version,
      description: 'A self-hostable data backend for AI agents in which code runs when data changes.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The server that this document comes from' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    security: [{ bearer: [] }, { apiKey: [] }],
    components: {
      schemas: components.schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or the access token of a login' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key' },
      },
    },
  }
}

type Components = ReturnType<typeof createComponents>

/** Schemas by name. `schemaOf` adds the named schemas that a schema refers to. */
function createComponents() {
  const schemas: Record<string, JsonSchema> = { ...ERROR_SCHEMAS }

  function schemaOf(type: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $defs = {}, ...schema } = toJsonSchema(type, io)
    const named = Object.entries($defs).map(([name, definition]) => [name, withRefs(definition, new Map())] as const)
    const isTaken = ([name, definition]: (typeof named)[number]) =>
      io === 'input' && name in schemas && !isDeepStrictEqual(schemas[name], definition)
    const renamed = new Map(named.filter(isTaken).map(([name]) => [name, `${name}Input`]))
    for (const [name, definition] of named) schemas[renamed.get(name) ?? name] ??= withRefs(definition, renamed)
    return withRefs(schema, renamed)
  }

  return { schemas, schemaOf }
}

/** `schema` with its references to `$defs` as references to the document's schemas, under other names where `names` has them. */
function withRefs(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    if (key !== '$ref') return value
    const name = String(value).split('/').at(-1)!
    return `#/components/schemas/${names.get(name) ?? name}`
  })
}

function describe(
  operation: Operation,
  method: string,
  route: string,
  responses: Record<string, JsonSchema>,
  components: Components,
): JsonSchema {
  const input = components.schemaOf(operation.input, 'input') as {
    properties?: Record<string, JsonSchema>
    required?: string[]
  }
  const properties = Object.entries(input.properties ?? {})
  const isInPath = ([name]: [string, JsonSchema]) => route.split('/').includes(`:${name}`)
  const others = properties.filter((property) => !isInPath(property))
  const isRaw = operation.kind === 'upload' && operation.isRaw === true
  const inQuery = method === 'GET' || method === 'DELETE' || isRaw
  const required = (name: string) => input.required?.includes(name) ?? false
  const parameter = (name: string, place: 'path' | 'query', { description, ...schema }: JsonSchema) => ({
    name,
    in: place,
    required: place === 'path' || required(name),
    description,
    // An object in a query is sent as JSON text.
    ...(schema['type'] === 'object' ? { content: { 'application/json': { schema } } } : { schema }),
  })
  const parameters = [
    ...properties.filter(isInPath).map(([name, schema]) => parameter(name, 'path', schema)),
    ...(inQuery ? others.map(([name, schema]) => parameter(name, 'query', schema)) : []),
    ...(takesIdempotencyKey(operation) ? [IDEMPOTENCY_KEY] : []),
  ]
  const nullable = nullableFields(operation)
  const orNull = ([name, { description, ...schema }]: [string, JsonSchema]): [string, JsonSchema] =>
    nullable.has(name) ? [name, { description, anyOf: [schema, { type: 'null' }] }] : [name, { ...schema, description }]
  const body = {
    description: `Fields of \`${operation.name}\``,
    type: 'object',
    properties: Object.fromEntries(others.map(orNull)),
    required: others.map(([name]) => name).filter(required),
    additionalProperties: false,
  }
  return {
    operationId: operation.name,
    summary: operation.summary,
    description: operation.description,
    tags: [operation.name.split('.')[0]],
    ...(operation.permission === 'public' ? { security: [] } : {}),
    parameters,
    ...(isRaw ? { requestBody: RAW_BODY } : {}),
    ...(inQuery
      ? {}
      : { requestBody: { required: body.required.length > 0, content: contentOf(operation, body, components) } }),
    responses: { ...responses, ...failuresOf(operation, method) },
  }
}

function successesOf(operation: Operation, components: Components): Record<string, JsonSchema> {
  if (operation.kind === 'bytes') {
    const content = { [operation.media]: { schema: { type: 'string', contentMediaType: operation.media } } }
    const whole = { 200: { description: 'All bytes', content } }
    if (operation.media !== '*/*') return whole
    return {
      ...whole,
      206: { description: 'The range that the request asked for', content },
      304: { description: 'The client has these bytes already: the request named their ETag' },
      416: { description: 'The range begins after the end of the file' },
    }
  }
  const main = { [statusOf(operation)]: answerOf(operation, components) }
  if (operation.kind !== 'json' || !operation.otherStatus) return main
  const { status, description } = operation.otherStatus
  return { ...main, [status]: { ...answerOf(operation, components), description } }
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
function failuresOf(operation: Operation, method: string): Record<string, JsonSchema> {
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

function failure(status: number, codes: readonly ErrorCode[]): JsonSchema {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join('\n'),
    ...(status === 429 || status === 503 ? { headers: RETRY_AFTER } : {}),
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/Error' } },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    },
  }
}

/** The body of a raw upload. */
const RAW_BODY = {
  description: 'The content',
  required: true,
  content: { '*/*': { schema: { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream' } } },
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A repeated request with this key gets the response of the first one, for 24 hours',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const NEXT_CURSOR = {
  'X-Next-Cursor': { description: 'Cursor of the next page. Absent on the last page', schema: { type: 'string' } },
}

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds after which to try again', schema: { type: 'string', pattern: '^\\d+$' } },
}

interface Body extends JsonSchema {
  properties: Record<string, JsonSchema>
  required: string[]
}

function contentOf(operation: Operation, body: Body, { schemas }: Components): JsonSchema {
  const name = `${operation.name.replace(/(?:^|[._])(\w)/g, (_, letter: string) => letter.toUpperCase())}Body`
  const hasFields = Object.keys(body.properties).length > 0
  if (hasFields) schemas[name] = body
  const named = hasFields ? { $ref: `#/components/schemas/${name}` } : body
  const json = {
    'application/json': { schema: body.required.length > 0 ? named : { anyOf: [named, { type: 'null' }] } },
  }
  if (operation.kind !== 'upload') return json
  const file = {
    description: 'The content',
    type: 'string',
    format: 'binary',
    contentMediaType: 'application/octet-stream',
  }
  return { 'multipart/form-data': { schema: { ...body, properties: { file, ...body.properties } } }, ...json }
}

function statusOf(operation: Operation): number {
  return ('status' in operation && operation.status) || 200
}

function answerOf(operation: Operation, { schemas, schemaOf }: Components): JsonSchema {
  if (operation.kind === 'bytes') return {}
  if (operation.kind === 'stream')
    return {
      description: 'The stream of messages',
      content: { 'text/event-stream': { schema: messagesOf(operation.messages, true, schemaOf) } },
    }
  if (statusOf(operation) === 204) return { description: 'Done: the response has no body' }
  const schema = schemaOf(operation.output, 'output')
  addWarnings(schema, schemas)
  return {
    description: z.globalRegistry.get(operation.output)?.description,
    ...(operation.kind === 'json' && operation.nextCursor ? { headers: NEXT_CURSOR } : {}),
    content: {
      'application/json': { schema },
      ...(operation.kind === 'json' && operation.streamed
        ? { 'text/event-stream': { schema: messagesOf(operation.streamed.messages, false, schemaOf) } }
        : {}),
    },
  }
}

/** Returns the schema of the messages of a stream. Those of a stream that clients can continue have an id. */
function messagesOf(
  kinds: Readonly<Record<string, z.ZodType>>,
  hasIds: boolean,
  schemaOf: Components['schemaOf'],
): JsonSchema {
  const id = { description: 'Id of the message: send it as Last-Event-ID to continue after it', type: 'string' }
  const messages = Object.entries(kinds).map(([event, data]) => ({
    title: event,
    description: z.globalRegistry.get(data)?.description,
    type: 'object',
    required: ['event', 'data'],
    properties: {
      ...(hasIds ? { id } : {}),
      event: { description: 'Kind of the message', const: event },
      data: {
        description: 'The message as JSON',
        type: 'string',
        contentMediaType: 'application/json',
        contentSchema: schemaOf(data, 'output'),
      },
    },
  }))
  return messages.length === 1 ? messages[0]! : { oneOf: messages }
}

/** A response that is an object may have warnings about the request. */
function addWarnings({ $ref, anyOf }: JsonSchema, schemas: Record<string, JsonSchema>): void {
  for (const branch of (anyOf ?? []) as JsonSchema[]) addWarnings(branch, schemas)
  const named = typeof $ref === 'string' ? schemas[$ref.split('/').at(-1)!] : undefined
  if (named?.['properties']) named['properties'] = { ...named['properties'], warnings: WARNINGS }
}

const WARNINGS = {
  type: 'array',
  items: { type: 'string' },
  description: 'Fields of the request that had no effect, and likely mistakes. Absent when there are none',
}
