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
    /** What follows the function's name, from `/` on. */
    path: string
    query: Record<string, string | string[]>
    /** Path and query as they were sent, undecoded: what a signature over the address covers. */
    raw_url: string
    /** What follows `?`, undecoded. */
    raw_query: string
    /** By their names in lower case. */
    headers: Record<string, string>
    /** As text, or as bytes where it is none; null when there is none. */
    body: string | Uint8Array | null
    /** The value of a body that is JSON. */
    json?: unknown
  }
>
export type ToolEvent<Arguments = Record<string, unknown>> = Envelope<'tool.called', Arguments>
export type InvokedEvent<Payload = unknown> = Envelope<'function.invoked', Payload>

/** Whatever may set a function off. */
export type FunctionEvent = DataEvent | CronEvent | HttpEvent | ToolEvent | InvokedEvent

type Call<Operation> = Operation extends (...given: infer Given) => infer Answer
  ? (input?: Given[0]) => Promise<Awaited<Answer>>
  : never

/** The API as the function's project, within the rights of the function and of its caller. */
export type Zerodb = {
  [Noun in Exclude<keyof Operations, 'files'>]: { [Verb in keyof Operations[Noun]]: Call<Operations[Noun][Verb]> }
} & {
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

/** What a function is given besides the event. */
export interface Context {
  /** The function's `env` and the secrets that it declares. */
  env: Record<string, string | undefined>
  log: Log
  zerodb: Zerodb
  run_id: string
  /** 1 for the first. */
  attempt: number
  trigger: 'event' | 'cron' | 'http' | 'tool' | 'invoke'
  function: string
  version: number
  /** What the function is executed by: `{ name: 'nodejs20', version: '20.20.2' }`. */
  runtime: { name: string; version: string | null }
  project_id: string
  /** The configuration of the hook that set it off. */
  config: Record<string, unknown>
  /** With what the chain of causes began, and how many runs lie between. */
  chain_id: string
  depth: number
  /** W3C Trace Context of what caused it; null where there is none. */
  traceparent: string | null
  /** Aborted shortly before the time is over. */
  signal: AbortSignal
  /** Seconds that are left. */
  timeLeft(): number
  /** The row that the event is about, as filters see it; null when it is gone, or the event is about none. */
  row(): Promise<Record<string, unknown> | null>
  /** What `work` returned when it was first done under this key, in whichever run. */
  once<Value>(key: string, work: () => Value | Promise<Value>): Promise<Value>
  /** Tells an MCP client that waits for the call how far it is; `progress` must grow. Says nothing to anybody else. */
  progress(progress: number, total?: number, message?: string): Promise<void>
  /** Of a call by an MCP client: what it has answered to the function's questions, unchecked, what the function noted when it asked, and what the client can be asked. */
  tool?: {
    input_responses: Record<string, unknown> | null
    request_state: unknown
    client_capabilities: Record<string, unknown>
  }
  /** An HTTP answer: text, bytes, or anything else as JSON. */
  response(body?: unknown, options?: { status?: number; headers?: Record<string, string> }): unknown
  /** Ends this attempt: the run is tried again in so many seconds. */
  retryLater(seconds: number, message?: string): never
  /** Ends the run: no further attempt. */
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

/** What sets a function off and what bounds it: `export const config: Config = {…}`. */
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
  permissions?: string[]
}
