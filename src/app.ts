import type { IncomingHttpHeaders } from 'node:http'
import type { Logger } from 'pino'
import type { Blobs } from './blobs/index.ts'
import type { Config } from './config.ts'
import type { Embedder } from './embedding/index.ts'
import type { Language } from './language/index.ts'
import type { Metrics } from './metrics.ts'
import type { Outgoing } from './net/outgoing.ts'
import type { Outcome, Program, SandboxDriver } from './sandbox/index.ts'
import type { EventName } from './schema/events.ts'
import type { LogLine, RunLog, Trigger } from './schema/run.ts'
import type { StreamReceiver } from './schema/streamed-result.ts'
import type { LiveFunction } from './store/automation/functions.ts'
import type { Cause, Scope } from './store/context.ts'
import type { Store } from './store/index.ts'
import type { TextExtractor } from './text/index.ts'

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Seconds that `now` is ahead of the real time: 0, except in tests that drive time. */
  skewSeconds(): number
}

/** Makes names wait that were counted too often, such as those of failed logins. */
export interface Throttle {
  /** Seconds to wait, or 0. */
  waitFor(name: string): number
  count(name: string): void
  clear(name: string): void
}

/** The sender of a request, with its permissions. */
export interface Caller {
  user_id: string
  /** The only project that the key may touch; null for all of the user's. */
  bound: string | null
  /** Default project of the request: the key's, else `X-Project-ID`, else the user's default. Ownership is not checked yet. */
  project_id: string
  permissions: readonly string[]
  /** True during an operation that writes data, which a suspended project refuses. */
  writes_data?: boolean | undefined
  /** The run that sent the request, if any: its writes belong to the run's chain. */
  cause?: Cause | undefined
  /** The request's `traceparent` (W3C Trace Context). */
  trace?: string | undefined
  /** The network address of the client of a public operation: an IPv4 address, or the /64 network of an IPv6 address. */
  client?: string | undefined
  /** The origin under which the client reached the server, such as `https://api.example.com`. Undefined for calls inside of the server. */
  origin?: string | undefined
}

/** A function, ready to be called. */
export interface PreparedFunction extends LiveFunction {
  program: Program
  /** Error message if a secret cannot be unsealed, so that the function cannot be executed; otherwise null. */
  sealed: string | null
  /** Hosts of `network` in the config that the setting of this server does not allow. */
  withheldHosts: readonly string[]
  /** Replaces the values of the function's secrets in a text. */
  redact(text: string): string
}

/** Cache of recently called functions. A change by this process takes effect at once, one by another process within a second. */
export interface FunctionCache {
  /** Returns the function, or null. Does not check the owner: the caller must. */
  byName(projectId: string, name: string): Promise<PreparedFunction | null>
  byId(id: string): Promise<PreparedFunction | null>
  /** Must be called after this process changed functions or secrets of the project. */
  changed(projectId: string): void
  /** Must be called after another process changed functions or secrets of the project; null for any project. */
  changedElsewhere(projectId: string | null): void
  /** Calls `listener` with the project (null for any) after each change of functions. Returns a function that stops this. */
  watch(listener: (projectId: string | null, elsewhere: boolean) => void): () => void
}

/** Limits the concurrent calls of this process, per function (its `concurrency`) and per project. */
export interface ConcurrencyLimiter {
  /** Takes a slot for a call and returns its release function. Throws `rate_limited` when the limit of the function or project is reached. */
  acquire(fn: PreparedFunction): () => void
  /** Waits for a slot and returns its release function. Rejects with the signal's reason. */
  acquireWhenFree(fn: PreparedFunction, signal: AbortSignal): Promise<() => void>
  /** Takes a slot for code that is not a deployed function, as `acquire` does. A project gets at most half of the server's slots. */
  acquireForProgram(projectId: string): () => void
}

/** A synchronous call of a function. */
export interface Invocation {
  function: PreparedFunction
  trigger: Extract<Trigger, 'http' | 'tool' | 'invoke'>
  /** The envelope's event and data. */
  event: string
  data: unknown
  /** The caller, whose permissions limit those of the function; null for a public call without this limit. */
  caller: Caller | null
  /** The caller's `traceparent`. */
  trace?: string | undefined
  /** The input to store with the run; by default all of `data`. */
  record?: unknown
  /** Additional fields of `ctx`. */
  context?: Readonly<Record<string, unknown>>
  /** Aborted when the caller disconnects. */
  signal?: AbortSignal
  /** Returns a warning to add to the run's log as its last line, or null. */
  warningOf?(outcome: Outcome): string | null
  /** Called for each log line as it is written. */
  onLog?(line: LogLine): void
  /** Called with the progress that the function reports. */
  onProgress?(progress: number, total: number | undefined, message: string | undefined): void
  /** Receives the result if the function streams it. If absent, streamed results are collected. */
  receiver?: StreamReceiver | undefined
}

export interface InvocationOutcome {
  run_id: string
  outcome: Outcome
}

/** The part of the engine that operations and handlers use. */
export interface RunsPort {
  /**
   * Waits, for at most `seconds`, until the project has no unfinished events or runs of these handlers.
   * Returns the number of unfinished ones: 0 when all have ended.
   */
  runsDrained(scope: Scope, handlers: readonly string[], events: readonly EventName[], seconds: number): Promise<number>
  /** Wakes the workers after runs were queued without an event. */
  queued(): void
  /** Stops the handler of a cancelled run if it is running in this process. */
  cancelled(runId: string): void
  /** Appends a line that user code wrote after the end of this attempt to the run's log. */
  logLate(attempt: { run_id: string; attempt: number }, line: LogLine): void
  /** Returns the log so far of a run that executes in this process; null for any other run. */
  logOf(runId: string): RunLog | null
  /** Resolves when the state of any run in this process changes, after `milliseconds`, or when the signal is aborted. */
  changed(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Returns true when the process is stopping and starts no more runs. */
  draining(): boolean
  /**
   * Executes a call at most once and returns before the run is stored: a crash may lose the record. Throws `rate_limited` when the limit of
   * concurrent calls is reached, and the errors of the sandbox.
   */
  invoke(invocation: Invocation): Promise<InvocationOutcome>
}

/** A protocol served at a separate path beside the API, with the request and response types of https://fetch.spec.whatwg.org. */
export interface Surface {
  readonly path: `/${string}`
  /** Name of the surface in metrics and logs. */
  readonly name: string
  /** Called before authentication and before the body is read. Throws to reject the request. */
  guard(headers: IncomingHttpHeaders): void
  /**
   * Handles a request. The body is in `body`, not in `request`; it is empty if none was sent. The signal of `request` is aborted when the client
   * disconnects before the response is sent. Throws the same errors as the API.
   */
  respond(request: Request, body: Uint8Array, caller: Caller): Promise<Response>
  /** Closes open streams, which would not end on their own. */
  close(): Promise<void>
}

/** The dependencies of all parts of the program, passed as an argument. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** The configured embedder. */
  readonly embedder: Embedder
  /** Embedders whose vectors can be searched by text: the configured one first, then the built-in one. */
  readonly embedders: readonly Embedder[]
  readonly language: Language
  readonly blobs: Blobs
  readonly text: TextExtractor
  /** Runs user code. */
  readonly sandbox: SandboxDriver
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** Signs access tokens. */
  readonly jwtSecret: Uint8Array
  /** Seals users' secrets. */
  readonly encryptionKey: Uint8Array
  /** Sends requests to user-supplied URLs. */
  readonly outgoing: Outgoing
  /** Number of open event streams in this process, by user. */
  readonly eventStreams: Map<string, number>
  /** Failed logins, by e-mail address and by the network address of the client. */
  readonly logins: { readonly byEmail: Throttle; readonly byClient: Throttle }
  /** New instant databases, by the network address of the client. */
  readonly instantDatabases: Throttle
  readonly runs: RunsPort
  readonly functions: FunctionCache
  readonly concurrencyLimiter: ConcurrencyLimiter
  /** Names of the built-in handlers, which no function can have. */
  readonly reservedNames: readonly string[]
  /**
   * Runs an API operation for `caller`, with the usual checks of permissions and input. Bytes are passed as `{"$bytes": base64}`.
   * Throws `route_not_found` for an unknown operation.
   */
  call(operation: string, caller: Caller, input: unknown): Promise<unknown>
}
