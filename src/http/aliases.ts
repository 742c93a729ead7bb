import { isJsonObject } from '../schema/json-object.ts'

// The dialects of clients in the field: other prefixes, other routes, other names of fields. Operations know only the canonical ones.

const ID = '[0-9a-fA-F-]{36}'
const DATABASE = '/api/v1/projects/'

/** Old and other addresses, most particular first. `-` stands for the caller's own project. */
const REWRITES: readonly [RegExp, string][] = [
  [/^\/(?:api\/)?v1\/public\/zerodb\/files$/, `${DATABASE}-/database/files/upload`],
  [new RegExp(`^/(?:api/)?v1/public/zerodb/files/(${ID})$`), `${DATABASE}-/database/files/$1/download`],
  [/^\/(?:api\/)?v1\/(?:public\/)?zerodb\/events$/, `${DATABASE}-/database/events`],
  [/^\/(?:api\/)?v1\/(?:public\/)?zerodb\/projects(.*)$/, '/api/v1/projects$1'],
  [/^\/(?:api\/)?v1\/(?:public\/)?projects(.*)$/, '/api/v1/projects$1'],
  [new RegExp(`^/(?:api/)?v1/(?:public/)?(?:zerodb/)?(${ID})/database(.*)$`), `${DATABASE}$1/database$2`],
  [new RegExp(`^/(?:api/)?v1/zerodb/(${ID})/events$`), `${DATABASE}$1/database/events?array=true`],
  [/^\/v1\/(.*)$/, '/api/v1/$1'],
]

/** Routes beside the canonical one, by operation. */
export const ROUTE_ALIASES: Readonly<Record<string, readonly string[]>> = {
  'auth.me': ['GET /api/v1/public/auth/me'],
  'auth.register': ['POST /api/v1/public/auth/register'],
  'auth.login': ['POST /api/v1/public/auth/login'],
  'auth.refresh': ['POST /api/v1/public/auth/refresh'],
  'auth.logout': ['POST /api/v1/public/auth/logout'],
  'keys.create': ['POST /api/v1/auth/keys'],
  'projects.update': ['PUT /api/v1/projects/:project_id'],
  'projects.status': ['GET /api/v1/projects/:project_id/database/status'],
  'memory.store': ['POST /api/v1/projects/:project_id/database/memory'],
  'memory.forget': ['DELETE /api/v1/public/memory/v2/forget/:memory_id'],
  'files.upload': [
    'POST /api/v1/projects/:project_id/database/files',
    'POST /api/v1/projects/:project_id/database/storage/upload',
    'POST /api/v1/projects/:project_id/files/upload',
  ],
  'events.publish': ['POST /api/v1/projects/:project_id/database/events'],
}

/** Other names of fields, by operation; the first of a field's names that is there is taken. */
const FIELD_ALIASES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'vectors.upsert': { vector_metadata: ['metadata'], vector_id: ['id'], vector_embedding: ['embedding', 'vector'] },
  'vectors.search': {
    query_vector: ['vector', 'query_embedding'],
    limit: ['top_k'],
    threshold: ['similarity_threshold'],
    metadata_filter: ['filter', 'filter_metadata'],
  },
  'vectors.list': { offset: ['skip'] },
  'memory.store': { memory_metadata: ['metadata'] },
  'memory.list': { offset: ['skip'] },
  'memory.recall': { limit: ['top_k'] },
  'files.upload': { file_metadata: ['metadata'], size_bytes: ['file_size'], content_type: ['mime_type'] },
  'files.list': { offset: ['skip'] },
  'tables.create': { table_name: ['name'], schema_definition: ['schema'] },
  'tables.list': { offset: ['skip'] },
  'rows.list': { offset: ['skip'] },
  'rows.query': { filters: ['filter'], offset: ['skip'] },
  'events.publish': { topic: ['event_type', 'type'], event_payload: ['event_data', 'data', 'payload'] },
  'events.list': { topic: ['event_type', 'type'], offset: ['skip'], since: ['start_time'] },
  'projects.list': { offset: ['skip'] },
}

/** The canonical address of a request. A trailing slash means nothing. */
export function rewriteUrl(url: string): string {
  // What follows a function's name is the function's.
  if (url.startsWith('/fn/')) return url
  const [path = '', query] = url.split(/\?(.*)/s, 2)
  let canonical = path.length > 1 ? path.replace(/\/+$/, '') : path
  for (const [pattern, target] of REWRITES) {
    if (pattern.test(canonical)) {
      canonical = canonical.replace(pattern, target)
      break
    }
  }
  if (query === undefined) return canonical
  return canonical + (canonical.includes('?') ? '&' : '?') + query
}

/** The fields of a request under their canonical names: camelCase becomes snake_case, and an alias gives way to the name itself. */
export function renameFields(operation: string, fields: Record<string, unknown>): Record<string, unknown> {
  // Without a prototype that a key "__proto__" could replace.
  const renamed: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(fields)) {
    const name = snakeCase(key)
    if (name === key || !(name in fields)) renamed[name] = value
  }
  const aliases = FIELD_ALIASES[operation] ?? {}
  for (const [name, others] of Object.entries(aliases)) {
    const used = others.find((other) => other in renamed)
    if (name in renamed || used === undefined) continue
    renamed[name] = renamed[used]
    delete renamed[used]
  }
  // A batch's items are written like single ones.
  if (operation === 'vectors.upsert_batch' && Array.isArray(renamed['vectors'])) {
    renamed['vectors'] = renamed['vectors'].map((item: unknown) =>
      isJsonObject(item) ? renameFields('vectors.upsert', item) : item,
    )
  }
  return renamed
}

function snakeCase(key: string): string {
  return /^[a-z]+([A-Z][a-z0-9]*)+$/.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key
}
