// `npm run generate`: writes src/client/generated.ts, the types and routes of the SDK, from the operations. A test compares the two.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { ERRORS } from '../src/errors.ts'
import { OPERATIONS as ALL } from '../src/operations/index.ts'
import type { Operation } from '../src/operations/operation.ts'
import { packageRoot } from '../src/platform/package.ts'
import { eventEnvelope } from '../src/schema/event.ts'
import * as eventExports from '../src/schema/events.ts'
import { type JsonSchema, toInlineJsonSchema, toJsonSchema } from '../src/schema/json-schema.ts'

const { EVENT_NAMES, EVENT_TYPES } = eventExports

export const GENERATED = join(packageRoot(), 'src', 'client', 'generated.ts')
export const GENERATED_EVENTS = join(packageRoot(), 'src', 'client', 'function-events.ts')

const pascal = (name: string) => name.replace(/(?:^|[._-])(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Returns a JSON Schema as a TypeScript type. In an input, an optional field may also be undefined. */
function typeOf(schema: JsonSchema, indent: string, io: 'input' | 'output' = 'output'): string {
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1)!
  if ('const' in schema) return literal(schema['const'])
  // Filters take any text, so the event types are only their examples.
  if (areEventNames(schema['enum'] ?? schema['examples'])) return 'EventName'
  if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ')
  const branches = (schema['anyOf'] ?? schema['oneOf']) as JsonSchema[] | undefined
  if (branches) return union(branches.map((branch) => typeOf(branch, indent, io)))
  if (Array.isArray(schema['type'])) return union(schema['type'].map((type) => typeOf({ ...schema, type }, indent, io)))
  switch (schema['type']) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema['type']
    case 'number':
    case 'integer':
      return 'number'
    case 'array': {
      const item = typeOf((schema['items'] ?? {}) as JsonSchema, indent, io)
      return /[ |{]/.test(item) ? `Array<${item}>` : `${item}[]`
    }
    case 'object':
      return objectOf(schema, indent, io)
    default:
      return 'unknown'
  }
}

const areEventNames = (values: unknown) => isDeepStrictEqual(values, EVENT_NAMES)

/** Joins types without duplicates. Drops text literals where the union has `string`. */
function union(types: readonly string[]): string {
  const different = [...new Set(types)]
  return different.filter((type) => !(type.startsWith("'") && different.includes('string'))).join(' | ')
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replace(/['\\]/g, '\\$&')}'` : String(value)
}

const EVENT_FIELDS = Object.keys(eventEnvelope.shape)

function objectOf(schema: JsonSchema, indent: string, io: 'input' | 'output'): string {
  let properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  const required = (schema['required'] ?? []) as string[]
  if (properties.length === 0) {
    const values = schema['additionalProperties']
    return `Record<string, ${typeof values === 'object' ? typeOf(values as JsonSchema, indent, io) : 'unknown'}>`
  }
  // The type `ZeroDBEvent` relates `event` to the fields of `data`.
  const isEvent = EVENT_FIELDS.every((field) => properties.some(([name]) => name === field))
  if (isEvent) properties = properties.filter(([name]) => !EVENT_FIELDS.includes(name))
  const lines = properties.flatMap(([name, property]) => {
    const type = typeOf(property, `${indent}  `, io)
    const isRequired = required.includes(name)
    return [
      ...docOf(property, `${indent}  `),
      `${indent}  ${name}${isRequired ? '' : '?'}: ${type}${isRequired || io === 'output' ? '' : ' | undefined'}`,
    ]
  })
  return `${isEvent ? 'ZeroDBEvent & ' : ''}{\n${lines.join('\n')}\n${indent}}`
}

/** The description of a schema as a comment. */
function docOf({ description }: JsonSchema, indent: string): string[] {
  return description === undefined ? [] : [`${indent}/** ${description} */`]
}

/** Returns whether the client may leave out the project, because the path takes `-` for the caller's default one. */
function takesDefaultProject({ input, route }: Operation): boolean {
  return route.includes('/:project_id') && input.shape['project_id']?.safeParse('-').success === true
}

/**
 * Returns the field of the response that has the items ('' for a bare array), or undefined if the operation is not paged. A field that is
 * described as the same value as another does not count.
 */
function pageKey(operation: Operation, page: JsonSchema): string | undefined {
  const { shape } = operation.input
  if (!('limit' in shape) || !('cursor' in shape || 'offset' in shape)) return undefined
  if (page['type'] === 'array') return ''
  const arrays = Object.entries((page['properties'] ?? {}) as Record<string, JsonSchema>).filter(
    ([, property]) => property['type'] === 'array' && !String(property['description']).startsWith('Same value as'),
  )
  if (arrays.length !== 1) throw new Error(`${operation.name}: which of its fields are the items?`)
  return arrays[0]![0]
}

class Writer {
  readonly types = new Map<string, string>()
  readonly definitions = new Map<string, JsonSchema>()
  readonly methods = new Map<string, string[]>()
  readonly pages: [string, string][] = []

  /** Returns the JSON Schema of a response. Objects with a name become types of that name. */
  output(schema: z.ZodType): JsonSchema {
    const { $defs = {}, ...json } = toJsonSchema(schema, 'output')
    for (const [name, definition] of Object.entries($defs)) this.declare(name, definition)
    return json
  }

  declare(name: string, schema: JsonSchema): void {
    // The event types are written beside their list.
    if (this.types.has(name) || areEventNames(schema['enum'])) return
    this.definitions.set(name, schema)
    this.types.set(name, [...docOf(schema, ''), declaration(name, typeOf(schema, ''))].join('\n'))
  }

  /** Returns the type of a response. Declares an object under its own or its shared name. */
  responseType(schema: z.ZodType, own: string): string {
    const json = this.output(schema)
    if (json['type'] === 'null') return 'void'
    if (json['type'] !== 'object' && !json['anyOf']) return typeOf(json, '')
    this.declare(own, json)
    return own
  }

  /** Returns the JSON Schema of a page. Of a union, that is the branch that is not a bare array. */
  pageOf(schema: z.ZodType): JsonSchema {
    const json = this.output(schema)
    const named = [json, ...((json['anyOf'] ?? []) as JsonSchema[])].find((branch) => branch['$ref'])
    return named ? this.definitions.get(String(named['$ref']).split('/').at(-1)!)! : json
  }

  itemOf(schema: z.ZodType, key: string): string {
    const page = this.pageOf(schema)
    const list = key === '' ? page : (page['properties'] as Record<string, JsonSchema>)[key]!
    return typeOf(list['items'] as JsonSchema, '')
  }

  add(operation: Operation): void {
    const [noun, verb] = operation.name.split('.') as [string, string]
    const own = pascal(operation.name)
    const input = toInlineJsonSchema(operation.input, 'input')
    const required = ((input['required'] ?? []) as string[]).filter(
      (name) => name !== 'project_id' || !takesDefaultProject(operation),
    )
    const isEmpty = Object.keys(operation.input.shape).length === 0
    const inputName = `${own}Input`
    if (!isEmpty) {
      const type = typeOf({ ...input, required }, '', 'input')
      this.types.set(inputName, declaration(inputName, operation.kind === 'upload' ? `UploadContent & ${type}` : type))
    }
    const nothing = operation.kind === 'upload' ? 'input: UploadContent' : 'input?: Record<string, never>'
    const parameter = isEmpty ? nothing : `input${required.length > 0 ? '' : '?'}: ${inputName}`
    const options = operation.kind === 'bytes' ? 'DownloadOptions' : 'CallOptions'
    this.methods.set(noun, [
      ...(this.methods.get(noun) ?? []),
      '    /**',
      `     * ${operation.summary}. \`${operation.route}\``,
      '     *',
      `     * ${operation.description}`,
      '     */',
      `    ${verb}(${parameter}, options?: ${options}): ${this.answer(operation, own)}`,
      ...(operation.kind === 'json' && operation.streamed
        ? [
            `    /** Like \`${verb}\`, with a streamed result. */`,
            `    ${operation.streamed.verb}(${parameter}, options?: ${options}): ResultStream<${this.responseType(operation.output, own)}>`,
          ]
        : []),
    ])
  }

  answer(operation: Operation, own: string): string {
    if (operation.kind === 'bytes') return 'Promise<Download>'
    if (operation.kind === 'stream') {
      const messages = Object.entries(operation.messages).map(
        ([event, data]) =>
          `{ event: '${event}'; data: ${this.responseType(data, pascal(`${operation.name}.${event}`))} }`,
      )
      const name = `${own}Message`
      this.types.set(name, `export type ${name} =\n  | ${messages.join('\n  | ')}`)
      return `AsyncGenerator<${name}, void>`
    }
    const name = this.responseType(operation.output, own)
    const key = pageKey(operation, this.pageOf(operation.output))
    if (key === undefined) return `Promise<${name}>`
    this.pages.push([operation.name, key])
    return `Page<${name}, ${this.itemOf(operation.output, key)}>`
  }
}

function declaration(name: string, type: string): string {
  return type.startsWith('{') ? `export interface ${name} ${type}` : `export type ${name} = ${type}`
}

/** Operations of the SDK. A raw upload is a request to a complete URL, which needs no SDK. */
const OPERATIONS = ALL.filter((operation) => operation.kind !== 'upload' || !operation.isRaw)

const entries = (pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([name, value]) => `  '${name}': '${value}',`).join('\n')

/** Returns the text of `src/client/generated.ts`. */
export function generatedClient(): string {
  const writer = new Writer()
  for (const operation of OPERATIONS) writer.add(operation)
  const events = EVENT_TYPES.map(({ name, channel, data }) => {
    return `  | EventOf<'${name}', '${channel}', ${typeOf(toJsonSchema(data, 'output'), '    ')}>`
  })
  const nouns = [...writer.methods].map(([noun, methods]) => `  ${noun}: {\n${methods.join('\n')}\n  }`)
  const kinds = OPERATIONS.filter(({ kind }) => kind !== 'json').map(({ name, kind }) => [name, kind] as const)
  const streamed = OPERATIONS.flatMap((operation) =>
    operation.kind === 'json' && operation.streamed ? [[operation.name, operation.streamed.verb] as const] : [],
  )
  const reads = OPERATIONS.filter(({ route, idempotent }) => idempotent && !route.startsWith('GET'))
  const ending = OPERATIONS.filter((operation) => operation.kind === 'stream' && 'end' in operation.messages)
  return `// Generated from the operations by scripts/client.ts: \`npm run generate\` updates it.
import type { CallOptions, Download, DownloadOptions, Page, ResultStream, UploadContent } from './transport.ts'

/** Method and path of every operation; \`:key\` is a key of its input. */
export const ROUTES = {
${entries(OPERATIONS.map(({ name, route }) => [name, route]))}
} as const

export type OperationName = keyof typeof ROUTES

/** Operations whose request or response is not JSON. */
export const KINDS: { readonly [Name in OperationName]?: 'upload' | 'bytes' | 'stream' } = {
${entries(kinds)}
}

/** Operations whose result can be streamed, with the verb for that. */
export const STREAMED: { readonly [Name in OperationName]?: string } = {
${entries(streamed)}
}

/** Field of a paged response that has the items; '' for a bare array. */
export const PAGES: { readonly [Name in OperationName]?: string } = {
${entries(writer.pages)}
}

/** Operations that only read although their method is not GET. */
export const READS: readonly OperationName[] = [${reads.map(({ name }) => `'${name}'`).join(', ')}]

/** Streams whose last message is \`end\`; other streams have no end. */
export const ENDING: readonly OperationName[] = [${ending.map(({ name }) => `'${name}'`).join(', ')}]

/** \`code\` of an error response. */
export type ServerErrorCode =
${Object.keys(ERRORS)
  .map((code) => `  | '${code}'`)
  .join('\n')}

interface EventOf<Name, Channel, Data> {
  id: string
  event: Name
  channel: Channel
  data: Data
  timestamp: string
}

/** An event as hooks receive it; \`event\` determines the fields of \`data\`. */
export type ZeroDBEvent =
${events.join('\n')}

export const EVENT_NAMES = [${EVENT_NAMES.map(literal).join(', ')}] as const

export type EventName = (typeof EVENT_NAMES)[number]

${[...writer.types.values()].join('\n\n')}

/** Every operation, by noun and verb. */
export interface Operations {
${nouns.join('\n')}
}
`
}

/** Returns the text of `src/client/function-events.ts`: a type for each event type, called like its definition. */
export function generatedEvents(): string {
  const exported = Object.entries<unknown>(eventExports)
  const types = EVENT_TYPES.map((type) => {
    const [name] = exported.find(([, value]) => value === type)!
    return { name: `${pascal(name)}Event`, event: type.name, data: typeOf(toJsonSchema(type.data, 'output'), '  ') }
  })
  return `// Generated from the event types by scripts/client.ts: \`npm run generate\` updates it.

/** An event as a function receives it; \`event\` determines the fields of \`data\`. */
export interface Envelope<Name extends string, Data> {
  id: string
  event: Name
  channel: string
  data: Data
  timestamp: string
  /** True for an event of a replay, and for one that stands for a row older than the hook. */
  synthetic?: boolean
}

${types.map(({ name, event, data }) => `export type ${name} = Envelope<\n  '${event}',\n  ${data}\n>`).join('\n')}

/** The event of a write. */
export type DataEvent =
${types.map(({ name }) => `  | ${name}`).join('\n')}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(GENERATED, generatedClient())
  writeFileSync(GENERATED_EVENTS, generatedEvents())
}
