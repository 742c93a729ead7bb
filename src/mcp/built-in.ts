import type { JSONObject, ToolAnnotations } from '@modelcontextprotocol/server'
import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { OPERATIONS } from '../operations/index.ts'
import { allows } from '../schema/login.ts'
import { failed, type Tool } from './tool.ts'

interface BuiltIn {
  description: string
  annotations: ToolAnnotations
  /** What a model may say: JSON Schemas by name, those that it must say first. */
  properties: Record<string, JSONObject>
  required: string[]
  operation: string
  /** The operation's input; the arguments as they are when absent. */
  input?(args: Record<string, unknown>): Record<string, unknown>
  /** What of the answer is worth a model's attention; all when absent. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what its operation says
  pick?(answer: any): unknown
}

const string = { type: 'string' }
const count = { type: 'integer' }
const object = { type: 'object' }
const reads = { readOnlyHint: true }
const limit = { ...count, description: 'Most results, up to 1000' }

/** What every project can do without a function: each of them is an operation of the API. */
const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  remember: {
    description: 'Keep a fact, preference or event for later. Stored word for word.',
    annotations: { destructiveHint: false },
    properties: {
      content: { ...string, description: 'Understandable by itself: names instead of pronouns' },
      tags: { type: 'array', items: string },
      session_id: string,
    },
    required: ['content'],
    operation: 'memory.remember',
    pick: ({ memory_id, created_at }) => ({ memory_id, created_at }),
  },
  recall: {
    description: 'Find what was remembered about something, best first.',
    annotations: reads,
    properties: { query: { ...string, description: 'A question, or a few words' }, limit, session_id: string },
    required: ['query'],
    operation: 'memory.recall',
    pick: ({ results }) => ({
      memories: results.map(({ memory_id, content, score, tags, created_at }: Record<string, unknown>) => ({
        memory_id,
        content,
        score,
        tags,
        created_at,
      })),
    }),
  },
  forget: {
    description: 'Delete a memory and all that was derived from it.',
    annotations: { destructiveHint: true },
    properties: { memory_id: { ...string, description: 'As recall gives it' } },
    required: ['memory_id'],
    operation: 'memory.forget',
  },
  search_vectors: {
    description: 'Find stored documents by meaning.',
    annotations: reads,
    properties: {
      query: string,
      namespace: string,
      limit,
      metadata_filter: { ...object, description: 'Equal values by key' },
    },
    required: ['query'],
    operation: 'vectors.search',
    pick: ({ results }) => ({
      results: results.map(
        ({ vector_id, document, summary, metadata, similarity, namespace }: Record<string, unknown>) => ({
          vector_id,
          namespace,
          similarity,
          document,
          summary,
          metadata,
        }),
      ),
    }),
  },
  graph_neighbors: {
    description: 'What a person, place or thing is related to, according to the memories.',
    annotations: reads,
    properties: { entity: { ...string, description: 'A name' }, limit },
    required: ['entity'],
    operation: 'graph.neighbors',
    pick: ({ entity, relationships }) => ({
      entity: { name: entity.name, type: entity.type },
      relationships: relationships.map(({ subject, predicate, object: other, sources }: Record<string, unknown>) => ({
        subject,
        predicate,
        object: other,
        memory_ids: sources,
      })),
    }),
  },
  query_table: {
    description: 'Rows of a table that meet conditions.',
    annotations: reads,
    properties: {
      table: string,
      filters: { ...object, description: 'Values by field, or {"$gt": 5}; also $gte $lt $lte $ne $in' },
      sort: { ...object, description: '1 or -1 by field' },
      limit,
      offset: count,
    },
    required: ['table'],
    operation: 'rows.query',
    pick: ({ total, has_more, data }) => ({
      total,
      has_more,
      rows: data.map(({ row_id, row_data }: Record<string, unknown>) => ({ row_id, ...(row_data as object) })),
    }),
  },
  store_text: {
    description: 'Store a text as a file.',
    annotations: { destructiveHint: false },
    properties: { file_name: string, text: string, folder: string, content_type: string },
    required: ['file_name', 'text'],
    operation: 'files.upload',
    input: ({ text, content_type = 'text/plain; charset=utf-8', ...rest }) => ({
      ...rest,
      content_type,
      ...(typeof text === 'string' ? { file_content: Buffer.from(text).toString('base64') } : { file_content: text }),
    }),
    pick: ({ file_id, file_name, size_bytes }) => ({ file_id, file_name, size_bytes }),
  },
  publish_event: {
    description: 'Publish an event to a topic: whoever listens reacts.',
    annotations: { destructiveHint: false },
    properties: { topic: string, payload: object },
    required: ['topic'],
    operation: 'events.publish',
    input: ({ payload, ...rest }) => ({ ...rest, ...(payload === undefined ? {} : { event_payload: payload }) }),
    pick: ({ event_id, topic, published_at }) => ({ event_id, topic, published_at }),
  },
}

const PERMISSIONS = new Map(OPERATIONS.map(({ name, permission }) => [name, permission]))

/** Those that the caller's key allows, always in the same order. */
export function builtInTools(app: App, caller: Caller): Tool[] {
  return Object.entries(BUILT_IN)
    .filter(([, { operation }]) => allows(caller.permissions, PERMISSIONS.get(operation)!))
    .map(([name, tool]) => toolOf(app, caller, name, tool))
}

function toolOf(app: App, caller: Caller, name: string, tool: BuiltIn): Tool {
  const { description, annotations, properties, required, operation } = tool
  return {
    label: name,
    definition: { name, description, inputSchema: { type: 'object', properties, required }, annotations },
    async call({ arguments: args, trace }) {
      const unknown = Object.keys(args).filter((key) => !Object.hasOwn(properties, key))
      if (unknown.length > 0) return failed(`${name} has no argument "${unknown[0]!.slice(0, 100)}"`)
      try {
        const answer = await app.call(
          operation,
          trace === undefined ? caller : { ...caller, trace },
          tool.input?.(args) ?? args,
        )
        return { content: [{ type: 'text', text: stringifyJson(tool.pick?.(answer) ?? answer) }] }
      } catch (error) {
        if (!(error instanceof ZeroError)) throw error
        return failed(inWords(error))
      }
    },
  }
}

/** An error with all that a model needs to do better. */
export function inWords({ message, fields, retryAfter }: ZeroError): string {
  const wrong = fields?.map(({ loc, msg }) => `${loc.slice(1).join('.') || loc[0]}: ${msg}`)
  const later = retryAfter === undefined ? '' : ` (try again after ${retryAfter} s)`
  return `${wrong ? `${message}: ${wrong.join('; ')}` : message}${later}`
}
