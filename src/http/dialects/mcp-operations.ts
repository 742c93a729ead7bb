import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ZeroError } from '../../errors.ts'
import { flag, metadata, name, projectId } from '../../schema/common.ts'
import { EVENT_NAMES } from '../../schema/events.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import { safeParse } from '../../schema/safe-parse.ts'
import { shapeErrors } from '../../schema/shape-errors.ts'

// The operations of `POST /api/v1/public/mcp`, which MCP bridges and queue clients call by name. Each one is executed by an operation of the API.

type Fields = Readonly<Record<string, unknown>>

export interface McpContext {
  /** The parameters as sent, without those that only this dialect knows. */
  params: Fields
  /** The parameters that only this dialect knows, as booleans. */
  switches: Readonly<Record<string, boolean | undefined>>
  /** Id of the project of the call. */
  project_id: string
  /** Executes an operation of the API for the caller. */
  call(operation: string, fields: Fields): Promise<unknown>
}

export interface McpOperation {
  /** The operation of the API that executes it. */
  operation: string
  /** Selects another operation by a parameter. */
  select?(params: Readonly<Fields>): string
  /** Names of parameters that clients send, by our name. The first one is used in errors about a missing field. */
  names?: Readonly<Record<string, readonly string[]>>
  /** Parameters without effect. They are accepted and reported in `warnings`. */
  ignored?: readonly string[]
  /** Boolean parameters that only this dialect knows. */
  switches?: readonly string[]
  /** Checks parameters and converts them to fields of the operation. */
  prepare?(context: McpContext): Fields
  /** Converts the result of the operation to what clients read. */
  finish?(result: unknown, context: McpContext): Fields | Promise<Fields>
  /** Takes the place of the call of `operation`. */
  run?(context: McpContext): Promise<Fields>
}

const TABLE = { table: ['table_id', 'table_name'] }
const PROJECT_NAME = { name: ['project_name'] }
/** Length of a page of `export_vectors`. */
const DEFAULT_EXPORT_LIMIT = 1000
const MAX_EVENT_TYPES = 20
const STREAM_TOKEN_SECONDS = 3600

/** All operations that are executed, by the name under which clients call them. */
export const MCP_OPERATIONS: Readonly<Record<string, McpOperation>> = {
  generate_embeddings: { operation: 'embeddings.generate' },
  embed_and_store: {
    operation: 'embeddings.embed_and_store',
    names: { vector_ids: ['ids'] },
    prepare: ({ params }) => withMetadataList(params),
  },
  semantic_search: { operation: 'embeddings.search', names: { query: ['query_text'] } },

  store_memory: { operation: 'memory.store' },
  search_memory: { operation: 'memory.search' },
  get_context: {
    operation: 'memory.context',
    prepare: ({ params: { agent_id: _, ...params } }) => params,
    finish(result, { params: { agent_id } }) {
      if (agent_id == null) return of(result)
      // The estimate counts the tokens of all agents, so it is left out.
      const {
        messages,
        estimated_tokens: _,
        ...context
      } = of(result) as { messages: Fields[]; estimated_tokens: unknown }
      const own = messages.filter((message) => message['agent_id'] === agent_id)
      return { ...context, messages: own, message_count: own.length }
    },
  },

  upsert_vector: { operation: 'vectors.upsert' },
  batch_upsert_vectors: { operation: 'vectors.upsert_batch' },
  search_vectors: { operation: 'vectors.search' },
  get_vector: {
    operation: 'vectors.get',
    switches: ['include_embedding'],
    finish: (result, { switches }) => (switches['include_embedding'] === false ? withoutEmbedding(result) : of(result)),
  },
  delete_vector: { operation: 'vectors.delete', finish: deleted('vector_id') },
  list_vectors: { operation: 'vectors.list' },
  vector_stats: { operation: 'vectors.stats' },
  create_vector_index: {
    operation: 'vectors.stats',
    ignored: ['index_type', 'index_params'],
    prepare: ({ params }) => requireOne(params, 'distance_metric', 'cosine'),
    finish: (stats) => ({
      created: false,
      status: 'automatic',
      index_type: 'hnsw',
      distance_metric: 'cosine',
      message: 'The server builds an HNSW index by itself when there are enough vectors of one size',
      stats: of(stats),
    }),
  },
  optimize_vector_storage: {
    operation: 'vectors.stats',
    ignored: ['optimize_type'],
    switches: ['dry_run'],
    finish: (stats, { switches }) => ({
      optimized: false,
      status: 'automatic',
      dry_run: switches['dry_run'] ?? false,
      message: 'The database maintains the storage and the indexes of vectors by itself: there is nothing to do',
      stats: of(stats),
    }),
  },
  export_vectors: {
    operation: 'vectors.list',
    switches: ['include_embeddings'],
    prepare: ({ params }) => ({ limit: DEFAULT_EXPORT_LIMIT, ...requireOne(params, 'format', 'json') }),
    finish(result, { switches }) {
      const { vectors, ...page } = of(result) as { vectors: readonly unknown[] }
      const exported = switches['include_embeddings'] === false ? vectors.map(withoutEmbedding) : vectors
      return { format: 'json', vectors: exported, count: exported.length, ...page }
    },
  },

  create_table: { operation: 'tables.create' },
  list_tables: { operation: 'tables.list', finish: listAs('tables') },
  get_table: {
    operation: 'tables.get',
    names: TABLE,
    switches: ['include_stats'],
    async finish(result, { switches, project_id, call }) {
      const table = of(result)
      if (switches['include_stats'] === false) return table
      const { total, total_is_exact } = of(await call('rows.query', { project_id, table: table['table_id'], limit: 0 }))
      return { ...table, row_count: total, row_count_is_exact: total_is_exact }
    },
  },
  delete_table: {
    operation: 'tables.delete',
    names: TABLE,
    switches: ['confirm'],
    // Queue clients send no `confirm`.
    prepare: (context) => confirmed(context, context.switches['confirm'] ?? true),
    finish: deleted('table_id', 'table_name', 'table'),
  },
  insert_rows: {
    operation: 'rows.insert',
    names: TABLE,
    switches: ['return_ids'],
    prepare: ({ params: { row_data, ...params } }) =>
      row_data === undefined ? params : { ...params, rows: params['rows'] ?? [row_data] },
    finish(result, { switches }) {
      const { rows, row_ids, ...counts } = of(result) as { rows: readonly unknown[]; row_ids: unknown }
      return switches['return_ids'] === false ? counts : { rows: rows.map(flatRow), row_ids, ...counts }
    },
  },
  query_rows: {
    operation: 'rows.query',
    names: TABLE,
    finish(result) {
      const { rows, data: _, ...page } = of(result) as { rows: readonly unknown[]; data: unknown }
      return { rows: rows.map(flatRow), ...page }
    },
  },
  update_rows: { operation: 'rows.update_many', names: TABLE },
  delete_rows: { operation: 'rows.delete_many', names: TABLE },

  upload_file: { operation: 'files.upload' },
  download_file: {
    operation: 'files.download',
    switches: ['return_base64'],
    async run({ params, switches, call }) {
      if (switches['return_base64'] === false) return of(await call('files.presign', params))
      const file = of(await call('files.get', params))
      const { content, content_type, file_name } = of(await call('files.download', params))
      const { file_id, size_bytes } = file
      const file_content = of(content)['$bytes']
      return { file_id, file_name, content_type, size_bytes, encoding: 'base64', file_content, content: file_content }
    },
  },
  list_files: { operation: 'files.list', finish: listAs('files') },
  delete_file: { operation: 'files.delete', finish: deleted('file_id') },
  get_file_metadata: { operation: 'files.get' },
  generate_presigned_url: {
    operation: 'files.presign',
    select: ({ operation }) => (operation === 'upload' ? 'files.presign_upload' : 'files.presign'),
    prepare({ params: { operation, ...params } }) {
      return operation === 'upload' || operation === undefined ? params : { operation, ...params }
    },
  },

  create_event: { operation: 'events.publish' },
  list_events: {
    operation: 'events.list',
    finish(result) {
      const { events, ...page } = of(result) as { events: readonly unknown[] }
      return { events, count: events.length, ...page }
    },
  },
  get_event: { operation: 'events.get' },
  subscribe_to_events: { operation: 'hooks.create', names: { hook_config: ['webhook_url'] }, run: subscribe },
  event_stats: {
    operation: 'events.stats',
    prepare: ({ params: { event_type: _, ...params } }) => withTimeRange(params),
    finish(result, { params }) {
      const stats = of(result)
      const wanted = params['event_type']
      if (wanted == null) return stats
      const topics = (stats['topics'] as readonly Fields[]).filter(({ topic }) => topic === wanted)
      return { ...stats, topics, event_type: wanted, count: topics[0]?.['count'] ?? 0 }
    },
  },

  create_project: { operation: 'projects.create', names: PROJECT_NAME, finish: withProjectNames },
  get_project: { operation: 'projects.get', finish: withProjectNames },
  list_projects: { operation: 'projects.list', finish: listAs('projects', withProjectNames) },
  update_project: { operation: 'projects.update', names: PROJECT_NAME, finish: withProjectNames },
  delete_project: {
    operation: 'projects.delete',
    switches: ['confirm'],
    prepare: (context) => confirmed(context, context.switches['confirm'] ?? false),
    finish: deleted('project_id'),
  },
  get_project_stats: { operation: 'projects.stats', ignored: ['include_details'] },
  enable_database: { operation: 'projects.enable_database', ignored: ['features'] },
}

/** Families of operations of the hosted service that this server does not have. */
const OTHER_FAMILY = /^(quantum|rlhf|admin|postgres|turboquant|agent402|billing|swarm)_/

/** Tells whether an operation exists in the hosted service, but not here. */
export const isOutOfScope = (operation: string) => OTHER_FAMILY.test(operation)

const of = (value: unknown): Fields => (isJsonObject(value) ? value : {})

function invalid(field: string, msg: string): ZeroError {
  return new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'value_error', loc: ['body', field], msg }],
  })
}

/** Returns the parameters without one that has only one possible value. Throws `validation_failed` for another value. */
function requireOne(params: Fields, field: string, only: string): Fields {
  const { [field]: given, ...rest } = params
  if (given == null || given === only) return rest
  throw invalid(field, `Input should be '${only}', the only one that this server has`)
}

function confirmed({ params }: McpContext, isConfirmed: boolean): Fields {
  if (isConfirmed) return params
  throw invalid('confirm', 'This deletes everything in it: send confirm: true')
}

/** Returns the finish of a deletion: which object was deleted, under the first of the names that was sent. */
function deleted(...names: readonly string[]) {
  return (_: unknown, { params, project_id }: McpContext): Fields => {
    const name = names.find((each) => params[each] !== undefined) ?? names[0]!
    return { deleted: true, [name]: params[name] ?? (name === 'project_id' ? project_id : undefined) }
  }
}

/** Returns the finish of a list that is an array: an object with the list and its length. */
function listAs(field: string, convert: (item: unknown) => unknown = (item) => item) {
  return (result: unknown): Fields => {
    const items = result as readonly unknown[]
    return { [field]: items.map((item) => convert(item)), count: items.length }
  }
}

/** Puts the fields of a row beside the row's own data, where clients read them. A field of the data wins over ours, except for `row_id`. */
function flatRow(row: unknown): Fields {
  const { row_id, row_data, ...rest } = of(row)
  return { ...rest, ...of(row_data), row_id, row_data }
}

function withoutEmbedding(vector: unknown): Fields {
  const { vector_embedding: _, ...rest } = of(vector)
  return rest
}

/** Adds the names of id and name that clients of this dialect read. */
function withProjectNames(project: unknown): Fields {
  const { id, name } = of(project)
  return { ...of(project), project_id: id, project_name: name }
}

/** Converts `metadata`, an object for all texts or a list with one for each, to a list. */
function withMetadataList({ metadata: given, ...params }: Fields): Fields {
  const { texts } = params
  if (given == null) return params
  if (Array.isArray(given)) return { ...params, metadata_list: given }
  return Array.isArray(texts) ? { ...params, metadata_list: texts.map(() => given) } : { ...params, metadata: given }
}

const TIME_RANGES: Readonly<Record<string, string>> = { hour: '1h', day: '24h', week: '7d', month: '30d' }

function withTimeRange(params: Fields): Fields {
  const { time_range = 'day' } = params
  return { ...params, time_range: TIME_RANGES[String(time_range)] ?? time_range }
}

const subscription = z.strictObject({
  project_id: projectId.optional(),
  event_types: z.array(name).min(1).max(MAX_EVENT_TYPES),
  filter: metadata.nullish(),
  webhook_url: z.string().nullish(),
})

/**
 * Subscribes to event types and to topics of published events. With `webhook_url`, creates a webhook for each event type and one for all
 * topics, or none of them. Otherwise returns where the events can be read.
 */
async function subscribe({ params, project_id, call }: McpContext): Promise<Fields> {
  const parsed = safeParse(subscription, params)
  if (!parsed.success)
    throw new ZeroError('validation_failed', undefined, {
      fields: shapeErrors(parsed.error, params, () => 'body', subscription),
    })
  const { webhook_url, filter } = parsed.data
  const event_types = [...new Set(parsed.data.event_types)]
  if (webhook_url == null) {
    if (filter != null) throw invalid('filter', 'A filter needs webhook_url: streams and polls have none')
    return sourcesOf(event_types, project_id, call)
  }
  const id = randomUUID()
  const created: Fields[] = []
  let secret: unknown
  try {
    for (const hook of hooksOf(event_types, filter ?? null)) {
      const hook_config = { url: webhook_url, ...(secret === undefined ? {} : { secret }) }
      const made = of(await call('hooks.create', { ...hook, project_id, hook_name: `webhook:${id}`, hook_config }))
      created.push(made)
      secret = made['webhook_secret']
    }
  } catch (error) {
    for (const hook of created) await call('hooks.delete', { hook_id: hook['id'] })
    throw error
  }
  return {
    subscription_id: id,
    status: 'active',
    event_types,
    webhook_url,
    webhook_secret: secret,
    hook_ids: created.map((hook) => hook['id']),
  }
}

const isEventType = (type: string) => EVENT_NAMES.some((known) => known === type)
const PUBLISHED = 'zerodb.event.published'

/** Returns the hooks of a subscription. Names that are not event types are topics of published events, which have one hook together. */
function hooksOf(types: readonly string[], filter: Fields | null): Fields[] {
  const topics = types.filter((type) => !isEventType(type))
  const hooks: Fields[] = types.filter(isEventType).map((event_type) => ({ event_type, filter }))
  if (topics.length === 0 || types.includes(PUBLISHED)) return hooks
  const ofTopics = { 'data.topic': { $in: topics } }
  return [...hooks, { event_type: PUBLISHED, filter: filter === null ? ofTopics : { $and: [ofTopics, filter] } }]
}

/** Returns for each event type where its events can be polled, and streamed if it is a topic. */
async function sourcesOf(types: readonly string[], project_id: string, call: McpContext['call']): Promise<Fields> {
  const fields = { project_id, expires_in: STREAM_TOKEN_SECONDS }
  const { url_path, token, expires_at } = of(await call('events.stream_token', fields))
  const poll = `/api/v1/projects/${project_id}/database/events/poll`
  return {
    subscription_id: null,
    status: 'pull',
    event_types: types,
    sources: types.map((event_type) => {
      const topic = encodeURIComponent(event_type)
      const stream_path = isEventType(event_type) ? null : `${String(url_path)}&topic=${topic}`
      return { event_type, poll_path: `${poll}?topic=${topic}`, stream_path }
    }),
    token,
    expires_at,
    message: 'Nothing is sent to you without webhook_url: poll or stream the events',
  }
}

/** Takes the boolean parameters of the dialect out of the parameters. Throws `validation_failed` for another type. */
export function takeSwitches(
  names: readonly string[],
  params: Fields,
): { params: Fields; switches: McpContext['switches'] } {
  const rest: Record<string, unknown> = { ...params }
  const switches: Record<string, boolean | undefined> = {}
  for (const each of names) {
    const parsed = flag.nullish().safeParse(rest[each])
    if (!parsed.success) throw invalid(each, 'Input should be a valid boolean')
    switches[each] = parsed.data ?? undefined
    delete rest[each]
  }
  return { params: rest, switches }
}
