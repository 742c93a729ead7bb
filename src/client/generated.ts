// Generated from the operations by scripts/client.ts: `npm run generate` updates it.
import type { CallOptions, Download, DownloadOptions, Page, ResultStream, UploadContent } from './transport.ts'

/** Method and path of every operation; `:key` is a key of its input. */
export const ROUTES = {
  'auth.register': 'POST /api/v1/auth/register',
  'auth.login': 'POST /api/v1/auth/login',
  'auth.refresh': 'POST /api/v1/auth/refresh',
  'auth.logout': 'POST /api/v1/auth/logout',
  'auth.me': 'GET /api/v1/auth/me',
  'keys.create': 'POST /api/v1/auth/api-keys',
  'keys.list': 'GET /api/v1/auth/api-keys',
  'keys.revoke': 'DELETE /api/v1/auth/api-keys/:key_id',
  'instant_db.create': 'POST /api/v1/public/instant-db',
  'instant_db.claim': 'POST /api/v1/public/instant-db/claim',
  'hooks.create': 'POST /api/v1/hooks',
  'hooks.list': 'GET /api/v1/hooks',
  'hooks.get': 'GET /api/v1/hooks/:hook_id',
  'hooks.update': 'PATCH /api/v1/hooks/:hook_id',
  'hooks.delete': 'DELETE /api/v1/hooks/:hook_id',
  'hooks.rotate_secret': 'POST /api/v1/hooks/:hook_id/rotate-secret',
  'hooks.test_filter': 'POST /api/v1/hooks/test-filter',
  'hooks.invoke': 'POST /api/v1/hooks/:hook_id/invoke',
  'hooks.runs': 'GET /api/v1/hooks/:hook_id/runs',
  'hooks.backfill': 'POST /api/v1/hooks/:hook_id/backfill',
  'event_log.list': 'GET /api/v1/event-log',
  'event_log.stream': 'GET /api/v1/event-log/stream',
  'event_log.get': 'GET /api/v1/event-log/:event_id',
  'event_log.hooks': 'GET /api/v1/event-log/:event_id/hooks',
  'packages.target': 'GET /api/v1/packages/target',
  'packages.upload': 'POST /api/v1/packages',
  'functions.deploy': 'POST /api/v1/functions',
  'functions.list': 'GET /api/v1/functions',
  'functions.get': 'GET /api/v1/functions/:name',
  'functions.update': 'PATCH /api/v1/functions/:name',
  'functions.delete': 'DELETE /api/v1/functions/:name',
  'functions.versions': 'GET /api/v1/functions/:name/versions',
  'functions.version': 'GET /api/v1/functions/:name/versions/:version',
  'functions.diff': 'GET /api/v1/functions/:name/diff',
  'functions.rollback': 'POST /api/v1/functions/:name/rollback',
  'functions.invoke': 'POST /api/v1/functions/:name/invoke',
  'secrets.list': 'GET /api/v1/secrets',
  'secrets.set': 'PUT /api/v1/secrets/:name',
  'secrets.delete': 'DELETE /api/v1/secrets/:name',
  'secrets.history': 'GET /api/v1/secrets/history',
  'env_sets.list': 'GET /api/v1/env-sets',
  'env_sets.get': 'GET /api/v1/env-sets/:name',
  'env_sets.set': 'PUT /api/v1/env-sets/:name',
  'env_sets.delete': 'DELETE /api/v1/env-sets/:name',
  'env_sets.history': 'GET /api/v1/env-sets/:name/history',
  'schedules.create': 'POST /api/v1/schedules',
  'schedules.list': 'GET /api/v1/schedules',
  'schedules.get': 'GET /api/v1/schedules/:schedule_id',
  'schedules.update': 'PATCH /api/v1/schedules/:schedule_id',
  'schedules.run': 'POST /api/v1/schedules/:schedule_id/run',
  'schedules.delete': 'DELETE /api/v1/schedules/:schedule_id',
  'runs.list': 'GET /api/v1/runs',
  'runs.redrive': 'POST /api/v1/runs/redrive',
  'runs.get': 'GET /api/v1/runs/:run_id',
  'runs.logs': 'GET /api/v1/runs/:run_id/logs',
  'runs.retry': 'POST /api/v1/runs/:run_id/retry',
  'runs.cancel': 'POST /api/v1/runs/:run_id/cancel',
  'replays.create': 'POST /api/v1/replays',
  'replays.list': 'GET /api/v1/replays',
  'replays.get': 'GET /api/v1/replays/:replay_id',
  'replays.cancel': 'POST /api/v1/replays/:replay_id/cancel',
  'projects.create': 'POST /api/v1/projects',
  'projects.list': 'GET /api/v1/projects',
  'projects.get': 'GET /api/v1/projects/:project_id',
  'projects.update': 'PATCH /api/v1/projects/:project_id',
  'projects.delete': 'DELETE /api/v1/projects/:project_id',
  'projects.suspend': 'POST /api/v1/projects/:project_id/suspend',
  'projects.activate': 'POST /api/v1/projects/:project_id/activate',
  'projects.status': 'GET /api/v1/projects/:project_id/database',
  'projects.enable_database': 'POST /api/v1/projects/:project_id/database',
  'projects.configure_database': 'PUT /api/v1/projects/:project_id/database',
  'projects.stats': 'GET /api/v1/projects/:project_id/stats',
  'projects.export': 'GET /api/v1/projects/:project_id/export',
  'projects.import': 'POST /api/v1/projects/import',
  'backups.create': 'GET /api/v1/backup',
  'vectors.upsert': 'POST /api/v1/projects/:project_id/database/vectors/upsert',
  'vectors.upsert_batch': 'POST /api/v1/projects/:project_id/database/vectors/upsert-batch',
  'vectors.search': 'POST /api/v1/projects/:project_id/database/vectors/search',
  'vectors.list': 'GET /api/v1/projects/:project_id/database/vectors',
  'vectors.namespaces': 'GET /api/v1/projects/:project_id/database/vectors/namespaces',
  'vectors.stats': 'GET /api/v1/projects/:project_id/database/vectors/stats',
  'vectors.get': 'GET /api/v1/projects/:project_id/database/vectors/:vector_id',
  'vectors.update': 'PATCH /api/v1/projects/:project_id/database/vectors/:vector_id',
  'vectors.delete': 'DELETE /api/v1/projects/:project_id/database/vectors/:vector_id',
  'vectors.delete_many': 'POST /api/v1/projects/:project_id/database/vectors/delete',
  'embeddings.generate': 'POST /api/v1/projects/:project_id/embeddings/generate',
  'embeddings.embed_and_store': 'POST /api/v1/projects/:project_id/embeddings/embed-and-store',
  'embeddings.search': 'POST /api/v1/projects/:project_id/embeddings/search',
  'embeddings.models': 'GET /api/v1/projects/:project_id/embeddings/models',
  'embeddings.create': 'POST /api/v1/embeddings',
  'embeddings.re_embed': 'POST /api/v1/projects/:project_id/database/embeddings/re-embed',
  'memory.store': 'POST /api/v1/projects/:project_id/database/memory/store',
  'memory.list': 'GET /api/v1/projects/:project_id/database/memory',
  'memory.search': 'POST /api/v1/projects/:project_id/database/memory/search',
  'memory.stats': 'GET /api/v1/projects/:project_id/database/memory/stats',
  'memory.sessions': 'GET /api/v1/projects/:project_id/database/memory/sessions',
  'memory.delete_session': 'DELETE /api/v1/projects/:project_id/database/memory/sessions/:session_id',
  'memory.context': 'GET /api/v1/projects/:project_id/database/memory/context/:session_id',
  'memory.batch_store': 'POST /api/v1/projects/:project_id/database/memory/batch/upsert',
  'memory.batch_update': 'POST /api/v1/projects/:project_id/database/memory/batch/update',
  'memory.batch_delete': 'POST /api/v1/projects/:project_id/database/memory/batch/delete',
  'memory.get': 'GET /api/v1/projects/:project_id/database/memory/:memory_id',
  'memory.update': 'PATCH /api/v1/projects/:project_id/database/memory/:memory_id',
  'memory.delete': 'DELETE /api/v1/projects/:project_id/database/memory/:memory_id',
  'memory.remember': 'POST /api/v1/public/memory/v2/remember',
  'memory.recall': 'POST /api/v1/public/memory/v2/recall',
  'memory.recall_context': 'POST /api/v1/public/memory/v2/context',
  'memory.process': 'POST /api/v1/public/memory/v2/process',
  'memory.memories': 'GET /api/v1/public/memory/v2/memories',
  'memory.profile': 'GET /api/v1/public/memory/v2/profile',
  'memory.forget': 'POST /api/v1/public/memory/v2/forget',
  'graph.neighbors': 'GET /api/v1/public/memory/v2/graph/neighbors/:entity',
  'graph.path': 'GET /api/v1/public/memory/v2/graph/path/:from/:to',
  'graph.relate': 'POST /api/v1/public/memory/v2/relate',
  'graph.end_relation': 'DELETE /api/v1/public/memory/v2/graph/relations/:relation_id',
  'plans.create': 'POST /api/v1/public/memory/v2/plan',
  'plans.get': 'GET /api/v1/public/memory/v2/plan/:plan_id',
  'plans.update': 'PATCH /api/v1/public/memory/v2/plan/:plan_id',
  'plans.history': 'GET /api/v1/public/memory/v2/plan/:plan_id/history',
  'files.upload': 'POST /api/v1/projects/:project_id/database/files/upload',
  'files.list': 'GET /api/v1/projects/:project_id/database/files',
  'files.search': 'POST /api/v1/projects/:project_id/database/files/search',
  'files.get': 'GET /api/v1/projects/:project_id/database/files/:file_id',
  'files.download': 'GET /api/v1/projects/:project_id/database/files/:file_id/download',
  'files.presign': 'POST /api/v1/projects/:project_id/database/files/:file_id/presigned-url',
  'files.presign_upload': 'POST /api/v1/projects/:project_id/database/files/presigned-upload',
  'files.download_presigned': 'GET /api/v1/projects/:project_id/database/files/:file_id/presigned',
  'files.update': 'PATCH /api/v1/projects/:project_id/database/files/:file_id',
  'files.delete': 'DELETE /api/v1/projects/:project_id/database/files/:file_id',
  'tables.create': 'POST /api/v1/projects/:project_id/database/tables',
  'tables.list': 'GET /api/v1/projects/:project_id/database/tables',
  'tables.get': 'GET /api/v1/projects/:project_id/database/tables/:table',
  'tables.update': 'PATCH /api/v1/projects/:project_id/database/tables/:table',
  'tables.delete': 'DELETE /api/v1/projects/:project_id/database/tables/:table',
  'rows.insert': 'POST /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.upsert': 'POST /api/v1/projects/:project_id/database/tables/:table/rows/upsert',
  'rows.list': 'GET /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.query': 'POST /api/v1/projects/:project_id/database/tables/:table/query',
  'rows.aggregate': 'POST /api/v1/projects/:project_id/database/tables/:table/aggregate',
  'rows.get': 'GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id',
  'rows.replace': 'PUT /api/v1/projects/:project_id/database/tables/:table/rows/:row_id',
  'rows.update': 'PATCH /api/v1/projects/:project_id/database/tables/:table/rows/:row_id',
  'rows.delete': 'DELETE /api/v1/projects/:project_id/database/tables/:table/rows/:row_id',
  'rows.update_many': 'PUT /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.delete_many': 'DELETE /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.history': 'GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id/history',
  'events.publish': 'POST /api/v1/projects/:project_id/database/events/publish',
  'events.publish_batch': 'POST /api/v1/projects/:project_id/database/events/batch',
  'events.list': 'GET /api/v1/projects/:project_id/database/events',
  'events.poll': 'GET /api/v1/projects/:project_id/database/events/poll',
  'events.consume': 'POST /api/v1/projects/:project_id/database/events/consume',
  'events.count': 'GET /api/v1/projects/:project_id/database/events/count',
  'events.stats': 'GET /api/v1/projects/:project_id/database/events/stats',
  'events.stream': 'GET /api/v1/projects/:project_id/database/events/stream',
  'events.stream_token': 'POST /api/v1/projects/:project_id/database/events/stream-token',
  'events.get': 'GET /api/v1/projects/:project_id/database/events/:event_id',
  'events.clear': 'DELETE /api/v1/projects/:project_id/database/events',
  'sandbox.execute': 'POST /api/v1/sandbox/execute',
} as const

export type OperationName = keyof typeof ROUTES

/** Operations whose request or response is not JSON. */
export const KINDS: { readonly [Name in OperationName]?: 'upload' | 'bytes' | 'stream' } = {
  'event_log.stream': 'stream',
  'packages.upload': 'upload',
  'runs.logs': 'stream',
  'projects.export': 'bytes',
  'projects.import': 'upload',
  'backups.create': 'bytes',
  'files.upload': 'upload',
  'files.download': 'bytes',
  'files.download_presigned': 'bytes',
  'events.stream': 'stream',
}

/** Operations whose result can be streamed, with the verb for that. */
export const STREAMED: { readonly [Name in OperationName]?: string } = {
  'functions.invoke': 'stream',
}

/** Field of a paged response that has the items; '' for a bare array. */
export const PAGES: { readonly [Name in OperationName]?: string } = {
  'keys.list': '',
  'hooks.runs': 'items',
  'event_log.list': 'items',
  'secrets.history': 'items',
  'env_sets.history': 'items',
  'schedules.list': '',
  'runs.list': 'items',
  'replays.list': 'items',
  'projects.list': '',
  'vectors.search': 'vectors',
  'vectors.list': 'vectors',
  'vectors.namespaces': 'items',
  'memory.list': '',
  'memory.sessions': 'items',
  'memory.memories': 'memories',
  'plans.history': 'history',
  'files.list': '',
  'tables.list': '',
  'rows.list': 'data',
  'rows.query': 'data',
  'rows.history': 'items',
  'events.list': 'events',
}

/** Operations that only read although their method is not GET. */
export const READS: readonly OperationName[] = ['hooks.test_filter', 'packages.upload', 'projects.suspend', 'projects.activate', 'projects.enable_database', 'projects.configure_database', 'vectors.search', 'vectors.update', 'embeddings.generate', 'embeddings.search', 'embeddings.create', 'memory.search', 'memory.update', 'memory.recall', 'memory.recall_context', 'graph.relate', 'files.search', 'files.presign', 'files.update', 'tables.update', 'rows.upsert', 'rows.query', 'rows.aggregate', 'events.stream_token']

/** Streams whose last message is `end`; other streams have no end. */
export const ENDING: readonly OperationName[] = ['runs.logs']

/** `code` of an error response. */
export type ServerErrorCode =
  | 'malformed_request'
  | 'unauthorized'
  | 'forbidden'
  | 'quota_exceeded'
  | 'route_not_found'
  | 'not_found'
  | 'method_not_allowed'
  | 'email_taken'
  | 'chain_too_deep'
  | 'function_disabled'
  | 'function_hooked'
  | 'hook_exists'
  | 'idempotency_mismatch'
  | 'idempotency_running'
  | 'project_exists'
  | 'project_suspended'
  | 'replay_final'
  | 'run_final'
  | 'run_not_final'
  | 'row_exists'
  | 'schedule_exists'
  | 'table_exists'
  | 'version_conflict'
  | 'request_timeout'
  | 'too_large'
  | 'address_too_long'
  | 'unsupported_media_type'
  | 'validation_failed'
  | 'invalid'
  | 'dimension_mismatch'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal'
  | 'sandbox_unavailable'
  | 'sandbox_busy'
  | 'unavailable'
  | 'function_failed'
  | 'function_timeout'
  | 'provider_refused'
  | 'query_timeout'

interface EventOf<Name, Channel, Data> {
  id: string
  event: Name
  channel: Channel
  data: Data
  timestamp: string
}

/** An event as hooks receive it; `event` determines the fields of `data`. */
export type ZeroDBEvent =
  | EventOf<'zerodb.vector.stored', 'zerodb', {
      /** Id of the vector */
      vector_id: string
      /** Id of the project */
      project_id: string
      /** Namespace of the vector */
      namespace: string
      /** Source of the vector */
      source: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.vector.batch_stored', 'zerodb', {
      /** Id of the project */
      project_id: string
      /** Number of vectors stored */
      count: number
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.memory.stored', 'zerodb', {
      /** Id of the memory */
      memory_id: string
      /** Id of the project */
      project_id: string
      /** Agent that the memory belongs to; null when not given */
      agent_id: string | null
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.file.uploaded', 'zerodb', {
      /** Id of the file */
      file_id: string
      /** Id of the project */
      project_id: string
      /** Name of the file */
      file_name: string
      /** Media type of the content; null when unknown */
      content_type: string | null
      /** Size of the content in bytes; null when unknown */
      size_bytes: number | null
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.table.row_inserted', 'zerodb', {
      /** Name of the table */
      table_name: string
      /** Id of the row */
      row_id: string
      /** Id of the project */
      project_id: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.event.published', 'zerodb', {
      /** Id of the published event */
      event_id: string
      /** Id of the project */
      project_id: string
      /** Topic that the event was published to */
      topic: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zeromemory.remembered', 'zeromemory', {
      /** Id of the memory */
      memory_id: string
      /** Person or thing that the memory is about; null when not given */
      entity_id: string | null
      /** Kind of memory */
      memory_type: string | null
      /** Namespace of the memory */
      namespace: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.table.row_updated', 'zerodb', {
      /** Name of the table */
      table_name: string
      /** Id of the row */
      row_id: string
      /** Id of the project */
      project_id: string
      /** Id of the user who owns the project */
      user_id: string
      /** Names of the top-level fields that have another value, sorted */
      changed: string[]
    }>
  | EventOf<'zerodb.table.row_deleted', 'zerodb', {
      /** Name of the table */
      table_name: string
      /** Id of the row */
      row_id: string
      /** Id of the project */
      project_id: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.vector.updated', 'zerodb', {
      /** Id of the vector */
      vector_id: string
      /** Id of the project */
      project_id: string
      /** Namespace of the vector */
      namespace: string
      /** Source of the vector */
      source: string
      /** Id of the user who owns the project */
      user_id: string
      /** Names of the top-level fields that have another value, sorted */
      changed: string[]
    }>
  | EventOf<'zerodb.vector.deleted', 'zerodb', {
      /** Id of the vector */
      vector_id: string
      /** Id of the project */
      project_id: string
      /** Namespace of the vector */
      namespace: string
      /** Source of the vector */
      source: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.memory.updated', 'zerodb', {
      /** Id of the memory */
      memory_id: string
      /** Id of the project */
      project_id: string
      /** Agent that the memory belongs to; null when not given */
      agent_id: string | null
      /** Id of the user who owns the project */
      user_id: string
      /** Names of the top-level fields that have another value, sorted */
      changed: string[]
    }>
  | EventOf<'zerodb.memory.deleted', 'zerodb', {
      /** Id of the memory */
      memory_id: string
      /** Id of the project */
      project_id: string
      /** Agent that the memory belongs to; null when not given */
      agent_id: string | null
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.file.updated', 'zerodb', {
      /** Id of the file */
      file_id: string
      /** Id of the project */
      project_id: string
      /** Name of the file */
      file_name: string
      /** Media type of the content; null when unknown */
      content_type: string | null
      /** Size of the content in bytes; null when unknown */
      size_bytes: number | null
      /** Id of the user who owns the project */
      user_id: string
      /** Names of the top-level fields that have another value, sorted */
      changed: string[]
    }>
  | EventOf<'zerodb.file.deleted', 'zerodb', {
      /** Id of the file */
      file_id: string
      /** Id of the project */
      project_id: string
      /** Name of the file */
      file_name: string
      /** Media type of the content; null when unknown */
      content_type: string | null
      /** Size of the content in bytes; null when unknown */
      size_bytes: number | null
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zeromemory.forgotten', 'zeromemory', {
      /** Id of the memory */
      memory_id: string
      /** Kind of memory; null for a record of a conversation */
      memory_type: string | null
      /** Namespace of the memory */
      namespace: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zeromemory.relation_added', 'zeromemory', {
      /** Id of the relation */
      relation_id: string
      /** Id of the project */
      project_id: string
      /** Id of the entity that the relation starts at */
      subject_id: string
      /** Id of the entity that the relation leads to */
      object_id: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zeromemory.relation_ended', 'zeromemory', {
      /** Id of the relation */
      relation_id: string
      /** Id of the project */
      project_id: string
      /** Id of the entity that the relation starts at */
      subject_id: string
      /** Id of the entity that the relation leads to */
      object_id: string
      /** Id of the user who owns the project */
      user_id: string
    }>
  | EventOf<'zerodb.run.dead', 'zerodb', {
      /** Id of the run */
      run_id: string
      /** Id of the project */
      project_id: string
      /** Handler of the run: built in, `webhook:<label>`, or the name of the function */
      handler: string
      /** Hook of the run; null for a call of a function */
      hook_id: string | null
      /** Function that the run executed; null for other handlers */
      function_id: string | null
      /** Event that the run handled; null when it was deleted */
      event_id: string | null
      /** Code of the error */
      code: string
      /** Number of attempts started */
      attempts: number
      /** Id of the user who owns the project */
      user_id: string
    }>

export const EVENT_NAMES = ['zerodb.vector.stored', 'zerodb.vector.batch_stored', 'zerodb.memory.stored', 'zerodb.file.uploaded', 'zerodb.table.row_inserted', 'zerodb.event.published', 'zeromemory.remembered', 'zerodb.table.row_updated', 'zerodb.table.row_deleted', 'zerodb.vector.updated', 'zerodb.vector.deleted', 'zerodb.memory.updated', 'zerodb.memory.deleted', 'zerodb.file.updated', 'zerodb.file.deleted', 'zeromemory.forgotten', 'zeromemory.relation_added', 'zeromemory.relation_ended', 'zerodb.run.dead'] as const

export type EventName = (typeof EVENT_NAMES)[number]

export interface AuthRegisterInput {
  /** E-mail address, which is the name of the login */
  email: string
  /** Password of 10 to 1,024 characters */
  password: string
  /** Name to show */
  username?: string | null | undefined
  /** Same meaning as `username`, which comes first */
  name?: string | null | undefined
}

/** The user that was created, with the tokens of a first login */
export interface Registered {
  /** Id of the user */
  id: string
  /** E-mail address; null for a user without a login */
  email: string | null
  /** Name to show; null when not given */
  username: string | null
  /** Always true */
  is_active: true
  /** Always `user` */
  role: 'user'
  /** Id of the project of requests that name none */
  default_project_id: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** Token for the header `Authorization: Bearer` */
  access_token: string
  /** Token that can be exchanged once for new tokens */
  refresh_token: string
  /** Always `bearer` */
  token_type: 'bearer'
  /** Seconds until the access token expires */
  expires_in: number
}

export interface AuthLoginInput {
  /** E-mail address of the account */
  email: string
  /** Password of the account */
  password: string
}

/** The tokens of a login */
export interface Tokens {
  /** Token for the header `Authorization: Bearer` */
  access_token: string
  /** Token that can be exchanged once for new tokens */
  refresh_token: string
  /** Always `bearer` */
  token_type: 'bearer'
  /** Seconds until the access token expires */
  expires_in: number
}

export interface AuthRefreshInput {
  /** The refresh token, which can be used once */
  refresh_token: string
}

export interface AuthLogoutInput {
  /** A refresh token of the login to end. When absent, nothing happens */
  refresh_token?: string | null | undefined
}

/** Confirmation that the login has ended */
export interface LoggedOut {
  /** Always `ok` */
  status: 'ok'
}

/** A user of this server */
export interface User {
  /** Id of the user */
  id: string
  /** E-mail address; null for a user without a login */
  email: string | null
  /** Name to show; null when not given */
  username: string | null
  /** Always true */
  is_active: true
  /** Always `user` */
  role: 'user'
  /** Id of the project of requests that name none */
  default_project_id: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface KeysCreateInput {
  /** Name of the key */
  name: string
  /** Seconds until the key expires, from 60 to ten years. Null or absent: never */
  ttl_seconds?: number | null | undefined
  /** Permissions of the key. `*` allows everything, `zerodb:*` everything of one service */
  scopes?: Array<'zerodb:read' | 'zerodb:write' | 'memory:read' | 'memory:write' | 'hooks:read' | 'hooks:write' | 'functions:read' | 'functions:write' | 'functions:invoke' | 'keys:read' | 'keys:write' | '*' | 'zerodb:*' | 'memory:*' | 'hooks:*' | 'functions:*' | 'keys:*'> | undefined
  /** The only project that the key can access. Null or absent: all your projects */
  project_id?: string | null | undefined
}

/** A new API key */
export interface CreatedKey {
  /** Id of the key */
  id: string
  /** Name of the key */
  name: string
  /** The last four characters of the key */
  last4: string
  /** Permissions of the key */
  scopes: string[]
  /** The only project that the key can access; null for all your projects */
  project_id: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the key was last used; null before the first use */
  last_used_at: string | null
  /** When the key expires; null for never */
  expires_at: string | null
  /** When the key was revoked; null while it is valid */
  revoked_at: string | null
  /** The key itself. The server shows it only in this response */
  key: string
}

export interface KeysListInput {
  /** Maximum number of results */
  limit?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** An API key, without the key itself */
export interface Key {
  /** Id of the key */
  id: string
  /** Name of the key */
  name: string
  /** The last four characters of the key */
  last4: string
  /** Permissions of the key */
  scopes: string[]
  /** The only project that the key can access; null for all your projects */
  project_id: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the key was last used; null before the first use */
  last_used_at: string | null
  /** When the key expires; null for never */
  expires_at: string | null
  /** When the key was revoked; null while it is valid */
  revoked_at: string | null
}

export interface KeysRevokeInput {
  /** Id of the key */
  key_id: string
}

/** A temporary database, with its key */
export interface InstantDb {
  /** Id of the project, which is the database */
  project_id: string
  /** Key of the project, with the prefix `tmp_`: for data, memories and hooks, but not for functions. The server shows it only in this response */
  api_key: string
  /** Path of the request that claims the database (`instant_db.claim`) */
  claim_url: string
  /** Token that claims the database. The server shows it only in this response */
  claim_token: string
  /** When the key stops working and the database is deleted, unless it is claimed */
  expires_at: string
  /** Paths of the API for this project */
  endpoints: {
    /** Path of the vectors */
    vectors: string
    /** Path of the memories */
    memory: string
    /** Path of the files */
    files: string
    /** Path of the tables */
    tables: string
  }
}

export interface InstantDbClaimInput {
  /** The token from `instant_db.create` */
  claim_token: string
}

/** A claimed database, with its permanent key */
export interface ClaimedDb {
  /** Id of the project, which now belongs to you */
  project_id: string
  /** A key of the project that does not expire, with your permissions. The server shows it only in this response */
  api_key: string
}

export interface HooksCreateInput {
  /** Type of the event */
  event_type: EventName
  /** Handler to run: `auto_embed`, `auto_summarize`, `auto_graph`, `webhook:<label>`, or the name of a function */
  hook_name: string
  /** `first_party`, `webhook` or `function`. It follows from `hook_name`, so it can be left out */
  hook_type?: string | undefined
  /** The only project whose events count. Null or absent: all your projects */
  project_id?: string | null | undefined
  /** Configuration of the handler. A webhook requires `url` */
  hook_config?: Record<string, unknown> | undefined
  /** Only events that match this filter count. Null or absent: all events of the type */
  filter?: Record<string, unknown> | null | undefined
  /** How runs are ordered: a path, or a path and a policy. Null or absent: not at all */
  ordering_key?: string | {
    /** Path into the `data`, the `row` or the `previous` row of the event. Events without a value there are not ordered */
    path: string
    /** `block`: a failed run keeps later runs waiting until it is final. `skip`: a failed run is dead at once and later runs go on */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  /** When failed runs are tried again. Null or absent: as by default */
  retry?: {
    /** Maximum number of attempts. When absent: 8 */
    max_attempts?: number | undefined
    /** Seconds of pause after the first failure. When absent: 2 */
    initial_seconds?: number | undefined
    /** Factor by which each further pause is longer. When absent: 2 */
    factor?: number | undefined
    /** Seconds of the longest pause. When absent: 300 */
    max_seconds?: number | undefined
    /** `full`: each pause is random, up to its length. `none`: it is exact. When absent: `full` */
    jitter?: 'full' | 'none' | undefined
  } | null | undefined
  /** Maximum number of runs at the same time, over all processes. Null or absent: only the number of slots limits it */
  concurrency?: number | null | undefined
  /** True: runs are made and wait. False: they execute */
  paused?: boolean | undefined
}

/** The new hook */
export interface HookCreated {
  /** Id of the hook */
  id: string
  /** Id of the user who owns the hook */
  user_id: string
  /** The only project whose events count; null for all projects of the user */
  project_id: string | null
  /** Type of the events that the hook handles */
  event_type: EventName
  /** `first_party` for a built-in handler, `webhook`, or `function` */
  hook_type: string
  /** Name of the handler: a built-in handler, `webhook:<label>`, or a function */
  hook_name: string
  /** Configuration of the handler */
  hook_config: Record<string, unknown>
  /** Whether the hook is enabled */
  is_active: boolean
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Only events that match this filter count. Absent when there is none */
  filter?: Record<string, unknown>
  /** How runs are ordered. Absent when they are not */
  ordering_key?: OrderingKey
  /** When failed runs are tried again. Absent: as by default */
  retry?: RetryPolicy
  /** Maximum number of runs at the same time, over all processes. Absent when only the number of slots limits it */
  concurrency?: number
  /** True: runs are made and wait. Absent when the hook is not paused */
  paused?: true
  /** Why the system switched the hook off. Absent when it did not */
  disabled_reason?: string
  /** Id of the function that is the handler. Absent for other handlers */
  function_id?: string
  /** True: the hook comes from the configuration of its function, and follows it. Absent otherwise */
  declared?: true
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
  /** Secret that signs the messages of this webhook. The server shows it only in this response */
  webhook_secret?: string
}

/** Runs of events with the same value at `path` execute one after the other, in the order of the events */
export interface OrderingKey {
  /** Path into the `data`, the `row` or the `previous` row of the event. Events without a value there are not ordered */
  path: string
  /** `block`: a failed run keeps later runs waiting until it is final. `skip`: a failed run is dead at once and later runs go on */
  policy: 'block' | 'skip'
}

/** When a failed run is tried again */
export interface RetryPolicy {
  /** Maximum number of attempts. When absent: 8 */
  max_attempts?: number
  /** Seconds of pause after the first failure. When absent: 2 */
  initial_seconds?: number
  /** Factor by which each further pause is longer. When absent: 2 */
  factor?: number
  /** Seconds of the longest pause. When absent: 300 */
  max_seconds?: number
  /** `full`: each pause is random, up to its length. `none`: it is exact. When absent: `full` */
  jitter?: 'full' | 'none'
}

export interface HooksListInput {
  /** Only hooks on events of this type */
  event_type?: EventName | undefined
  /** Only hooks of this project */
  project_id?: string | undefined
  /** False: include disabled hooks */
  active_only?: boolean | undefined
}

/** A subscription: which handler runs on which events */
export interface Hook {
  /** Id of the hook */
  id: string
  /** Id of the user who owns the hook */
  user_id: string
  /** The only project whose events count; null for all projects of the user */
  project_id: string | null
  /** Type of the events that the hook handles */
  event_type: EventName
  /** `first_party` for a built-in handler, `webhook`, or `function` */
  hook_type: string
  /** Name of the handler: a built-in handler, `webhook:<label>`, or a function */
  hook_name: string
  /** Configuration of the handler */
  hook_config: Record<string, unknown>
  /** Whether the hook is enabled */
  is_active: boolean
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Only events that match this filter count. Absent when there is none */
  filter?: Record<string, unknown>
  /** How runs are ordered. Absent when they are not */
  ordering_key?: OrderingKey
  /** When failed runs are tried again. Absent: as by default */
  retry?: RetryPolicy
  /** Maximum number of runs at the same time, over all processes. Absent when only the number of slots limits it */
  concurrency?: number
  /** True: runs are made and wait. Absent when the hook is not paused */
  paused?: true
  /** Why the system switched the hook off. Absent when it did not */
  disabled_reason?: string
  /** Id of the function that is the handler. Absent for other handlers */
  function_id?: string
  /** True: the hook comes from the configuration of its function, and follows it. Absent otherwise */
  declared?: true
}

export interface HooksGetInput {
  /** Id of the hook */
  hook_id: string
}

export interface HooksUpdateInput {
  /** Id of the hook */
  hook_id: string
  /** New configuration, which replaces the old one. When absent: unchanged */
  hook_config?: Record<string, unknown> | undefined
  /** True enables the hook; false disables it and cancels its queued runs. When absent: unchanged */
  is_active?: boolean | undefined
  /** Only events that match this filter count. Null or absent: all events of the type */
  filter?: Record<string, unknown> | null | undefined
  /** How runs are ordered: a path, or a path and a policy. Null or absent: not at all */
  ordering_key?: string | {
    /** Path into the `data`, the `row` or the `previous` row of the event. Events without a value there are not ordered */
    path: string
    /** `block`: a failed run keeps later runs waiting until it is final. `skip`: a failed run is dead at once and later runs go on */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  /** When failed runs are tried again. Null or absent: as by default */
  retry?: {
    /** Maximum number of attempts. When absent: 8 */
    max_attempts?: number | undefined
    /** Seconds of pause after the first failure. When absent: 2 */
    initial_seconds?: number | undefined
    /** Factor by which each further pause is longer. When absent: 2 */
    factor?: number | undefined
    /** Seconds of the longest pause. When absent: 300 */
    max_seconds?: number | undefined
    /** `full`: each pause is random, up to its length. `none`: it is exact. When absent: `full` */
    jitter?: 'full' | 'none' | undefined
  } | null | undefined
  /** Maximum number of runs at the same time, over all processes. Null or absent: only the number of slots limits it */
  concurrency?: number | null | undefined
  /** True: runs are made and wait. False: they execute */
  paused?: boolean | undefined
}

/** The changed hook */
export interface HookChanged {
  /** Id of the hook */
  id: string
  /** Id of the user who owns the hook */
  user_id: string
  /** The only project whose events count; null for all projects of the user */
  project_id: string | null
  /** Type of the events that the hook handles */
  event_type: EventName
  /** `first_party` for a built-in handler, `webhook`, or `function` */
  hook_type: string
  /** Name of the handler: a built-in handler, `webhook:<label>`, or a function */
  hook_name: string
  /** Configuration of the handler */
  hook_config: Record<string, unknown>
  /** Whether the hook is enabled */
  is_active: boolean
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Only events that match this filter count. Absent when there is none */
  filter?: Record<string, unknown>
  /** How runs are ordered. Absent when they are not */
  ordering_key?: OrderingKey
  /** When failed runs are tried again. Absent: as by default */
  retry?: RetryPolicy
  /** Maximum number of runs at the same time, over all processes. Absent when only the number of slots limits it */
  concurrency?: number
  /** True: runs are made and wait. Absent when the hook is not paused */
  paused?: true
  /** Why the system switched the hook off. Absent when it did not */
  disabled_reason?: string
  /** Id of the function that is the handler. Absent for other handlers */
  function_id?: string
  /** True: the hook comes from the configuration of its function, and follows it. Absent otherwise */
  declared?: true
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

export interface HooksDeleteInput {
  /** Id of the hook */
  hook_id: string
}

export interface HooksRotateSecretInput {
  /** Id of the hook */
  hook_id: string
  /** New secret: `whsec_` and the base64 of 24 to 64 bytes. When absent, the server makes one */
  secret?: string | undefined
  /** Seconds for which messages carry the signature of the old secret too */
  keep_seconds?: number | undefined
}

/** The new secret of a webhook */
export interface SecretRotated {
  /** The new secret. The server shows it only in this response */
  webhook_secret: string
  /** Until when messages carry the signature of the old secret too; null when there was none */
  previous_valid_until: string | null
}

export interface HooksTestFilterInput {
  /** Type of the event */
  event_type: EventName
  /** Only events that match this filter count. Null or absent: all events of the type */
  filter?: Record<string, unknown> | null | undefined
  /** How runs are ordered: a path, or a path and a policy. Null or absent: not at all */
  ordering_key?: string | {
    /** Path into the `data`, the `row` or the `previous` row of the event. Events without a value there are not ordered */
    path: string
    /** `block`: a failed run keeps later runs waiting until it is final. `skip`: a failed run is dead at once and later runs go on */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  /** Only events of this project */
  project_id?: string | undefined
  /** Maximum number of events to test */
  limit?: number | undefined
}

/** Result of testing a filter */
export interface FilterTested {
  /** Number of events tested */
  tested: number
  /** Number of events that match */
  matched: number
  /** The events tested, newest first */
  items: FilterTestItem[]
}

/** An event, and whether it matches */
export interface FilterTestItem {
  event: Event
  /** The row after the event, as filters see it; null when it is deleted, larger than 8 KB, or there is none */
  row: unknown
  /** The row before an event that updated, replaced or deleted it; null for other events and when it is larger than 8 KB */
  previous: unknown
  /** Whether the event matches the filter */
  matches: boolean
  /** Value of the ordering key; null when there is none */
  ordering_key: string | null
}

/** An event of the log: an immutable fact about a committed write */
export type Event = ZeroDBEvent & {
  /** Id of the event that started the chain of causes: its own id when nothing caused it */
  chain_id: string
  /** Number of runs between the start of the chain and this event */
  depth: number
  /** Id of the run that wrote the event; null when a client did */
  caused_by: string | null
}

export interface HooksInvokeInput {
  /** Id of the hook */
  hook_id: string
  /** The `data` of the event. Where it names a stored row, the handler receives that row */
  payload?: Record<string, unknown> | undefined
  /** Project to run in, for a hook on all projects. When absent: the project of the key or header, or your default one */
  project_id?: string | undefined
  /** Maximum number of seconds to wait for the end of the first attempt, unless it is to start later */
  wait_seconds?: number | undefined
  /** Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`) */
  delay?: number | string | undefined
  /** Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now */
  run_at?: string | undefined
}

/** One execution of a handler, and its record */
export interface Run {
  /** Id of the run */
  id: string
  /** Why the run exists: an event, a schedule (`cron`), an HTTP request, an MCP tool call, or a call by hand (`invoke`) */
  trigger: 'event' | 'cron' | 'http' | 'tool' | 'invoke'
  /** Name of the handler or function that the run executes */
  handler: string
  /** Hook that made the run; null when no hook did */
  hook_id: string | null
  /** Function that the run executes; null for other handlers */
  function_id: string | null
  /** Version of the function that the last attempt executed; null before the first attempt and for other handlers */
  function_version: number | null
  /** Schedule that made the run; null for other triggers */
  schedule_id: string | null
  /** Event that the run handles; null when there is none */
  event_id: string | null
  /** Type of that event: one of the log, or `cron.tick`, `http.request`, `tool.called`, `function.invoked`; null when there is none */
  event_type: string | null
  /** Project that the run executes in */
  project_id: string
  /** `queued`: waits for a free slot, or until `run_at`. `running`: executes. `succeeded`: the handler returned. `dead`: the last attempt failed. `cancelled`: ended by request. `skipped`: there was nothing to do. */
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
  /** Number of attempts started */
  attempts: number
  /** When the next attempt of a queued run is due: ISO 8601 in UTC */
  run_at: string
  /** What the handler returned; null until an attempt succeeds */
  result: unknown
  /** Error of the last attempt; null when it succeeded, or before the first one ended */
  error: RunError | null
  /** Log of the last attempt, at most 1,000 lines */
  logs: LogLine[]
  /** Connections of the last attempt, in the order in which they ended or were refused, at most 100 */
  requests: NetworkRequest[]
  /** Number of further connections, which are not in `requests` */
  requests_omitted: number
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the last attempt started; null before the first one */
  started_at: string | null
  /** When the run reached its final status; null before that */
  finished_at: string | null
  /** Value that orders the runs of the hook; null when the run is not ordered */
  ordering_key: string | null
  /** Replay or backfill that made the run; null for none */
  replay_id: string | null
  /** Id of the event that started the chain of causes; null when there is none */
  chain_id: string | null
  /** Number of runs between the start of the chain and this run */
  depth: number
  /** Why a queued run does not start; null for other runs */
  waiting_for: WaitingFor | null
}

/** Error of an attempt */
export interface RunError {
  /** Code of the error */
  code: string
  /** Explanation of the error */
  message: string
  /** Where a function threw, and its chain of causes. Absent for other errors */
  stack?: string
}

/** A line of the log of a run */
export interface LogLine {
  /** When the line was written: ISO 8601 in UTC */
  at: string
  /** The line; it is cut after 2,000 characters */
  message: string
  /** Level that the function gave, if any */
  level?: 'debug' | 'info' | 'warn' | 'error'
  /** Stream that the function printed the line to, if any */
  stream?: 'stdout' | 'stderr'
}

/** A connection that a program opened, or tried to open */
export interface NetworkRequest {
  /** When the program asked for the connection: ISO 8601 in UTC */
  at: string
  /** Host name or address that the program named */
  host: string
  /** Port that the program named */
  port: number
  /** False: the connection was refused */
  allowed: boolean
  /** Why the connection was refused, or ended early; null when the program or the host ended it */
  reason: string | null
  /** Number of bytes that the program sent to the host */
  bytes_sent: number
  /** Number of bytes that the program received from the host */
  bytes_received: number
  /** Whether the server added headers of `inject` to the requests of the connection */
  injected: boolean
  /** Time that the connection was open during the call, in milliseconds */
  duration_ms: number
}

/** Why a queued run does not start */
export interface WaitingFor {
  /** `paused`: the hook is paused. `suspended`: the project is suspended. `delay`: the run was made for a later time, `until`. `backoff`: the pause after a failure lasts until `until`. `no_capable_instance`: no running process can execute the handler. `key_head`: the run `run_id` comes first in the order. `limit`: the concurrency limit of the hook is reached. `slot`: all processes are busy. */
  reason: 'paused' | 'suspended' | 'delay' | 'backoff' | 'no_capable_instance' | 'key_head' | 'limit' | 'slot'
  /** Time at which the run is due, for `delay` and `backoff` */
  until?: string
  /** The run that comes first, for `key_head` */
  run_id?: string
}

export interface HooksRunsInput {
  /** Id of the hook */
  hook_id: string
  /** Only runs of this function */
  function_id?: string | undefined
  /** Only runs with this trigger */
  trigger?: 'event' | 'cron' | 'http' | 'tool' | 'invoke' | undefined
  /** Only runs for this event */
  event_id?: string | undefined
  /** Only runs in this project */
  project_id?: string | undefined
  /** Only runs with this status */
  status?: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped' | undefined
  /** Only runs whose id begins with these 4 to 36 characters */
  id_prefix?: string | undefined
  /** Maximum number of runs */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of runs */
export interface RunPage {
  /** The runs, newest first */
  items: Run[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface HooksBackfillInput {
  /** Id of the hook */
  hook_id: string
  /** Maximum number of runs to make in a second */
  rate_per_second?: number | undefined
  /** Only rows stored at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
  /** Only rows stored before this time: ISO 8601 with a time zone */
  until?: string | undefined
  /** True: count what would be handled, with status 200, and create nothing */
  dry_run?: boolean | undefined
}

/** A replay or a backfill */
export interface Replay {
  /** Id of the replay */
  id: string
  /** `replay`: dispatches events of the log again. `backfill`: runs a hook over rows that are older than the hook */
  kind: 'replay' | 'backfill'
  /** `running`; `done` when all runs have been created, although some may still be executing; `cancelled` */
  status: 'running' | 'done' | 'cancelled'
  /** Number of events or rows to go through */
  total: number
  /** Number of events or rows handled so far */
  seen: number
  /** Number of runs created so far: one for each hook that matches an event */
  created: number
  /** Maximum number of runs to make in a second */
  rate_per_second: number
  criteria: ReplayCriteria
  runs: RunCounts
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the replay ended; null while it is running */
  finished_at: string | null
}

/** Which events to replay: those that meet all criteria given */
export interface ReplayCriteria {
  /** Only events of this type */
  event_type?: EventName
  /** Only events of this project */
  project_id?: string
  /** Only these events, at most 1,000 */
  event_ids?: string[]
  /** Only events committed at this time or later: ISO 8601 with a time zone */
  since?: string
  /** Only events committed before this time: ISO 8601 with a time zone */
  until?: string
  /** Only this hook receives the events. When absent: all hooks that match */
  hook_id?: string
}

/** Number of the runs by status */
export interface RunCounts {
  /** Number of runs that are queued */
  queued: number
  /** Number of runs that are running */
  running: number
  /** Number of runs that are succeeded */
  succeeded: number
  /** Number of runs that are dead */
  dead: number
  /** Number of runs that are cancelled */
  cancelled: number
  /** Number of runs that are skipped */
  skipped: number
}

/** What a replay or backfill would handle. Nothing has been created */
export interface DryRun {
  /** Always true */
  dry_run: true
  /** Number of events or rows that would be handled */
  total: number
}

/** The replay or backfill, which is running */
export type HooksBackfill = Replay | DryRun

export interface EventLogListInput {
  /** Only events of this type */
  event_type?: EventName | undefined
  /** Only events of this project */
  project_id?: string | undefined
  /** Only events whose id begins with this text, among your newest 10,000 events */
  id_prefix?: string | undefined
  /** Maximum number of events */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of the event log */
export interface EventPage {
  /** The events, newest first */
  items: Event[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface EventLogStreamInput {
  /** Only events of this type */
  event_type?: EventName | undefined
  /** Only events of this project */
  project_id?: string | undefined
  /** Id of the last message received. When absent: only events from now on */
  after?: string | undefined
  /** Token of a login, or for published events a stream token, for clients such as EventSource that cannot send headers. API keys are not accepted here */
  token?: string | undefined
}

/** The stream is open: later writes are sent */
export type EventStreamOpen = Record<string, unknown>

export type EventLogStreamMessage =
  | { event: 'open'; data: EventStreamOpen }
  | { event: 'event'; data: Event }

export interface EventLogGetInput {
  /** Id of the event */
  event_id: string
}

export interface EventLogHooksInput {
  /** Id of the event */
  event_id: string
}

/** Which hooks fired for an event */
export interface EventHooks {
  /** Id of the event */
  event_id: string
  /** Every hook on events of this type */
  hooks: HookVerdict[]
}

/** Whether a hook fired for an event, and why not */
export interface HookVerdict {
  /** Id of the hook */
  hook_id: string
  /** Name of the handler of the hook */
  hook_name: string
  /** Project of the hook; null for a hook on all projects */
  project_id: string | null
  /** Whether the hook made a run when the event was dispatched. Replays do not count */
  fired: boolean
  /** Why the hook did not fire; null when it did. `created_later`: the hook is newer than the event. `other_project`: it is for another project. `inactive`: it is disabled. `filter`: the event does not match. `pending`: the event is not dispatched yet. `changed`: the hook would match now, but was changed after the event. `expired`: the run has been deleted. */
  reason: 'created_later' | 'other_project' | 'inactive' | 'filter' | 'pending' | 'changed' | 'expired' | null
  /** Runs of the hook for this event, oldest first; those of replays included */
  runs: Array<{
    /** Id of the run */
    id: string
    /** Status of the run */
    status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
    /** Replay or backfill that made the run; null for none */
    replay_id: string | null
  }>
}

/** What the wheels of Python functions must fit */
export interface PackageTarget {
  /** Version of the interpreter of functions */
  python_version: string
  /** Python tags of wheels that fit, best first */
  python_tags: string[]
  /** ABI tags of wheels that fit, best first */
  abi_tags: string[]
  /** Platform tags of wheels that fit, best first */
  platform_tags: string[]
  /** Maximum number of packages of a version */
  max_packages: number
  /** Maximum size of all wheels of a version */
  max_wheels_bytes: number
  /** Maximum size of all files in the wheels of a version */
  max_unpacked_bytes: number
  /** Maximum number of files in the wheels of a version */
  max_unpacked_files: number
}

export type PackagesUploadInput = UploadContent & {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** File name of the wheel. When absent: the name of the file part */
  file_name?: string | undefined
  /** Content of the wheel in base64, in a JSON body. Otherwise the file part has it */
  file_content?: string | undefined
}

/** A Python package, as an uploaded wheel */
export interface Package {
  /** Name of the package in normal form: lower case, with hyphens */
  name: string
  /** Version of the package */
  version: string
  /** File name of the wheel */
  file_name: string
  /** SHA-256 of the wheel */
  sha256: string
  /** Size of the wheel in bytes */
  size_bytes: number
}

export interface FunctionsDeployInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function, unique in its project */
  name: string
  /** Language of the code: `nodejs20` or `python3.11`. When absent: the one that fits the names of the files */
  runtime?: 'nodejs20' | 'nodejs' | 'node' | 'javascript' | 'typescript' | 'python3.11' | 'python' | 'python3' | undefined
  /** The code, in one file. Either this or `files` is required */
  source?: string | undefined
  /** The code, as files by path. Either this or `source` is required */
  files?: Record<string, string | {
    /** The bytes, in base64 */
    base64: string
  }> | undefined
  /** Path of the file with the handler. When absent: `index.ts`, `index.js`, `main.py` or the only file */
  entry?: string | undefined
  /** Python packages, as exact wheels that were uploaded to the project (`packages.upload`), with all packages that they need */
  packages?: Array<{
    /** File name of the wheel, which has its name, its version and what it is built for */
    file_name: string
    /** SHA-256 of the wheel */
    sha256: string
  }> | undefined
  /** Triggers and limits. Its keys replace those of the configuration in the file */
  config?: Record<string, unknown> | undefined
  /** True: check and build everything, store nothing, and return what would change */
  dry_run?: boolean | undefined
}

/** The function, and what its deployment changed */
export interface Deployed {
  /** Id of the function */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Name of the function, unique in its project */
  name: string
  /** Runtime that the code is written for */
  runtime: string
  /** Version of the interpreter on the responding instance; null while unknown */
  runtime_version: string | null
  /** Number of the live version */
  version: number
  /** SHA-256 of the code and configuration of the live version */
  hash: string
  /** Path of the uploaded file with the handler */
  entry: string
  /** Python packages of the version, by name */
  packages: Package[]
  /** Triggers and limits of the live version */
  config: Record<string, unknown>
  /** Whether the function is enabled */
  is_active: boolean
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Path where the function answers HTTP requests; null without an HTTP trigger */
  url_path: string | null
  /** False: exactly this version was live already, and nothing was done */
  changed: boolean
  /** Changes of hooks, by event type */
  hooks: Changes
  /** Changes of schedules, by expression and time zone */
  schedules: Changes
  /** Changes of the hosts in `network` of the configuration */
  network: NetworkChanges
  /** Python packages that differ, by name. Equal versions mean another wheel of the same version */
  package_changes: PackageChange[]
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** What a deployment changed */
export interface Changes {
  /** Those that the deployment created */
  created: string[]
  /** Those that the deployment changed */
  changed: string[]
  /** Those that the deployment removed */
  removed: string[]
}

/** What changed in the hosts that a function can connect to */
export interface NetworkChanges {
  /** Hosts that only the newer version can connect to */
  added: string[]
  /** Hosts that only the older version can connect to */
  removed: string[]
  /** Changes of injected headers, as `host name: value` with the names of secrets */
  injects: {
    /** Headers that only the newer version has injected */
    added: string[]
    /** Headers that only the older version has injected */
    removed: string[]
  }
}

/** A package that was added, removed or changed */
export interface PackageChange {
  /** Name of the package */
  name: string
  /** Version in the older version of the function; null: it was not there */
  from: string | null
  /** Version in the newer version of the function; null: it is not there */
  to: string | null
}

/** The version that the request would deploy. Nothing has been stored */
export interface DeployDryRun {
  /** Name of the function, unique in its project */
  name: string
  /** Runtime that the code is written for */
  runtime: string
  /** Number of the live version */
  version: number
  /** SHA-256 of the code and configuration of the live version */
  hash: string
  /** Path of the uploaded file with the handler */
  entry: string
  /** Python packages of the version, by name */
  packages: Package[]
  /** Triggers and limits of the live version */
  config: Record<string, unknown>
  /** Path where the function answers HTTP requests; null without an HTTP trigger */
  url_path: string | null
  /** False: exactly this version was live already, and nothing was done */
  changed: boolean
  /** Changes of hooks, by event type */
  hooks: Changes
  /** Changes of schedules, by expression and time zone */
  schedules: Changes
  /** Changes of the hosts in `network` of the configuration */
  network: NetworkChanges
  /** Python packages that differ, by name. Equal versions mean another wheel of the same version */
  package_changes: PackageChange[]
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
  /** Always true */
  dry_run: true
}

/** The function, and what its deployment changed */
export type FunctionsDeploy = Deployed | DeployDryRun

export interface FunctionsListInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
}

/** A function: user code, with its triggers and limits */
export interface Function {
  /** Id of the function */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Name of the function, unique in its project */
  name: string
  /** Runtime that the code is written for */
  runtime: string
  /** Version of the interpreter on the responding instance; null while unknown */
  runtime_version: string | null
  /** Number of the live version */
  version: number
  /** SHA-256 of the code and configuration of the live version */
  hash: string
  /** Path of the uploaded file with the handler */
  entry: string
  /** Python packages of the version, by name */
  packages: Package[]
  /** Triggers and limits of the live version */
  config: Record<string, unknown>
  /** Whether the function is enabled */
  is_active: boolean
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Path where the function answers HTTP requests; null without an HTTP trigger */
  url_path: string | null
}

export interface FunctionsGetInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
}

export interface FunctionsUpdateInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** True enables the function; false disables it and cancels its queued runs */
  is_active: boolean
}

export interface FunctionsDeleteInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** True: also delete hooks on the function that were created by hand */
  force?: boolean | undefined
}

export interface FunctionsVersionsInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
}

/** A version of a function in a list */
export interface ListedVersion {
  /** Number of the version, from 1 */
  version: number
  /** Runtime that the code is written for */
  runtime: string
  /** SHA-256 of the code and its configuration */
  hash: string
  /** Path of the uploaded file with the handler */
  entry: string
  /** Python packages of the version, by name */
  packages: Package[]
  /** Triggers and limits of this version */
  config: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** Whether this is the live version */
  live: boolean
}

export interface FunctionsVersionInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** Number of the version */
  version: number
}

/** A version of a function, with its files */
export interface VersionSource {
  /** Number of the version, from 1 */
  version: number
  /** Runtime that the code is written for */
  runtime: string
  /** SHA-256 of the code and its configuration */
  hash: string
  /** Path of the uploaded file with the handler */
  entry: string
  /** Python packages of the version, by name */
  packages: Package[]
  /** Triggers and limits of this version */
  config: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** The uploaded files, by path */
  files: Record<string, string | {
    /** The bytes, in base64 */
    base64: string
  }>
}

export interface FunctionsDiffInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** The older version. When absent: the one before `to` */
  from?: number | undefined
  /** The newer version. When absent: the live version */
  to?: number | undefined
}

/** The differences between two versions of a function */
export interface VersionDiff {
  /** Number of the older version */
  from: number
  /** Number of the newer version */
  to: number
  /** Files that differ */
  files: FileDiff[]
  /** The configurations; null when they are equal */
  config: {
    /** Configuration of the older version */
    from: Record<string, unknown>
    /** Configuration of the newer version */
    to: Record<string, unknown>
  } | null
  /** Changes of the hosts in `network` of the configuration */
  network: NetworkChanges
  /** Python packages that differ, by name. Equal versions mean another wheel of the same version */
  packages: PackageChange[]
}

/** The difference between two versions of a file */
export interface FileDiff {
  /** Path of the file */
  path: string
  /** What happened to the file */
  change: 'added' | 'removed' | 'changed'
  /** Unified diff of the file; null for a file that is not text */
  lines: string | null
}

export interface FunctionsRollbackInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** Version to make live. When absent: the one before the live version */
  version?: number | undefined
}

export interface FunctionsInvokeInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the function */
  name: string
  /** The `data` of the event that the function receives: any JSON value. When absent: null */
  payload?: unknown | undefined
  /** True: wait for the result. False: queue a durable run and respond at once, as with `Prefer: respond-async`. A run with `delay` or `run_at` is always queued */
  wait?: boolean | undefined
  /** Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`) */
  delay?: number | string | undefined
  /** Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now */
  run_at?: string | undefined
}

/** Result of a call, or the durable run that was queued */
export interface Invoked {
  /** Id of the run that records the call */
  run_id: string
  /** `succeeded`, or `queued` for a durable run */
  status: 'succeeded' | 'queued'
  /** What the function returned. Absent for a durable run */
  result?: unknown
  /** Time that the function ran, in milliseconds. Absent for a durable run */
  duration_ms?: number
}

export interface SecretsListInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
}

/** A secret of a project. No response has its value */
export interface Secret {
  /** Name of the secret */
  name: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

export interface SecretsSetInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the secret, which is also the name of the variable */
  name: string
  /** Value of the secret, which is stored encrypted */
  value: string
}

export interface SecretsDeleteInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the secret, which is also the name of the variable */
  name: string
}

export interface SecretsHistoryInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Only changes of this secret, which may have been deleted since */
  name?: string | undefined
  /** Maximum number of changes */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of changes of secrets */
export interface SecretChangePage {
  /** The changes, newest first */
  items: SecretChange[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A change of a secret. No response has its value */
export interface SecretChange {
  /** Id of the change */
  id: string
  /** Name of the secret */
  name: string
  /** What happened to the secret */
  change: 'created' | 'replaced' | 'deleted'
  /** Run of the function that made the change; null for a request of a user */
  run_id: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface EnvSetsListInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
}

/** Environment variables that functions of a project share */
export interface EnvSet {
  /** Name of the set, unique in its project */
  name: string
  /** Variables with their values */
  env: Record<string, string>
  /** Names of secrets of the project, which become variables too */
  secrets: string[]
  /** Names of functions whose live version has the set in `env_from`, at most 100 */
  used_by: string[]
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

export interface EnvSetsGetInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the set, unique in its project */
  name: string
}

export interface EnvSetsSetInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the set, unique in its project */
  name: string
  /** Variables with their values, which are not secret. They replace all earlier ones */
  env?: Record<string, string> | undefined
  /** Names of secrets of the project, which become variables too. They replace all earlier ones */
  secrets?: string[] | undefined
}

export interface EnvSetsDeleteInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the set, unique in its project */
  name: string
}

export interface EnvSetsHistoryInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the set, unique in its project */
  name: string
  /** Maximum number of changes */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of changes of an env set */
export interface EnvSetChangePage {
  /** The changes, newest first */
  items: EnvSetChange[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A change of an env set, without values */
export interface EnvSetChange {
  /** Id of the change */
  id: string
  /** Name of the set */
  name: string
  /** What happened to the set */
  change: 'created' | 'replaced' | 'deleted'
  /** Names of the variables that were added, changed or removed */
  variables: string[]
  /** Run of the function that made the change; null for a request of a user */
  run_id: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface SchedulesCreateInput {
  /** Topic to which the event is published */
  topic: string
  /** The payload: any JSON value */
  event_payload?: unknown | undefined
  /** Source of the event, in your own words */
  source?: string | null | undefined
  /** Id by which you group events */
  correlation_id?: string | null | undefined
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Name of the schedule, unique in the project. When absent: none */
  name?: string | undefined
  /** Cron expression with five fields, or six with seconds first. Either this, `delay` or `run_at` */
  cron?: string | undefined
  /** IANA time zone of `cron`. When absent: UTC */
  timezone?: string | undefined
  /** Ticks of `cron` that passed while no process was running: `skip` drops them, `run_once` publishes one event for all (default), `run_all` one each for the last 100 */
  missed?: 'skip' | 'run_once' | 'run_all' | undefined
  /** Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`) */
  delay?: number | string | undefined
  /** Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now */
  run_at?: string | undefined
}

/** When a function runs, or an event is published, by the clock */
export interface Schedule {
  /** Id of the schedule. A schedule that fires once gives its id to the event */
  id: string
  /** Name of a schedule that publishes an event; null without one */
  name: string | null
  /** Id of the function; null for a schedule that publishes an event */
  function_id: string | null
  /** Name of the function; null for a schedule that publishes an event */
  function: string | null
  /** Topic of the published event; null for a schedule of a function */
  topic: string | null
  /** Payload of the published event: any JSON value; null for a schedule of a function */
  event_payload: unknown
  /** Source of the published event; null when not given */
  source: string | null
  /** Id by which you group events; null when not given */
  correlation_id: string | null
  /** Id of the project that it belongs to */
  project_id: string
  /** Cron expression with five fields, or six with seconds first; null for a schedule that fires once */
  cron: string | null
  /** IANA time zone of the expression; null for a schedule that fires once */
  timezone: string | null
  /** When a schedule that fires once is due; null for a cron expression */
  run_at: string | null
  /** Ticks that passed while no process was running: `skip` drops them, `run_once` makes one run for all, `run_all` one each for the last 100. Null for a schedule that fires once, which is never dropped */
  missed: 'skip' | 'run_once' | 'run_all' | null
  /** A tick while the run of an earlier one is unfinished: `skip` records a skipped run, `queue` makes a run that waits. Null for a schedule that publishes an event */
  overlap: 'skip' | 'queue' | null
  /** Whether the schedule is paused */
  paused: boolean
  /** When the next tick is due; null while paused, or when there is none */
  next_at: string | null
  /** The last tick that was run or skipped; null before the first one */
  last_at: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** The next five ticks; empty while paused */
  next_runs: string[]
}

export interface SchedulesListInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** Only schedules that publish to this topic */
  topic?: string | undefined
  /** True: only schedules that fire once, such as delayed events. False: only the others */
  once?: boolean | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface SchedulesGetInput {
  /** Id of the schedule */
  schedule_id: string
}

export interface SchedulesUpdateInput {
  /** Id of the schedule */
  schedule_id: string
  /** True pauses the schedule; false continues it with the next tick */
  paused: boolean
}

export interface SchedulesRunInput {
  /** Id of the schedule */
  schedule_id: string
}

export interface SchedulesDeleteInput {
  /** Id of the schedule */
  schedule_id: string
}

export interface RunsListInput {
  /** Only runs of this hook */
  hook_id?: string | undefined
  /** Only runs of this function */
  function_id?: string | undefined
  /** Only runs with this trigger */
  trigger?: 'event' | 'cron' | 'http' | 'tool' | 'invoke' | undefined
  /** Only runs for this event */
  event_id?: string | undefined
  /** Only runs in this project */
  project_id?: string | undefined
  /** Only runs with this status */
  status?: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped' | undefined
  /** Only runs whose id begins with these 4 to 36 characters */
  id_prefix?: string | undefined
  /** Maximum number of runs */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface RunsRedriveInput {
  /** Only runs of this hook */
  hook_id?: string | undefined
  /** Only runs of this handler or function */
  handler?: string | undefined
  /** Only runs in this project */
  project_id?: string | undefined
  /** Only runs for events of this type */
  event_type?: EventName | undefined
  /** Only runs whose last error has this code */
  error_code?: string | undefined
  /** Only runs that died at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
  /** Only runs that died before this time: ISO 8601 with a time zone */
  until?: string | undefined
  /** Maximum number of runs to queue */
  limit?: number | undefined
}

/** Result of a redrive */
export interface Redriven {
  /** Number of runs that were queued again */
  redriven: number
  /** Whether more dead runs match, which the limit left out */
  more: boolean
}

export interface RunsGetInput {
  /** Id of the run */
  run_id: string
}

export interface RunsLogsInput {
  /** Id of the run */
  run_id: string
  /** Id of the last message received: the stream continues after it */
  after?: string | undefined
}

/** A line of the log */
export interface RunLogLine {
  /** When the line was written: ISO 8601 in UTC */
  at: string
  /** The line; it is cut after 2,000 characters */
  message: string
  /** Level that the function gave, if any */
  level?: 'debug' | 'info' | 'warn' | 'error'
  /** Stream that the function printed the line to, if any */
  stream?: 'stdout' | 'stderr'
  /** Number of the attempt that wrote the line, from 1 */
  attempts: number
}

/** A connection that the function opened, or tried to open */
export interface RunLogRequest {
  /** When the program asked for the connection: ISO 8601 in UTC */
  at: string
  /** Host name or address that the program named */
  host: string
  /** Port that the program named */
  port: number
  /** False: the connection was refused */
  allowed: boolean
  /** Why the connection was refused, or ended early; null when the program or the host ended it */
  reason: string | null
  /** Number of bytes that the program sent to the host */
  bytes_sent: number
  /** Number of bytes that the program received from the host */
  bytes_received: number
  /** Whether the server added headers of `inject` to the requests of the connection */
  injected: boolean
  /** Time that the connection was open during the call, in milliseconds */
  duration_ms: number
  /** Number of the attempt that made the connection, from 1 */
  attempts: number
}

/** The status of the run, which is sent first and after every change */
export interface RunLogStatus {
  /** `queued`: waits for a free slot, or until `run_at`. `running`: executes. `succeeded`: the handler returned. `dead`: the last attempt failed. `cancelled`: ended by request. `skipped`: there was nothing to do. */
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
  /** Number of attempts started */
  attempts: number
  /** When the next attempt of a queued run is due: ISO 8601 in UTC */
  run_at: string
  /** Error of the last attempt; null when it succeeded, or before the first one ended */
  error: RunError | null
}

/** The run has ended: no message follows. A stream without this message was cut off */
export interface RunLogEnd {
  /** `queued`: waits for a free slot, or until `run_at`. `running`: executes. `succeeded`: the handler returned. `dead`: the last attempt failed. `cancelled`: ended by request. `skipped`: there was nothing to do. */
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
}

export type RunsLogsMessage =
  | { event: 'log'; data: RunLogLine }
  | { event: 'request'; data: RunLogRequest }
  | { event: 'status'; data: RunLogStatus }
  | { event: 'end'; data: RunLogEnd }

export interface RunsRetryInput {
  /** Id of the run */
  run_id: string
}

export interface RunsCancelInput {
  /** Id of the run */
  run_id: string
}

export interface ReplaysCreateInput {
  /** Only events of this type */
  event_type?: EventName | undefined
  /** Only events of this project */
  project_id?: string | undefined
  /** Only these events, at most 1,000 */
  event_ids?: string[] | undefined
  /** Only events committed at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
  /** Only events committed before this time: ISO 8601 with a time zone */
  until?: string | undefined
  /** Only this hook receives the events. When absent: all hooks that match */
  hook_id?: string | undefined
  /** Maximum number of runs to make in a second */
  rate_per_second?: number | undefined
  /** True: count what would be handled, with status 200, and create nothing */
  dry_run?: boolean | undefined
}

/** The replay or backfill, which is running */
export type ReplaysCreate = Replay | DryRun

export interface ReplaysListInput {
  /** Only replays with this status */
  status?: 'running' | 'done' | 'cancelled' | undefined
  /** Maximum number of replays */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of replays and backfills */
export interface ReplayPage {
  /** The replays and backfills, newest first */
  items: Replay[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface ReplaysGetInput {
  /** Id of the replay or backfill */
  replay_id: string
}

export interface ReplaysCancelInput {
  /** Id of the replay or backfill */
  replay_id: string
}

export interface ProjectsCreateInput {
  /** Name of the project */
  name: string
  /** What the project is for */
  description?: string | null | undefined
  /** Any JSON object of yours */
  metadata?: Record<string, unknown> | undefined
  /** Any JSON object of yours */
  settings?: Record<string, unknown> | undefined
}

/** A project: the container of vectors, memories, files, tables, events and functions */
export interface Project {
  /** Id of the project */
  id: string
  /** Name of the project */
  name: string
  /** What the project is for; null when there is no text */
  description: string | null
  /** Id of the user who owns the project */
  user_id: string
  status: ProjectState
  /** Any JSON object of yours */
  metadata: Record<string, unknown>
  /** Any JSON object of yours */
  settings: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

/** `ACTIVE`, or `SUSPENDED`: the project refuses writes of data, and its runs and schedules wait */
export type ProjectState = 'ACTIVE' | 'SUSPENDED'

export interface ProjectsListInput {
  /** Only projects with this status. When absent: all */
  status?: 'ACTIVE' | 'SUSPENDED' | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface ProjectsGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** New name. When absent: unchanged */
  name?: string | undefined
  /** New description; null removes it. When absent: unchanged */
  description?: string | null | undefined
  /** New metadata, which replaces the old object. When absent: unchanged */
  metadata?: Record<string, unknown> | undefined
  /** New settings, which replace the old object. When absent: unchanged */
  settings?: Record<string, unknown> | undefined
}

export interface ProjectsDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsSuspendInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsActivateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsStatusInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** Number of objects that a project holds, by kind */
export interface ProjectStatus {
  /** Always true: every project has a database */
  enabled: boolean
  status: ProjectState
  /** Number of tables */
  tables_count: number
  /** Number of vectors */
  vectors_count: number
  /** Number of memories */
  memory_records_count: number
  /** Number of published events */
  events_count: number
  /** Number of files */
  files_count: number
  /** False when the project has more than 10,000 objects of a kind, which are counted as so many */
  counts_are_exact: boolean
}

export interface ProjectsEnableDatabaseInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsConfigureDatabaseInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

export interface ProjectsStatsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** Number of objects of every kind that a project holds */
export interface ProjectStats {
  /** Id of the project */
  project_id: string
  status: ProjectState
  /** Number of tables */
  tables_count: number
  /** Number of vectors */
  vectors_count: number
  /** Number of memories */
  memory_records_count: number
  /** Number of published events */
  events_count: number
  /** Number of files */
  files_count: number
  /** Number of rows in all tables */
  rows_count: number
  /** Number of entities of the context graph */
  entities_count: number
  /** Number of hooks of this project only */
  hooks_count: number
  /** Number of functions */
  functions_count: number
  /** Number of schedules */
  schedules_count: number
  /** False when the project has more than 10,000 objects of a kind, which are counted as so many */
  counts_are_exact: boolean
}

export interface ProjectsExportInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** The project that was imported */
export interface ProjectImported {
  /** Id of the project, which is the one of the export */
  project_id: string
  /** Name of the project */
  name: string
  /** Number of rows imported, by kind */
  counts: Record<string, number>
  /** Names of webhooks that need a new secret (`rotate-secret`): an export has no secrets */
  without_secret: string[]
}

export interface BackupsCreateInput {
  /** True: include the key that decrypts the secrets in the backup */
  with_key?: boolean | undefined
}

export interface VectorsUpsertInput {
  /** Id of the vector, unique in its namespace. When absent, the server makes one */
  vector_id?: string | undefined
  /** The embedding: 1 to 16,000 finite numbers. Null or absent: the hook auto_embed computes it from `document` */
  vector_embedding?: number[] | null | undefined
  /** Namespace that the vector belongs to */
  namespace?: string | undefined
  /** Any JSON object; searches can filter by it */
  vector_metadata?: Record<string, unknown> | undefined
  /** The text that the vector stands for. Required when there is no `vector_embedding` */
  document?: string | null | undefined
  /** Source of the vector, in your own words */
  source?: string | undefined
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** A stored vector with its document and metadata */
export interface Vector {
  /** Id of the vector, unique in its namespace */
  vector_id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Namespace that the vector belongs to */
  namespace: string
  /** The embedding; null until one has been computed */
  vector_embedding: number[] | null
  /** Length of the embedding; null when there is none */
  dimension: number | null
  /** Model that made the embedding; null when the client sent it */
  model: string | null
  /** Metadata of the vector */
  vector_metadata: Record<string, unknown>
  /** Same value as `vector_metadata` */
  metadata: Record<string, unknown>
  /** The text that the vector stands for; null when there is none */
  document: string | null
  /** Summary of the document by the hook auto_summarize; null when there is none */
  summary: string | null
  /** Source of the vector */
  source: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

export interface VectorsUpsertBatchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The vectors to store: at most 100, unless ZERODB_MAX_BATCH of the server says otherwise */
  vectors: Array<{
    /** Id of the vector, unique in its namespace. When absent, the server makes one */
    vector_id?: string | undefined
    /** The embedding: 1 to 16,000 finite numbers. Null or absent: the hook auto_embed computes it from `document` */
    vector_embedding?: number[] | null | undefined
    /** Namespace of this vector. When absent: the one of the request */
    namespace?: string | undefined
    /** Any JSON object; searches can filter by it */
    vector_metadata?: Record<string, unknown> | undefined
    /** The text that the vector stands for. Required when there is no `vector_embedding` */
    document?: string | null | undefined
    /** Source of the vector, in your own words */
    source?: string | undefined
  }>
  /** Namespace of the items that name none */
  namespace?: string | undefined
}

/** Result of storing many vectors */
export interface VectorBatchResult {
  /** Number of vectors that were stored */
  success_count: number
  /** Always 0: a batch is stored as a whole or not at all */
  error_count: number
  /** Same value as `success_count` */
  inserted: number
  /** Always empty: an invalid item makes the whole request fail */
  errors: string[]
  /** Ids of the vectors, in the order of the request */
  vector_ids: string[]
  /** Time that storing took, in milliseconds */
  total_time_ms: number
}

export interface VectorsSearchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Vector to compare with. Either this or `query` is required */
  query_vector?: number[] | undefined
  /** Text to compare with: the server embeds it. Either this or `query_vector` is required */
  query?: string | undefined
  /** Namespace to search in */
  namespace?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Lowest cosine similarity of a result. Null or absent: no lower bound */
  threshold?: number | null | undefined
  /** Filter on the metadata. Null or absent: no filter */
  metadata_filter?: Record<string, unknown> | null | undefined
  /** Search only vectors of this model. When absent: the model that made the vectors of the namespace */
  model?: string | undefined
  /** True: find vectors by the words of `query` in their documents too, and order them by both ranks */
  hybrid?: boolean | undefined
  /** True: a hybrid search shows both ranks of each result as `explain` */
  explain?: boolean | undefined
  /** `next_cursor` of the previous page of the same search. When absent: the nearest vectors */
  cursor?: string | undefined
}

/** Result of a search for vectors */
export interface VectorMatches {
  /** The vectors found, the most similar first */
  vectors: VectorMatch[]
  /** Same value as `vectors` */
  results: VectorMatch[]
  /** Number of vectors that meet filter and threshold, also beyond `limit` */
  total_count: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Cursor of the next page; null on the last page, and after 2000 vectors */
  next_cursor: string | null
  /** Model of the vectors compared; null when clients sent the embeddings */
  model: string | null
  /** Time that the search took, in milliseconds */
  search_time_ms: number
}

/** A vector that a search found */
export interface VectorMatch {
  /** Id of the vector, unique in its namespace */
  vector_id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Namespace that the vector belongs to */
  namespace: string
  /** The embedding; null until one has been computed */
  vector_embedding: number[] | null
  /** Length of the embedding; null when there is none */
  dimension: number | null
  /** Model that made the embedding; null when the client sent it */
  model: string | null
  /** Metadata of the vector */
  vector_metadata: Record<string, unknown>
  /** Same value as `vector_metadata` */
  metadata: Record<string, unknown>
  /** The text that the vector stands for; null when there is none */
  document: string | null
  /** Summary of the document by the hook auto_summarize; null when there is none */
  summary: string | null
  /** Source of the vector */
  source: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Cosine similarity with the query, from -1 to 1 */
  similarity: number
  /** Same value as `similarity`. In a hybrid search: reciprocal rank fusion of both ranks, 1 when both are the first */
  score: number
  /** Cosine distance: 1 minus the similarity */
  distance: number
  explain?: HybridRanks
}

/** Ranks of a result of a hybrid search */
export interface HybridRanks {
  /** Rank by similarity, from 1; null when it is not among the nearest */
  vector_rank: number | null
  /** Rank by words, from 1; null when the document has none of the words */
  word_rank: number | null
}

export interface VectorsListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only vectors of this namespace. When absent: of all namespaces */
  namespace?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
  /** True: return only the total, and no vectors */
  count_only?: boolean | undefined
  /** Filter on the metadata, as JSON text in a query */
  metadata_filter?: Record<string, unknown> | undefined
}

/** A page of vectors */
export interface VectorPage {
  /** The vectors, oldest first */
  vectors: Vector[]
  /** Number of all vectors that match; with a cursor, of those after it */
  total: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface VectorsNamespacesInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of namespaces */
export interface VectorNamespacePage {
  /** The namespaces, sorted by name */
  items: VectorNamespace[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A namespace and the number of its vectors */
export interface VectorNamespace {
  /** Name of the namespace */
  namespace: string
  /** Number of its vectors, up to 10,000 */
  vector_count: number
  /** False when the namespace has more vectors, which were not counted */
  count_is_exact: boolean
}

export interface VectorsStatsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only vectors of this namespace. When absent: of all namespaces */
  namespace?: string | undefined
}

/** Numbers about the vectors of a project or a namespace */
export interface VectorStats {
  /** Number of vectors, up to 10,000 */
  total_vectors: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Number of namespaces that have vectors, up to 1,000 */
  namespaces: number
  /** False when there are more namespaces, which were not counted */
  namespaces_is_exact: boolean
  /** Mean length of the embeddings of the counted vectors; null when none has an embedding */
  avg_dimensions: number | null
  /** Size of embeddings, documents and metadata of the counted vectors as stored, in millions of bytes */
  total_size_mb: number
}

export interface VectorsGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the vector */
  vector_id: string
  /** Namespace of the vector. When absent: any namespace; `default` comes first */
  namespace?: string | undefined
}

export interface VectorsUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the vector */
  vector_id: string
  /** Namespace of the vector. When absent: any namespace; `default` comes first */
  namespace?: string | undefined
  /** Metadata that replaces the old metadata. When absent, it stays */
  vector_metadata?: Record<string, unknown> | undefined
  /** Source of the vector. When absent, it stays */
  source?: string | undefined
}

export interface VectorsDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the vector */
  vector_id: string
  /** Namespace of the vector. When absent: any namespace; `default` comes first */
  namespace?: string | undefined
}

export interface VectorsDeleteManyInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Namespace of the vectors */
  namespace?: string | undefined
  /** Ids of the vectors. Either these or `metadata_filter`, unless the whole namespace is to be deleted */
  vector_ids?: string[] | undefined
  /** Filter on the metadata. Either this or `vector_ids`, unless the whole namespace is to be deleted */
  metadata_filter?: Record<string, unknown> | undefined
  /** Maximum number of vectors to delete, oldest first; 0, null or absent: all that match, of which there may be at most 10,000 */
  limit?: number | null | undefined
  /** True: without ids and filter, delete all vectors of the namespace */
  confirm_large_operation?: boolean | undefined
}

/** Result of deleting many vectors */
export interface VectorsDeleted {
  /** Number of vectors that were deleted */
  deleted_count: number
  /** Ids of the deleted vectors, oldest first */
  vector_ids: string[]
  /** Those of the given `vector_ids` that the namespace does not have */
  missing_ids: string[]
  /** True when `limit` left matching vectors: repeat the request */
  has_more: boolean
}

export interface EmbeddingsGenerateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** 1 to 100 texts, with at most 100,000 characters together */
  texts: string[]
  /** Model that embeds the texts: one of `embeddings.models`. When absent: the configured one. The configured one also stands in for a model that the server does not have, with a warning */
  model?: string | null | undefined
  /** Embeddings always have length 1. False is answered with a warning */
  normalize?: boolean | undefined
}

/** Embeddings of texts */
export interface GeneratedEmbeddings {
  /** The embeddings, in the order of the texts */
  embeddings: number[][]
  /** Model that made the embeddings */
  model: string
  /** Length of each embedding */
  dimensions: number
  /** Number of embeddings */
  count: number
  /** Id of the project of the request */
  project_id: string
  /** Time that the request took, in milliseconds */
  processing_time_ms: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

export interface EmbeddingsEmbedAndStoreInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** 1 to 100 texts, with at most 100,000 characters together */
  texts: string[]
  /** An id for each text. An existing vector with the id is replaced. When absent, the server makes the ids */
  vector_ids?: string[] | null | undefined
  /** Metadata for each text. When absent: none */
  metadata_list?: Array<Record<string, unknown>> | null | undefined
  /** Namespace that the vectors belong to */
  namespace?: string | undefined
  /** Source of the vectors, in your own words */
  source?: string | undefined
  /** Model that embeds the texts: one of `embeddings.models`. When absent: the configured one. The configured one also stands in for a model that the server does not have, with a warning */
  model?: string | null | undefined
}

/** Vectors that were made from texts and stored */
export interface EmbeddedAndStored {
  /** Always true: all texts are stored, or the request fails */
  success: true
  /** Number of vectors that were stored */
  vectors_stored: number
  /** Number of texts that were embedded */
  embeddings_generated: number
  /** Ids of the vectors, in the order of the texts */
  vector_ids: string[]
  /** Model that made the embeddings */
  model: string
  /** Length of each embedding */
  dimensions: number
  /** Namespace that the vectors belong to */
  namespace: string
  /** Time that the request took, in milliseconds */
  processing_time_ms: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

export interface EmbeddingsSearchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The text to compare with */
  query: string
  /** Namespace to search in */
  namespace?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Lowest cosine similarity of a result. Null or absent: no lower bound */
  threshold?: number | null | undefined
  /** Filter on the metadata. Null or absent: no filter */
  metadata_filter?: Record<string, unknown> | null | undefined
  /** Search only vectors of this model. When absent, or not a model of the server (with a warning): the model that made the vectors of the namespace */
  model?: string | null | undefined
}

/** Result of a search by text */
export interface EmbeddingMatches {
  /** The vectors found, the most similar first */
  results: EmbeddingMatch[]
  /** The query of the request */
  query: string
  /** Number of results in this response */
  total_results: number
  /** Model that embedded the query */
  model: string
  /** Time that the request took, in milliseconds */
  processing_time_ms: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** A text that a search found */
export interface EmbeddingMatch {
  /** Id of the vector, unique in its namespace */
  vector_id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Namespace that the vector belongs to */
  namespace: string
  /** The embedding; null until one has been computed */
  vector_embedding: number[] | null
  /** Length of the embedding; null when there is none */
  dimension: number | null
  /** Model that made the embedding; null when the client sent it */
  model: string | null
  /** Metadata of the vector */
  vector_metadata: Record<string, unknown>
  /** Same value as `vector_metadata` */
  metadata: Record<string, unknown>
  /** The text that the vector stands for; null when there is none */
  document: string | null
  /** Summary of the document by the hook auto_summarize; null when there is none */
  summary: string | null
  /** Source of the vector */
  source: string
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
  /** Cosine similarity with the query, from -1 to 1 */
  similarity: number
  /** Same value as `similarity`. In a hybrid search: reciprocal rank fusion of both ranks, 1 when both are the first */
  score: number
  /** Cosine distance: 1 minus the similarity */
  distance: number
  explain?: HybridRanks
  /** Same value as `vector_id` */
  id: string
}

export interface EmbeddingsModelsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** A model that embeds texts */
export interface EmbeddingModel {
  /** Name of the model, for the field `model` */
  id: string
  /** Length of its embeddings; null until the first one is known */
  dimensions: number | null
  /** Where the model runs */
  description: string
  /** True for the configured model, which requests without `model` use */
  is_default: boolean
}

export interface EmbeddingsCreateInput {
  /** Id of the project. When absent or `-`: the project of the API key, of the header X-Project-ID, or your default one */
  project_id?: string | undefined
  /** A text, or 1 to 100 texts, with at most 100,000 characters together */
  input: string | string[]
  /** Model that embeds the texts: one of `embeddings.models`. When absent: the configured one. The configured one also stands in for a model that the server does not have, with a warning */
  model?: string | null | undefined
  /** `float`: lists of numbers. `base64`: the bytes of 32-bit floats, little-endian */
  encoding_format?: 'float' | 'base64' | undefined
  /** Length of the embeddings. Only the length that the model has is accepted */
  dimensions?: number | null | undefined
}

/** Embeddings of texts, in the form of the OpenAI API */
export interface CreatedEmbeddings {
  /** Always `list` */
  object: 'list'
  /** The embeddings, in the order of the texts */
  data: CreatedEmbedding[]
  /** Model that made the embeddings */
  model: string
  /** Size of the texts */
  usage: {
    /** Estimated number of tokens: one for four characters */
    prompt_tokens: number
    /** Same value as `prompt_tokens` */
    total_tokens: number
  }
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** The embedding of one text */
export interface CreatedEmbedding {
  /** Always `embedding` */
  object: 'embedding'
  /** Position of the text in the request */
  index: number
  /** The embedding, in the form of `encoding_format` */
  embedding: number[] | string
}

export interface EmbeddingsReEmbedInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Maximum number of texts to convert in this request */
  limit?: number | undefined
}

/** Progress of the conversion */
export interface ReembedResult {
  /** The configured model, which makes the new embeddings */
  model: string
  /** Number of texts converted by this request */
  converted: number
  /** Number of texts still to convert. At 0, the new embeddings have replaced the old ones */
  left: number
  /** Number of embeddings that this request replaced */
  switched: number
}

export interface MemoryStoreInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The text to store, which is kept exactly as it is */
  content: string
  /** Agent that the record belongs to */
  agent_id?: string | null | undefined
  /** Session that the record belongs to */
  session_id?: string | null | undefined
  /** Author of the text */
  role?: 'user' | 'assistant' | 'system' | null | undefined
  /** Any JSON object of yours */
  memory_metadata?: Record<string, unknown> | undefined
}

/** A record of a conversation */
export interface Memory {
  /** Id of the record */
  memory_id: string
  /** Same value as `memory_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Agent that the record belongs to; null when not given */
  agent_id: string | null
  /** Session that the record belongs to; null when not given */
  session_id: string | null
  /** Author of the text: `user`, `assistant` or `system`; null when not given */
  role: string | null
  /** The text, exactly as it was sent */
  content: string
  /** Embedding of the content; empty until the hook auto_embed has computed it */
  embedding: number[]
  /** Model that made the embedding; null when there is none */
  model: string | null
  /** Metadata of the record */
  memory_metadata: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only records of this agent */
  agent_id?: string | undefined
  /** Only records with this `session_id` */
  session_id?: string | undefined
  /** Only records of this role */
  role?: 'user' | 'assistant' | 'system' | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface MemorySearchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** What to find: words, or a question. The first 100 different words count */
  query: string
  /** Only records with this `session_id` */
  session_id?: string | null | undefined
  /** Only records of this agent */
  agent_id?: string | null | undefined
  /** Only records of this role */
  role?: 'user' | 'assistant' | 'system' | null | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Lowest score of a result. Null or absent: no lower bound */
  threshold?: number | null | undefined
}

/** Result of a search for records */
export interface MemoryMatches {
  /** The records found, the most relevant first */
  results: MemoryMatch[]
  /** Same value as `results` */
  memories: MemoryMatch[]
  /** Number of results */
  count: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** A record that a search found */
export interface MemoryMatch {
  /** Id of the record */
  memory_id: string
  /** Same value as `memory_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Agent that the record belongs to; null when not given */
  agent_id: string | null
  /** Session that the record belongs to; null when not given */
  session_id: string | null
  /** Author of the text: `user`, `assistant` or `system`; null when not given */
  role: string | null
  /** The text, exactly as it was sent */
  content: string
  /** Embedding of the content; empty until the hook auto_embed has computed it */
  embedding: number[]
  /** Model that made the embedding; null when there is none */
  model: string | null
  /** Metadata of the record */
  memory_metadata: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** Relevance from 0 to 1; results are sorted by it */
  score: number
  /** Same value as `score` */
  similarity: number
}

export interface MemoryStatsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** Numbers about the records of a project */
export interface MemoryStats {
  /** Number of records, up to 10,000 */
  total_memories: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Number of sessions that have records, up to 1,000 */
  sessions: number
  /** False when there are more sessions, which were not counted */
  sessions_is_exact: boolean
  /** Numbers of the counted records by role */
  by_role: {
    /** Records of users */
    user: number
    /** Records of assistants */
    assistant: number
    /** Records of the system */
    system: number
    /** Records without a role */
    none: number
  }
  /** Number of the counted records that have an embedding */
  embedded: number
}

export interface MemorySessionsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of sessions */
export interface MemorySessionPage {
  /** The sessions, sorted by id */
  items: MemorySession[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A session and its records */
export interface MemorySession {
  /** Id of the session, as your application names it */
  session_id: string
  /** Number of its records, up to 10,000 */
  memory_count: number
  /** False when the session has more records, which were not counted */
  count_is_exact: boolean
  /** When its oldest record was created: ISO 8601 in UTC, with microseconds */
  first_at: string
  /** When its newest record was created: ISO 8601 in UTC, with microseconds */
  last_at: string
}

export interface MemoryDeleteSessionInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the session */
  session_id: string
  /** Maximum number of records to delete, oldest first; 0, null or absent: all, of which there may be at most 10,000 */
  limit?: number | null | undefined
}

/** Result of deleting the records of a session */
export interface MemorySessionDeleted {
  /** Id of the session */
  session_id: string
  /** Number of records that were deleted */
  deleted_count: number
  /** True when `limit` left records: repeat the request */
  has_more: boolean
}

export interface MemoryContextInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the session */
  session_id: string
  /** Estimated number of tokens that the messages may have together */
  max_tokens?: number | undefined
}

/** The latest part of a session */
export interface MemoryContext {
  /** Id of the session */
  session_id: string
  /** The newest records of the session that fit, at most 1,000, oldest first */
  messages: ContextMessage[]
  /** Number of messages */
  message_count: number
  /** Estimated number of tokens of the messages: a quarter of their characters */
  estimated_tokens: number
  /** True when the session has older records, which did not fit */
  truncated: boolean
}

/** A message of a session */
export interface ContextMessage {
  /** Id of the record */
  memory_id: string
  /** Author of the text; null when not given */
  role: string | null
  /** The text, exactly as it was sent */
  content: string
  /** Agent that the record belongs to; null when not given */
  agent_id: string | null
  /** Metadata of the record */
  memory_metadata: Record<string, unknown>
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryBatchStoreInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The records to store, at most 500 */
  records: Array<{
    /** The text to store, which is kept exactly as it is */
    content: string
    /** Agent that the record belongs to */
    agent_id?: string | null | undefined
    /** Session that the record belongs to */
    session_id?: string | null | undefined
    /** Author of the text */
    role?: 'user' | 'assistant' | 'system' | null | undefined
    /** Any JSON object of yours */
    memory_metadata?: Record<string, unknown> | undefined
  }>
}

/** Result of writing many records */
export interface MemoryBatchResult {
  /** Ids of the records, in the order of the request */
  memory_ids: string[]
  /** Number of records */
  success_count: number
  /** Always 0: a batch is written as a whole or not at all */
  error_count: 0
}

export interface MemoryBatchUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The records to update, at most 500, each with the fields to change */
  updates: Array<{
    /** Id of the record */
    memory_id: string
    /** New text, whose embedding a hook computes again. When absent, the text stays */
    content?: string | undefined
    /** Agent that the record belongs to. Null: none. When absent, it stays */
    agent_id?: string | null | undefined
    /** Session that the record belongs to. Null: none. When absent, it stays */
    session_id?: string | null | undefined
    /** Author of the text. Null: unknown. When absent, it stays */
    role?: 'user' | 'assistant' | 'system' | null | undefined
    /** Metadata that replaces the old metadata. When absent, it stays */
    memory_metadata?: Record<string, unknown> | undefined
  }>
}

export interface MemoryBatchDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Ids of the records to delete, at most 500 */
  memory_ids: string[]
}

/** Result of deleting many records */
export interface MemoriesDeleted {
  /** Number of records that were deleted */
  deleted_count: number
  /** Ids of the deleted records */
  memory_ids: string[]
  /** Those of the given `memory_ids` that the project does not have */
  missing_ids: string[]
}

export interface MemoryGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the record */
  memory_id: string
}

export interface MemoryUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the record */
  memory_id: string
  /** New text, whose embedding a hook computes again. When absent, the text stays */
  content?: string | undefined
  /** Agent that the record belongs to. Null: none. When absent, it stays */
  agent_id?: string | null | undefined
  /** Session that the record belongs to. Null: none. When absent, it stays */
  session_id?: string | null | undefined
  /** Author of the text. Null: unknown. When absent, it stays */
  role?: 'user' | 'assistant' | 'system' | null | undefined
  /** Metadata that replaces the old metadata. When absent, it stays */
  memory_metadata?: Record<string, unknown> | undefined
}

export interface MemoryDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the record */
  memory_id: string
}

export interface MemoryRememberInput {
  /** The text to remember, which is kept exactly as it is. It can be empty; handlers have nothing to do then */
  content: string
  /** Person or thing that the memory is about */
  entity_id?: string | null | undefined
  /** Kind of memory: `working` for the task at hand, `episodic` for what happened, `semantic` for facts, `procedural` for how to do something */
  memory_type?: 'working' | 'episodic' | 'semantic' | 'procedural' | undefined
  /** Importance, from 0 to 1 */
  importance?: number | undefined
  /** Labels that recall can filter by, at most 100 */
  tags?: string[] | undefined
  /** Any JSON object of yours */
  metadata?: Record<string, unknown> | undefined
  /** Session that the memory belongs to */
  session_id?: string | null | undefined
  /** Agent that the memory belongs to */
  agent_id?: string | null | undefined
  /** Person whose memory it is, as your application names them */
  user_id?: string | null | undefined
  /** Run of the agent, as your application names it */
  run_id?: string | null | undefined
  /** Namespace that the memory belongs to */
  namespace?: string | undefined
  /** When it happened, in ISO 8601 with a time zone. Null or absent: now. Recall filters and ranks by it */
  event_at?: string | null | undefined
}

/** The memory that was stored */
export interface RememberResult {
  /** Id of the memory */
  memory_id: string
  /** Same value as `memory_id` */
  id: string
  /** Always `stored` */
  status: 'stored'
  /** The text, exactly as it was sent */
  content: string
  /** Person or thing that the memory is about; null when not given */
  entity_id: string | null
  /** Kind of memory: `working` for the task at hand, `episodic` for what happened, `semantic` for facts, `procedural` for how to do something */
  memory_type: string
  /** Importance, from 0 to 1 */
  importance: number
  /** Namespace that the memory belongs to */
  namespace: string
  /** Labels of the memory */
  tags: string[]
  /** Metadata of the memory */
  metadata: Record<string, unknown>
  /** Always empty: extraction runs after the response, and its result is in the graph */
  entities_extracted: string[]
  /** Session that the memory belongs to; null when not given */
  session_id: string | null
  /** Agent that the memory belongs to; null when not given */
  agent_id: string | null
  /** Person whose memory it is; null when not given */
  user_id: string | null
  /** Run of the agent; null when not given */
  run_id: string | null
  /** When it happened; null when not given */
  event_at: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryRecallInput {
  /** What to recall: words, or a question. The first 100 different words count. `*`: all memories that the other fields select, newest first */
  query: string
  /** Only memories about this person or thing */
  entity_id?: string | null | undefined
  /** Only memories with this `session_id` */
  session_id?: string | null | undefined
  /** Only memories of this agent */
  agent_id?: string | null | undefined
  /** Only memories of this person, as your application names them */
  user_id?: string | null | undefined
  /** Only memories of this run of the agent */
  run_id?: string | null | undefined
  /** Only memories of this namespace. Null or absent: of all namespaces */
  namespace?: string | null | undefined
  /** True: find memories of all namespaces and ignore `namespace` */
  allow_cross_namespace?: boolean | null | undefined
  /** Only memories with at least one of these tags */
  tags?: string[] | null | undefined
  /** Only memories of this kind, or of one of these kinds */
  memory_type?: 'working' | 'episodic' | 'semantic' | 'procedural' | Array<'working' | 'episodic' | 'semantic' | 'procedural'> | null | undefined
  /** Condition on the metadata, with the operators of queries of tables, such as `{"topic": {"$in": ["tea"]}}` */
  metadata_filter?: Record<string, unknown> | null | undefined
  /** Only memories of what happened at this time or later */
  since?: string | null | undefined
  /** Only memories of what happened before this time */
  until?: string | null | undefined
  /** Only memories of what had happened at this time, from which recency and words like "yesterday" count */
  as_of?: string | null | undefined
  /** Lowest score of a result. Null or absent: no lower bound */
  threshold?: number | null | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Maximum number of tokens of all texts together, estimated as four characters each. A memory that does not fit is left out */
  max_tokens?: number | null | undefined
  /** Number of memories before and after each result in its session to add to it as `context` */
  expand_context?: number | null | undefined
  /** False: without the channel `graph` */
  use_graph?: boolean | null | undefined
  /** Channels of the ranking; false switches one off. All are on by default */
  channels?: {
    /** Words that the text shares with the query, weighted by rarity (BM25) */
    words?: boolean | undefined
    /** Words of the memories before and after it in the same session */
    neighbours?: boolean | undefined
    /** Similarity of the embeddings */
    meaning?: boolean | undefined
    /** The query names the `entity_id`, or the speaker before the first colon of the text */
    names?: boolean | undefined
    /** The memory mentions an entity of the graph that the query names */
    graph?: boolean | undefined
    /** It happened on a date, in a month, in a year or in a period such as "last week" that the query names */
    time?: boolean | undefined
    /** Share that the importance adds, at most 0.1 */
    importance?: boolean | undefined
    /** Share that a recent time adds, at most 0.1 */
    recency?: boolean | undefined
  } | null | undefined
  /** True: each result has the parts of its score in `explain` */
  explain?: boolean | null | undefined
}

/** Result of a recall */
export interface RecallResult {
  /** The memories found, the most relevant first */
  results: RecalledMemory[]
  /** Same value as `results` */
  memories: RecalledMemory[]
  /** Number of results */
  count: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** A memory that recall found */
export interface RecalledMemory {
  /** Id of the memory */
  memory_id: string
  /** Same value as `memory_id` */
  id: string
  /** The text, exactly as it was remembered */
  content: string
  /** Author of the text: `user`, `assistant` or `system`; null when not given */
  role: string | null
  /** Person or thing that the memory is about; null when not given */
  entity_id: string | null
  /** Kind of memory: `working` for the task at hand, `episodic` for what happened, `semantic` for facts, `procedural` for how to do something */
  memory_type: string
  /** Importance, from 0 to 1 */
  importance: number
  /** Namespace that the memory belongs to */
  namespace: string
  /** Labels of the memory */
  tags: string[]
  /** Metadata of the memory */
  metadata: Record<string, unknown>
  /** Session that the memory belongs to; null when not given */
  session_id: string | null
  /** Agent that the memory belongs to; null when not given */
  agent_id: string | null
  /** Person whose memory it is; null when not given */
  user_id: string | null
  /** Run of the agent; null when not given */
  run_id: string | null
  /** When it happened; null when not given */
  event_at: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** Relevance from 0 to 1; results are sorted by it */
  score: number
  /** Same value as `score` */
  similarity: number
  /** With `explain`: what each channel contributes. The score is 1 - exp(-2 × s), where s is the sum of the channels, times 1 + importance + recency. Null: the memory does not match, and is in the result because a field selects it */
  explain?: {
    /** Words that the text shares with the query, weighted by rarity (BM25) */
    words: number
    /** Words of the memories before and after it in the same session */
    neighbours: number
    /** Similarity of the embeddings */
    meaning: number
    /** The query names the `entity_id`, or the speaker before the first colon of the text */
    names: number
    /** The memory mentions an entity of the graph that the query names */
    graph: number
    /** It happened on a date, in a month, in a year or in a period such as "last week" that the query names */
    time: number
    /** Share that the importance adds, at most 0.1 */
    importance: number
    /** Share that a recent time adds, at most 0.1 */
    recency: number
  } | null
  /** With `expand_context`: the memories around it in its session, and itself, oldest first */
  context?: RememberedMemory[]
}

/** A memory that remember has stored */
export interface RememberedMemory {
  /** Id of the memory */
  memory_id: string
  /** Same value as `memory_id` */
  id: string
  /** The text, exactly as it was remembered */
  content: string
  /** Author of the text: `user`, `assistant` or `system`; null when not given */
  role: string | null
  /** Person or thing that the memory is about; null when not given */
  entity_id: string | null
  /** Kind of memory: `working` for the task at hand, `episodic` for what happened, `semantic` for facts, `procedural` for how to do something */
  memory_type: string
  /** Importance, from 0 to 1 */
  importance: number
  /** Namespace that the memory belongs to */
  namespace: string
  /** Labels of the memory */
  tags: string[]
  /** Metadata of the memory */
  metadata: Record<string, unknown>
  /** Session that the memory belongs to; null when not given */
  session_id: string | null
  /** Agent that the memory belongs to; null when not given */
  agent_id: string | null
  /** Person whose memory it is; null when not given */
  user_id: string | null
  /** Run of the agent; null when not given */
  run_id: string | null
  /** When it happened; null when not given */
  event_at: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryRecallContextInput {
  /** What the context is for: words, or a question. `*`: the newest memories */
  query: string
  /** Only memories about this person or thing */
  entity_id?: string | null | undefined
  /** Only memories with this `session_id` */
  session_id?: string | null | undefined
  /** Only memories of this agent */
  agent_id?: string | null | undefined
  /** Only memories of this person, as your application names them */
  user_id?: string | null | undefined
  /** Only memories of this run of the agent */
  run_id?: string | null | undefined
  /** Only memories of this namespace. Null or absent: of all namespaces */
  namespace?: string | null | undefined
  /** True: use memories of all namespaces and ignore `namespace` */
  allow_cross_namespace?: boolean | null | undefined
  /** Only memories with at least one of these tags */
  tags?: string[] | null | undefined
  /** Form of the text. `narrative`: a paragraph per memory. `bullet`: a list. `structured`: lists under the kinds of memory */
  synthesis_style?: 'narrative' | 'bullet' | 'structured' | undefined
  /** Estimated number of tokens that the context may have: a quarter of its characters */
  max_tokens?: number | undefined
  /** Maximum number of memories */
  limit?: number | undefined
}

/** A text for a prompt, made of memories */
export interface MemoriesContext {
  /** The texts of the most relevant memories that fit, unchanged; empty without memories */
  context: string
  /** Ids of the memories in the context, the most relevant first */
  sources: string[]
  /** Number of memories in the context */
  sources_count: number
  /** Score of the most relevant memory in the context, from 0 to 1; 0 without memories */
  confidence: number
  /** Estimated number of tokens of the context: a quarter of its characters */
  token_count: number
  /** True when a memory was found and did not fit */
  truncated: boolean
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

export interface MemoryProcessInput {
  /** The messages, oldest first, at most 500 */
  messages: Array<{
    /** Author of the text */
    role?: 'user' | 'assistant' | 'system' | null | undefined
    /** The text, which is kept exactly as it is */
    content: string
  }>
  /** Person or thing that the messages are about */
  entity_id?: string | null | undefined
  /** Namespace that the memories belong to */
  namespace?: string | undefined
  /** Session that the memories belong to */
  session_id?: string | null | undefined
  /** Agent that the memories belong to */
  agent_id?: string | null | undefined
  /** Person whose memories these are, as your application names them */
  user_id?: string | null | undefined
  /** Run of the agent, as your application names it */
  run_id?: string | null | undefined
}

/** The memories that were stored */
export interface ProcessedMessages {
  /** Always `processed` */
  status: 'processed'
  /** Ids of the memories, in the order of the messages */
  memory_ids: string[]
  /** Number of memories */
  count: number
  /** When the first memory was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryMemoriesInput {
  /** Only memories about this person or thing */
  entity_id?: string | null | undefined
  /** Only memories with this `session_id` */
  session_id?: string | null | undefined
  /** Only memories of this agent */
  agent_id?: string | null | undefined
  /** Only memories of this person, as your application names them */
  user_id?: string | null | undefined
  /** Only memories of this run of the agent */
  run_id?: string | null | undefined
  /** Only memories of this namespace. Null or absent: of all namespaces */
  namespace?: string | null | undefined
  /** Only memories with at least one of these tags, separated by commas */
  tags?: string[] | string | null | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of memories */
export interface RememberedMemoryPage {
  /** The memories, newest first */
  memories: RememberedMemory[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface MemoryProfileInput {
  /** Person or thing that the memories are about. Null or absent: all memories */
  entity_id?: string | null | undefined
  /** Namespace of the memories and of the graph. Null or absent: memories of all, and the graph of `global` */
  namespace?: string | null | undefined
  /** Maximum number of memories, and of relations */
  limit?: number | undefined
}

/** What the memories and the graph have about a person or thing */
export interface MemoryProfile {
  /** Person or thing that the memories are about; null for all memories */
  entity_id: string | null
  /** The entity of this name in the graph; null when there is none, and for all memories */
  entity: Entity | null
  /** Number of memories, up to 10,000 */
  memory_count: number
  /** False when there are more memories, which were not counted */
  count_is_exact: boolean
  /** Numbers of the counted memories, by kind of memory: `working`, `episodic`, `semantic`, `procedural` */
  by_type: Record<string, number>
  /** When the oldest memory was created; null without memories */
  first_at: string | null
  /** When the newest memory was created; null without memories */
  last_at: string | null
  /** The newest memories, newest first */
  memories: RememberedMemory[]
  /** The relations of the entity, highest confidence first; empty for all memories */
  relationships: Relationship[]
  /** The newest memory with the tag `auto_context_config` that is about this entity or about none: its content if that is a JSON object, else its metadata if there are any, else its text. Null when there is none */
  auto_context_config: unknown
}

/** A person, organization, place or thing that memories mention */
export interface Entity {
  /** Id of the entity */
  id: string
  /** Name of the entity */
  name: string
  /** Type of the entity, such as `person`, `organization` or `place` */
  type: string
  /** Namespace of the memories that mention the entity */
  namespace: string
  /** All names under which memories mention the entity */
  aliases: string[]
}

/** A relation between two entities */
export interface Relationship {
  /** Id of the relation */
  id: string
  /** Name of the entity that the relation starts at */
  subject: string
  /** The relation, such as `works for` */
  predicate: string
  /** Name of the entity that the relation leads to */
  object: string
  /** Confidence of the extraction, from 0 to 1 */
  confidence: number
  /** The predicate in its base form, such as `work for`; null for relations of before this field */
  lemma: string | null
  /** Tense of the predicate; null for stated relations, and for a predicate without a verb */
  tense: 'past' | 'present' | 'future' | null
  /** Since when the fact holds: when its first memory was stored, or as stated. Null: unknown */
  valid_from: string | null
  /** Until when the fact held; null if it holds */
  valid_to: string | null
  /** Ids of the memories that support the relation */
  sources: string[]
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

export interface MemoryForgetInput {
  /** Id of the memory. Null or absent: all memories that the other fields select */
  memory_id?: string | null | undefined
  /** Only memories about this person or thing */
  entity_id?: string | null | undefined
  /** Only memories with this `session_id` */
  session_id?: string | null | undefined
  /** Only memories of this agent */
  agent_id?: string | null | undefined
  /** Only memories of this person, as your application names them */
  user_id?: string | null | undefined
  /** Only memories of this run of the agent */
  run_id?: string | null | undefined
  /** Only memories of this namespace. Null or absent: of all namespaces */
  namespace?: string | null | undefined
  /** Maximum number of memories to forget, oldest first */
  limit?: number | undefined
}

/** The deleted objects: the memories and everything that was derived from them alone */
export interface ForgetResult {
  /** Always `forgotten` */
  status: 'forgotten'
  /** Id of the memory that was deleted; null when other fields selected it */
  memory_id: string | null
  /** Number of memories that were deleted */
  count: number
  /** True when `limit` left memories: repeat the request */
  has_more: boolean
  /** Number of deleted objects, by kind */
  receipt: {
    /** Memories deleted */
    memories: number
    /** Mentions of entities deleted */
    mentions: number
    /** Relations deleted, because no other memory supports them */
    edges: number
    /** Entities deleted, because no other memory mentions them */
    entities: number
    /** Runs whose results, errors and logs were deleted */
    runs: number
  }
}

export interface GraphNeighborsInput {
  /** The entity: its name in any spelling, the `entity_id` given to remember, or its id */
  entity: string
  /** Namespace of the graph: that of the memories which it is made from */
  namespace?: string | undefined
  /** Maximum distance of a neighbor. 2 and 3 also follow the relations of the neighbors, of at most 50 at each distance */
  depth?: number | undefined
  /** Relations that held at this time: ISO 8601 with a time zone. When absent: those that hold now */
  as_of?: string | undefined
  /** Maximum number of relations */
  limit?: number | undefined
  /** Seconds to wait for the extraction of what you have just stored; 0 responds at once */
  wait?: number | undefined
}

/** An entity and what it is related to */
export interface Neighbors {
  entity: Entity
  /** The related entities, one for each relation */
  neighbors: Neighbor[]
  /** The relations, with the memories that support them */
  relationships: Relationship[]
  /** The entities as nodes of a drawing */
  nodes: GraphNode[]
  /** The relations as edges of a drawing */
  edges: GraphEdge[]
  /** Number of relations */
  count: number
  /** Number of extractions that had not finished when the wait was over */
  pending: number
}

/** An entity that is related to the one asked for */
export interface Neighbor {
  /** Id of the neighbor */
  id: string
  /** Name of the neighbor */
  name: string
  /** Type of the neighbor */
  type: string
  /** The relation, such as `works for` */
  predicate: string
  /** `out`: the relation leads to the neighbor, away from the entity asked for. `in`: it starts at the neighbor */
  direction: 'out' | 'in'
  /** Confidence of the extraction, from 0 to 1 */
  confidence: number
  /** Number of relations between the neighbor and the entity asked for */
  distance: number
}

/** An entity as a node of a drawing */
export interface GraphNode {
  /** Id of the entity */
  id: string
  /** Name of the entity */
  label: string
  /** Type of the entity */
  type: string
}

/** A relation as an edge of a drawing */
export interface GraphEdge {
  /** Id of the relation */
  id: string
  /** Id of the node that the edge starts at */
  source: string
  /** Id of the node that the edge leads to */
  target: string
  /** The relation, such as `works for` */
  predicate: string
}

export interface GraphPathInput {
  /** The entity at the start: its name, the `entity_id` given to remember, or its id */
  from: string
  /** The entity at the end: its name, the `entity_id` given to remember, or its id */
  to: string
  /** Namespace of the graph: that of the memories which it is made from */
  namespace?: string | undefined
  /** Maximum number of relations of the path */
  max_depth?: number | undefined
  /** Relations that held at this time: ISO 8601 with a time zone. When absent: those that hold now */
  as_of?: string | undefined
}

/** A shortest path between two entities */
export interface GraphPath {
  from: Entity
  to: Entity
  /** Number of relations of the path; null if no path of at most `max_depth` relations was found */
  length: number | null
  /** The relations from the first entity to the second, each in its own direction */
  relationships: Relationship[]
}

export interface GraphRelateInput {
  /** Name of the entity that the relation starts at */
  subject: string
  /** The relation, as you name it */
  predicate: string
  /** Name of the entity that the relation leads to */
  object: string
  /** Namespace of the graph: that of the memories which it is made from */
  namespace?: string | undefined
  /** Confidence, from 0 to 1. A known relation keeps a higher one */
  confidence?: number | undefined
  /** Type of the subject, if it is new in the graph */
  subject_type?: string | undefined
  /** Type of the object, if it is new in the graph */
  object_type?: string | undefined
  /** Since when the fact holds: ISO 8601 with a time zone. Null or absent: since now */
  valid_from?: string | null | undefined
  /** True: end the other relations with this subject and this predicate, such as a previous address */
  replace?: boolean | undefined
}

/** The relation that was stated */
export interface Related {
  /** `created`: the relation is new. `exists`: the graph had it already, and it has not changed but for its confidence */
  status: 'created' | 'exists'
  /** Id of the relation */
  id: string
  /** Name of the entity that the relation starts at */
  subject: string
  /** The relation, such as `works for` */
  predicate: string
  /** Name of the entity that the relation leads to */
  object: string
  /** Confidence of the extraction, from 0 to 1 */
  confidence: number
  /** The predicate in its base form, such as `work for`; null for relations of before this field */
  lemma: string | null
  /** Tense of the predicate; null for stated relations, and for a predicate without a verb */
  tense: 'past' | 'present' | 'future' | null
  /** Since when the fact holds: when its first memory was stored, or as stated. Null: unknown */
  valid_from: string | null
  /** Until when the fact held; null if it holds */
  valid_to: string | null
  /** Ids of the memories that support the relation */
  sources: string[]
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** Same value as `id` */
  relation_id: string
  /** Ids of the relations that `replace` has ended */
  ended: string[]
}

export interface GraphEndRelationInput {
  /** Id of the relation */
  relation_id: string
}

export interface PlansCreateInput {
  /** Title of the plan */
  title: string
  /** Kind of the artifact, as your application names it */
  type?: string | undefined
  /** Text of the plan */
  content: string
  /** Session that the plan belongs to */
  session_id?: string | null | undefined
  /** State of the work */
  status?: 'draft' | 'active' | 'completed' | undefined
}

/** A plan of an agent: a text that changes, with its history */
export interface Plan {
  /** Id of the plan */
  plan_id: unknown
  /** Id of the plan */
  id: unknown
  /** Title of the plan */
  title: string
  /** Kind of the artifact */
  type: string
  /** Text of the plan */
  content: string
  /** State of the work: draft, active or completed */
  status: string
  /** Session that the plan belongs to; null for none */
  session_id: string | null
  /** Number of the version, from 1; each change adds 1 */
  version: number
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it was last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

export interface PlansGetInput {
  /** Id of the plan */
  plan_id: string
}

export interface PlansUpdateInput {
  /** Id of the plan */
  plan_id: string
  /** New title. Absent: unchanged */
  title?: string | undefined
  /** New text. Absent: unchanged */
  content?: string | undefined
  /** New state of the work. Absent: unchanged */
  status?: 'draft' | 'active' | 'completed' | undefined
}

export interface PlansHistoryInput {
  /** Id of the plan */
  plan_id: string
  /** Maximum number of results */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of the changes of a plan */
export interface PlanHistory {
  /** Id of the plan */
  plan_id: unknown
  /** The changes, newest first, as far back as events are kept */
  history: PlanChange[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A change of a plan */
export interface PlanChange {
  /** When the change was committed: ISO 8601 in UTC, with microseconds */
  at: string
  /** Names of the fields that differ */
  changed: string[]
  /** The plan before the change; null for the creation */
  before: {
    /** Title of the plan */
    title: string
    /** Kind of the artifact */
    type: string
    /** Text of the plan */
    content: string
    /** State of the work: draft, active or completed */
    status: string
    /** Session that the plan belongs to; null for none */
    session_id: string | null
  } | null
  /** The plan after the change; null for the deletion of its row */
  after: {
    /** Title of the plan */
    title: string
    /** Kind of the artifact */
    type: string
    /** Text of the plan */
    content: string
    /** State of the work: draft, active or completed */
    status: string
    /** Session that the plan belongs to; null for none */
    session_id: string | null
  } | null
  /** Differences of the text as a unified diff; empty if the text is the same */
  diff: string
}

export type FilesUploadInput = UploadContent & {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Key of the file. When absent, the server makes one */
  file_key?: string | undefined
  /** Name of the file. When absent: that of the file part, else the last segment of `file_key` */
  file_name?: string | undefined
  /** The content in base64, in a JSON body. When absent, only metadata is stored */
  file_content?: string | undefined
  /** Media type of the content. When absent: that of the file part, else null */
  content_type?: string | null | undefined
  /** Size in bytes of a file that is stored elsewhere. Ignored when the request has the content */
  size_bytes?: number | null | undefined
  /** Folder to list the file in */
  folder?: string | null | undefined
  /** Any JSON object of yours */
  file_metadata?: Record<string, unknown> | undefined
}

/** A file: its metadata, and whether the server has its content */
export interface File {
  /** Id of the file */
  file_id: string
  /** Same value as `file_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Key of the file: the one that was sent, or one that the server made */
  file_key: string
  /** Name of the file */
  file_name: string
  /** Media type of the content; null when unknown */
  content_type: string | null
  /** Size of the content in bytes; null when unknown */
  size_bytes: number | null
  /** Folder that the file is listed in; null when it is in none */
  folder: string | null
  /** Metadata of the file */
  file_metadata: Record<string, unknown>
  /** Same value as `file_metadata` */
  metadata: Record<string, unknown>
  /** Whether the server has the content; false for a file that was registered by its metadata only */
  has_content: boolean
  /** Summary of the content by the hook auto_summarize; null when there is none */
  summary: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the metadata last changed; null when it never did */
  updated_at: string | null
}

export interface FilesListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only files of this folder */
  folder?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface FilesSearchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** What to look for in names and summaries: words, or a question */
  query: string
  /** Only files of this folder */
  folder?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
}

/** Result of a search for files */
export interface FileMatches {
  /** The files found, the most relevant first */
  results: FileMatch[]
  /** Number of results */
  count: number
  /** Likely mistakes in the request. Absent when there are none */
  warnings?: string[]
}

/** A file that a search found */
export interface FileMatch {
  /** Id of the file */
  file_id: string
  /** Same value as `file_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Key of the file: the one that was sent, or one that the server made */
  file_key: string
  /** Name of the file */
  file_name: string
  /** Media type of the content; null when unknown */
  content_type: string | null
  /** Size of the content in bytes; null when unknown */
  size_bytes: number | null
  /** Folder that the file is listed in; null when it is in none */
  folder: string | null
  /** Metadata of the file */
  file_metadata: Record<string, unknown>
  /** Same value as `file_metadata` */
  metadata: Record<string, unknown>
  /** Whether the server has the content; false for a file that was registered by its metadata only */
  has_content: boolean
  /** Summary of the content by the hook auto_summarize; null when there is none */
  summary: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When the metadata last changed; null when it never did */
  updated_at: string | null
  /** Relevance from 0 to 1; results are sorted by it */
  score: number
  /** Same value as `score` */
  similarity: number
}

export interface FilesGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
}

export interface FilesDownloadInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
}

export interface FilesPresignInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
  /** Seconds until the URL expires, 1 to 604,800 (7 days) */
  expires_in?: number | undefined
  /** What the URL is for: only `download` of a file that exists. For an upload, use `POST …/files/presigned-upload`, with `file_id` for a file that exists */
  operation?: 'download' | undefined
}

/** A URL that downloads one file without a key until it expires */
export interface PresignedUrl {
  /** The URL, for GET requests without a key. Without an origin for calls from functions and MCP tools */
  url: string
  /** Path and query of the URL, without the origin */
  url_path: string
  /** Always `GET` */
  method: 'GET'
  /** Always `download` */
  operation: 'download'
  /** Id of the file */
  file_id: string
  /** Seconds until the URL expires */
  expires_in: number
  /** When the URL expires: ISO 8601 in UTC */
  expires_at: string
}

export interface FilesPresignUploadInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of a file that was registered without content, which the upload adds. When absent: a new file */
  file_id?: string | undefined
  /** Name of the new file. Required without `file_id` */
  file_name?: string | undefined
  /** Key of the file. When absent, the server makes one */
  file_key?: string | undefined
  /** Media type of the content, which the upload must send as `Content-Type`. When absent: that of the upload */
  content_type?: string | null | undefined
  /** Folder to list the file in */
  folder?: string | null | undefined
  /** Any JSON object of yours */
  file_metadata?: Record<string, unknown> | undefined
  /** Maximum size of the content in bytes. When absent: the limit of the server for uploads */
  max_bytes?: number | undefined
  /** Seconds until the URL expires, 1 to 604,800 (7 days) */
  expires_in?: number | undefined
}

/** A URL that uploads one file without a key, once, until it expires */
export interface PresignedUpload {
  /** The URL, for one PUT request without a key. Without an origin for calls from functions and MCP tools */
  url: string
  /** Path and query of the URL, without the origin */
  url_path: string
  /** Always `PUT` */
  method: 'PUT'
  /** Always `upload` */
  operation: 'upload'
  /** Headers that the request must have */
  headers: Record<string, string>
  /** Id that the file will have */
  file_id: string
  /** Maximum size of the content in bytes */
  max_bytes: number
  /** Seconds until the URL expires */
  expires_in: number
  /** When the URL expires: ISO 8601 in UTC */
  expires_at: string
}

export interface FilesDownloadPresignedInput {
  /** Id of the project, as in the presigned URL */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
  /** When the URL expires, in seconds since 1970 */
  expires: number
  /** Signature of project, file and time */
  signature: string
}

export interface FilesUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
  /** Key of the file. When absent, it stays */
  file_key?: string | undefined
  /** Name of the file. When absent, it stays */
  file_name?: string | undefined
  /** Media type of the content. Null: unknown. When absent, it stays */
  content_type?: string | null | undefined
  /** Folder to list the file in. Null: none. When absent, it stays */
  folder?: string | null | undefined
  /** Metadata that replaces the old metadata. When absent, it stays */
  file_metadata?: Record<string, unknown> | undefined
}

export interface FilesDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the file */
  file_id: string
}

export interface TablesCreateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name of the table, unique in its project */
  table_name: string
  /** Schema of the rows: a JSON Schema if `strict` is true, else any description of the columns */
  schema_definition?: Record<string, unknown> | null | undefined
  /** True: a row that the JSON Schema `schema_definition` refuses is 422 */
  strict?: boolean | undefined
  /** At most 3 unique keys: a top-level field, or a list of fields. A row with the values of another row is 409 `row_exists`. Rows where a field is missing or null never conflict. Cannot be changed later */
  unique_keys?: Array<string | string[]> | undefined
  /** At most 5 indexes for ranges and orders: a top-level field, or a list of up to 4 fields, first those with an equality. Can be changed later */
  indexes?: Array<string | string[] | {
    /** Top-level field, or list of at most 4 fields */
    fields: string | string[]
  }> | undefined
  /** What the table is for */
  description?: string | null | undefined
}

/** A table of JSON rows */
export interface Table {
  /** Id of the table */
  table_id: string
  /** Same value as `table_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Name of the table, unique in its project */
  table_name: string
  /** Schema of the rows as it was sent, which `strict` enforces; null when there is none */
  schema_definition: Record<string, unknown> | null
  /** Whether each written row is checked against the schema */
  strict: boolean
  /** Lists of fields: two rows never have equal values in all fields of a list */
  unique_keys: string[][]
  /** Declared indexes */
  indexes: TableIndex[]
  /** What the table is for; null when there is no text */
  description: string | null
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
}

/** A declared index of a table */
export interface TableIndex {
  /** The top-level fields, in the order of the index */
  fields: string[]
  /** `building`: rows that exist are still being added, and queries do not use the index yet. `ready`: queries use it */
  state: 'building' | 'ready'
}

export interface TablesListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** Header `X-Next-Cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

export interface TablesGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
}

export interface TablesUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Schema of the rows, for later writes. Null: none. When absent, it stays */
  schema_definition?: Record<string, unknown> | null | undefined
  /** Whether later writes are checked against the schema. When absent, it stays */
  strict?: boolean | undefined
  /** At most 5 indexes for ranges and orders: a top-level field, or a list of up to 4 fields, first those with an equality. Others are removed, new ones are built in the background. When absent, they stay */
  indexes?: Array<string | string[] | {
    /** Top-level field, or list of at most 4 fields */
    fields: string | string[]
  }> | undefined
  /** What the table is for. Null: no text. When absent, it stays */
  description?: string | null | undefined
}

export interface TablesDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
}

export interface RowsInsertInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Fields of one row. Either this or `rows` is required */
  row_data?: Record<string, unknown> | undefined
  /** Fields of many rows, which are stored together or not at all. Either this or `row_data` is required */
  rows?: Array<Record<string, unknown>> | undefined
}

/** A row of a table */
export interface Row {
  /** Id of the row */
  row_id: string
  /** Same value as `row_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Id of the table that the row is in */
  table_id: string
  /** Name of the table that the row is in */
  table_name: string
  /** Fields of the row */
  row_data: Record<string, unknown>
  /** Number of the state of the row, from 1; each change increases it */
  version: number
  /** When it was created: ISO 8601 in UTC, with microseconds */
  created_at: string
  /** When it last changed: ISO 8601 in UTC, with microseconds */
  updated_at: string
}

/** Result of inserting many rows */
export interface RowsInserted {
  /** The rows, in the order of the request */
  rows: Row[]
  /** Ids of the rows, in the order of the request */
  row_ids: string[]
  /** Number of rows that were stored */
  inserted_count: number
}

/** The row, or the rows when `rows` was sent */
export type RowsInsert = Row | RowsInserted

export interface RowsUpsertInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Fields of one row. Either this or `rows` is required */
  row_data?: Record<string, unknown> | undefined
  /** Fields of many rows, at most 1,000, which are stored together or not at all. Either this or `row_data` is required */
  rows?: Array<Record<string, unknown>> | undefined
  /** Top-level field, or list of fields, whose values find the row. Each item must have them */
  upsert_key: string | string[]
}

/** Result of upserting rows */
export interface RowsUpserted {
  /** The rows, in the order of the request */
  rows: Row[]
  /** Ids of the rows, in the order of the request */
  row_ids: string[]
  /** Number of rows that were inserted */
  inserted_count: number
  /** Number of rows that exist and have other fields than before */
  modified_count: number
}

export interface RowsListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of rows */
export interface RowPage {
  /** Number of all rows that match */
  total: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Number of rows that were skipped */
  skip: number
  /** Maximum number of rows that was asked for */
  limit: number
  /** Whether there are rows after this page */
  has_more: boolean
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
  /** The rows of this page */
  data: Row[]
  /** Same value as `data` */
  rows: Row[]
}

export interface RowsQueryInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Maximum number of rows; 0 returns only the total */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
  /** Conditions by field: a value, or operators such as `$gt`, `$in` or `$exists`. Empty: all rows */
  filters?: Record<string, unknown> | undefined
  /** Paths to return, as a list or as `{path: 1}`; or paths to leave out, as `{path: 0}`. Null or absent: all */
  projection?: string[] | Record<string, 0 | 1 | boolean> | null | undefined
  /** Direction by field: 1 ascending, -1 descending. Null or absent: in the order of insertion */
  sort?: Record<string, 1 | -1> | null | undefined
}

/** A page of the rows that meet the conditions */
export interface RowQueryResult {
  /** Number of all rows that match */
  total: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** Number of rows that were skipped */
  skip: number
  /** Maximum number of rows that was asked for */
  limit: number
  /** Whether there are rows after this page */
  has_more: boolean
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
  /** The rows of this page */
  data: Row[]
  /** Same value as `data` */
  rows: Row[]
  /** Time that the query took, in milliseconds */
  execution_time_ms: number
}

export interface RowsAggregateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Conditions as in a query. Empty: all rows */
  filters?: Record<string, unknown> | undefined
  /** Paths whose values make a group, at most 5. Empty: one group of all rows */
  group_by?: string | string[] | undefined
  /** By name: a function with the path of its values: `count`, `sum`, `avg`, `min` or `max`. `{"count": true}` counts rows, `{"count": "path"}` those with a value there */
  aggregates?: Record<string, Record<string, string | true>> | undefined
  /** Maximum number of results */
  limit?: number | undefined
}

/** Aggregates of the rows of a table */
export interface RowGroups {
  /** The groups, in the order of their keys */
  groups: RowGroup[]
  /** Whether there are more groups than `limit` */
  has_more: boolean
}

/** A group of rows */
export interface RowGroup {
  /** The values of the group, by path; null for rows without a value */
  key: Record<string, unknown>
  /** The aggregates of the group, by name; null where no row has a value */
  values: Record<string, unknown>
}

export interface RowsGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Id of the row */
  row_id: string
}

export interface RowsReplaceInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Id of the row */
  row_id: string
  /** All fields of the row. Fields that are not sent are removed */
  row_data: Record<string, unknown>
  /** Version that the row must have; another version is 409 `version_conflict`. When absent: any version */
  if_match?: number | undefined
}

export interface RowsUpdateInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Id of the row */
  row_id: string
  /** Fields to set; other fields stay. Either this or `update` is required */
  row_data?: Record<string, unknown> | undefined
  /** Operators by field: `$set`, `$unset`, `$inc`, `$push` and `$pull`, each with paths and values. Without operators: fields to set. Either this or `row_data` is required */
  update?: Record<string, unknown> | undefined
  /** Version that the row must have; another version is 409 `version_conflict`. When absent: any version */
  if_match?: number | undefined
}

export interface RowsDeleteInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Id of the row */
  row_id: string
  /** Version that the row must have; another version is 409 `version_conflict`. When absent: any version */
  if_match?: number | undefined
}

/** Result of deleting a row */
export interface RowDeleted {
  /** Id of the row */
  row_id: string
  /** Always true: a row that does not exist is 404 */
  deleted: true
  /** Always 1 */
  deleted_count: 1
}

export interface RowsUpdateManyInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Conditions as in a query. An empty object selects all rows and needs `confirm_large_operation` or `limit` */
  filter: Record<string, unknown>
  /** Operators by field: `$set`, `$unset`, `$inc`, `$push` and `$pull`, each with paths and values. Without operators: fields to set */
  update: Record<string, unknown>
  /** True: when no row matches, insert one with the values that `filter` requires, and update it */
  upsert?: boolean | undefined
  /** Maximum number of rows to change, oldest first; 0, null or absent: all that match, of which there may be at most 10,000 */
  limit?: number | null | undefined
  /** True: `filter` may be empty */
  confirm_large_operation?: boolean | undefined
}

/** Result of updating the rows of a filter */
export interface RowsUpdated {
  /** Number of rows that matched, up to `limit` */
  matched_count: number
  /** Number of rows with other fields than before; the others emit no event */
  modified_count: number
  /** Ids of the modified rows, oldest first */
  row_ids: string[]
  /** Id of the row that `upsert` inserted; null when it inserted none */
  upserted_id: string | null
  /** True when `limit` left matching rows as they were: repeat the request */
  has_more: boolean
}

export interface RowsDeleteManyInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Conditions as in a query, in the body or as JSON text in the query. An empty object selects all rows and needs `confirm_large_operation` or `limit` */
  filter: Record<string, unknown>
  /** Maximum number of rows to change, oldest first; 0, null or absent: all that match, of which there may be at most 10,000 */
  limit?: number | null | undefined
  /** True: `filter` may be empty */
  confirm_large_operation?: boolean | undefined
}

/** Result of deleting the rows of a filter */
export interface RowsDeleted {
  /** Number of rows that were deleted */
  deleted_count: number
  /** Ids of the deleted rows, oldest first */
  row_ids: string[]
  /** True when `limit` left matching rows as they were: repeat the request */
  has_more: boolean
}

export interface RowsHistoryInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Name or id of the table */
  table: string
  /** Id of the row */
  row_id: string
  /** Maximum number of results */
  limit?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of the changes of a row */
export interface RowHistory {
  /** The changes, newest first */
  items: RowState[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

/** A change of a row */
export interface RowState {
  /** Id of the event of the change; null for the first state */
  event_id: string | null
  /** Type of the event */
  event: string
  /** When it was committed: ISO 8601 in UTC, with microseconds */
  at: string
  /** Fields of the row before the change; null for the insertion */
  before: Record<string, unknown> | null
  /** Fields of the row after the change; null for the deletion */
  after: Record<string, unknown> | null
  /** Names of the top-level fields that differ */
  changed: string[]
  /** Id of the run that made the change; null when a client did */
  caused_by: string | null
}

export interface EventsPublishInput {
  /** Topic to publish to */
  topic: string
  /** The payload: any JSON value */
  event_payload?: unknown | undefined
  /** Source of the event, in your own words */
  source?: string | null | undefined
  /** Id by which you group events */
  correlation_id?: string | null | undefined
  /** Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`) */
  delay?: number | string | undefined
  /** Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now */
  run_at?: string | undefined
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
}

/** An event that you published to a topic */
export interface PublishedEvent {
  /** Id of the published event */
  event_id: string
  /** Same value as `event_id` */
  id: string
  /** Id of the project that it belongs to */
  project_id: string
  /** Topic that the event was published to */
  topic: string
  /** Same value as `topic` */
  event_type: string
  /** Same value as `topic` */
  type: string
  /** The payload as it was published: any JSON value */
  event_payload: unknown
  /** Same value as `event_payload` */
  data: unknown
  /** Source of the event, as the publisher names it; null when not given */
  source: string | null
  /** Id by which the publisher groups events; null when not given */
  correlation_id: string | null
  /** When the event was published, or will be after a delay: ISO 8601 in UTC, with microseconds */
  published_at: string
  /** When a delayed event becomes visible: ISO 8601 in UTC. Only in the answer of its publication */
  scheduled_at?: string
  /** Same value as `published_at` */
  timestamp: string
}

export interface EventsPublishBatchInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** The events, 1 to 100. The body can also be this array */
  events: Array<{
    /** Topic to publish to */
    topic: string
    /** The payload: any JSON value */
    event_payload?: unknown | undefined
    /** Source of the event, in your own words */
    source?: string | null | undefined
    /** Id by which you group events */
    correlation_id?: string | null | undefined
    /** Time to wait, at most a year: a number of seconds, or a number with a unit (`30s`, `5m`, `2h`, `7d`) */
    delay?: number | string | undefined
    /** Time to wait for, at most a year from now, instead of `delay`: ISO 8601 with a time zone. A time in the past is now */
    run_at?: string | undefined
  }>
}

/** The events of one request that were published together */
export interface PublishedBatch {
  /** The published events, in the order of the request */
  events: PublishedEvent[]
  /** Ids of the events, in the same order */
  event_ids: string[]
  /** Number of events, with those that are published later */
  published_count: number
}

export interface EventsListInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of this topic */
  topic?: string | undefined
  /** Only events that were published at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
  /** Number of results to skip */
  offset?: number | undefined
  /** `next_cursor` of the previous page. When absent: the first page */
  cursor?: string | undefined
}

/** A page of published events */
export interface PublishedEventPage {
  /** The events, newest first */
  events: PublishedEvent[]
  /** Cursor of the next page; null on the last page */
  next_cursor: string | null
}

export interface EventsPollInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of this topic. The name of an event type, such as `zerodb.vector.stored`, selects the events of that type from the event log of the project instead */
  topic?: string | undefined
  /** Id of the last event that you have seen. When absent or empty: from the first event on */
  after?: string | undefined
  /** Only events that were published at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
  /** Maximum number of results */
  limit?: number | undefined
}

/** The next events, oldest first */
export interface PolledEvents {
  /** The events, oldest first */
  events: PublishedEvent[]
}

export interface EventsConsumeInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of this topic */
  topic?: string | undefined
  /** Maximum number of events to take */
  limit?: number | undefined
}

/** Events that were deleted and are returned only here */
export interface ConsumedEvents {
  /** The events that were taken, oldest first */
  events: PublishedEvent[]
}

export interface EventsCountInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of this topic */
  topic?: string | undefined
  /** Only events that were published at this time or later: ISO 8601 with a time zone */
  since?: string | undefined
}

/** The number of published events */
export interface PublishedEventCount {
  /** Number of events, counted up to 10,000 */
  count: number
  /** False when there are more than the count says, which were not counted */
  count_is_exact: boolean
}

export interface EventsStatsInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of the last minutes (`30m`), hours (`24h`) or days (`7d`), or `all` */
  time_range?: string | undefined
}

/** How many events were published, by topic */
export interface PublishedEventStats {
  /** Id of the project that it belongs to */
  project_id: string
  /** The time range of the request */
  time_range: string
  /** Number of events in the time range, counted over the newest 10,000 */
  total_events: number
  /** False when there are more than the total says, which were not counted */
  total_is_exact: boolean
  /** The 100 topics with the most events among the counted ones, the largest first */
  topics: Array<{
    /** The topic */
    topic: string
    /** Number of counted events of the topic */
    count: number
  }>
  /** When the oldest counted event was published: ISO 8601 in UTC; null without events */
  first_event_at: string | null
  /** When the newest event was published: ISO 8601 in UTC; null without events */
  last_event_at: string | null
}

export interface EventsStreamInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Only events of this topic */
  topic?: string | undefined
  /** First send the events that were published at this time or later: ISO 8601 with a time zone. When absent: only events from now on */
  from_timestamp?: string | undefined
  /** Id of the last message or event received: first send the later events. Takes precedence over `from_timestamp` */
  after?: string | undefined
  /** Token of a login, or for published events a stream token, for clients such as EventSource that cannot send headers. API keys are not accepted here */
  token?: string | undefined
}

/** A message of the stream: `connection`, then events and `ping` */
export type PublishedStreamMessage = PublishedStreamConnection | PublishedEvent | PublishedStreamPing

/** The first message: the stream is open */
export interface PublishedStreamConnection {
  /** Always `connection` */
  type: 'connection'
  /** Always `connected` */
  status: 'connected'
  /** Id of the project that it belongs to */
  project_id: string
}

/** Sent after 30 s without another message */
export interface PublishedStreamPing {
  /** Always `ping` */
  type: 'ping'
  /** When the server sent it: ISO 8601 in UTC */
  timestamp: string
}

export type EventsStreamMessage =
  | { event: 'message'; data: PublishedStreamMessage }

export interface EventsStreamTokenInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Seconds until the token expires, 1 to 3,600. A connected stream goes on */
  expires_in?: number | undefined
}

/** A short-lived token that can only read the stream of one project */
export interface StreamToken {
  /** The token, for the query parameter `token` of the stream */
  token: string
  /** Seconds until the token expires */
  expires_in: number
  /** When the token expires: ISO 8601 in UTC */
  expires_at: string
  /** Path of the stream with the token, without the origin */
  url_path: string
}

export interface EventsGetInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Id of the published event */
  event_id: string
}

export interface EventsClearInput {
  /** Id of the project. `-` is the project of the API key, else that of the header X-Project-ID, else your default project */
  project_id?: string | undefined
  /** Topic whose events are deleted */
  topic: string
}

/** The number of deleted events */
export interface ClearedEvents {
  /** Number of deleted events */
  deleted: number
}

export interface SandboxExecuteInput {
  /** Language of the program: Python 3, or JavaScript as an ES module */
  language: 'python' | 'python3' | 'python3.11' | 'javascript' | 'js' | 'node' | 'nodejs' | 'nodejs20'
  /** A whole program. Its result is the global variable `result` in Python, the default export in JavaScript */
  code: string
  /** Standard input of the program */
  stdin?: string | undefined
  /** Environment variables, at most 100 */
  env?: Record<string, string> | undefined
  /** Files in the working directory of the program, by path, at most 100 */
  files?: Record<string, string | {
    /** The bytes, in base64 */
    base64: string
  }> | undefined
  /** Maximum number of seconds */
  timeout_seconds?: number | undefined
  /** Hosts that the program can connect to: a list of `host`, `*.host` and `host:port`, or `{allow, inject}` with this list. Null or absent: it has no network */
  network?: string[] | {
    /** Hosts: `api.example.com` or `*.example.com` at the ports 443 and 80, or with another port: `db.example.com:5432` */
    allow: string[]
    /** Headers that the server adds to the requests of the program to a host, over https. The program does not know their values. The host must be in `allow` */
    inject?: Record<string, {
      /** Values by name. `${NAME}` stands for the value of this secret of the project */
      headers: Record<string, string>
    }> | undefined
  } | null | undefined
}

/** What the program did */
export interface Execution {
  /** `ok`: the program ended. `threw`: it ended with an error. `timeout`, `memory`, `output_limit`: it exceeded that limit. `crashed`: its process died. */
  status: 'ok' | 'threw' | 'timeout' | 'memory' | 'output_limit' | 'crashed'
  /** Result of the program, bytes as `{base64}`; null unless `status` is `ok` */
  result: unknown
  /** Error of the program; null when `status` is `ok` */
  error: {
    /** Name of the error */
    name: string
    /** Explanation of the error */
    message: string
    /** Where it went wrong; null when unknown */
    stack: string | null
  } | null
  /** What the program printed, cut after 51,200 bytes with a line that says so */
  stdout: string
  /** What the program printed to standard error, cut after 51,200 bytes */
  stderr: string
  /** Connections, in the order in which they ended or were refused, at most 100 */
  requests: NetworkRequest[]
  /** Number of further connections, which are not in `requests` */
  requests_omitted: number
  /** Time that the program ran, in milliseconds */
  duration_ms: number
  /** Time that the program waited for a free sandbox, in milliseconds */
  queued_ms: number
  /** Largest memory use in bytes; null when it cannot be measured */
  peak_memory_bytes: number | null
  /** Runtime that executed the program */
  runtime: string
  /** Version of the interpreter */
  version: string
}

/** Every operation, by noun and verb. */
export interface Operations {
  auth: {
    /**
     * Create an account and log in. `POST /api/v1/auth/register`
     *
     * Creates a user with a default project and returns the tokens of a first login. 403 `forbidden` unless the server is started with ZERODB_REGISTRATION=on.
     */
    register(input: AuthRegisterInput, options?: CallOptions): Promise<Registered>
    /**
     * Exchange e-mail and password for tokens. `POST /api/v1/auth/login`
     *
     * Returns an access token and a refresh token. After several failed logins of an account or a client, further ones are 429 for a while.
     */
    login(input: AuthLoginInput, options?: CallOptions): Promise<Tokens>
    /**
     * Exchange a refresh token for new tokens. `POST /api/v1/auth/refresh`
     *
     * A refresh token can be used once. Using it a second time ends the login, because someone else may have the token.
     */
    refresh(input: AuthRefreshInput, options?: CallOptions): Promise<Tokens>
    /**
     * End a login. `POST /api/v1/auth/logout`
     *
     * Revokes all refresh tokens of the login that the token belongs to. Access tokens stay valid until they expire.
     */
    logout(input?: AuthLogoutInput, options?: CallOptions): Promise<LoggedOut>
    /**
     * Get the current user. `GET /api/v1/auth/me`
     *
     * Returns the user that the API key or token belongs to, and the project of requests that name none.
     */
    me(input?: Record<string, never>, options?: CallOptions): Promise<User>
  }
  keys: {
    /**
     * Create an API key. `POST /api/v1/auth/api-keys`
     *
     * Creates a key with the scopes, project and lifetime given. The response has the key itself, which is not shown again. A key cannot create one with more permissions than it has.
     */
    create(input: KeysCreateInput, options?: CallOptions): Promise<CreatedKey>
    /**
     * List API keys. `GET /api/v1/auth/api-keys`
     *
     * Returns your keys without the keys themselves, revoked ones included. A key that is bound to a project lists only the keys of that project.
     */
    list(input?: KeysListInput, options?: CallOptions): Page<Key[], Key>
    /**
     * Revoke an API key. `DELETE /api/v1/auth/api-keys/:key_id`
     *
     * The key is refused from now on. It stays in the list.
     */
    revoke(input: KeysRevokeInput, options?: CallOptions): Promise<void>
  }
  instant_db: {
    /**
     * Create a temporary database without an account. `POST /api/v1/public/instant-db`
     *
     * Creates a project with a key. Both are deleted after 72 hours, unless the database is claimed. 403 `forbidden` unless the server is started with ZERODB_INSTANT_DB=on. A client can create five in an hour.
     */
    create(input?: Record<string, never>, options?: CallOptions): Promise<InstantDb>
    /**
     * Claim a temporary database. `POST /api/v1/public/instant-db/claim`
     *
     * Makes the database one of your projects, with everything in it, and creates a key for it that does not expire. The temporary key and the token stop working.
     */
    claim(input: InstantDbClaimInput, options?: CallOptions): Promise<ClaimedDb>
  }
  hooks: {
    /**
     * Create a hook. `POST /api/v1/hooks`
     *
     * From now on, every committed event of this type that matches the filter makes a run of the handler. The same handler on the same event type and project is 409 `hook_exists`.
     */
    create(input: HooksCreateInput, options?: CallOptions): Promise<HookCreated>
    /**
     * List hooks, oldest first. `GET /api/v1/hooks`
     *
     * Returns your hooks. Disabled hooks are left out unless `active_only` is false.
     */
    list(input?: HooksListInput, options?: CallOptions): Promise<Hook[]>
    /**
     * Get a hook. `GET /api/v1/hooks/:hook_id`
     *
     * Returns one of your hooks.
     */
    get(input: HooksGetInput, options?: CallOptions): Promise<Hook>
    /**
     * Change, enable or disable a hook. `PATCH /api/v1/hooks/:hook_id`
     *
     * Fields that are absent stay as they are. Switching a hook off cancels its queued runs. Changes apply to events that are dispatched from now on.
     */
    update(input: HooksUpdateInput, options?: CallOptions): Promise<HookChanged>
    /**
     * Delete a hook. `DELETE /api/v1/hooks/:hook_id`
     *
     * Cancels the queued runs of the hook. Finished runs stay on record.
     */
    delete(input: HooksDeleteInput, options?: CallOptions): Promise<void>
    /**
     * Replace the secret of a webhook. `POST /api/v1/hooks/:hook_id/rotate-secret`
     *
     * Messages carry the signature of the new secret from now on, and for `keep_seconds` that of the old one too. 422 for a hook that is not a webhook.
     */
    rotate_secret(input: HooksRotateSecretInput, options?: CallOptions): Promise<SecretRotated>
    /**
     * Test a filter on the latest events. `POST /api/v1/hooks/test-filter`
     *
     * Shows for the latest events of the type whether the filter matches and which ordering key they have. No handler runs.
     */
    test_filter(input: HooksTestFilterInput, options?: CallOptions): Promise<FilterTested>
    /**
     * Run a hook by hand. `POST /api/v1/hooks/:hook_id/invoke`
     *
     * Makes a run with the payload as event data and waits for the end of its first attempt, at most `wait_seconds`. With `delay` or `run_at`, the run starts then, and the response does not wait. Filter and ordering key are ignored, and the event log gets no event.
     */
    invoke(input: HooksInvokeInput, options?: CallOptions): Promise<Run>
    /**
     * List the runs of a hook, newest first. `GET /api/v1/hooks/:hook_id/runs`
     *
     * Returns a page of the runs of one hook.
     */
    runs(input: HooksRunsInput, options?: CallOptions): Page<RunPage, Run>
    /**
     * Run a hook over rows that are older than the hook. `POST /api/v1/hooks/:hook_id/backfill`
     *
     * Makes one run for each row that matches the hook and has no run yet, oldest first, at the rate given. Returns the backfill, which continues after a restart. A dry run only counts.
     */
    backfill(input: HooksBackfillInput, options?: CallOptions): Promise<HooksBackfill>
  }
  event_log: {
    /**
     * List events, newest first. `GET /api/v1/event-log`
     *
     * Returns a page of the events of your writes. An event exists exactly if its write was committed.
     */
    list(input?: EventLogListInput, options?: CallOptions): Page<EventPage, Event>
    /**
     * Stream events as they are committed. `GET /api/v1/event-log/stream`
     *
     * Sends events of your writes as server-sent events until the client disconnects. To continue a stream, send the id of the last message in the header Last-Event-ID.
     */
    stream(input?: EventLogStreamInput, options?: CallOptions): AsyncGenerator<EventLogStreamMessage, void>
    /**
     * Get an event. `GET /api/v1/event-log/:event_id`
     *
     * Returns one event of your writes.
     */
    get(input: EventLogGetInput, options?: CallOptions): Promise<Event>
    /**
     * Show which hooks an event fired. `GET /api/v1/event-log/:event_id/hooks`
     *
     * Returns every hook on events of this type, whether it fired, and the reason when it did not.
     */
    hooks(input: EventLogHooksInput, options?: CallOptions): Promise<EventHooks>
  }
  packages: {
    /**
     * Get what Python packages must fit. `GET /api/v1/packages/target`
     *
     * Returns the version of the interpreter that executes Python functions, the tags of wheels that fit it, and the limits. Use it to choose wheels for `packages.upload`.
     */
    target(input?: Record<string, never>, options?: CallOptions): Promise<PackageTarget>
    /**
     * Upload a Python package. `POST /api/v1/packages`
     *
     * Stores a wheel, which deployments then list in `packages`. It is checked, and no code of it is executed. A wheel that no version of a function uses is deleted after a day.
     */
    upload(input?: PackagesUploadInput, options?: CallOptions): Promise<Package>
  }
  functions: {
    /**
     * Deploy a function. `POST /api/v1/functions`
     *
     * Checks and builds the code, stores it as a new version and makes that version live, with its triggers and schedules. Deploying the live version again changes nothing and is 200. A dry run stores nothing.
     */
    deploy(input: FunctionsDeployInput, options?: CallOptions): Promise<FunctionsDeploy>
    /**
     * List functions, by name. `GET /api/v1/functions`
     *
     * Returns the functions of a project.
     */
    list(input?: FunctionsListInput, options?: CallOptions): Promise<Function[]>
    /**
     * Get a function. `GET /api/v1/functions/:name`
     *
     * Returns a function with the configuration of its live version.
     */
    get(input: FunctionsGetInput, options?: CallOptions): Promise<Function>
    /**
     * Enable or disable a function. `PATCH /api/v1/functions/:name`
     *
     * A disabled function does not run: its hooks are disabled, its queued runs are cancelled, and calls are 409 `function_disabled`.
     */
    update(input: FunctionsUpdateInput, options?: CallOptions): Promise<Function>
    /**
     * Delete a function. `DELETE /api/v1/functions/:name`
     *
     * Deletes the function with its versions, schedules and declared hooks. 409 `function_hooked` while hooks created by hand use it, unless `force` is true.
     */
    delete(input: FunctionsDeleteInput, options?: CallOptions): Promise<void>
    /**
     * List the versions of a function, newest first. `GET /api/v1/functions/:name/versions`
     *
     * Returns all versions, and which of them is live.
     */
    versions(input: FunctionsVersionsInput, options?: CallOptions): Promise<ListedVersion[]>
    /**
     * Get a version of a function, with its files. `GET /api/v1/functions/:name/versions/:version`
     *
     * Returns one version with the files as they were uploaded.
     */
    version(input: FunctionsVersionInput, options?: CallOptions): Promise<VersionSource>
    /**
     * Compare two versions of a function. `GET /api/v1/functions/:name/diff`
     *
     * Returns the files and the configuration that differ. By default, the live version is compared with the one before it.
     */
    diff(input: FunctionsDiffInput, options?: CallOptions): Promise<VersionDiff>
    /**
     * Make an earlier version live. `POST /api/v1/functions/:name/rollback`
     *
     * Makes an earlier version live again, with its triggers and schedules. Running calls finish on their version.
     */
    rollback(input: FunctionsRollbackInput, options?: CallOptions): Promise<Deployed>
    /**
     * Call a function. `POST /api/v1/functions/:name/invoke`
     *
     * Runs the function and returns its result. With `wait: false`, or the header `Prefer: respond-async`, it queues a durable run and returns 202; so it does with `delay` or `run_at`, and the run starts then. A client that accepts `text/event-stream` gets a streamed result as messages while the function runs, and the response as the last message.
     */
    invoke(input: FunctionsInvokeInput, options?: CallOptions): Promise<Invoked>
    /** Like `invoke`, with a streamed result. */
    stream(input: FunctionsInvokeInput, options?: CallOptions): ResultStream<Invoked>
  }
  secrets: {
    /**
     * List the names of secrets. `GET /api/v1/secrets`
     *
     * Returns the names of the secrets of a project. No response has a value.
     */
    list(input?: SecretsListInput, options?: CallOptions): Promise<Secret[]>
    /**
     * Store a secret. `PUT /api/v1/secrets/:name`
     *
     * Stores or replaces a secret of the project. Functions that declare it have the new value from their next call on.
     */
    set(input: SecretsSetInput, options?: CallOptions): Promise<Secret>
    /**
     * Delete a secret. `DELETE /api/v1/secrets/:name`
     *
     * Deletes the secret. Functions that declare it do not have it from their next call on.
     */
    delete(input: SecretsDeleteInput, options?: CallOptions): Promise<void>
    /**
     * List the changes of secrets, newest first. `GET /api/v1/secrets/history`
     *
     * Returns when secrets of a project were created, replaced and deleted, without their values. The latest 1,000 changes of a project are kept.
     */
    history(input?: SecretsHistoryInput, options?: CallOptions): Page<SecretChangePage, SecretChange>
  }
  env_sets: {
    /**
     * List env sets, by name. `GET /api/v1/env-sets`
     *
     * Returns the env sets of a project. Of secrets they have the names only.
     */
    list(input?: EnvSetsListInput, options?: CallOptions): Promise<EnvSet[]>
    /**
     * Get an env set. `GET /api/v1/env-sets/:name`
     *
     * Returns an env set, with the functions that use it. Of secrets it has the names only.
     */
    get(input: EnvSetsGetInput, options?: CallOptions): Promise<EnvSet>
    /**
     * Store an env set. `PUT /api/v1/env-sets/:name`
     *
     * Stores or replaces a set of environment variables. Functions that have it in `env_from` get the new variables from their next call on; running calls keep theirs.
     */
    set(input: EnvSetsSetInput, options?: CallOptions): Promise<EnvSet>
    /**
     * Delete an env set. `DELETE /api/v1/env-sets/:name`
     *
     * Deletes the set, but not the secrets that it names. Functions that have it in `env_from` lack its variables from their next call on.
     */
    delete(input: EnvSetsDeleteInput, options?: CallOptions): Promise<void>
    /**
     * List the changes of an env set, newest first. `GET /api/v1/env-sets/:name/history`
     *
     * Returns when the set was created, replaced and deleted, with the names of the changed variables and without values. The latest 1,000 changes of a project are kept.
     */
    history(input: EnvSetsHistoryInput, options?: CallOptions): Page<EnvSetChangePage, EnvSetChange>
  }
  schedules: {
    /**
     * Schedule an event. `POST /api/v1/schedules`
     *
     * Publishes an event at each tick of a cron expression, or once after `delay` or at `run_at`, so that hooks react to it. A schedule that fires once is deleted with that, and the event has its id. To run a function by the clock, give the function a `schedule`.
     */
    create(input: SchedulesCreateInput, options?: CallOptions): Promise<Schedule>
    /**
     * List schedules, oldest first. `GET /api/v1/schedules`
     *
     * Returns a page of the schedules of a project: of its functions, and those that publish events, which includes delayed events. Each has its next ticks.
     */
    list(input?: SchedulesListInput, options?: CallOptions): Page<Schedule[], Schedule>
    /**
     * Get a schedule. `GET /api/v1/schedules/:schedule_id`
     *
     * Returns one schedule with its next ticks.
     */
    get(input: SchedulesGetInput, options?: CallOptions): Promise<Schedule>
    /**
     * Pause or continue a schedule. `PATCH /api/v1/schedules/:schedule_id`
     *
     * A paused schedule has no ticks. When it continues, ticks that passed in the pause are not made up for; a schedule that fires once and is late fires at once. A schedule that publishes an event also needs the permission `zerodb:write`.
     */
    update(input: SchedulesUpdateInput, options?: CallOptions): Promise<Schedule>
    /**
     * Run a schedule now. `POST /api/v1/schedules/:schedule_id/run`
     *
     * Queues a run of the function with the event of a tick that is due now. The ticks of the schedule do not change. A schedule that publishes an event is refused.
     */
    run(input: SchedulesRunInput, options?: CallOptions): Promise<Run>
    /**
     * Delete a schedule, or cancel a delayed event. `DELETE /api/v1/schedules/:schedule_id`
     *
     * Deletes a schedule that publishes an event; a delayed event is then not published. A schedule of a function ends with a deployment without it, and is refused here.
     */
    delete(input: SchedulesDeleteInput, options?: CallOptions): Promise<void>
  }
  runs: {
    /**
     * List runs, newest first. `GET /api/v1/runs`
     *
     * Returns a page of your runs.
     */
    list(input?: RunsListInput, options?: CallOptions): Page<RunPage, Run>
    /**
     * Try dead runs again, oldest first. `POST /api/v1/runs/redrive`
     *
     * Queues the dead runs that meet all criteria, up to the limit. Without criteria: all your dead runs.
     */
    redrive(input?: RunsRedriveInput, options?: CallOptions): Promise<Redriven>
    /**
     * Get a run. `GET /api/v1/runs/:run_id`
     *
     * Returns one run with its result, error and the log of its last attempt.
     */
    get(input: RunsGetInput, options?: CallOptions): Promise<Run>
    /**
     * Stream the log of a run. `GET /api/v1/runs/:run_id/logs`
     *
     * Sends the log as server-sent events as it is written, over all attempts, until the run ends. To continue a stream, send the id of the last message in the header Last-Event-ID.
     */
    logs(input: RunsLogsInput, options?: CallOptions): AsyncGenerator<RunsLogsMessage, void>
    /**
     * Try a run again. `POST /api/v1/runs/:run_id/retry`
     *
     * Queues a run that is dead, cancelled or skipped. A queued run that waits for its next attempt starts now.
     */
    retry(input: RunsRetryInput, options?: CallOptions): Promise<Run>
    /**
     * Cancel a run. `POST /api/v1/runs/:run_id/cancel`
     *
     * Ends a run that is queued or running. The handler of a running one is told to stop.
     */
    cancel(input: RunsCancelInput, options?: CallOptions): Promise<Run>
  }
  replays: {
    /**
     * Replay events. `POST /api/v1/replays`
     *
     * Dispatches events of the log again, to all hooks that match or to one hook, at the rate given. Returns the replay, which continues after a restart. A dry run only counts.
     */
    create(input?: ReplaysCreateInput, options?: CallOptions): Promise<ReplaysCreate>
    /**
     * List replays and backfills, newest first. `GET /api/v1/replays`
     *
     * Returns a page of your replays and backfills.
     */
    list(input?: ReplaysListInput, options?: CallOptions): Page<ReplayPage, Replay>
    /**
     * Get a replay or backfill. `GET /api/v1/replays/:replay_id`
     *
     * Returns its progress and the number of its runs by status.
     */
    get(input: ReplaysGetInput, options?: CallOptions): Promise<Replay>
    /**
     * Cancel a replay or backfill. `POST /api/v1/replays/:replay_id/cancel`
     *
     * Ends it and cancels its queued runs.
     */
    cancel(input: ReplaysCancelInput, options?: CallOptions): Promise<Replay>
  }
  projects: {
    /**
     * Create a project. `POST /api/v1/projects`
     *
     * Creates an empty project that you own.
     */
    create(input: ProjectsCreateInput, options?: CallOptions): Promise<Project>
    /**
     * List projects, oldest first. `GET /api/v1/projects`
     *
     * Returns your projects. A key that is bound to a project lists only that one.
     */
    list(input?: ProjectsListInput, options?: CallOptions): Page<Project[], Project>
    /**
     * Get a project. `GET /api/v1/projects/:project_id`
     *
     * Returns one of your projects.
     */
    get(input?: ProjectsGetInput, options?: CallOptions): Promise<Project>
    /**
     * Change a project. `PATCH /api/v1/projects/:project_id`
     *
     * Fields that are absent stay as they are.
     */
    update(input?: ProjectsUpdateInput, options?: CallOptions): Promise<Project>
    /**
     * Delete a project and everything in it. `DELETE /api/v1/projects/:project_id`
     *
     * Deletes the project with its vectors, memories, files, tables, events, hooks and functions. The default project cannot be deleted.
     */
    delete(input?: ProjectsDeleteInput, options?: CallOptions): Promise<void>
    /**
     * Suspend a project. `POST /api/v1/projects/:project_id/suspend`
     *
     * The project can still be read. It refuses writes of data and calls of functions with 409 `project_suspended`. Its queued runs and its schedules wait; runs that are executing end.
     */
    suspend(input?: ProjectsSuspendInput, options?: CallOptions): Promise<Project>
    /**
     * Activate a suspended project. `POST /api/v1/projects/:project_id/activate`
     *
     * The project accepts writes again, and its waiting runs continue. Ticks of schedules during the suspension count as missed.
     */
    activate(input?: ProjectsActivateInput, options?: CallOptions): Promise<Project>
    /**
     * Count the objects of a project. `GET /api/v1/projects/:project_id/database`
     *
     * Returns the number of objects of the main kinds. `projects.stats` has all kinds.
     */
    status(input?: ProjectsStatusInput, options?: CallOptions): Promise<ProjectStatus>
    /**
     * Enable the database of a project. `POST /api/v1/projects/:project_id/database`
     *
     * Every project has a database, so this changes nothing. Returns the same as `projects.status`.
     */
    enable_database(input?: ProjectsEnableDatabaseInput, options?: CallOptions): Promise<ProjectStatus>
    /**
     * Configure the database of a project. `PUT /api/v1/projects/:project_id/database`
     *
     * A database has no settings. The fields that clients of the hosted API send are accepted and named in `warnings`. Returns the same as `projects.status`.
     */
    configure_database(input?: ProjectsConfigureDatabaseInput, options?: CallOptions): Promise<ProjectStatus>
    /**
     * Count the objects of every kind in a project. `GET /api/v1/projects/:project_id/stats`
     *
     * Returns the number of objects of every kind.
     */
    stats(input?: ProjectsStatsInput, options?: CallOptions): Promise<ProjectStats>
    /**
     * Export a project. `GET /api/v1/projects/:project_id/export`
     *
     * Returns all rows of the project as of one moment, and the contents of its files, as JSON lines. Secrets are not included.
     */
    export(input?: ProjectsExportInput, options?: DownloadOptions): Promise<Download>
    /**
     * Import a project. `POST /api/v1/projects/import`
     *
     * Creates the project of an export, which is sent as a file part. The import keeps all ids; 409 `project_exists` when the project exists.
     */
    import(input: UploadContent, options?: CallOptions): Promise<ProjectImported>
  }
  backups: {
    /**
     * Back up the whole server. `GET /api/v1/backup`
     *
     * Returns everything that the server holds, as of one moment, as JSON lines. Only the owner’s key with the scope `*` can do this.
     */
    create(input?: BackupsCreateInput, options?: DownloadOptions): Promise<Download>
  }
  vectors: {
    /**
     * Store a vector. `POST /api/v1/projects/:project_id/database/vectors/upsert`
     *
     * Stores a vector, or replaces the one with the same id in the namespace. Emits `zerodb.vector.stored`.
     */
    upsert(input?: VectorsUpsertInput, options?: CallOptions): Promise<Vector>
    /**
     * Store many vectors. `POST /api/v1/projects/:project_id/database/vectors/upsert-batch`
     *
     * Stores all vectors or none. Emits one `zerodb.vector.batch_stored`.
     */
    upsert_batch(input: VectorsUpsertBatchInput, options?: CallOptions): Promise<VectorBatchResult>
    /**
     * Search vectors by similarity. `POST /api/v1/projects/:project_id/database/vectors/search`
     *
     * Returns the vectors of a namespace that are nearest to a vector or to a text. Only vectors of one model and size are compared.
     */
    search(input?: VectorsSearchInput, options?: CallOptions): Page<VectorMatches, VectorMatch>
    /**
     * List vectors, oldest first. `GET /api/v1/projects/:project_id/database/vectors`
     *
     * Returns a page of the vectors of a namespace or of all namespaces, all or those of a filter. The total is exact up to 10,000.
     */
    list(input?: VectorsListInput, options?: CallOptions): Page<VectorPage, Vector>
    /**
     * List the namespaces of vectors. `GET /api/v1/projects/:project_id/database/vectors/namespaces`
     *
     * Returns a page of the namespaces that have vectors, with the number of vectors in each.
     */
    namespaces(input?: VectorsNamespacesInput, options?: CallOptions): Page<VectorNamespacePage, VectorNamespace>
    /**
     * Count vectors. `GET /api/v1/projects/:project_id/database/vectors/stats`
     *
     * Returns number, dimensions and size of the vectors of a namespace or of all namespaces. Large numbers are counted up to a limit only.
     */
    stats(input?: VectorsStatsInput, options?: CallOptions): Promise<VectorStats>
    /**
     * Get a vector. `GET /api/v1/projects/:project_id/database/vectors/:vector_id`
     *
     * Returns one vector by its id.
     */
    get(input: VectorsGetInput, options?: CallOptions): Promise<Vector>
    /**
     * Update the metadata of a vector. `PATCH /api/v1/projects/:project_id/database/vectors/:vector_id`
     *
     * Changes metadata and source of a vector; its embedding and document stay. Emits `zerodb.vector.updated`, unless the vector has these values already.
     */
    update(input: VectorsUpdateInput, options?: CallOptions): Promise<Vector>
    /**
     * Delete a vector. `DELETE /api/v1/projects/:project_id/database/vectors/:vector_id`
     *
     * Deletes one vector by its id. Emits `zerodb.vector.deleted`.
     */
    delete(input: VectorsDeleteInput, options?: CallOptions): Promise<void>
    /**
     * Delete many vectors. `POST /api/v1/projects/:project_id/database/vectors/delete`
     *
     * Deletes the vectors of a namespace that have the given ids or match a filter, or all of them, or none. Emits one `zerodb.vector.deleted` for each vector.
     */
    delete_many(input?: VectorsDeleteManyInput, options?: CallOptions): Promise<VectorsDeleted>
  }
  embeddings: {
    /**
     * Embed texts. `POST /api/v1/projects/:project_id/embeddings/generate`
     *
     * Returns an embedding for each text and stores nothing.
     */
    generate(input: EmbeddingsGenerateInput, options?: CallOptions): Promise<GeneratedEmbeddings>
    /**
     * Embed texts and store them as vectors. `POST /api/v1/projects/:project_id/embeddings/embed-and-store`
     *
     * Embeds the texts and stores them as documents of vectors, all or none. Emits one `zerodb.vector.batch_stored`.
     */
    embed_and_store(input: EmbeddingsEmbedAndStoreInput, options?: CallOptions): Promise<EmbeddedAndStored>
    /**
     * Search stored texts by meaning. `POST /api/v1/projects/:project_id/embeddings/search`
     *
     * Embeds the query and returns the vectors of a namespace that are nearest to it. `vectors.search` also searches with a vector.
     */
    search(input: EmbeddingsSearchInput, options?: CallOptions): Promise<EmbeddingMatches>
    /**
     * List the models that embed texts. `GET /api/v1/projects/:project_id/embeddings/models`
     *
     * Returns the models of the server, the configured one first.
     */
    models(input?: EmbeddingsModelsInput, options?: CallOptions): Promise<EmbeddingModel[]>
    /**
     * Embed texts, in the form of the OpenAI API. `POST /api/v1/embeddings`
     *
     * Returns an embedding for each text and stores nothing. OpenAI clients can use `/api/v1` as their base URL.
     */
    create(input: EmbeddingsCreateInput, options?: CallOptions): Promise<CreatedEmbeddings>
    /**
     * Convert embeddings to the configured model. `POST /api/v1/projects/:project_id/database/embeddings/re-embed`
     *
     * Converts some of the texts of the project to the configured model. Repeat the request until `left` is 0: then the new embeddings replace the old ones.
     */
    re_embed(input?: EmbeddingsReEmbedInput, options?: CallOptions): Promise<ReembedResult>
  }
  memory: {
    /**
     * Store a record of a conversation. `POST /api/v1/projects/:project_id/database/memory/store`
     *
     * Stores a text as a record of the project. Emits `zerodb.memory.stored`.
     */
    store(input: MemoryStoreInput, options?: CallOptions): Promise<Memory>
    /**
     * List records of conversations, newest first. `GET /api/v1/projects/:project_id/database/memory`
     *
     * Returns a page of the records of the project.
     */
    list(input?: MemoryListInput, options?: CallOptions): Page<Memory[], Memory>
    /**
     * Search records of conversations. `POST /api/v1/projects/:project_id/database/memory/search`
     *
     * Returns the records that are relevant to the query, the most relevant first. Records are found by their words, and by their meaning once they have an embedding.
     */
    search(input: MemorySearchInput, options?: CallOptions): Promise<MemoryMatches>
    /**
     * Count records of conversations. `GET /api/v1/projects/:project_id/database/memory/stats`
     *
     * Returns numbers about the records of the project. Large numbers are counted up to a limit only.
     */
    stats(input?: MemoryStatsInput, options?: CallOptions): Promise<MemoryStats>
    /**
     * List the sessions of records. `GET /api/v1/projects/:project_id/database/memory/sessions`
     *
     * Returns a page of the sessions that have records, with the number of records in each.
     */
    sessions(input?: MemorySessionsInput, options?: CallOptions): Page<MemorySessionPage, MemorySession>
    /**
     * Delete the records of a session. `DELETE /api/v1/projects/:project_id/database/memory/sessions/:session_id`
     *
     * Deletes all records of a session, or none. Emits one `zerodb.memory.deleted` for each record.
     */
    delete_session(input: MemoryDeleteSessionInput, options?: CallOptions): Promise<MemorySessionDeleted>
    /**
     * Get the latest records of a session. `GET /api/v1/projects/:project_id/database/memory/context/:session_id`
     *
     * Returns the newest records of a session that fit into a number of tokens, oldest first. A session without records has an empty context.
     */
    context(input: MemoryContextInput, options?: CallOptions): Promise<MemoryContext>
    /**
     * Store many records of conversations. `POST /api/v1/projects/:project_id/database/memory/batch/upsert`
     *
     * Stores all records or none. Emits one `zerodb.memory.stored` for each record.
     */
    batch_store(input: MemoryBatchStoreInput, options?: CallOptions): Promise<MemoryBatchResult>
    /**
     * Update many records of conversations. `POST /api/v1/projects/:project_id/database/memory/batch/update`
     *
     * Changes all given records or none: an unknown id is 404. Emits one `zerodb.memory.updated` for each record whose fields change.
     */
    batch_update(input: MemoryBatchUpdateInput, options?: CallOptions): Promise<MemoryBatchResult>
    /**
     * Delete many records of conversations. `POST /api/v1/projects/:project_id/database/memory/batch/delete`
     *
     * Deletes the records with the given ids in one step. Emits one `zerodb.memory.deleted` for each record.
     */
    batch_delete(input: MemoryBatchDeleteInput, options?: CallOptions): Promise<MemoriesDeleted>
    /**
     * Get a record of a conversation. `GET /api/v1/projects/:project_id/database/memory/:memory_id`
     *
     * Returns one record by its id.
     */
    get(input: MemoryGetInput, options?: CallOptions): Promise<Memory>
    /**
     * Update a record of a conversation. `PATCH /api/v1/projects/:project_id/database/memory/:memory_id`
     *
     * Changes fields of a record; other fields stay. Emits `zerodb.memory.updated`, unless the record has these values already.
     */
    update(input: MemoryUpdateInput, options?: CallOptions): Promise<Memory>
    /**
     * Delete a record of a conversation. `DELETE /api/v1/projects/:project_id/database/memory/:memory_id`
     *
     * Deletes one record by its id. Emits `zerodb.memory.deleted`.
     */
    delete(input: MemoryDeleteInput, options?: CallOptions): Promise<void>
    /**
     * Remember a text. `POST /api/v1/public/memory/v2/remember`
     *
     * Stores a text exactly as it is, for recall. Emits `zeromemory.remembered`, on which hooks build embeddings and the graph.
     */
    remember(input: MemoryRememberInput, options?: CallOptions): Promise<RememberResult>
    /**
     * Recall memories. `POST /api/v1/public/memory/v2/recall`
     *
     * Returns the memories that are relevant to the query, the most relevant first. The score of a memory has parts, called channels: its words, the words around it in its session, its meaning once it has an embedding, names and dates that the query mentions, and the graph. With an `entity_id`, `session_id` or `namespace`, the other memories that these select follow, newest first, with the score 0.
     */
    recall(input: MemoryRecallInput, options?: CallOptions): Promise<RecallResult>
    /**
     * Get a text for a prompt from memories. `POST /api/v1/public/memory/v2/context`
     *
     * Recalls memories and puts the most relevant ones that fit into one text. The texts are unchanged: nothing is generated or summarised.
     */
    recall_context(input: MemoryRecallContextInput, options?: CallOptions): Promise<MemoriesContext>
    /**
     * Remember the messages of a conversation. `POST /api/v1/public/memory/v2/process`
     *
     * Stores each message as a memory, all or none, in the order of the messages. Emits one `zeromemory.remembered` for each message.
     */
    process(input: MemoryProcessInput, options?: CallOptions): Promise<ProcessedMessages>
    /**
     * List memories, newest first. `GET /api/v1/public/memory/v2/memories`
     *
     * Returns a page of the memories that remember has stored. Records of conversations are in another list.
     */
    memories(input?: MemoryMemoriesInput, options?: CallOptions): Page<RememberedMemoryPage, RememberedMemory>
    /**
     * Get the profile of a person or thing. `GET /api/v1/public/memory/v2/profile`
     *
     * Returns what is stored about a person or thing: numbers, the newest memories, the relations of the graph, and the configuration of its agent. Nothing is generated.
     */
    profile(input?: MemoryProfileInput, options?: CallOptions): Promise<MemoryProfile>
    /**
     * Forget a memory, or all memories of a person, session or namespace. `POST /api/v1/public/memory/v2/forget`
     *
     * Deletes memories and everything that was derived from them alone: mentions, relations, entities, before-images, and the results and logs of their runs. Send `memory_id`, or fields that select memories: a memory must have all of them. A field that is null is refused, and a selection that has no memory deletes nothing. Emits `zeromemory.forgotten` for each memory, `zeromemory.relation_ended` for each relation that ends, and `zeromemory.relation_added` for each that a forgotten memory had ended. Records of conversations are only forgotten by id.
     */
    forget(input?: MemoryForgetInput, options?: CallOptions): Promise<ForgetResult>
  }
  graph: {
    /**
     * Get the relations of an entity. `GET /api/v1/public/memory/v2/graph/neighbors/:entity`
     *
     * Returns the entities that an entity is related to, directly or over up to two others, now or at another time, and the memories that support each relation. Waits for the extraction of what you have just stored, at most `wait` seconds.
     */
    neighbors(input: GraphNeighborsInput, options?: CallOptions): Promise<Neighbors>
    /**
     * Find a shortest path between two entities. `GET /api/v1/public/memory/v2/graph/path/:from/:to`
     *
     * Returns the relations that connect two entities, in any direction. The search follows at most 200 entities at each distance, so that it can miss a path through entities with very many relations.
     */
    path(input: GraphPathInput, options?: CallOptions): Promise<GraphPath>
    /**
     * State a relation of two entities. `POST /api/v1/public/memory/v2/relate`
     *
     * Adds a relation to the graph, and its entities if they are new. Emits `zeromemory.relation_added` for a new relation, and `zeromemory.relation_ended` for each one that it ends: with `replace`, or because a subject has one employer, residence and spouse at a time.
     */
    relate(input: GraphRelateInput, options?: CallOptions): Promise<Related>
    /**
     * End a relation. `DELETE /api/v1/public/memory/v2/graph/relations/:relation_id`
     *
     * Ends a relation that does not hold any more: reads of the graph leave it out. Emits `zeromemory.relation_ended`.
     */
    end_relation(input: GraphEndRelationInput, options?: CallOptions): Promise<void>
  }
  plans: {
    /**
     * Create a plan. `POST /api/v1/public/memory/v2/plan`
     *
     * Stores a plan of an agent, a text that changes. Plans are rows of the table `memory_plans`, which is created with the first one. Emits `zerodb.table.row_inserted`.
     */
    create(input: PlansCreateInput, options?: CallOptions): Promise<Plan>
    /**
     * Get a plan. `GET /api/v1/public/memory/v2/plan/:plan_id`
     *
     * Returns a plan as it is now.
     */
    get(input: PlansGetInput, options?: CallOptions): Promise<Plan>
    /**
     * Change a plan. `PATCH /api/v1/public/memory/v2/plan/:plan_id`
     *
     * Changes fields of a plan; other fields stay. Emits `zerodb.table.row_updated`, unless the plan has these fields already.
     */
    update(input: PlansUpdateInput, options?: CallOptions): Promise<Plan>
    /**
     * List the changes of a plan, newest first. `GET /api/v1/public/memory/v2/plan/:plan_id/history`
     *
     * Returns the states of a plan with the differences of its text, as far back as events are kept.
     */
    history(input: PlansHistoryInput, options?: CallOptions): Page<PlanHistory, PlanChange>
  }
  files: {
    /**
     * Upload a file. `POST /api/v1/projects/:project_id/database/files/upload`
     *
     * Stores a file sent as multipart/form-data or in base64, or registers one by its metadata only. Emits `zerodb.file.uploaded`.
     */
    upload(input?: FilesUploadInput, options?: CallOptions): Promise<File>
    /**
     * List files, newest first. `GET /api/v1/projects/:project_id/database/files`
     *
     * Returns a page of the files of the project, without their contents.
     */
    list(input?: FilesListInput, options?: CallOptions): Page<File[], File>
    /**
     * Search files. `POST /api/v1/projects/:project_id/database/files/search`
     *
     * Returns the files whose names or summaries are relevant to the query, the most relevant first.
     */
    search(input: FilesSearchInput, options?: CallOptions): Promise<FileMatches>
    /**
     * Get the metadata of a file. `GET /api/v1/projects/:project_id/database/files/:file_id`
     *
     * Returns the metadata of one file.
     */
    get(input: FilesGetInput, options?: CallOptions): Promise<File>
    /**
     * Download the content of a file. `GET /api/v1/projects/:project_id/database/files/:file_id/download`
     *
     * Returns the bytes as they were uploaded. Supports ranges and ETags.
     */
    download(input: FilesDownloadInput, options?: DownloadOptions): Promise<Download>
    /**
     * Create a URL that downloads a file without a key. `POST /api/v1/projects/:project_id/database/files/:file_id/presigned-url`
     *
     * Returns a presigned URL of one file, which anybody who has it can download until it expires. It stays valid if the key is revoked; deleting the file ends it.
     */
    presign(input: FilesPresignInput, options?: CallOptions): Promise<PresignedUrl>
    /**
     * Create a URL that uploads a file without a key. `POST /api/v1/projects/:project_id/database/files/presigned-upload`
     *
     * Returns a presigned URL with which anybody who has it can upload one file, once, until it expires: a browser sends the content as the body of a PUT request. The file gets the name and metadata of this request. With `file_id`, the content is that of a file that was registered without content. A used or expired URL is 403.
     */
    presign_upload(input?: FilesPresignUploadInput, options?: CallOptions): Promise<PresignedUpload>
    /**
     * Download a file by its presigned URL. `GET /api/v1/projects/:project_id/database/files/:file_id/presigned`
     *
     * Returns the bytes of the file if the signature is right and has not expired. Needs no key.
     */
    download_presigned(input: FilesDownloadPresignedInput, options?: DownloadOptions): Promise<Download>
    /**
     * Update the metadata of a file. `PATCH /api/v1/projects/:project_id/database/files/:file_id`
     *
     * Changes fields of a file’s metadata; its content stays. Emits `zerodb.file.updated`, unless the file has these values already.
     */
    update(input: FilesUpdateInput, options?: CallOptions): Promise<File>
    /**
     * Delete a file. `DELETE /api/v1/projects/:project_id/database/files/:file_id`
     *
     * Deletes the file. Its content is kept as long as the event, and then deleted unless another file has it. Emits `zerodb.file.deleted`.
     */
    delete(input: FilesDeleteInput, options?: CallOptions): Promise<void>
  }
  tables: {
    /**
     * Create a table. `POST /api/v1/projects/:project_id/database/tables`
     *
     * Creates an empty table for JSON rows. A name that exists in the project is 409 `table_exists`.
     */
    create(input: TablesCreateInput, options?: CallOptions): Promise<Table>
    /**
     * List tables, oldest first. `GET /api/v1/projects/:project_id/database/tables`
     *
     * Returns a page of the tables of the project.
     */
    list(input?: TablesListInput, options?: CallOptions): Page<Table[], Table>
    /**
     * Get a table. `GET /api/v1/projects/:project_id/database/tables/:table`
     *
     * Returns one table by its name or id.
     */
    get(input: TablesGetInput, options?: CallOptions): Promise<Table>
    /**
     * Update a table. `PATCH /api/v1/projects/:project_id/database/tables/:table`
     *
     * Changes schema, rules or description of a table. Rows that exist are not checked.
     */
    update(input: TablesUpdateInput, options?: CallOptions): Promise<Table>
    /**
     * Delete a table and its rows. `DELETE /api/v1/projects/:project_id/database/tables/:table`
     *
     * Deletes the table with all its rows.
     */
    delete(input: TablesDeleteInput, options?: CallOptions): Promise<void>
  }
  rows: {
    /**
     * Insert rows. `POST /api/v1/projects/:project_id/database/tables/:table/rows`
     *
     * Stores one row (`row_data`) or many (`rows`), all or none. Emits one `zerodb.table.row_inserted` for each row.
     */
    insert(input: RowsInsertInput, options?: CallOptions): Promise<RowsInsert>
    /**
     * Insert rows, or update those that exist. `POST /api/v1/projects/:project_id/database/tables/:table/rows/upsert`
     *
     * For each row, merges its fields into the row with the same values in `upsert_key`, or inserts it; all or none. Emits one `zerodb.table.row_inserted` or `zerodb.table.row_updated` for each row that changes.
     */
    upsert(input: RowsUpsertInput, options?: CallOptions): Promise<RowsUpserted>
    /**
     * List rows, in the order of insertion. `GET /api/v1/projects/:project_id/database/tables/:table/rows`
     *
     * Returns a page of the rows of a table.
     */
    list(input: RowsListInput, options?: CallOptions): Page<RowPage, Row>
    /**
     * Query rows. `POST /api/v1/projects/:project_id/database/tables/:table/query`
     *
     * Returns a page of the rows that meet all conditions, sorted as asked for.
     */
    query(input: RowsQueryInput, options?: CallOptions): Page<RowQueryResult, Row>
    /**
     * Count, sum and average rows. `POST /api/v1/projects/:project_id/database/tables/:table/aggregate`
     *
     * Computes aggregates over the rows that meet all conditions, for each group. Reads all these rows, for at most 5 seconds.
     */
    aggregate(input: RowsAggregateInput, options?: CallOptions): Promise<RowGroups>
    /**
     * Get a row. `GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id`
     *
     * Returns one row by its id.
     */
    get(input: RowsGetInput, options?: CallOptions): Promise<Row>
    /**
     * Replace a row. `PUT /api/v1/projects/:project_id/database/tables/:table/rows/:row_id`
     *
     * Replaces all fields of a row. Emits `zerodb.table.row_updated`, unless the row has these fields already.
     */
    replace(input: RowsReplaceInput, options?: CallOptions): Promise<Row>
    /**
     * Update a row. `PATCH /api/v1/projects/:project_id/database/tables/:table/rows/:row_id`
     *
     * Changes fields of a row; other fields stay. Emits `zerodb.table.row_updated`, unless the row has these fields already.
     */
    update(input: RowsUpdateInput, options?: CallOptions): Promise<Row>
    /**
     * Delete a row. `DELETE /api/v1/projects/:project_id/database/tables/:table/rows/:row_id`
     *
     * Deletes one row by its id. Emits `zerodb.table.row_deleted`.
     */
    delete(input: RowsDeleteInput, options?: CallOptions): Promise<RowDeleted>
    /**
     * Update the rows of a filter. `PUT /api/v1/projects/:project_id/database/tables/:table/rows`
     *
     * Changes all rows that match, or none. Emits one `zerodb.table.row_updated` for each row whose fields change, and `zerodb.table.row_inserted` for a row that `upsert` inserts.
     */
    update_many(input: RowsUpdateManyInput, options?: CallOptions): Promise<RowsUpdated>
    /**
     * Delete the rows of a filter. `DELETE /api/v1/projects/:project_id/database/tables/:table/rows`
     *
     * Deletes all rows that match, or none. Emits one `zerodb.table.row_deleted` for each row.
     */
    delete_many(input: RowsDeleteManyInput, options?: CallOptions): Promise<RowsDeleted>
    /**
     * List the changes of a row, newest first. `GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id/history`
     *
     * Returns the states of a row, also of a deleted one, as far back as its events are kept. The last item is the insertion, when its state is known.
     */
    history(input: RowsHistoryInput, options?: CallOptions): Page<RowHistory, RowState>
  }
  events: {
    /**
     * Publish an event. `POST /api/v1/projects/:project_id/database/events/publish`
     *
     * Stores an event under a topic. Emits `zerodb.event.published`, so that hooks can react. With `delay` or `run_at`, both happen then and not before; until then `schedules.delete` with the id of the event cancels it.
     */
    publish(input: EventsPublishInput, options?: CallOptions): Promise<PublishedEvent>
    /**
     * Publish several events. `POST /api/v1/projects/:project_id/database/events/batch`
     *
     * Stores up to 100 events, all or none. Emits one `zerodb.event.published` for each. An event with `delay` or `run_at` is published then.
     */
    publish_batch(input: EventsPublishBatchInput, options?: CallOptions): Promise<PublishedBatch>
    /**
     * List published events, newest first. `GET /api/v1/projects/:project_id/database/events`
     *
     * Returns a page of the published events of the project.
     */
    list(input?: EventsListInput, options?: CallOptions): Page<PublishedEventPage, PublishedEvent>
    /**
     * Poll for events, oldest first. `GET /api/v1/projects/:project_id/database/events/poll`
     *
     * Returns the next events of the project after the last one that you have seen, oldest first. No event is missed: an event whose write is still running is returned before later ones. `topic` can also be the name of an event type, whose events come from the event log; types of memories need `memory:read`.
     */
    poll(input?: EventsPollInput, options?: CallOptions): Promise<PolledEvents>
    /**
     * Take published events out of a topic. `POST /api/v1/projects/:project_id/database/events/consume`
     *
     * Deletes the oldest events and returns them: of concurrent requests, exactly one gets each event. Without `topic`, takes events of all topics. Use it as a queue whose messages may be lost with a consumer; a hook retries.
     */
    consume(input?: EventsConsumeInput, options?: CallOptions): Promise<ConsumedEvents>
    /**
     * Count published events. `GET /api/v1/projects/:project_id/database/events/count`
     *
     * Counts the published events of the project or of one topic, up to 10,000.
     */
    count(input?: EventsCountInput, options?: CallOptions): Promise<PublishedEventCount>
    /**
     * Count published events by topic. `GET /api/v1/projects/:project_id/database/events/stats`
     *
     * Counts the published events of a time range by topic, over the newest 10,000 of them.
     */
    stats(input?: EventsStatsInput, options?: CallOptions): Promise<PublishedEventStats>
    /**
     * Stream published events. `GET /api/v1/projects/:project_id/database/events/stream`
     *
     * Sends published events of the project as server-sent events until the client disconnects. The data of the first message is `{"type": "connection", "status": "connected", "project_id"}`. To continue a stream, send the id of the last message in the header Last-Event-ID.
     */
    stream(input?: EventsStreamInput, options?: CallOptions): AsyncGenerator<EventsStreamMessage, void>
    /**
     * Create a token for the stream of published events. `POST /api/v1/projects/:project_id/database/events/stream-token`
     *
     * Returns a token for clients that cannot send headers, such as EventSource in a browser. It only permits to read the stream of published events of this project. It is valid until it expires, also if the key is revoked.
     */
    stream_token(input?: EventsStreamTokenInput, options?: CallOptions): Promise<StreamToken>
    /**
     * Get a published event. `GET /api/v1/projects/:project_id/database/events/:event_id`
     *
     * Returns one published event by its id.
     */
    get(input: EventsGetInput, options?: CallOptions): Promise<PublishedEvent>
    /**
     * Delete the events of a topic. `DELETE /api/v1/projects/:project_id/database/events`
     *
     * Deletes all published events of a topic that existed when the request began, in steps of 5,000. Events of the event log and runs stay.
     */
    clear(input: EventsClearInput, options?: CallOptions): Promise<ClearedEvents>
  }
  sandbox: {
    /**
     * Run a program in a sandbox. `POST /api/v1/sandbox/execute`
     *
     * Runs a program in a new sandbox, which is deleted afterwards. The response is 200 whatever the program does; `status` says what happened.
     */
    execute(input: SandboxExecuteInput, options?: CallOptions): Promise<Execution>
  }
}
