// `npm run generate`: writes src/client/generated.ts, the types and routes of the SDK, from the operations. A test compares the two.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { ERRORS } from '../src/errors.ts'
import { OPERATIONS } from '../src/operations/index.ts'
import type { Operation } from '../src/operations/operation.ts'
import { packageRoot } from '../src/platform/package.ts'
import { flag, uuid } from '../src/schema/common.ts'
import { eventEnvelope } from '../src/schema/event.ts'
import { EVENT_NAMES, EVENT_TYPES } from '../src/schema/events.ts'

const SCHEMAS = join(packageRoot(), 'src', 'schema')
export const GENERATED = join(packageRoot(), 'src', 'client', 'generated.ts')

type Json = { [key: string]: unknown }

/** Doc comments of fields by the field's schema and name: an extended object shares the schemas of its base. */
type Docs = Map<unknown, Map<string, string>>

/** Returns all object schemas that src/schema exports: `memoryRecord` becomes `MemoryRecord`. */
async function namedSchemas(): Promise<{ named: Map<z.ZodObject, string>; docs: Docs }> {
  const named = new Map<z.ZodObject, string>()
  const docs: Docs = new Map()
  for (const file of readdirSync(SCHEMAS).filter((name) => name.endsWith('.ts'))) {
    const source = readFileSync(join(SCHEMAS, file), 'utf8')
    const exported = (await import(pathToFileURL(join(SCHEMAS, file)).href)) as Record<string, unknown>
    for (const [name, value] of Object.entries(exported)) {
      if (!(value instanceof z.ZodObject) || named.has(value)) continue
      named.set(value, pascal(name))
      for (const [field, doc] of fieldDocs(source, name)) {
        const schema = value.shape[field]
        if (schema) docs.set(schema, (docs.get(schema) ?? new Map()).set(field, doc))
      }
    }
  }
  return { named, docs }
}

/** Returns the comments above the fields of `export const name = …`, up to the next line without indentation. */
function fieldDocs(source: string, name: string): Map<string, string> {
  const [, body = ''] = new RegExp(`^export const ${name}\\b(.*?)^\\S`, 'ms').exec(source) ?? []
  const fields = body.matchAll(/^ *\/\*\*((?:(?!\*\/).)*)\*\/\s*(\w+):/gms)
  return new Map([...fields].map(([, doc, field]) => [field!, doc!.replace(/\s*\n\s*\*\s*/g, ' ').trim()]))
}

const pascal = (name: string) => name.replace(/(?:^|[._-])(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Returns a JSON Schema as a TypeScript type. In an input, an optional field may also be undefined. */
function typeOf(schema: Json, indent: string, io: 'input' | 'output' = 'output'): string {
  if (typeof schema['$ref'] === 'string') return schema['$ref'].split('/').at(-1)!
  if ('const' in schema) return literal(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ')
  const branches = (schema['anyOf'] ?? schema['oneOf']) as Json[] | undefined
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
      const item = typeOf((schema['items'] ?? {}) as Json, indent, io)
      return /[ |{]/.test(item) ? `Array<${item}>` : `${item}[]`
    }
    case 'object':
      return objectOf(schema, indent, io)
    default:
      return 'unknown'
  }
}

/** Joins types without duplicates. Drops text literals where the union has `string`. */
function union(types: readonly string[]): string {
  const different = [...new Set(types)]
  return different.filter((type) => !(type.startsWith("'") && different.includes('string'))).join(' | ')
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replace(/['\\]/g, '\\$&')}'` : String(value)
}

const EVENT_FIELDS = Object.keys(eventEnvelope.shape)

function objectOf(schema: Json, indent: string, io: 'input' | 'output'): string {
  let properties = Object.entries((schema['properties'] ?? {}) as Record<string, Json>)
  const required = (schema['required'] ?? []) as string[]
  if (properties.length === 0) {
    const values = schema['additionalProperties']
    return `Record<string, ${typeof values === 'object' ? typeOf(values as Json, indent, io) : 'unknown'}>`
  }
  // The type `ZeroDBEvent` relates `event` to the fields of `data`.
  const isEvent = EVENT_FIELDS.every((field) => properties.some(([name]) => name === field))
  if (isEvent) properties = properties.filter(([name]) => !EVENT_FIELDS.includes(name))
  const lines = properties.flatMap(([name, property]) => {
    const type = typeOf(property, `${indent}  `, io)
    const isRequired = required.includes(name)
    return [
      ...(property['doc'] ? [`${indent}  /** ${property['doc']} */`] : []),
      `${indent}  ${name}${isRequired ? '' : '?'}: ${type}${isRequired || io === 'output' ? '' : ' | undefined'}`,
    ]
  })
  return `${isEvent ? 'ZeroDBEvent & ' : ''}{\n${lines.join('\n')}\n${indent}}`
}

/** Returns whether the client may leave out the project, because the path takes `-` for the caller's default one. */
function takesDefaultProject({ input, route }: Operation): boolean {
  return route.includes('/:project_id') && input.shape['project_id']?.safeParse('-').success === true
}

/** Returns the field of the response that has the items ('' for a bare array), or undefined if the operation is not paged. */
function pageKey(operation: Operation, page: Json): string | undefined {
  const { shape } = operation.input
  if (!('limit' in shape) || !('cursor' in shape || 'offset' in shape)) return undefined
  if (page['type'] === 'array') return ''
  const arrays = Object.entries((page['properties'] ?? {}) as Record<string, Json>).filter(
    ([, property]) => property['type'] === 'array',
  )
  if (arrays.length !== 1) throw new Error(`${operation.name}: which of its fields are the items?`)
  return arrays[0]![0]
}

class Writer {
  readonly types = new Map<string, string>()
  readonly definitions = new Map<string, Json>()
  readonly methods = new Map<string, string[]>()
  readonly pages: [string, string][] = []
  readonly docs: Docs
  readonly registry = z.registry<{ id: string }>()

  constructor({ named, docs }: Awaited<ReturnType<typeof namedSchemas>>) {
    this.docs = docs
    for (const [schema, id] of named) this.registry.add(schema, { id })
  }

  jsonOf(schema: z.ZodType, io: 'input' | 'output', registry: typeof this.registry): Json {
    return z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      metadata: registry,
      override: ({ zodSchema, jsonSchema, path }) => {
        if ((zodSchema as unknown) === flag) rewrite(jsonSchema, { type: 'boolean' })
        if ((zodSchema as unknown) === uuid) rewrite(jsonSchema, { type: 'string' })
        if (path.at(-1) === 'event_type') rewrite(jsonSchema, { $ref: '#/EventName' })
        if (zodSchema instanceof z.ZodObject) this.addDocs(zodSchema, jsonSchema)
      },
    }) as Json
  }

  addDocs({ shape }: z.ZodObject, json: Json): void {
    for (const [field, schema] of Object.entries(shape)) {
      const doc = this.docs.get(schema)?.get(field)
      const property = (json['properties'] as Record<string, Json>)[field]
      if (doc && property) property['doc'] = doc
    }
  }

  /** Returns the JSON Schema of a response. Objects with a name become types of that name. */
  output(schema: z.ZodType): Json {
    const { $defs = {}, ...json } = this.jsonOf(schema, 'output', this.registry) as { $defs?: Record<string, Json> }
    for (const [name, definition] of Object.entries($defs)) this.declare(name, definition)
    return json
  }

  declare(name: string, schema: Json): void {
    if (this.types.has(name)) return
    this.definitions.set(name, schema)
    this.types.set(name, declaration(name, typeOf(schema, '')))
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
  pageOf(schema: z.ZodType): Json {
    const json = this.output(schema)
    const named = [json, ...((json['anyOf'] ?? []) as Json[])].find((branch) => branch['$ref'])
    return named ? this.definitions.get(String(named['$ref']).split('/').at(-1)!)! : json
  }

  itemOf(schema: z.ZodType, key: string): string {
    const page = this.pageOf(schema)
    const list = key === '' ? page : (page['properties'] as Record<string, Json>)[key]!
    return typeOf(list['items'] as Json, '')
  }

  add(operation: Operation): void {
    const [noun, verb] = operation.name.split('.') as [string, string]
    const own = pascal(operation.name)
    const input = this.jsonOf(operation.input, 'input', z.registry())
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
      `    /** ${operation.summary}. \`${operation.route}\` */`,
      `    ${verb}(${parameter}, options?: ${options}): ${this.answer(operation, own)}`,
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

function rewrite(json: Json, as: Json): void {
  for (const key of Object.keys(json)) delete json[key]
  Object.assign(json, as)
}

function declaration(name: string, type: string): string {
  return type.startsWith('{') ? `export interface ${name} ${type}` : `export type ${name} = ${type}`
}

const entries = (pairs: readonly (readonly [string, string])[]) =>
  pairs.map(([name, value]) => `  '${name}': '${value}',`).join('\n')

/** Returns the text of `src/client/generated.ts`. */
export async function generatedClient(): Promise<string> {
  const writer = new Writer(await namedSchemas())
  for (const operation of OPERATIONS) writer.add(operation)
  const events = EVENT_TYPES.map(({ name, channel, data }) => {
    return `  | EventOf<'${name}', '${channel}', ${typeOf(z.toJSONSchema(data) as Json, '    ')}>`
  })
  const nouns = [...writer.methods].map(([noun, methods]) => `  ${noun}: {\n${methods.join('\n')}\n  }`)
  const kinds = OPERATIONS.filter(({ kind }) => kind !== 'json').map(({ name, kind }) => [name, kind] as const)
  const reads = OPERATIONS.filter(({ route, permission }) => !route.startsWith('GET') && permission.endsWith(':read'))
  const ending = OPERATIONS.filter((operation) => operation.kind === 'stream' && 'end' in operation.messages)
  return `// Generated from the operations by scripts/client.ts: \`npm run generate\` updates it.
import type { CallOptions, Download, DownloadOptions, Page, UploadContent } from './transport.ts'

/** Method and path of every operation; \`:key\` is a key of its input. */
export const ROUTES = {
${entries(OPERATIONS.map(({ name, route }) => [name, route]))}
} as const

export type OperationName = keyof typeof ROUTES

/** Operations whose request or response is not JSON. */
export const KINDS: { readonly [Name in OperationName]?: 'upload' | 'bytes' | 'stream' } = {
${entries(kinds)}
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

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(GENERATED, await generatedClient())
