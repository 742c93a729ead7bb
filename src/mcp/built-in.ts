import type { Tool as Definition, JSONObject, ToolAnnotations } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { markNumbers, parseStoredJson, stringifyJson } from '../exact-json.ts'
import { OPERATIONS } from '../operations/index.ts'
import { file } from '../schema/file.ts'
import { entity, relationship } from '../schema/graph.ts'
import { type JsonSchema, toInlineJsonSchema } from '../schema/json-schema.ts'
import { allows } from '../schema/login.ts'
import { forgetResult, recalled, rememberResult } from '../schema/memory.ts'
import { published } from '../schema/published.ts'
import { row, rowPage } from '../schema/table.ts'
import { vectorMatch } from '../schema/vector.ts'
import { failed, type Tool } from './tool.ts'

interface BuiltIn {
  description: string
  annotations: ToolAnnotations
  operation: string
  /** Fields of the operation's input that are arguments: a text replaces the field's description. */
  arguments: Record<string, true | string>
  /** Arguments that are not fields of the operation's input. */
  ownArguments?: Record<string, JSONObject>
  required: string[]
  /** Returns the operation's input. When absent: the arguments. */
  input?(args: Record<string, unknown>): Record<string, unknown>
  /** The part of the operation's output that a model needs. */
  output: z.ZodObject
}

const readOnly = { readOnlyHint: true }

/** The tools of every project. Each calls an operation of the API. */
const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  remember: {
    description: 'Keep a fact, preference or event for later. Stored word for word.',
    annotations: { destructiveHint: false },
    operation: 'memory.remember',
    arguments: { content: 'Understandable by itself: names instead of pronouns', tags: true, session_id: true },
    required: ['content'],
    output: rememberResult.pick({ memory_id: true, created_at: true }),
  },
  recall: {
    description: 'Find memories about something, best first.',
    annotations: readOnly,
    operation: 'memory.recall',
    arguments: { query: 'A question, or a few words', limit: true, session_id: true },
    required: ['query'],
    output: z.object({
      memories: z.array(recalled.pick({ memory_id: true, content: true, score: true, tags: true, created_at: true })),
    }),
  },
  forget: {
    description: 'Delete a memory and everything that was derived from it alone.',
    annotations: { destructiveHint: true },
    operation: 'memory.forget',
    arguments: { memory_id: true },
    required: ['memory_id'],
    output: forgetResult,
  },
  search_vectors: {
    description: 'Find stored documents by meaning.',
    annotations: readOnly,
    operation: 'vectors.search',
    arguments: {
      query: 'A question, or a few words',
      namespace: true,
      limit: true,
      metadata_filter: 'Values by field of the metadata',
    },
    required: ['query'],
    output: z.object({
      results: z.array(
        vectorMatch.pick({
          vector_id: true,
          namespace: true,
          similarity: true,
          document: true,
          summary: true,
          metadata: true,
        }),
      ),
    }),
  },
  graph_neighbors: {
    description: 'Get the relations of a person, place or thing, according to the memories.',
    annotations: readOnly,
    operation: 'graph.neighbors',
    arguments: { entity: 'Name in any spelling', limit: true },
    required: ['entity'],
    output: z.object({
      entity: entity.pick({ name: true, type: true }),
      relationships: z.array(relationship.pick({ subject: true, predicate: true, object: true, sources: true })),
    }),
  },
  query_table: {
    description: 'Get the rows of a table that meet conditions.',
    annotations: readOnly,
    operation: 'rows.query',
    arguments: {
      table: true,
      filters: 'Values by field, or {"$gt": 5}; also $gte $lt $lte $ne $in',
      sort: '1 or -1 by field',
      limit: true,
      offset: true,
    },
    required: ['table'],
    output: rowPage
      .pick({ total: true, has_more: true })
      .extend({ data: z.array(row.pick({ row_id: true, row_data: true })) }),
  },
  store_text: {
    description: 'Store a text as a file.',
    annotations: { destructiveHint: false },
    operation: 'files.upload',
    arguments: { file_name: 'Name of the file', folder: true, content_type: 'Media type. When absent: text/plain' },
    ownArguments: { text: { type: 'string', description: 'The content' } },
    required: ['file_name', 'text'],
    input: ({ text, content_type = 'text/plain; charset=utf-8', ...rest }) => ({
      ...rest,
      content_type,
      ...(typeof text === 'string' ? { file_content: Buffer.from(text).toString('base64') } : { file_content: text }),
    }),
    output: file.pick({ file_id: true, file_name: true, size_bytes: true }),
  },
  publish_event: {
    description: 'Publish an event to a topic, so that hooks can react.',
    annotations: { destructiveHint: false },
    operation: 'events.publish',
    arguments: { topic: true, event_payload: true },
    required: ['topic'],
    output: published.pick({ event_id: true, topic: true, published_at: true }),
  },
}

/** Keywords that a model needs. The operation checks the others, and its errors name them. */
const KEYWORDS = ['type', 'properties', 'required', 'items', 'enum', 'const', 'minimum', 'maximum', 'default']

const OPERATION = new Map(OPERATIONS.map((operation) => [operation.name, operation]))

const DEFINITIONS = new Map(Object.entries(BUILT_IN).map(([name, tool]) => [name, definitionOf(name, tool)]))

function definitionOf(name: string, tool: BuiltIn): Tool['definition'] {
  const { description, annotations, required, ownArguments = {} } = tool
  const { properties } = toInlineJsonSchema(OPERATION.get(tool.operation)!.input, 'input') as {
    properties: Record<string, JsonSchema>
  }
  const fields = Object.entries(tool.arguments).map(([field, text]) => [field, argumentOf(properties[field]!, text)])
  return {
    name,
    description,
    inputSchema: { type: 'object', properties: { ...Object.fromEntries(fields), ...ownArguments }, required },
    outputSchema: brief(toInlineJsonSchema(tool.output, 'output')) as NonNullable<Definition['outputSchema']>,
    annotations,
  }
}

/** The schema of an argument. It has no null, because a model leaves the argument out instead. */
function argumentOf({ description, ...schema }: JsonSchema, text: true | string): JsonSchema {
  return { ...brief(withoutNull(schema)), description: text === true ? description : text }
}

function withoutNull({ anyOf, type, ...rest }: JsonSchema): JsonSchema {
  if (Array.isArray(type)) return { ...rest, type: type.find((each) => each !== 'null') }
  const branch = ((anyOf ?? []) as JsonSchema[]).find((each) => each['type'] !== 'null')
  return type === undefined ? { ...rest, ...branch } : { ...rest, type }
}

/** A schema with `KEYWORDS` only: a model reads every word of every tool. */
function brief(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf } = schema as {
    properties?: Record<string, JsonSchema>
    items?: JsonSchema
    anyOf?: JsonSchema[]
  }
  return {
    ...Object.fromEntries(Object.entries(schema).filter(([keyword]) => KEYWORDS.includes(keyword))),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, brief(each)])),
    }),
    ...(items && { items: brief(items) }),
    ...(anyOf && { anyOf: anyOf.map(brief) }),
  }
}

/** Returns the built-in tools that the caller’s key allows, always in the same order. */
export function builtInTools(app: App, caller: Caller): Tool[] {
  return Object.entries(BUILT_IN)
    .filter(([, { operation }]) => allows(caller.permissions, OPERATION.get(operation)!.permission))
    .map(([name, tool]) => toolOf(app, caller, name, tool))
}

function toolOf(app: App, caller: Caller, name: string, { operation, input, output }: BuiltIn): Tool {
  const definition = DEFINITIONS.get(name)!
  return {
    label: name,
    definition,
    async call({ arguments: args, trace }) {
      const unknown = Object.keys(args).filter((key) => !Object.hasOwn(definition.inputSchema.properties!, key))
      if (unknown.length > 0) return failed(`${name} has no argument "${unknown[0]!.slice(0, 100)}"`)
      try {
        const answer = await app.call(
          operation,
          trace === undefined ? caller : { ...caller, trace },
          input?.(args) ?? args,
        )
        const text = stringifyJson(output.parse(answer))
        return { content: [{ type: 'text', text }], structuredContent: markNumbers(parseStoredJson(text)) as object }
      } catch (error) {
        if (!(error instanceof ZeroError)) throw error
        return failed(describeError(error))
      }
    },
  }
}

/** Formats an error with the details that a model needs to correct its call. */
export function describeError({ message, fields, retryAfter }: ZeroError): string {
  const details = fields?.map(({ loc, msg }) => `${loc.slice(1).join('.') || loc[0]}: ${msg}`)
  const later = retryAfter === undefined ? '' : ` (retry after ${retryAfter} s)`
  return `${details ? `${message}: ${details.join('; ')}` : message}${later}`
}
