// Generated from the operations by scripts/client.ts: `npm run generate` updates it.
import type { CallOptions, Download, DownloadOptions, Page, UploadContent } from './transport.ts'

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
  'schedules.list': 'GET /api/v1/schedules',
  'schedules.get': 'GET /api/v1/schedules/:schedule_id',
  'schedules.update': 'PATCH /api/v1/schedules/:schedule_id',
  'schedules.run': 'POST /api/v1/schedules/:schedule_id/run',
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
  'projects.status': 'GET /api/v1/projects/:project_id/database',
  'projects.export': 'GET /api/v1/projects/:project_id/export',
  'projects.import': 'POST /api/v1/projects/import',
  'backups.create': 'GET /api/v1/backup',
  'vectors.upsert': 'POST /api/v1/projects/:project_id/database/vectors/upsert',
  'vectors.upsert_batch': 'POST /api/v1/projects/:project_id/database/vectors/upsert-batch',
  'vectors.search': 'POST /api/v1/projects/:project_id/database/vectors/search',
  'vectors.list': 'GET /api/v1/projects/:project_id/database/vectors',
  'vectors.get': 'GET /api/v1/projects/:project_id/database/vectors/:vector_id',
  'vectors.delete': 'DELETE /api/v1/projects/:project_id/database/vectors/:vector_id',
  'embeddings.re_embed': 'POST /api/v1/projects/:project_id/database/embeddings/re-embed',
  'memory.store': 'POST /api/v1/projects/:project_id/database/memory/store',
  'memory.list': 'GET /api/v1/projects/:project_id/database/memory',
  'memory.get': 'GET /api/v1/projects/:project_id/database/memory/:memory_id',
  'memory.remember': 'POST /api/v1/public/memory/v2/remember',
  'memory.recall': 'POST /api/v1/public/memory/v2/recall',
  'memory.forget': 'POST /api/v1/public/memory/v2/forget',
  'graph.neighbors': 'GET /api/v1/public/memory/v2/graph/neighbors/:entity',
  'files.upload': 'POST /api/v1/projects/:project_id/database/files/upload',
  'files.list': 'GET /api/v1/projects/:project_id/database/files',
  'files.search': 'POST /api/v1/projects/:project_id/database/files/search',
  'files.get': 'GET /api/v1/projects/:project_id/database/files/:file_id',
  'files.download': 'GET /api/v1/projects/:project_id/database/files/:file_id/download',
  'files.delete': 'DELETE /api/v1/projects/:project_id/database/files/:file_id',
  'tables.create': 'POST /api/v1/projects/:project_id/database/tables',
  'tables.list': 'GET /api/v1/projects/:project_id/database/tables',
  'tables.get': 'GET /api/v1/projects/:project_id/database/tables/:table',
  'tables.delete': 'DELETE /api/v1/projects/:project_id/database/tables/:table',
  'rows.insert': 'POST /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.list': 'GET /api/v1/projects/:project_id/database/tables/:table/rows',
  'rows.query': 'POST /api/v1/projects/:project_id/database/tables/:table/query',
  'rows.get': 'GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id',
  'events.publish': 'POST /api/v1/projects/:project_id/database/events/publish',
  'events.list': 'GET /api/v1/projects/:project_id/database/events',
  'events.get': 'GET /api/v1/projects/:project_id/database/events/:event_id',
  'sandbox.execute': 'POST /api/v1/sandbox/execute',
} as const

export type OperationName = keyof typeof ROUTES

/** Operations whose request or response is not JSON. */
export const KINDS: { readonly [Name in OperationName]?: 'upload' | 'bytes' | 'stream' } = {
  'event_log.stream': 'stream',
  'runs.logs': 'stream',
  'projects.export': 'bytes',
  'projects.import': 'upload',
  'backups.create': 'bytes',
  'files.upload': 'upload',
  'files.download': 'bytes',
}

/** Field of a paged response that has the items; '' for a bare array. */
export const PAGES: { readonly [Name in OperationName]?: string } = {
  'hooks.runs': 'items',
  'event_log.list': 'items',
  'runs.list': 'items',
  'replays.list': 'items',
  'projects.list': '',
  'vectors.list': 'vectors',
  'memory.list': '',
  'files.list': '',
  'tables.list': '',
  'rows.list': 'data',
  'rows.query': 'data',
  'events.list': 'events',
}

/** Operations that only read although their method is not GET. */
export const READS: readonly OperationName[] = ['hooks.test_filter', 'vectors.search', 'memory.recall', 'files.search', 'rows.query']

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
  | 'replay_final'
  | 'run_final'
  | 'run_not_final'
  | 'table_exists'
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
      vector_id: string
      project_id: string
      namespace: string
      source: string
      user_id: string
    }>
  | EventOf<'zerodb.vector.batch_stored', 'zerodb', {
      project_id: string
      count: number
      user_id: string
    }>
  | EventOf<'zerodb.memory.stored', 'zerodb', {
      memory_id: string
      project_id: string
      agent_id: string | null
      user_id: string
    }>
  | EventOf<'zerodb.file.uploaded', 'zerodb', {
      file_id: string
      project_id: string
      file_name: string
      content_type: string | null
      size_bytes: number | null
      user_id: string
    }>
  | EventOf<'zerodb.table.row_inserted', 'zerodb', {
      table_name: string
      row_id: string
      project_id: string
      user_id: string
    }>
  | EventOf<'zerodb.event.published', 'zerodb', {
      event_id: string
      project_id: string
      topic: string
      user_id: string
    }>
  | EventOf<'zeromemory.remembered', 'zeromemory', {
      memory_id: string
      entity_id: string | null
      memory_type: string | null
      namespace: string
      user_id: string
    }>

export const EVENT_NAMES = ['zerodb.vector.stored', 'zerodb.vector.batch_stored', 'zerodb.memory.stored', 'zerodb.file.uploaded', 'zerodb.table.row_inserted', 'zerodb.event.published', 'zeromemory.remembered'] as const

export type EventName = (typeof EVENT_NAMES)[number]

export interface AuthRegisterInput {
  email: string
  password: string
  username?: string | null | undefined
  name?: string | null | undefined
}

export interface Registered {
  id: string
  email: string | null
  username: string | null
  is_active: true
  role: 'user'
  default_project_id: string
  created_at: string
  access_token: string
  refresh_token: string
  token_type: 'bearer'
  /** Seconds that the access token is good for. */
  expires_in: number
}

export interface AuthLoginInput {
  email: string
  password: string
}

export interface Tokens {
  access_token: string
  refresh_token: string
  token_type: 'bearer'
  /** Seconds that the access token is good for. */
  expires_in: number
}

export interface AuthRefreshInput {
  refresh_token: string
}

export interface AuthLogoutInput {
  refresh_token?: string | null | undefined
}

export interface AuthLogout {
  status: 'ok'
}

export interface Person {
  id: string
  email: string | null
  username: string | null
  is_active: true
  role: 'user'
  default_project_id: string
  created_at: string
}

export interface KeysCreateInput {
  name: string
  /** Seconds until the key is refused; null for never. */
  ttl_seconds?: number | null | undefined
  scopes?: Array<'zerodb:read' | 'zerodb:write' | 'memory:read' | 'memory:write' | 'hooks:read' | 'hooks:write' | 'functions:read' | 'functions:write' | 'functions:invoke' | 'keys:read' | 'keys:write' | '*' | 'zerodb:*' | 'memory:*' | 'hooks:*' | 'functions:*' | 'keys:*'> | undefined
  /** The only project that the key may touch; null for all. */
  project_id?: string | null | undefined
}

export interface CreatedKey {
  id: string
  name: string
  last4: string
  scopes: string[]
  project_id: string | null
  created_at: string
  last_used_at: string | null
  expires_at: string | null
  revoked_at: string | null
  key: string
}

export interface ApiKey {
  id: string
  name: string
  last4: string
  scopes: string[]
  project_id: string | null
  created_at: string
  last_used_at: string | null
  expires_at: string | null
  revoked_at: string | null
}

export interface KeysRevokeInput {
  key_id: string
}

export interface HooksCreateInput {
  event_type: EventName
  hook_name: string
  hook_type?: string | undefined
  project_id?: string | null | undefined
  hook_config?: Record<string, unknown> | undefined
  filter?: Record<string, unknown> | null | undefined
  ordering_key?: string | {
    /** Into the event's `data` or its `row`, e.g. `row.metadata.customer`. An event without a value there is not ordered. */
    path: string
    /** What a run that has failed does to those behind it: it keeps them waiting until it is final, or is dead at once and lets them pass. */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  retry?: {
    max_attempts?: number | undefined
    /** The pause after the first failure; each further one is `factor` times as long. */
    initial_seconds?: number | undefined
    factor?: number | undefined
    max_seconds?: number | undefined
    /** `full`: each pause is drawn between nothing and its length, so that not all come back at once. */
    jitter?: 'full' | 'none' | undefined
  } | null | undefined
  concurrency?: number | null | undefined
  paused?: boolean | undefined
}

export interface HookCreated {
  id: string
  user_id: string
  project_id: string | null
  event_type: EventName
  hook_type: string
  hook_name: string
  hook_config: Record<string, unknown>
  is_active: boolean
  created_at: string
  updated_at: string
  filter?: Record<string, unknown>
  ordering_key?: OrderingKey
  retry?: RetryPolicy
  /** How many of its runs may go on at once, over all instances; otherwise as many as there are slots. */
  concurrency?: number
  /** Its runs are made, and wait. */
  paused?: true
  /** Why the system has switched it off. */
  disabled_reason?: string
  /** The function that is its handler. */
  function_id?: string
  /** Its function's configuration asks for it: deploying another changes or removes it. */
  declared?: true
  /** Signs this webhook's messages. Not shown again. */
  webhook_secret?: string
  /** What is likely a mistake though it is allowed. */
  warnings?: string[]
}

export interface OrderingKey {
  /** Into the event's `data` or its `row`, e.g. `row.metadata.customer`. An event without a value there is not ordered. */
  path: string
  /** What a run that has failed does to those behind it: it keeps them waiting until it is final, or is dead at once and lets them pass. */
  policy: 'block' | 'skip'
}

export interface RetryPolicy {
  max_attempts?: number
  /** The pause after the first failure; each further one is `factor` times as long. */
  initial_seconds?: number
  factor?: number
  max_seconds?: number
  /** `full`: each pause is drawn between nothing and its length, so that not all come back at once. */
  jitter?: 'full' | 'none'
}

export interface HooksListInput {
  event_type?: EventName | undefined
  project_id?: string | undefined
  active_only?: boolean | undefined
}

export interface Hook {
  id: string
  user_id: string
  project_id: string | null
  event_type: EventName
  hook_type: string
  hook_name: string
  hook_config: Record<string, unknown>
  is_active: boolean
  created_at: string
  updated_at: string
  filter?: Record<string, unknown>
  ordering_key?: OrderingKey
  retry?: RetryPolicy
  /** How many of its runs may go on at once, over all instances; otherwise as many as there are slots. */
  concurrency?: number
  /** Its runs are made, and wait. */
  paused?: true
  /** Why the system has switched it off. */
  disabled_reason?: string
  /** The function that is its handler. */
  function_id?: string
  /** Its function's configuration asks for it: deploying another changes or removes it. */
  declared?: true
}

export interface HooksGetInput {
  hook_id: string
}

export interface HooksUpdateInput {
  hook_id: string
  hook_config?: Record<string, unknown> | undefined
  is_active?: boolean | undefined
  filter?: Record<string, unknown> | null | undefined
  ordering_key?: string | {
    /** Into the event's `data` or its `row`, e.g. `row.metadata.customer`. An event without a value there is not ordered. */
    path: string
    /** What a run that has failed does to those behind it: it keeps them waiting until it is final, or is dead at once and lets them pass. */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  retry?: {
    max_attempts?: number | undefined
    /** The pause after the first failure; each further one is `factor` times as long. */
    initial_seconds?: number | undefined
    factor?: number | undefined
    max_seconds?: number | undefined
    /** `full`: each pause is drawn between nothing and its length, so that not all come back at once. */
    jitter?: 'full' | 'none' | undefined
  } | null | undefined
  concurrency?: number | null | undefined
  paused?: boolean | undefined
}

export interface HookChanged {
  id: string
  user_id: string
  project_id: string | null
  event_type: EventName
  hook_type: string
  hook_name: string
  hook_config: Record<string, unknown>
  is_active: boolean
  created_at: string
  updated_at: string
  filter?: Record<string, unknown>
  ordering_key?: OrderingKey
  retry?: RetryPolicy
  /** How many of its runs may go on at once, over all instances; otherwise as many as there are slots. */
  concurrency?: number
  /** Its runs are made, and wait. */
  paused?: true
  /** Why the system has switched it off. */
  disabled_reason?: string
  /** The function that is its handler. */
  function_id?: string
  /** Its function's configuration asks for it: deploying another changes or removes it. */
  declared?: true
  /** What is likely a mistake though it is allowed. */
  warnings?: string[]
}

export interface HooksDeleteInput {
  hook_id: string
}

export interface HooksRotateSecretInput {
  hook_id: string
  /** Made when absent. */
  secret?: string | undefined
  /** How long the one before goes on signing too. */
  keep_seconds?: number | undefined
}

export interface SecretRotated {
  webhook_secret: string
  /** Until then messages carry the signature of the secret before as well; null when there was none. */
  previous_valid_until: string | null
}

export interface HooksTestFilterInput {
  event_type: EventName
  filter?: Record<string, unknown> | null | undefined
  ordering_key?: string | {
    /** Into the event's `data` or its `row`, e.g. `row.metadata.customer`. An event without a value there is not ordered. */
    path: string
    /** What a run that has failed does to those behind it: it keeps them waiting until it is final, or is dead at once and lets them pass. */
    policy?: 'block' | 'skip' | undefined
  } | null | undefined
  project_id?: string | undefined
  limit?: number | undefined
}

export interface FilterTested {
  tested: number
  matched: number
  items: Array<{
    event: LoggedEvent
    row: unknown
    matches: boolean
    ordering_key: string | null
  }>
}

export type LoggedEvent = ZeroDBEvent & {
  /** The event with which the chain of causes began, and how many runs lie between it and this one: its own id and 0 when nothing caused it. */
  chain_id: string
  depth: number
  /** The run that wrote it. */
  caused_by: string | null
}

export interface HooksInvokeInput {
  hook_id: string
  payload?: Record<string, unknown> | undefined
  /** In which project, for a hook that is for all: else the key's, `X-Project-ID` or the default one. */
  project_id?: string | undefined
  /** For how long the answer waits for the first attempt to end. */
  wait_seconds?: number | undefined
}

export interface Run {
  id: string
  trigger: 'event' | 'cron' | 'http' | 'tool' | 'invoke'
  handler: string
  hook_id: string | null
  /** The function, and the version that the last attempt has executed; null for other handlers. */
  function_id: string | null
  function_version: number | null
  schedule_id: string | null
  event_id: string | null
  event_type: EventName
  project_id: string
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
  attempts: number
  /** When a queued run is tried next. */
  run_at: string
  result: unknown
  /** Of the attempt before; null once one has succeeded. */
  error: RunError | null
  logs: LogLine[]
  /** When a queued run is tried next. */
  created_at: string
  started_at: string | null
  finished_at: string | null
  /** Its place in its hook's order; null when it has none. */
  ordering_key: string | null
  /** The replay or backfill that made it. */
  replay_id: string | null
  /** The event with which the chain of causes began, and how many runs lie between it and this one. */
  chain_id: string | null
  depth: number
  /** Null unless it is queued. */
  waiting_for: WaitingFor | null
}

export interface RunError {
  code: string
  message: string
  /** Of what a function threw: where, and its chain of causes. */
  stack?: string
}

export interface LogLine {
  /** When a queued run is tried next. */
  at: string
  message: string
  /** Of a function's lines: how grave, where it said so; and the stream, where it printed them. */
  level?: 'debug' | 'info' | 'warn' | 'error'
  stream?: 'stdout' | 'stderr'
}

export interface WaitingFor {
  /** `paused`: its hook is. `backoff`: the pause after a failure lasts `until` then. `no_capable_instance`: no living process can execute its handler. `key_head`: the run `run_id` comes before it. `limit`: its hook runs as often as it may. `slot`: all processes are busy. */
  reason: 'paused' | 'backoff' | 'no_capable_instance' | 'key_head' | 'limit' | 'slot'
  until?: string
  run_id?: string
}

export interface HooksRunsInput {
  hook_id: string
  function_id?: string | undefined
  trigger?: 'event' | 'cron' | 'http' | 'tool' | 'invoke' | undefined
  event_id?: string | undefined
  project_id?: string | undefined
  status?: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped' | undefined
  /** Only runs whose id begins so. */
  id_prefix?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export interface RunPage {
  items: Run[]
  next_cursor: string | null
}

export interface HooksBackfillInput {
  hook_id: string
  rate_per_second?: number | undefined
  since?: string | undefined
  until?: string | undefined
  dry_run?: boolean | undefined
}

export interface Replay {
  id: string
  /** `replay`: events once more. `backfill`: a hook over rows that were there before it. */
  kind: 'replay' | 'backfill'
  status: 'running' | 'done' | 'cancelled'
  /** Events or rows that it goes through. */
  total: number
  /** Of these, those that it has come to. */
  seen: number
  /** Runs that it has made: one for each hook that takes the event, none where a filter keeps it out or the run is there already. */
  created: number
  rate_per_second: number
  criteria: ReplayCriteria
  /** How its runs are doing. */
  runs: {
    queued: number
    running: number
    succeeded: number
    dead: number
    cancelled: number
    skipped: number
  }
  created_at: string
  finished_at: string | null
}

export interface ReplayCriteria {
  event_type?: EventName
  project_id?: string
  event_ids?: string[]
  since?: string
  until?: string
  /** Only this hook gets them. */
  hook_id?: string
}

export interface DryRun {
  dry_run: true
  total: number
}

export type HooksBackfill = Replay | DryRun

export interface EventLogListInput {
  event_type?: EventName | undefined
  project_id?: string | undefined
  /** Only those of the user's newest 10,000 events whose id begins with this text. */
  id_prefix?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export interface EventLogPage {
  items: LoggedEvent[]
  next_cursor: string | null
}

export interface EventLogStreamInput {
  event_type?: EventName | undefined
  project_id?: string | undefined
  after?: string | undefined
}

export type EventLogStreamOpen = Record<string, unknown>

export type EventLogStreamMessage =
  | { event: 'open'; data: EventLogStreamOpen }
  | { event: 'event'; data: LoggedEvent }

export interface EventLogGetInput {
  event_id: string
}

export interface EventLogHooksInput {
  event_id: string
}

export interface EventHooks {
  event_id: string
  hooks: HookVerdict[]
}

export interface HookVerdict {
  hook_id: string
  hook_name: string
  project_id: string | null
  /** It has made a run when the event was handed out, apart from replays. */
  fired: boolean
  /** Why it has not; null when it has. `created_later`: than the event. `other_project`: it is for another. `inactive`: it is switched off. `filter`: which is not met. `pending`: the event is still to be handed out. `changed`: as it is now it would take the event, and it was changed, or switched on, after it. `expired`: the run is not kept any longer. */
  reason: 'created_later' | 'other_project' | 'inactive' | 'filter' | 'pending' | 'changed' | 'expired' | null
  /** Those of replays too, oldest first. */
  runs: Array<{
    id: string
    status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
    replay_id: string | null
  }>
}

export interface FunctionsDeployInput {
  project_id?: string | undefined
  name: string
  runtime?: 'nodejs20' | 'nodejs' | 'node' | 'javascript' | 'typescript' | 'python3.11' | 'python' | 'python3' | undefined
  /** One file is enough. */
  source?: string | undefined
  /** Or several, by path. */
  files?: Record<string, string | {
    base64: string
  }> | undefined
  /** The file with the handler, where that is not plain. */
  entry?: string | undefined
  /** Its keys go before those of the config in the file. */
  config?: Record<string, unknown> | undefined
  /** True: check and build everything, store nothing, and answer what would change. */
  dry_run?: boolean | undefined
}

export interface Deployed {
  id: string
  project_id: string
  name: string
  runtime: string
  /** Of the interpreter that executes it on the answering instance, such as 22.11.0 for `nodejs20`; null until that is known. */
  runtime_version: string | null
  /** The version that runs. */
  version: number
  hash: string
  entry: string
  config: Record<string, unknown>
  is_active: boolean
  created_at: string
  updated_at: string
  /** Where it answers, if it has an HTTP trigger. */
  url_path: string | null
  /** False: just this was live already, and nothing was done. */
  changed: boolean
  /** What became of its hooks (by event type) and schedules (by expression and zone). */
  hooks: {
    created: string[]
    changed: string[]
    removed: string[]
  }
  /** What became of its hooks (by event type) and schedules (by expression and zone). */
  schedules: {
    created: string[]
    changed: string[]
    removed: string[]
  }
  warnings?: string[]
}

export interface DeployDryRun {
  name: string
  runtime: string
  /** The version that runs. */
  version: number
  hash: string
  entry: string
  config: Record<string, unknown>
  /** Where it answers, if it has an HTTP trigger. */
  url_path: string | null
  /** False: just this was live already, and nothing was done. */
  changed: boolean
  /** What became of its hooks (by event type) and schedules (by expression and zone). */
  hooks: {
    created: string[]
    changed: string[]
    removed: string[]
  }
  /** What became of its hooks (by event type) and schedules (by expression and zone). */
  schedules: {
    created: string[]
    changed: string[]
    removed: string[]
  }
  warnings?: string[]
  dry_run: true
}

export type FunctionsDeploy = Deployed | DeployDryRun

export interface FunctionsListInput {
  project_id?: string | undefined
}

export interface Fn {
  id: string
  project_id: string
  name: string
  runtime: string
  /** Of the interpreter that executes it on the answering instance, such as 22.11.0 for `nodejs20`; null until that is known. */
  runtime_version: string | null
  /** The version that runs. */
  version: number
  hash: string
  entry: string
  config: Record<string, unknown>
  is_active: boolean
  created_at: string
  updated_at: string
  /** Where it answers, if it has an HTTP trigger. */
  url_path: string | null
}

export interface FunctionsGetInput {
  project_id?: string | undefined
  name: string
}

export interface FunctionsUpdateInput {
  project_id?: string | undefined
  name: string
  is_active: boolean
}

export interface FunctionsDeleteInput {
  project_id?: string | undefined
  name: string
  force?: boolean | undefined
}

export interface FunctionsVersionsInput {
  project_id?: string | undefined
  name: string
}

export interface FunctionsVersionInput {
  project_id?: string | undefined
  name: string
  version: number
}

export interface VersionSource {
  version: number
  runtime: string
  hash: string
  /** The file with the handler, of those that were uploaded. */
  entry: string
  config: Record<string, unknown>
  created_at: string
  files: Record<string, string | {
    base64: string
  }>
}

export interface FunctionsDiffInput {
  project_id?: string | undefined
  name: string
  /** The live version's predecessor when absent. */
  from?: number | undefined
  /** The live version when absent. */
  to?: number | undefined
}

export interface VersionDiff {
  from: number
  to: number
  /** By path; `lines` is a unified diff, null for what is not text. */
  files: Array<{
    path: string
    change: 'added' | 'removed' | 'changed'
    lines: string | null
  }>
  config: {
    from: Record<string, unknown>
    to: Record<string, unknown>
  } | null
}

export interface FunctionsRollbackInput {
  project_id?: string | undefined
  name: string
  /** The live version's predecessor when absent. */
  version?: number | undefined
}

export interface FunctionsInvokeInput {
  project_id?: string | undefined
  name: string
  payload?: unknown | undefined
  /** Answer at once and execute durably, as `Prefer: respond-async` asks. */
  wait?: boolean | undefined
}

export interface Invoked {
  run_id: string
  status: 'succeeded' | 'queued'
  result?: unknown
  duration_ms?: number
}

export interface SecretsListInput {
  project_id?: string | undefined
}

export interface Secret {
  name: string
  created_at: string
  updated_at: string
}

export interface SecretsSetInput {
  project_id?: string | undefined
  name: string
  value: string
}

export interface SecretsDeleteInput {
  project_id?: string | undefined
  name: string
}

export interface SchedulesListInput {
  project_id?: string | undefined
}

export interface Schedule {
  id: string
  function_id: string
  function: string
  project_id: string
  cron: string
  timezone: string
  missed: 'skip' | 'run_once' | 'run_all'
  overlap: 'skip' | 'queue'
  paused: boolean
  /** The tick that comes next; null while it is paused, or when none comes. */
  next_at: string | null
  /** The last tick that was run or skipped. */
  last_at: string | null
  created_at: string
  /** The next five ticks. */
  next_runs: string[]
}

export interface SchedulesGetInput {
  schedule_id: string
}

export interface SchedulesUpdateInput {
  schedule_id: string
  paused: boolean
}

export interface SchedulesRunInput {
  schedule_id: string
}

export interface RunsListInput {
  hook_id?: string | undefined
  function_id?: string | undefined
  trigger?: 'event' | 'cron' | 'http' | 'tool' | 'invoke' | undefined
  event_id?: string | undefined
  project_id?: string | undefined
  status?: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped' | undefined
  /** Only runs whose id begins so. */
  id_prefix?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export interface RunsRedriveInput {
  hook_id?: string | undefined
  handler?: string | undefined
  project_id?: string | undefined
  event_type?: EventName | undefined
  error_code?: string | undefined
  since?: string | undefined
  until?: string | undefined
  limit?: number | undefined
}

export interface Redriven {
  redriven: number
  more: boolean
}

export interface RunsGetInput {
  run_id: string
}

export interface RunsLogsInput {
  run_id: string
  after?: string | undefined
}

export interface RunsLogsLog {
  at: string
  message: string
  /** Of a function's lines: how grave, where it said so; and the stream, where it printed them. */
  level?: 'debug' | 'info' | 'warn' | 'error'
  stream?: 'stdout' | 'stderr'
  attempts: number
}

export interface RunsLogsStatus {
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
  attempts: number
  /** When a queued run is tried next. */
  run_at: string
  /** Of the attempt before; null once one has succeeded. */
  error: RunError | null
}

export interface RunsLogsEnd {
  status: 'queued' | 'running' | 'succeeded' | 'dead' | 'cancelled' | 'skipped'
}

export type RunsLogsMessage =
  | { event: 'log'; data: RunsLogsLog }
  | { event: 'status'; data: RunsLogsStatus }
  | { event: 'end'; data: RunsLogsEnd }

export interface RunsRetryInput {
  run_id: string
}

export interface RunsCancelInput {
  run_id: string
}

export interface ReplaysCreateInput {
  event_type?: EventName | undefined
  project_id?: string | undefined
  event_ids?: string[] | undefined
  since?: string | undefined
  until?: string | undefined
  /** Only this hook gets them. */
  hook_id?: string | undefined
  rate_per_second?: number | undefined
  dry_run?: boolean | undefined
}

export type ReplaysCreate = Replay | DryRun

export interface ReplaysListInput {
  status?: 'running' | 'done' | 'cancelled' | undefined
  limit?: number | undefined
  cursor?: string | undefined
}

export interface ReplayPage {
  items: Replay[]
  next_cursor: string | null
}

export interface ReplaysGetInput {
  replay_id: string
}

export interface ReplaysCancelInput {
  replay_id: string
}

export interface ProjectsCreateInput {
  name: string
  description?: string | null | undefined
  metadata?: Record<string, unknown> | undefined
  settings?: Record<string, unknown> | undefined
}

export interface Project {
  id: string
  name: string
  description: string | null
  user_id: string
  status: 'ACTIVE'
  metadata: Record<string, unknown>
  settings: Record<string, unknown>
  created_at: string
  updated_at: string
}

export interface ProjectsListInput {
  limit?: number | undefined
  offset?: number | undefined
}

export interface ProjectsGetInput {
  project_id?: string | undefined
}

export interface ProjectsUpdateInput {
  project_id?: string | undefined
  name?: string | undefined
  description?: string | null | undefined
  metadata?: Record<string, unknown> | undefined
  settings?: Record<string, unknown> | undefined
}

export interface ProjectsDeleteInput {
  project_id?: string | undefined
}

export interface ProjectsStatusInput {
  project_id?: string | undefined
}

export interface ProjectStatus {
  enabled: boolean
  tables_count: number
  vectors_count: number
  memory_records_count: number
  events_count: number
  files_count: number
}

export interface ProjectsExportInput {
  project_id?: string | undefined
}

export interface ProjectImported {
  project_id: string
  name: string
  /** Rows by kind. */
  counts: Record<string, number>
  /** Names of webhooks: their secrets did not travel, and they wait for new ones (`rotate-secret`). */
  without_secret: string[]
}

export interface BackupsCreateInput {
  /** Whether the key goes with it that opens the secrets in it. */
  with_key?: boolean | undefined
}

export interface VectorsUpsertInput {
  vector_id?: string | undefined
  vector_embedding?: number[] | null | undefined
  namespace?: string | undefined
  vector_metadata?: Record<string, unknown> | undefined
  document?: string | null | undefined
  source?: string | undefined
  project_id?: string | undefined
}

export interface Vector {
  vector_id: string
  project_id: string
  namespace: string
  vector_embedding: number[] | null
  dimension: number | null
  /** What made the embedding; null when the client brought it. */
  model: string | null
  vector_metadata: Record<string, unknown>
  metadata: Record<string, unknown>
  document: string | null
  /** Of the document, by auto_summarize. */
  summary: string | null
  source: string
  created_at: string
  updated_at: string
}

export interface VectorsUpsertBatchInput {
  project_id?: string | undefined
  vectors: Array<{
    vector_id?: string | undefined
    vector_embedding?: number[] | null | undefined
    namespace?: string | undefined
    vector_metadata?: Record<string, unknown> | undefined
    document?: string | null | undefined
    source?: string | undefined
  }>
  namespace?: string | undefined
}

export interface VectorBatchResult {
  success_count: number
  error_count: number
  inserted: number
  errors: string[]
  vector_ids: string[]
  total_time_ms: number
}

export interface VectorsSearchInput {
  project_id?: string | undefined
  query_vector?: number[] | undefined
  query?: string | undefined
  namespace?: string | undefined
  limit?: number | undefined
  threshold?: number | null | undefined
  metadata_filter?: Record<string, unknown> | null | undefined
  model?: string | undefined
}

export interface VectorMatches {
  vectors: VectorMatch[]
  results: VectorMatch[]
  /** How many vectors meet filter and threshold, those beyond `limit` too. */
  total_count: number
  total_is_exact: boolean
  model: string | null
  search_time_ms: number
}

export interface VectorMatch {
  vector_id: string
  project_id: string
  namespace: string
  vector_embedding: number[] | null
  dimension: number | null
  /** What made the embedding; null when the client brought it. */
  model: string | null
  vector_metadata: Record<string, unknown>
  metadata: Record<string, unknown>
  document: string | null
  /** Of the document, by auto_summarize. */
  summary: string | null
  source: string
  created_at: string
  updated_at: string
  similarity: number
  score: number
  distance: number
}

export interface VectorsListInput {
  project_id?: string | undefined
  namespace?: string | undefined
  limit?: number | undefined
  offset?: number | undefined
  count_only?: boolean | undefined
}

export interface VectorPage {
  vectors: Vector[]
  total: number
  total_is_exact: boolean
}

export interface VectorsGetInput {
  project_id?: string | undefined
  vector_id: string
  namespace?: string | undefined
}

export interface VectorsDeleteInput {
  project_id?: string | undefined
  vector_id: string
  namespace?: string | undefined
}

export interface EmbeddingsReEmbedInput {
  project_id?: string | undefined
  /** How many texts to convert in this request. */
  limit?: number | undefined
}

export interface ReembedResult {
  /** To which they are converted: the configured model. */
  model: string
  converted: number
  /** How many are still to do. When it is 0 the new ones have replaced the old. */
  left: number
  switched: number
}

export interface MemoryStoreInput {
  project_id?: string | undefined
  content: string
  agent_id?: string | null | undefined
  session_id?: string | null | undefined
  role?: 'user' | 'assistant' | 'system' | null | undefined
  memory_metadata?: Record<string, unknown> | undefined
}

export interface MemoryRecord {
  memory_id: string
  id: string
  project_id: string
  agent_id: string | null
  session_id: string | null
  role: string | null
  content: string
  embedding: number[]
  model: string | null
  memory_metadata: Record<string, unknown>
  created_at: string
}

export interface MemoryListInput {
  project_id?: string | undefined
  agent_id?: string | undefined
  session_id?: string | undefined
  role?: 'user' | 'assistant' | 'system' | undefined
  limit?: number | undefined
  offset?: number | undefined
}

export interface MemoryGetInput {
  project_id?: string | undefined
  memory_id: string
}

export interface MemoryRememberInput {
  content: string
  entity_id?: string | null | undefined
  memory_type?: 'working' | 'episodic' | 'semantic' | 'procedural' | undefined
  importance?: number | undefined
  tags?: string[] | undefined
  metadata?: Record<string, unknown> | undefined
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  /** The person whose memory it is, as the application names them. */
  user_id?: string | null | undefined
  /** The run of the agent, as the application names it. */
  run_id?: string | null | undefined
  namespace?: string | undefined
}

export interface RememberResult {
  memory_id: string
  id: string
  status: 'stored'
  content: string
  entity_id: string | null
  memory_type: string
  importance: number
  namespace: string
  tags: string[]
  metadata: Record<string, unknown>
  /** Always empty: extraction runs after the answer, and its result is in the graph. */
  entities_extracted: string[]
  session_id: string | null
  agent_id: string | null
  user_id: string | null
  run_id: string | null
  created_at: string
}

export interface MemoryRecallInput {
  query: string
  entity_id?: string | null | undefined
  session_id?: string | null | undefined
  agent_id?: string | null | undefined
  user_id?: string | null | undefined
  run_id?: string | null | undefined
  namespace?: string | null | undefined
  /** True: memories of every namespace are found, whatever `namespace` says. */
  allow_cross_namespace?: boolean | null | undefined
  tags?: string[] | null | undefined
  limit?: number | undefined
}

export interface RecallResult {
  results: Recalled[]
  memories: Recalled[]
  count: number
  warnings?: string[]
}

export interface Recalled {
  id: string
  memory_id: string
  content: string
  score: number
  similarity: number
  importance: number
  memory_type: string
  entity_id: string | null
  session_id: string | null
  agent_id: string | null
  namespace: string
  tags: string[]
  metadata: Record<string, unknown>
  created_at: string
}

export interface MemoryForgetInput {
  memory_id: string
}

export interface ForgetResult {
  status: 'forgotten'
  memory_id: string
  receipt: {
    memories: number
    mentions: number
    edges: number
    entities: number
    runs: number
  }
}

export interface GraphNeighborsInput {
  entity: string
  limit?: number | undefined
  /** Seconds to wait for the caller's own unfinished extraction; 0 answers at once. */
  wait?: number | undefined
}

export interface Neighbors {
  entity: Entity
  neighbors: Array<{
    id: string
    name: string
    type: string
    predicate: string
    direction: 'out' | 'in'
    confidence: number
  }>
  relationships: Relationship[]
  nodes: Array<{
    id: string
    label: string
    type: string
  }>
  edges: Array<{
    id: string
    source: string
    target: string
    predicate: string
  }>
  count: number
  /** Extractions that had not finished when the wait was over. */
  pending: number
}

export interface Entity {
  id: string
  name: string
  type: string
  aliases: string[]
}

export interface Relationship {
  id: string
  subject: string
  predicate: string
  object: string
  confidence: number
  /** The memories that say so. */
  sources: string[]
  created_at: string
}

export type FilesUploadInput = UploadContent & {
  project_id?: string | undefined
  file_key?: string | undefined
  file_name?: string | undefined
  file_content?: string | undefined
  content_type?: string | null | undefined
  size_bytes?: number | null | undefined
  folder?: string | null | undefined
  file_metadata?: Record<string, unknown> | undefined
}

export interface File {
  file_id: string
  id: string
  project_id: string
  file_key: string
  file_name: string
  content_type: string | null
  size_bytes: number | null
  folder: string | null
  file_metadata: Record<string, unknown>
  metadata: Record<string, unknown>
  /** False for a file that was registered by its metadata only. */
  has_content: boolean
  summary: string | null
  created_at: string
}

export interface FilesListInput {
  project_id?: string | undefined
  folder?: string | undefined
  limit?: number | undefined
  offset?: number | undefined
}

export interface FilesSearchInput {
  project_id?: string | undefined
  query: string
  folder?: string | undefined
  limit?: number | undefined
}

export interface FileMatches {
  results: Array<{
    file_id: string
    id: string
    project_id: string
    file_key: string
    file_name: string
    content_type: string | null
    size_bytes: number | null
    folder: string | null
    file_metadata: Record<string, unknown>
    metadata: Record<string, unknown>
    /** False for a file that was registered by its metadata only. */
    has_content: boolean
    summary: string | null
    created_at: string
    score: number
    similarity: number
  }>
  count: number
  warnings?: string[]
}

export interface FilesGetInput {
  project_id?: string | undefined
  file_id: string
}

export interface FilesDownloadInput {
  project_id?: string | undefined
  file_id: string
}

export interface FilesDeleteInput {
  project_id?: string | undefined
  file_id: string
}

export interface TablesCreateInput {
  project_id?: string | undefined
  table_name: string
  schema_definition?: Record<string, unknown> | null | undefined
  description?: string | null | undefined
}

export interface Table {
  table_id: string
  id: string
  project_id: string
  table_name: string
  schema_definition: Record<string, unknown> | null
  description: string | null
  created_at: string
}

export interface TablesListInput {
  project_id?: string | undefined
  limit?: number | undefined
  offset?: number | undefined
}

export interface TablesGetInput {
  project_id?: string | undefined
  table: string
}

export interface TablesDeleteInput {
  project_id?: string | undefined
  table: string
}

export interface RowsInsertInput {
  project_id?: string | undefined
  table: string
  row_data?: Record<string, unknown> | undefined
  rows?: Array<Record<string, unknown>> | undefined
}

export interface Row {
  row_id: string
  id: string
  project_id: string
  table_id: string
  table_name: string
  row_data: Record<string, unknown>
  created_at: string
  updated_at: string
}

export type RowsInsert = Row | {
  rows: Row[]
  row_ids: string[]
  inserted_count: number
}

export interface RowsListInput {
  project_id?: string | undefined
  table: string
  limit?: number | undefined
  offset?: number | undefined
}

export interface RowPage {
  total: number
  total_is_exact: boolean
  skip: number
  limit: number
  has_more: boolean
  data: Row[]
}

export interface RowsQueryInput {
  project_id?: string | undefined
  table: string
  /** 0: only the count. */
  limit?: number | undefined
  offset?: number | undefined
  filters?: Record<string, unknown> | undefined
  sort?: Record<string, 1 | -1> | null | undefined
}

export interface RowsQuery {
  total: number
  total_is_exact: boolean
  skip: number
  limit: number
  has_more: boolean
  data: Row[]
  execution_time_ms: number
}

export interface RowsGetInput {
  project_id?: string | undefined
  table: string
  row_id: string
}

export interface EventsPublishInput {
  project_id?: string | undefined
  topic: string
  /** Any JSON value. */
  event_payload?: unknown | undefined
  source?: string | null | undefined
  correlation_id?: string | null | undefined
}

export interface Published {
  event_id: string
  id: string
  project_id: string
  topic: string
  event_type: EventName
  event_payload: unknown
  data: unknown
  source: string | null
  correlation_id: string | null
  published_at: string
  timestamp: string
}

export interface EventsListInput {
  project_id?: string | undefined
  topic?: string | undefined
  since?: string | undefined
  after?: string | undefined
  limit?: number | undefined
  offset?: number | undefined
  /** A bare array in place of a page, as pollers read it; always so with `after`. */
  array?: boolean | undefined
}

export interface PublishedPage {
  events: Published[]
}

export type EventsList = PublishedPage | Published[]

export interface EventsGetInput {
  project_id?: string | undefined
  event_id: string
}

export interface SandboxExecuteInput {
  language: 'python' | 'python3' | 'python3.11' | 'javascript' | 'js' | 'node' | 'nodejs' | 'nodejs20'
  /** A whole program. Python: what it leaves in `result`, JavaScript (ES modules): what it exports as default, is the result. */
  code: string
  stdin?: string | undefined
  env?: Record<string, string> | undefined
  /** Beside the program in its working directory. */
  files?: Record<string, string | {
    base64: string
  }> | undefined
  timeout_seconds?: number | undefined
}

export interface Execution {
  /** `threw`: the program ended with an error. `timeout`, `memory`, `output_limit`: it went over that limit. `crashed`: its process ended by itself. */
  status: 'ok' | 'threw' | 'timeout' | 'memory' | 'output_limit' | 'crashed'
  /** Null unless `ok`; bytes are `{base64}`. */
  result: unknown
  /** Null when `ok`. */
  error: {
    name: string
    message: string
    stack: string | null
  } | null
  /** Cut at 51,200 bytes, with a line that says so. */
  stdout: string
  stderr: string
  /** That it ran, and that it waited before. */
  duration_ms: number
  queued_ms: number
  /** Null where it cannot be told. */
  peak_memory_bytes: number | null
  runtime: string
  /** Of the interpreter. */
  version: string
}

/** Every operation, by noun and verb. */
export interface Operations {
  auth: {
    /** Make an account, where ZERODB_REGISTRATION allows it. `POST /api/v1/auth/register` */
    register(input: AuthRegisterInput, options?: CallOptions): Promise<Registered>
    /** Exchange e-mail and password for tokens. `POST /api/v1/auth/login` */
    login(input: AuthLoginInput, options?: CallOptions): Promise<Tokens>
    /** Exchange a refresh token, once, for new tokens. `POST /api/v1/auth/refresh` */
    refresh(input: AuthRefreshInput, options?: CallOptions): Promise<Tokens>
    /** End the login that a refresh token belongs to. `POST /api/v1/auth/logout` */
    logout(input?: AuthLogoutInput, options?: CallOptions): Promise<AuthLogout>
    /** Who you are. `GET /api/v1/auth/me` */
    me(input?: Record<string, never>, options?: CallOptions): Promise<Person>
  }
  keys: {
    /** Make an API key; it is shown once. `POST /api/v1/auth/api-keys` */
    create(input: KeysCreateInput, options?: CallOptions): Promise<CreatedKey>
    /** Your API keys, without the keys themselves. `GET /api/v1/auth/api-keys` */
    list(input?: Record<string, never>, options?: CallOptions): Promise<ApiKey[]>
    /** Refuse a key from now on. `DELETE /api/v1/auth/api-keys/:key_id` */
    revoke(input: KeysRevokeInput, options?: CallOptions): Promise<void>
  }
  hooks: {
    /** Run a handler whenever an event of this type is committed. `POST /api/v1/hooks` */
    create(input: HooksCreateInput, options?: CallOptions): Promise<HookCreated>
    /** Your hooks, oldest first. `GET /api/v1/hooks` */
    list(input?: HooksListInput, options?: CallOptions): Promise<Hook[]>
    /** One hook. `GET /api/v1/hooks/:hook_id` */
    get(input: HooksGetInput, options?: CallOptions): Promise<Hook>
    /** Change a hook’s configuration, or switch it on or off. `PATCH /api/v1/hooks/:hook_id` */
    update(input: HooksUpdateInput, options?: CallOptions): Promise<HookChanged>
    /** Delete a hook; its queued runs are cancelled. `DELETE /api/v1/hooks/:hook_id` */
    delete(input: HooksDeleteInput, options?: CallOptions): Promise<void>
    /** Give a webhook a new secret; for a while messages carry the signature of the one before as well. `POST /api/v1/hooks/:hook_id/rotate-secret` */
    rotate_secret(input: HooksRotateSecretInput, options?: CallOptions): Promise<SecretRotated>
    /** What a filter would have made of the latest events; nothing is run. `POST /api/v1/hooks/test-filter` */
    test_filter(input: HooksTestFilterInput, options?: CallOptions): Promise<FilterTested>
    /** Run a hook by hand; its filter and order do not count. `POST /api/v1/hooks/:hook_id/invoke` */
    invoke(input: HooksInvokeInput, options?: CallOptions): Promise<Run>
    /** Runs of one hook, newest first. `GET /api/v1/hooks/:hook_id/runs` */
    runs(input: HooksRunsInput, options?: CallOptions): Page<RunPage, Run>
    /** Run a hook over the rows that were stored before it was made. `POST /api/v1/hooks/:hook_id/backfill` */
    backfill(input: HooksBackfillInput, options?: CallOptions): Promise<HooksBackfill>
  }
  event_log: {
    /** The events of your writes, newest first. `GET /api/v1/event-log` */
    list(input?: EventLogListInput, options?: CallOptions): Page<EventLogPage, LoggedEvent>
    /** The events of your writes as they are committed, until you go away. `GET /api/v1/event-log/stream` */
    stream(input?: EventLogStreamInput, options?: CallOptions): AsyncGenerator<EventLogStreamMessage, void>
    /** One event of your writes. `GET /api/v1/event-log/:event_id` */
    get(input: EventLogGetInput, options?: CallOptions): Promise<LoggedEvent>
    /** Which hooks an event has fired, and why others it has not. `GET /api/v1/event-log/:event_id/hooks` */
    hooks(input: EventLogHooksInput, options?: CallOptions): Promise<EventHooks>
  }
  functions: {
    /** Deploy code as a function: the version that runs from this moment; the same once more changes nothing, and a dry run only checks. `POST /api/v1/functions` */
    deploy(input: FunctionsDeployInput, options?: CallOptions): Promise<FunctionsDeploy>
    /** The functions of a project, by name. `GET /api/v1/functions` */
    list(input?: FunctionsListInput, options?: CallOptions): Promise<Fn[]>
    /** One function. `GET /api/v1/functions/:name` */
    get(input: FunctionsGetInput, options?: CallOptions): Promise<Fn>
    /** Switch a function off, with all that sets it off, or on again. `PATCH /api/v1/functions/:name` */
    update(input: FunctionsUpdateInput, options?: CallOptions): Promise<Fn>
    /** Delete a function with its versions, schedules and declared hooks; `force` deletes hooks that were made by hand too. `DELETE /api/v1/functions/:name` */
    delete(input: FunctionsDeleteInput, options?: CallOptions): Promise<void>
    /** The versions of a function, newest first. `GET /api/v1/functions/:name/versions` */
    versions(input: FunctionsVersionsInput, options?: CallOptions): Promise<Array<{
  version: number
  runtime: string
  hash: string
  /** The file with the handler, of those that were uploaded. */
  entry: string
  config: Record<string, unknown>
  created_at: string
  live: boolean
}>>
    /** One version with the files that were uploaded. `GET /api/v1/functions/:name/versions/:version` */
    version(input: FunctionsVersionInput, options?: CallOptions): Promise<VersionSource>
    /** What differs between two versions: by default the live one and the one before it. `GET /api/v1/functions/:name/diff` */
    diff(input: FunctionsDiffInput, options?: CallOptions): Promise<VersionDiff>
    /** Run an earlier version again; calls at work finish on theirs. `POST /api/v1/functions/:name/rollback` */
    rollback(input: FunctionsRollbackInput, options?: CallOptions): Promise<Deployed>
    /** Call a function and wait for its result; with `wait: false`, or `Prefer: respond-async`, queue a durable run. `POST /api/v1/functions/:name/invoke` */
    invoke(input: FunctionsInvokeInput, options?: CallOptions): Promise<Invoked>
  }
  secrets: {
    /** The names of a project’s secrets; no answer holds a value. `GET /api/v1/secrets` */
    list(input?: SecretsListInput, options?: CallOptions): Promise<Secret[]>
    /** Store a secret of a project; functions that declare it have the value from their next call on. `PUT /api/v1/secrets/:name` */
    set(input: SecretsSetInput, options?: CallOptions): Promise<Secret>
    /** Delete a secret. `DELETE /api/v1/secrets/:name` */
    delete(input: SecretsDeleteInput, options?: CallOptions): Promise<void>
  }
  schedules: {
    /** The schedules of a project’s functions, each with its next ticks. `GET /api/v1/schedules` */
    list(input?: SchedulesListInput, options?: CallOptions): Promise<Schedule[]>
    /** One schedule. `GET /api/v1/schedules/:schedule_id` */
    get(input: SchedulesGetInput, options?: CallOptions): Promise<Schedule>
    /** Pause a schedule, or let it go on with the next tick. `PATCH /api/v1/schedules/:schedule_id` */
    update(input: SchedulesUpdateInput, options?: CallOptions): Promise<Schedule>
    /** Queue a run of a schedule now, beside its ticks. `POST /api/v1/schedules/:schedule_id/run` */
    run(input: SchedulesRunInput, options?: CallOptions): Promise<Run>
  }
  runs: {
    /** Runs, newest first. `GET /api/v1/runs` */
    list(input?: RunsListInput, options?: CallOptions): Page<RunPage, Run>
    /** Try dead runs again, the oldest first. `POST /api/v1/runs/redrive` */
    redrive(input?: RunsRedriveInput, options?: CallOptions): Promise<Redriven>
    /** One run. `GET /api/v1/runs/:run_id` */
    get(input: RunsGetInput, options?: CallOptions): Promise<Run>
    /** The log of a run as it is written, until the run has ended. `GET /api/v1/runs/:run_id/logs` */
    logs(input: RunsLogsInput, options?: CallOptions): AsyncGenerator<RunsLogsMessage, void>
    /** Try a run again that is dead, cancelled or skipped, or run it now where it waits for its next attempt. `POST /api/v1/runs/:run_id/retry` */
    retry(input: RunsRetryInput, options?: CallOptions): Promise<Run>
    /** End a run that is queued or running. `POST /api/v1/runs/:run_id/cancel` */
    cancel(input: RunsCancelInput, options?: CallOptions): Promise<Run>
  }
  replays: {
    /** Hand events to hooks once more. `POST /api/v1/replays` */
    create(input?: ReplaysCreateInput, options?: CallOptions): Promise<ReplaysCreate>
    /** Replays and backfills, newest first. `GET /api/v1/replays` */
    list(input?: ReplaysListInput, options?: CallOptions): Page<ReplayPage, Replay>
    /** One replay or backfill, and how its runs are doing. `GET /api/v1/replays/:replay_id` */
    get(input: ReplaysGetInput, options?: CallOptions): Promise<Replay>
    /** End a replay or backfill; its queued runs are cancelled. `POST /api/v1/replays/:replay_id/cancel` */
    cancel(input: ReplaysCancelInput, options?: CallOptions): Promise<Replay>
  }
  projects: {
    /** Create a project. `POST /api/v1/projects` */
    create(input: ProjectsCreateInput, options?: CallOptions): Promise<Project>
    /** Your projects, oldest first. `GET /api/v1/projects` */
    list(input?: ProjectsListInput, options?: CallOptions): Page<Project[], Project>
    /** One project. `GET /api/v1/projects/:project_id` */
    get(input?: ProjectsGetInput, options?: CallOptions): Promise<Project>
    /** Change a project; fields that are not sent stay as they are. `PATCH /api/v1/projects/:project_id` */
    update(input?: ProjectsUpdateInput, options?: CallOptions): Promise<Project>
    /** Delete a project and all that it holds. `DELETE /api/v1/projects/:project_id` */
    delete(input?: ProjectsDeleteInput, options?: CallOptions): Promise<void>
    /** What a project holds. `GET /api/v1/projects/:project_id/database` */
    status(input?: ProjectsStatusInput, options?: CallOptions): Promise<ProjectStatus>
    /** A project as a file: all rows of one moment, and the contents of its files. `GET /api/v1/projects/:project_id/export` */
    export(input?: ProjectsExportInput, options?: DownloadOptions): Promise<Download>
    /** Make a project of an export. `POST /api/v1/projects/import` */
    import(input: UploadContent, options?: CallOptions): Promise<ProjectImported>
  }
  backups: {
    /** Everything that this server holds, as a file to be restored from: for its owner alone. `GET /api/v1/backup` */
    create(input?: BackupsCreateInput, options?: DownloadOptions): Promise<Download>
  }
  vectors: {
    /** Store a vector, or replace the one of this id. `POST /api/v1/projects/:project_id/database/vectors/upsert` */
    upsert(input?: VectorsUpsertInput, options?: CallOptions): Promise<Vector>
    /** Store many vectors, all or none. `POST /api/v1/projects/:project_id/database/vectors/upsert-batch` */
    upsert_batch(input: VectorsUpsertBatchInput, options?: CallOptions): Promise<VectorBatchResult>
    /** The vectors nearest to a vector or to a text. `POST /api/v1/projects/:project_id/database/vectors/search` */
    search(input?: VectorsSearchInput, options?: CallOptions): Promise<VectorMatches>
    /** Stored vectors, oldest first. `GET /api/v1/projects/:project_id/database/vectors` */
    list(input?: VectorsListInput, options?: CallOptions): Page<VectorPage, Vector>
    /** One vector. `GET /api/v1/projects/:project_id/database/vectors/:vector_id` */
    get(input: VectorsGetInput, options?: CallOptions): Promise<Vector>
    /** Delete a vector. `DELETE /api/v1/projects/:project_id/database/vectors/:vector_id` */
    delete(input: VectorsDeleteInput, options?: CallOptions): Promise<void>
  }
  embeddings: {
    /** Convert a part of the project’s embeddings to the configured model; repeat until none is left. `POST /api/v1/projects/:project_id/database/embeddings/re-embed` */
    re_embed(input?: EmbeddingsReEmbedInput, options?: CallOptions): Promise<ReembedResult>
  }
  memory: {
    /** Store a record of a conversation. `POST /api/v1/projects/:project_id/database/memory/store` */
    store(input: MemoryStoreInput, options?: CallOptions): Promise<MemoryRecord>
    /** Records, newest first. `GET /api/v1/projects/:project_id/database/memory` */
    list(input?: MemoryListInput, options?: CallOptions): Page<MemoryRecord[], MemoryRecord>
    /** One record. `GET /api/v1/projects/:project_id/database/memory/:memory_id` */
    get(input: MemoryGetInput, options?: CallOptions): Promise<MemoryRecord>
    /** Remember a text, verbatim. `POST /api/v1/public/memory/v2/remember` */
    remember(input: MemoryRememberInput, options?: CallOptions): Promise<RememberResult>
    /** Memories about something, best first. `POST /api/v1/public/memory/v2/recall` */
    recall(input: MemoryRecallInput, options?: CallOptions): Promise<RecallResult>
    /** Delete a memory and all that was derived from it. `POST /api/v1/public/memory/v2/forget` */
    forget(input: MemoryForgetInput, options?: CallOptions): Promise<ForgetResult>
  }
  graph: {
    /** What an entity is related to. Waits for the extraction of what you have just stored. `GET /api/v1/public/memory/v2/graph/neighbors/:entity` */
    neighbors(input: GraphNeighborsInput, options?: CallOptions): Promise<Neighbors>
  }
  files: {
    /** Upload a file as multipart or base64, or register one by its metadata. `POST /api/v1/projects/:project_id/database/files/upload` */
    upload(input?: FilesUploadInput, options?: CallOptions): Promise<File>
    /** Files, newest first. `GET /api/v1/projects/:project_id/database/files` */
    list(input?: FilesListInput, options?: CallOptions): Page<File[], File>
    /** Files about something, by their names and summaries, best first. `POST /api/v1/projects/:project_id/database/files/search` */
    search(input: FilesSearchInput, options?: CallOptions): Promise<FileMatches>
    /** What is known about a file. `GET /api/v1/projects/:project_id/database/files/:file_id` */
    get(input: FilesGetInput, options?: CallOptions): Promise<File>
    /** A file’s content. `GET /api/v1/projects/:project_id/database/files/:file_id/download` */
    download(input: FilesDownloadInput, options?: DownloadOptions): Promise<Download>
    /** Delete a file. `DELETE /api/v1/projects/:project_id/database/files/:file_id` */
    delete(input: FilesDeleteInput, options?: CallOptions): Promise<void>
  }
  tables: {
    /** Create a table. `POST /api/v1/projects/:project_id/database/tables` */
    create(input: TablesCreateInput, options?: CallOptions): Promise<Table>
    /** Tables, oldest first. `GET /api/v1/projects/:project_id/database/tables` */
    list(input?: TablesListInput, options?: CallOptions): Page<Table[], Table>
    /** One table, by name or id. `GET /api/v1/projects/:project_id/database/tables/:table` */
    get(input: TablesGetInput, options?: CallOptions): Promise<Table>
    /** Delete a table and its rows. `DELETE /api/v1/projects/:project_id/database/tables/:table` */
    delete(input: TablesDeleteInput, options?: CallOptions): Promise<void>
  }
  rows: {
    /** Insert one row (row_data) or many (rows), all or none. `POST /api/v1/projects/:project_id/database/tables/:table/rows` */
    insert(input: RowsInsertInput, options?: CallOptions): Promise<RowsInsert>
    /** Rows in the order of their insertion. `GET /api/v1/projects/:project_id/database/tables/:table/rows` */
    list(input: RowsListInput, options?: CallOptions): Page<RowPage, Row>
    /** Rows that meet conditions. `POST /api/v1/projects/:project_id/database/tables/:table/query` */
    query(input: RowsQueryInput, options?: CallOptions): Page<RowsQuery, Row>
    /** One row. `GET /api/v1/projects/:project_id/database/tables/:table/rows/:row_id` */
    get(input: RowsGetInput, options?: CallOptions): Promise<Row>
  }
  events: {
    /** Publish an event of your own. `POST /api/v1/projects/:project_id/database/events/publish` */
    publish(input: EventsPublishInput, options?: CallOptions): Promise<Published>
    /** Published events, newest first; with "after", the later ones, oldest first. `GET /api/v1/projects/:project_id/database/events` */
    list(input?: EventsListInput, options?: CallOptions): Page<EventsList, Published>
    /** One published event. `GET /api/v1/projects/:project_id/database/events/:event_id` */
    get(input: EventsGetInput, options?: CallOptions): Promise<Published>
  }
  sandbox: {
    /** Run a program in a sandbox of its own, which is thrown away behind it. `POST /api/v1/sandbox/execute` */
    execute(input: SandboxExecuteInput, options?: CallOptions): Promise<Execution>
  }
}
