import { ZeroError } from '../errors.ts'
import type { NetworkPolicy } from '../platform/network-policy.ts'
import type { Runtime } from '../schema/function.ts'

export { RUNTIMES, type Runtime } from '../schema/function.ts'

/** User code with its environment. */
export interface Program {
  /**
   * Identifies project, function version and environment. An instance only serves calls of one program. Null for a program of a single call, whose
   * instance is not reused.
   */
  key: string | null
  runtime: Runtime
  /** Contents by relative path, written to the working directory of the instance. */
  files: Readonly<Record<string, string | Uint8Array>>
  /** Path of the file that is loaded. */
  entry: string
  env: Readonly<Record<string, string>>
  /** `warm`: calls of a program can share memory and disk with earlier calls. `fresh`: each call starts in a new instance. */
  isolation: 'warm' | 'fresh'
  memory_mb: number
  /** Hosts that the program may connect to. Null: no network. An instance never serves a program with another policy, even if the keys are equal. */
  network: NetworkPolicy | null
  /** Packages that the program can import. Only for Python. */
  packages?: ProgramPackages | null
}

/** A set of packages, which is unpacked once and mounted read-only. */
export interface ProgramPackages {
  /** Identifies the contents. Equal sets have equal keys. */
  key: string
  /** Writes all files below this empty folder. Throws `ZeroError` if a package is missing or damaged. */
  unpack(folder: string): Promise<void>
}

/** What packages with compiled modules must fit. */
export interface InterpreterPlatform {
  /** `linux`, or another name as Python gives it. */
  system: string
  /** The processor, such as `x86_64`. */
  machine: string
  /** Null if unknown, and on systems other than Linux. */
  libc: { name: 'glibc' | 'musl'; version: string } | null
}

/** A connection that a program opened, or tried to open. */
export interface NetworkRequest {
  /** Host name or address as the program named it, in normal form. */
  host: string
  port: number
  /** Number of bytes that the program sent to the host, without the proxy's own protocol. */
  bytes_sent: number
  bytes_received: number
  /** Time from the request of the connection to its end. */
  milliseconds: number
  /** False if the connection was refused: `reason` says why. */
  allowed: boolean
  /** Why the connection was refused or ended by the proxy, as a sentence. Null if the program or the host ended it. */
  reason: string | null
  /** Whether the proxy added headers to the requests of the connection. */
  injected: boolean
}

/**
 * How a call uses its program. `handler` loads the entry and calls its handler (`export default`, or Python's `handler`) with `event` and `ctx`.
 * `config` loads the entry and returns its exported `config`, if the entry has a handler. `script` executes the entry as a stand-alone program with
 * `stdin` and returns the default export (JavaScript) or the global `result` (Python).
 */
export type Mode = 'handler' | 'config' | 'script'

/** Input of a call, transported as JSON. */
export interface CallInput {
  /** The envelope `{id, event, channel, data, timestamp}`. A binary `data.body` is `{"$bytes": "<base64>"}` here and bytes in the guest. */
  event?: unknown
  /** Properties of `ctx`: `run_id`, `attempt`, `trigger`, `function`, `version`, … */
  context?: Readonly<Record<string, unknown>>
  stdin?: string
}

export interface Call {
  program: Program
  /**
   * Project of the call. The calls of a project can use at most half of the slots and half of the queue. There is no such limit without a
   * project.
   */
  project?: string
  mode: Mode
  input: CallInput
  timeout_seconds: number
  /** Maximum size of the result in bytes. */
  output_limit_bytes: number
  /** A waiting call started this one and lends its slot, so that calls that wait for each other cannot deadlock. */
  nested?: boolean
  /** Cancels the call: the guest is killed, and the outcome is `cancelled`. */
  signal?: AbortSignal
  /** Receives each line that the guest prints or logs, up to the limit on logs. Must not throw. */
  onLog?(line: GuestLog): void
  /**
   * Receives each line after the result: output and errors of background work of the call. If absent, background work gets no time to end. Must
   * not throw.
   */
  onLateLog?(line: GuestLog): void
  /**
   * Handles a request of the guest to the host during the call: `name` and JSON in, JSON out. An error reaches the guest with its `code` and
   * `message`. If absent, every request fails.
   */
  onHostCall?(name: string, body: unknown, signal: AbortSignal): Promise<unknown>
  /**
   * Receives each connection of the program when it has ended or was refused. A connection that stays open over several calls is reported to each
   * of them with its share of bytes and time. At most 200 of a call are reported. Must not throw.
   */
  onRequest?(request: NetworkRequest): void
}

export interface GuestLog {
  stream: 'stdout' | 'stderr' | 'log'
  /** Level of a `ctx.log` message; `info` for stdout and stderr. */
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
}

/** Result of a call. A `json` body is checked to be one JSON document; other bodies are opaque bytes. */
export type GuestResult =
  | { kind: 'json'; body: Uint8Array }
  /** An HTTP response: `Response` in JavaScript, `ctx.response(…)` in both languages. Header names are lower case. */
  | { kind: 'response'; status: number; headers: [string, string][]; body: Uint8Array }

export type OutcomeStatus = 'ok' | 'threw' | 'timeout' | 'memory' | 'output_limit' | 'crashed' | 'cancelled'

export interface Outcome {
  status: OutcomeStatus
  /** Null unless `ok`. */
  result: GuestResult | null
  /** The error that the guest threw, or why it was ended. Null if `ok`. The guest sets `retry_after_seconds` and `never_retry`. */
  error: {
    name: string
    message: string
    stack?: string
    retry_after_seconds?: number
    never_retry?: boolean
  } | null
  /** Output of the call. If the limit on logs is reached, it ends with a line that says so. */
  stdout: string
  stderr: string
  duration_ms: number
  /** Time from the arrival of the call to the start of its code: waiting for a slot and, if `cold`, for an instance. */
  queued_ms: number
  cold: boolean
  /** Null if unknown. */
  peak_memory_bytes: number | null
}

/** Rounds milliseconds for responses to thousandths, the precision of the clock. */
export const toThousandths = (ms: number): number => Math.round(ms * 1000) / 1000

/** The cause in reports before the sandbox was tested. */
export const NOT_TRIED = 'The sandbox has not been tested yet'

/** The effective isolation and limits, as tested at start. */
export interface SandboxReport {
  driver: string
  /** `none`: user code has all permissions of this process. */
  isolation: 'namespaces' | 'microvm' | 'none'
  /** How memory and processes are limited. */
  limits: 'cgroup1' | 'cgroup2' | 'rlimit' | 'none'
  /** Whether each instance has its own user id. */
  uid: 'own' | 'shared'
  runtimes: Record<
    Runtime,
    | { available: true; version: string; platform?: InterpreterPlatform }
    | { available: false; cause: string; remedy: string }
  >
  /** Weaknesses on this machine, each a sentence for the operator. */
  warnings: string[]
}

/** Numbers of calls and instances. */
export interface SandboxLoad {
  running: number
  queued: number
  instances: number
}

/** Returns the error if this runtime is not available, otherwise null. */
export function unavailable({ runtimes }: SandboxReport, runtime: Runtime): ZeroError | null {
  const found = runtimes[runtime]
  return found.available ? null : new ZeroError('sandbox_unavailable', `${found.cause}. ${found.remedy}`)
}

/** Runs user code isolated by the operating system or a virtual machine. */
export interface SandboxDriver {
  /** The current report. Before `ready`, no runtime is available. */
  readonly report: SandboxReport
  /** Tests the sandbox once and returns the report. The test starts with the first call of this or of `call`. Never rejects. */
  ready(): Promise<SandboxReport>
  /** Keeps instances of this runtime ready for future calls, which costs memory. */
  prepare(runtime: Runtime): void
  load(): SandboxLoad
  /**
   * Runs one call. All failures of the guest are outcomes. Only throws `ZeroError` for failures of the host: `sandbox_unavailable` (the message has
   * cause and remedy) and `sandbox_busy` (the queue is full; with `retryAfter`).
   */
  call(call: Call): Promise<Outcome>
  /** Ends the instances of a replaced program as soon as they are idle. */
  retire(key: string): void
  /** Kills all instances. */
  close(): Promise<void>
}
