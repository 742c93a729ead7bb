import { stringifyJson } from '../exact-json.ts'
import { IGNORED_FIELDS } from '../operations/lib/ignored-fields.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { rewriteEventsQuery } from './dialects/events.ts'
import { rewriteFields } from './dialects/forms.ts'
import { ALL_MEMORIES_PATH, withMemoryLimit } from './dialects/memories.ts'
import { snakeCase } from './dialects/names.ts'

// Compatibility with existing clients: other prefixes, routes and field names. Operations only know the canonical ones.

const ID = '[0-9a-fA-F-]{36}'
const DATABASE = '/api/v1/projects/'

/**
 * Older and alternative paths, most specific first, for all methods or only GET and HEAD. `-` stands for the project of the caller's key. A
 * target can have a query, which is added to that of the request.
 */
const REWRITES: readonly [pattern: RegExp, target: string, isRead?: true][] = [
  [new RegExp(`^/(?:api/)?v1/public/zerodb/files/(${ID})$`), `${DATABASE}-/database/files/$1/download`, true],
  [/^\/(?:api\/)?v1\/public\/events\/stream$/, `${DATABASE}-/database/events/poll`, true],
  [/^\/(?:api\/)?v1\/(?:public\/)?zerodb\/(events|files|tables|vectors)(\/.*)?$/, `${DATABASE}-/database/$1$2`],
  [/^\/(?:api\/)?v1\/public\/(events|files|tables|vectors)(\/.*)?$/, `${DATABASE}-/database/$1$2`],
  [
    /^\/(?:api\/)?v1\/(?:public\/)?embeddings\/(generate|embed-and-store|search|models)$/,
    '/api/v1/projects/-/embeddings/$1',
  ],
  [/^\/(?:api\/)?v1\/(?:public\/)?zerodb\/hooks(\/.*)?$/, '/api/v1/hooks$1'],
  [
    new RegExp(`^/(?:api/)?v1/(?:public/)?(?:zerodb/)?(?:projects/)?(${ID})/database/hooks(/.*)?$`),
    '/api/v1/hooks$2?project_id=$1',
  ],
  [/^\/(?:api\/)?v1\/(?:public\/)?zerodb\/projects(.*)$/, '/api/v1/projects$1'],
  [/^\/(?:api\/)?v1\/(?:public\/)?projects(.*)$/, '/api/v1/projects$1'],
  [new RegExp(`^/(?:api/)?v1/(?:public/)?(?:zerodb/)?(${ID})/database(.*)$`), `${DATABASE}$1/database$2`],
  [new RegExp(`^/(?:api/)?v1/zerodb/(${ID})/events$`), `${DATABASE}$1/database/events/poll`, true],
  [new RegExp(`^/(?:api/)?v1/zerodb/(${ID})/events(/.*)?$`), `${DATABASE}$1/database/events$2`],
  [/^\/v1\/(.*)$/, '/api/v1/$1'],
]

/** The path of the list of published events, which clients query in several forms. */
const EVENTS_PATH = /^\/api\/v1\/projects\/[^/]+\/database\/events$/

/** Alternative routes by operation. */
export const ROUTE_ALIASES: Readonly<Record<string, readonly string[]>> = {
  'auth.me': ['GET /api/v1/public/auth/me'],
  'auth.register': ['POST /api/v1/public/auth/register'],
  'auth.login': ['POST /api/v1/public/auth/login', 'POST /api/v1/public/auth/login-json'],
  'auth.refresh': ['POST /api/v1/public/auth/refresh'],
  'auth.logout': ['POST /api/v1/public/auth/logout'],
  'keys.create': ['POST /api/v1/auth/keys'],
  'projects.update': ['PUT /api/v1/projects/:project_id'],
  'projects.status': ['GET /api/v1/projects/:project_id/database/status'],
  'embeddings.generate': ['POST /api/v1/projects/:project_id/database/embeddings/generate'],
  'embeddings.embed_and_store': ['POST /api/v1/projects/:project_id/database/embeddings/embed-and-store'],
  'embeddings.search': ['POST /api/v1/projects/:project_id/database/embeddings/search'],
  'embeddings.models': ['GET /api/v1/projects/:project_id/database/embeddings/models'],
  'memory.store': ['POST /api/v1/projects/:project_id/database/memory'],
  'memory.forget': [
    'DELETE /api/v1/public/memory/v2/forget',
    'DELETE /api/v1/public/memory/v2/forget/:memory_id',
    'DELETE /api/v1/public/memory/:memory_id',
  ],
  'memory.memories': [`GET ${ALL_MEMORIES_PATH}`],
  'memory.profile': ['GET /api/v1/public/memory/v2/profile/:entity_id', 'POST /api/v1/public/memory/v2/profile'],
  'graph.neighbors': ['GET /api/v1/public/memory/v2/graph/:entity'],
  'files.upload': [
    'POST /api/v1/projects/:project_id/database/files',
    'POST /api/v1/projects/:project_id/database/storage/upload',
    'POST /api/v1/projects/:project_id/files/upload',
  ],
  'files.presign': [
    'GET /api/v1/projects/:project_id/database/files/:file_id/presigned-url',
    'GET /api/v1/projects/:project_id/database/files/:file_id/url',
    'POST /api/v1/projects/:project_id/database/files/:file_id/url',
  ],
  'rows.query': ['POST /api/v1/projects/:project_id/database/tables/query'],
  'rows.insert': ['POST /api/v1/projects/:project_id/database/tables/insert'],
  'rows.upsert': ['POST /api/v1/projects/:project_id/database/tables/upsert'],
  'vectors.upsert_batch': ['POST /api/v1/projects/:project_id/database/vectors'],
  'vectors.delete_many': ['DELETE /api/v1/projects/:project_id/database/vectors'],
  'events.publish': ['POST /api/v1/projects/:project_id/database/events'],
  'events.consume': ['GET /api/v1/projects/:project_id/database/events/consume'],
  'memory.update': ['PUT /api/v1/projects/:project_id/database/memory/:memory_id'],
  'rows.update_many': [
    'POST /api/v1/projects/:project_id/database/tables/update',
    'PATCH /api/v1/projects/:project_id/database/tables/:table/rows',
    'PUT /api/v1/projects/:project_id/database/tables/:table/rows/bulk',
    'PATCH /api/v1/projects/:project_id/database/tables/:table/rows/bulk',
  ],
  'rows.delete_many': [
    'POST /api/v1/projects/:project_id/database/tables/delete',
    'DELETE /api/v1/projects/:project_id/database/tables/:table/rows/bulk',
  ],
}

/** Alternative field names by operation. */
const FIELD_ALIASES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'auth.login': { email: ['username'] },
  'vectors.upsert': {
    vector_metadata: ['metadata'],
    vector_id: ['id'],
    vector_embedding: ['embedding', 'vector', 'values'],
  },
  'vectors.upsert_batch': { vectors: ['items'] },
  'vectors.search': {
    query_vector: ['vector', 'values', 'query_embedding'],
    limit: ['top_k'],
    threshold: ['similarity_threshold'],
    metadata_filter: ['filter', 'filter_metadata'],
  },
  'vectors.list': { offset: ['skip'], metadata_filter: ['filter', 'filter_metadata'] },
  'vectors.delete_many': { vector_ids: ['ids', 'id'], metadata_filter: ['filter', 'filter_metadata'] },
  'embeddings.generate': { texts: ['input'] },
  'embeddings.embed_and_store': { texts: ['input'], namespace: ['collection'] },
  'embeddings.search': {
    limit: ['top_k'],
    threshold: ['similarity_threshold'],
    namespace: ['collection'],
    metadata_filter: ['filter', 'filter_metadata'],
  },
  'memory.store': { memory_metadata: ['metadata'] },
  'memory.batch_store': { records: ['memories', 'items'] },
  'memory.batch_update': { memory_id: ['id'], memory_metadata: ['metadata'] },
  'memory.batch_delete': { memory_ids: ['ids'] },
  'memory.search': { limit: ['top_k'], threshold: ['similarity_threshold'] },
  'memory.list': { offset: ['skip'] },
  'memory.remember': { event_at: ['timestamp'] },
  'memory.recall': { limit: ['top_k'], threshold: ['similarity_threshold'] },
  'memory.recall_context': { limit: ['top_k'] },
  'memory.forget': { memory_id: ['id'] },
  'files.upload': { file_metadata: ['metadata'], size_bytes: ['file_size'], content_type: ['mime_type'] },
  'files.presign': { expires_in: ['expiration_seconds', 'expiration', 'expires'] },
  'files.presign_upload': { expires_in: ['expiration_seconds', 'expiration', 'expires'] },
  'files.list': { offset: ['skip'] },
  'tables.create': { table_name: ['name'], schema_definition: ['schema'] },
  'tables.list': { offset: ['skip'] },
  'rows.list': { offset: ['skip'] },
  'rows.update_many': { filter: ['filters', 'where'], update: ['updates'] },
  'rows.delete_many': { filter: ['filters', 'where'] },
  'memory.update': { memory_metadata: ['metadata'] },
  'vectors.update': { vector_metadata: ['metadata'] },
  'files.update': { file_metadata: ['metadata'], content_type: ['mime_type'] },
  'rows.query': { filters: ['filter'], offset: ['skip'] },
  'events.publish': { topic: ['event_type', 'type'], event_payload: ['event_data', 'data', 'payload'] },
  'events.list': { topic: ['event_type', 'type'], offset: ['skip'], since: ['start_time'] },
  'events.poll': { topic: ['event_type', 'type'], since: ['start_time'] },
  'events.consume': { topic: ['event_type', 'type'] },
  'events.count': { topic: ['event_type', 'type'], since: ['start_time'] },
  'events.clear': { topic: ['event_type', 'type'] },
  'events.stream': { topic: ['event_type', 'type'], from_timestamp: ['since', 'start_time'] },
  'projects.list': { offset: ['skip'] },
}

/** Names of a field that a client may send together with different values. The first one sent wins; the others are ignored with a warning. */
export const PREFERRED_NAMES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'events.publish': { topic: ['topic', 'event_type', 'type'] },
}

/** Returns the canonical URL of a request, without a trailing slash in the path. */
export function rewriteUrl(method: string, url: string): string {
  // The path after a function's name belongs to the function and must not change.
  if (url.startsWith('/fn/')) return url
  const isRead = method === 'GET' || method === 'HEAD'
  const [sentPath = '', sentQuery] = url.split(/\?(.*)/s, 2)
  let path = sentPath.length > 1 ? sentPath.replace(/\/+$/, '') : sentPath
  const rewrite = REWRITES.find(([pattern, , onlyReads]) => (isRead || !onlyReads) && pattern.test(path))
  let query = sentQuery
  if (rewrite) {
    const [target = '', added] = path.replace(rewrite[0], rewrite[1]).split('?')
    path = target
    if (added !== undefined) query = sentQuery ? `${added}&${sentQuery}` : added
  }
  if (isRead && path === ALL_MEMORIES_PATH) query = withMemoryLimit(query)
  const canonical = isRead && EVENTS_PATH.test(path) ? rewriteEventsQuery(path, query) : { path, query }
  return canonical.query === undefined ? canonical.path : `${canonical.path}?${canonical.query}`
}

export interface NamedField {
  /** The canonical name. */
  name: string
  /** The name under which the field was sent. */
  sent: string
  value: unknown
}

/** Returns the fields of a request with canonical names: converts camelCase to snake_case and replaces aliases of the operation. */
export function renameFields(operation: string, fields: Readonly<Record<string, unknown>>): NamedField[] {
  const canonical = canonicalNames(operation)
  const batch = BATCHES[operation]
  return Object.entries(rewriteFields(operation, fields)).flatMap(([sent, value]) => {
    const name = canonical.get(snakeCase(sent)) ?? snakeCase(sent)
    if (batch?.field !== name || !Array.isArray(value)) return [{ name, sent, value }]
    const ignored = new Map<string, NamedField>()
    const items = value.map((item) => renameItem(batch.item, item, `${sent}[].`, ignored))
    return [{ name, sent, value: items }, ...ignored.values()]
  })
}

/** Operations with a list whose items have the aliases of a single operation. */
const BATCHES: Readonly<Record<string, { field: string; item: string }>> = {
  'vectors.upsert_batch': { field: 'vectors', item: 'vectors.upsert' },
  'memory.batch_store': { field: 'records', item: 'memory.store' },
  'memory.batch_update': { field: 'updates', item: 'memory.batch_update' },
  'events.publish_batch': { field: 'events', item: 'events.publish' },
}

/**
 * Renames the fields of a batch item. Of contradicting names in `PREFERRED_NAMES`, the first one wins. Others are both kept, so that
 * validation rejects the alias as unknown. Fields without effect are moved to `ignored`, so that the batch has a warning about them.
 */
function renameItem(operation: string, item: unknown, prefix: string, ignored: Map<string, NamedField>): unknown {
  if (!isJsonObject(item)) return item
  const renamed = new Map<string, { sent: string; value: unknown }>()
  for (const { name, sent, value } of renameFields(operation, item)) {
    if (IGNORED_FIELDS[operation]?.includes(name)) {
      ignored.set(name, { name, sent: `${prefix}${sent}`, value })
      continue
    }
    const first = renamed.get(name)
    const preferred = PREFERRED_NAMES[operation]?.[name]
    if (!first || stringifyJson(first.value) === stringifyJson(value)) renamed.set(name, { sent, value })
    else if (!preferred) renamed.set(sent, { sent, value })
    else if (preferred.indexOf(sent) < preferred.indexOf(first.sent)) renamed.set(name, { sent, value })
  }
  return Object.fromEntries([...renamed].map(([name, { value }]) => [name, value]))
}

const canonicalByOperation = new Map<string, ReadonlyMap<string, string>>()

function canonicalNames(operation: string): ReadonlyMap<string, string> {
  const known = canonicalByOperation.get(operation)
  if (known) return known
  const pairs = Object.entries(FIELD_ALIASES[operation] ?? {})
  const names = new Map(pairs.flatMap(([name, others]) => others.map((other) => [other, name] as const)))
  canonicalByOperation.set(operation, names)
  return names
}
