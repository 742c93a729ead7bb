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

/** Makes those who fail too often wait. */
export interface Throttle {
  /** Seconds to wait, or 0. */
  waitFor(name: string): number
  failed(name: string): void
  succeeded(name: string): void
}

/** Who asks. */
export interface Caller {
  user_id: string
  /** The only project that the key may touch; null for all of the user's. */
  bound: string | null
  /** Where a request goes that names no project: the key's, else `X-Project-ID`, else the user's default. Not yet known to be the user's. */
  project_id: string
  permissions: readonly string[]
  /** The run that asks, where one does: what it writes belongs to its chain. */
  cause?: Cause | undefined
  /** The request's `traceparent` (W3C Trace Context). */
  trace?: string | undefined
  /** The network address of the client of a public operation: an IPv4 address, or the /64 network of an IPv6 address. */
  client?: string | undefined
}

/** A function, ready to be called. */
export interface PreparedFunction extends LiveFunction {
  program: Program
  /** Why it cannot be executed: a secret of its that does not open. Null: it can. */
  sealed: string | null
  /** A text without the values of its secrets. */
  redact(text: string): string
}

/** The functions that this process has called of late. A change in this process counts at once, one in another within a second. */
export interface FunctionCache {
  /** Null when there is none of this name. Whose it is, is for the caller to compare. */
  byName(projectId: string, name: string): Promise<PreparedFunction | null>
  byId(id: string): Promise<PreparedFunction | null>
  /** Functions of this project, or their secrets, have been changed here. */
  changed(projectId: string): void
  /** Another process says the same; null: of any project. */
  changedElsewhere(projectId: string | null): void
  /** Calls `listener` with the project after each change of functions, until the answer is called. Null: of any project. */
  watch(listener: (projectId: string | null, elsewhere: boolean) => void): () => void
}

/** Bounds the calls that this process executes at once: of a function (its `concurrency`), and of a project. */
export interface ConcurrencyLimiter {
  /** Lets a call in; call the answer when it has ended. Throws `rate_limited` when function or project have as many as they may. */
  acquire(fn: PreparedFunction): () => void
  /** The same for a run that can wait: lets it in when there is room. Rejects with the signal's reason. */
  acquireWhenFree(fn: PreparedFunction, signal: AbortSignal): Promise<() => void>
  /** Lets a program in that a project has in no function, in the same way as `enter`: half of the server's slots are for others. */
  acquireForProgram(projectId: string): () => void
}

/** A call of a function by somebody who waits for its answer. */
export interface Invocation {
  function: PreparedFunction
  trigger: Extract<Trigger, 'http' | 'tool' | 'invoke'>
  /** The envelope's event and data. */
  event: string
  data: unknown
  /** Who calls; null: anybody, and the function has all the rights of its own. */
  caller: Caller | null
  /** The caller's `traceparent`. */
  trace?: string | undefined
  /** Kept of `data` with the run; all when absent. */
  record?: unknown
  /** What `ctx` shows besides what it shows of every call. */
  context?: Readonly<Record<string, unknown>>
  /** The caller has gone away. */
  signal?: AbortSignal
  /** What the run's log should say about an outcome, as its last line; null for nothing. */
  warningOf?(outcome: Outcome): string | null
  /** Each line as it is said. */
  onLog?(line: LogLine): void
  /** How far it is, as it says itself. */
  onProgress?(progress: number, total: number | undefined, message: string | undefined): void
}

export interface InvocationOutcome {
  run_id: string
  outcome: Outcome
}

/** What operations and handlers may ask of the engine. */
export interface RunsPort {
  /**
   * Waits until nothing of these handlers is unfinished in this project, `seconds` at most.
   * Returns how much still is: 0 when all has settled.
   */
  runsDrained(scope: Scope, handlers: readonly string[], events: readonly EventName[], seconds: number): Promise<number>
  /** Runs have been queued otherwise than by an event: whoever has a slot shall take them now. */
  queued(): void
  /** This run was cancelled: its handler, if it is at work here, is stopped. */
  cancelled(runId: string): void
  /** Keeps a line that user code has said after the result of this attempt: it is appended to the run's log. */
  logLate(attempt: { run_id: string; attempt: number }, line: LogLine): void
  /** What the handler of a run that executes in this process has said so far; null when it does not. */
  logOf(runId: string): RunLog | null
  /** Resolves when something has become of a run in this process, after `milliseconds` or with the signal at the latest. */
  changed(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** The process is about to stop and takes no more runs. */
  draining(): boolean
  /**
   * Executes a call at once and answers before it is recorded: at most once, and a crash may lose the record. Throws `rate_limited` when the
   * function, or its project, has as many calls at work as it may, and what the sandbox throws.
   */
  invoke(invocation: Invocation): Promise<InvocationOutcome>
}

/** A surface beside the API at a path of its own, which speaks requests and responses of the web (https://fetch.spec.whatwg.org). */
export interface Surface {
  readonly path: `/${string}`
  /** Its name in metrics and logs. */
  readonly name: string
  /** Asked before it is known who asks, and before a body is read. Throws for a request that shall go no further. */
  guard(headers: IncomingHttpHeaders): void
  /**
   * `request` has no body, which is `body`: empty where none was sent. Its signal is aborted when its connection is closed before the answer
   * is sent. Throws what the API throws.
   */
  respond(request: Request, body: Uint8Array, caller: Caller): Promise<Response>
  /** Ends the streams that would never end by themselves. */
  close(): Promise<void>
}

/** All that a part of the program may use, passed to it as an argument. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** The configured one. */
  readonly embedder: Embedder
  /** All whose vectors can be searched by text: the configured one first, then the built-in one. */
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
  /** Sends requests to addresses that users have chosen. */
  readonly outgoing: Outgoing
  /** Event streams that are open in this process, by user. */
  readonly eventStreams: Map<string, number>
  /** Failed logins, by e-mail address and by the network address of the client. */
  readonly logins: { readonly byEmail: Throttle; readonly byClient: Throttle }
  readonly runs: RunsPort
  readonly functions: FunctionCache
  readonly concurrencyLimiter: ConcurrencyLimiter
  /**
   * Carries out an operation of the API for `caller`: checks rights and input as every surface does. Bytes come as `{"$bytes": base64}`.
   * Throws `route_not_found` for a name that none has.
   */
  call(operation: string, caller: Caller, input: unknown): Promise<unknown>
}
