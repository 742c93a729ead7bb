import type { DataEvent, Envelope } from './function-events.ts'
import type { Operations } from './generated.ts'

export type * from './function-events.ts'

export type CronEvent = Envelope<
  'cron.tick',
  { schedule_id: string; cron: string; timezone: string; scheduled_at: string }
>
export type HttpEvent = Envelope<
  'http.request',
  {
    method: string
    /** Path after the name of the function, starting with `/`. */
    path: string
    query: Record<string, string | string[]>
    /** Path and query as sent, not decoded, for checking signatures of the URL. */
    raw_url: string
    /** Query string after `?`, not decoded. */
    raw_query: string
    /** Headers by name in lower case. */
    headers: Record<string, string>
    /** Body as text, or as bytes if it is not text; null without a body. */
    body: string | Uint8Array | null
    /** Parsed value of a JSON body. */
    json?: unknown
  }
>
export type ToolEvent<Arguments = Record<string, unknown>> = Envelope<'tool.called', Arguments>
export type InvokedEvent<Payload = unknown> = Envelope<'function.invoked', Payload>

/** The events that can trigger a function. */
export type FunctionEvent = DataEvent | CronEvent | HttpEvent | ToolEvent | InvokedEvent

type Call<Operation> = Operation extends (...given: infer Given) => infer Answer
  ? (input?: Given[0]) => Promise<Awaited<Answer>>
  : never

/** The API for the function's project, limited to the permissions of the function and of its caller. */
export type Zerodb = {
  [Noun in Exclude<keyof Operations, 'files' | 'functions'>]: {
    [Verb in keyof Operations[Noun]]: Call<Operations[Noun][Verb]>
  }
} & {
  functions: { [Verb in Exclude<keyof Operations['functions'], 'stream'>]: Call<Operations['functions'][Verb]> }
  files: { [Verb in Exclude<keyof Operations['files'], 'download'>]: Call<Operations['files'][Verb]> } & {
    download(input: { file_id: string; project_id?: string }): Promise<{
      content_type: string
      file_name: string
      content: Uint8Array
    }>
  }
}

export interface Log {
  (...values: unknown[]): void
  debug(...values: unknown[]): void
  info(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
}

/** The second argument of a handler. */
export interface Context {
  /** The `env` of the function, and the variables of its env sets and declared secrets. */
  env: Record<string, string | undefined>
  log: Log
  zerodb: Zerodb
  run_id: string
  /** Number of the attempt, starting with 1. */
  attempt: number
  trigger: 'event' | 'cron' | 'http' | 'tool' | 'invoke'
  function: string
  version: number
  /** The runtime: `{ name: 'nodejs20', version: '20.20.2' }`. */
  runtime: { name: string; version: string | null }
  project_id: string
  /** Configuration of the hook that triggered the run. */
  config: Record<string, unknown>
  /** Id of the event or call that started the chain of runs. */
  chain_id: string
  /** Number of runs between the start of the chain and this run. */
  depth: number
  /** W3C Trace Context of the cause; null if there is none. */
  traceparent: string | null
  /** Aborted shortly before the call times out. */
  signal: AbortSignal
  /** Returns the seconds until the call times out. */
  timeLeft(): number
  /** Returns the row of the event as it is now. Null if the row is deleted or the event has no row. */
  row(): Promise<Record<string, unknown> | null>
  /** Returns the row before the event updated, replaced or deleted it. Null for other events. */
  previous(): Promise<Record<string, unknown> | null>
  /** Executes `work` once per key over all attempts of a run. Returns the stored result if an earlier attempt has executed it. */
  once<Value>(key: string, work: () => Value | Promise<Value>): Promise<Value>
  /** Reports progress to an MCP client that waits for the call. `progress` must increase. Without such a client, has no effect. */
  progress(progress: number, total?: number, message?: string): Promise<void>
  /** Details of a call by an MCP client. */
  tool?: {
    /** Responses of the client to the function's input requests, not validated. */
    input_responses: Record<string, unknown> | null
    /** State that the function returned with its input requests. */
    request_state: unknown
    client_capabilities: Record<string, unknown>
  }
  /** Creates an HTTP response. A body that is not text or bytes is sent as JSON. */
  response(body?: unknown, options?: { status?: number; headers?: Record<string, string> }): unknown
  /** Ends this attempt. The run is retried after this many seconds. */
  retryLater(seconds: number, message?: string): never
  /** Ends the run without further attempts. */
  neverRetry(message?: string): never
}

export type Handler<Event extends FunctionEvent = FunctionEvent> = (event: Event, ctx: Context) => unknown

export interface RetryPolicy {
  max_attempts?: number
  initial_seconds?: number
  factor?: number
  max_seconds?: number
  jitter?: 'full' | 'none'
}

export interface EventTrigger {
  event: DataEvent['event']
  filter?: Record<string, unknown>
  ordering_key?: string | { path: string; policy?: 'block' | 'skip' }
  retry?: RetryPolicy
  concurrency?: number
  all_projects?: boolean
}

export interface Schedule {
  cron: string
  timezone?: string
  missed?: 'skip' | 'run_once' | 'run_all'
  overlap?: 'skip' | 'queue'
}

/** Triggers and limits of a function: `export const config: Config = {…}`. */
export interface Config {
  triggers?: DataEvent['event'] | EventTrigger | (DataEvent['event'] | EventTrigger)[]
  schedule?: string | Schedule | (string | Schedule)[]
  http?:
    | boolean
    | {
        methods?: ('GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[]
        auth?: 'key' | 'none'
        cors?: { origins: string[]; headers?: string[]; max_age_seconds?: number } | null
      }
  tool?: {
    description: string
    title?: string
    input_schema?: Record<string, unknown>
    output_schema?: Record<string, unknown>
    annotations?: {
      title?: string
      readOnlyHint?: boolean
      destructiveHint?: boolean
      idempotentHint?: boolean
      openWorldHint?: boolean
    }
  }
  timeout_seconds?: number
  memory_mb?: number
  output_limit_bytes?: number
  isolation?: 'warm' | 'fresh'
  concurrency?: number
  retry?: RetryPolicy
  env?: Record<string, string>
  secrets?: string[]
  /** Names of env sets of the project. */
  env_from?: string[]
  /** Hosts that the function can connect to: `host`, `*.host` or `host:port`. `inject` adds headers with secrets (`${NAME}`). Absent or null: no network. */
  network?: string[] | { allow: string[]; inject?: Record<string, { headers: Record<string, string> }> } | null
  permissions?: string[]
}
