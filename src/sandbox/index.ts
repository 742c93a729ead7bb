import { ZeroError } from '../errors.ts'
import type { Runtime } from '../schema/runtime.ts'

export { RUNTIMES, type Runtime } from '../schema/runtime.ts'

/** Code that can be run, with the world that it sees. */
export interface Program {
  /**
   * Names project, function version and environment: an instance that has served a call of one program serves no other. Null: a program of
   * one call, whose instance is never used again.
   */
  key: string | null
  runtime: Runtime
  /** Relative paths and their contents. They are laid into the instance's working directory. */
  files: Readonly<Record<string, string | Uint8Array>>
  /** The path of the one that is loaded. */
  entry: string
  env: Readonly<Record<string, string>>
  /** `warm`: later calls of the same program may find what earlier ones have left in memory and on disk. `fresh`: each call finds nothing. */
  isolation: 'warm' | 'fresh'
  memory_mb: number
}

/**
 * What a call does with its program. `handler`: loads the entry and calls its handler (`export default`, or Python's `handler`) with the input's
 * `event` and `ctx`. `config`: loads the entry and returns what it exports as `config`, if it has a handler. `script`: executes the entry as a program of its own
 * with `stdin`; what it leaves in `result` (JavaScript: what the module exports as default; Python: the global `result`) is the result.
 */
export type Mode = 'handler' | 'config' | 'script'

/** What the handler is called with, besides what the host answers. Travels as JSON. */
export interface CallInput {
  /** The envelope `{id, event, channel, data, timestamp}`. A binary `data.body` is `{"$bytes": "<base64>"}` here and bytes in the guest. */
  event?: unknown
  /** What `ctx` shows as it is: `run_id`, `attempt`, `trigger`, `function`, `version`, … */
  context?: Readonly<Record<string, unknown>>
  stdin?: string
}

export interface Call {
  program: Program
  /** The project that the call is for: its calls take at most half of the slots and half of the queue. Absent: no such limit. */
  project?: string
  mode: Mode
  input: CallInput
  timeout_seconds: number
  /** The largest result, in bytes. */
  output_limit_bytes: number
  /** Another call of ours waits for this one, and does nothing meanwhile: it lends its slot, so that callers cannot wait for each other in a ring. */
  nested?: boolean
  /** Ends the call early: the guest is killed, and the outcome is `cancelled`. */
  signal?: AbortSignal
  /** Each line that the guest prints or logs, as it comes, until the cap on logs. Must not throw. */
  onLog?(line: GuestLog): void
  /**
   * Each line that comes after the result: what the call has left running prints, and how it fails. Absent: what a call leaves running is not
   * given time to end. Must not throw.
   */
  onLateLog?(line: GuestLog): void
  /**
   * What the guest asks of us while the call lives: `name` and JSON in, JSON out. What it throws reaches the guest as an error with its
   * `code` and `message`. Absent: every such call fails.
   */
  onHostCall?(name: string, body: unknown, signal: AbortSignal): Promise<unknown>
}

export interface GuestLog {
  stream: 'stdout' | 'stderr' | 'log'
  /** Of `ctx.log`: debug, info, warn or error; of streams, info. */
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
}

/** What a call has returned. Only `json` is anything but bytes to us, and those are known to be one JSON document. */
export type GuestResult =
  | { kind: 'json'; body: Uint8Array }
  /** An HTTP answer: `Response` in JavaScript, `ctx.response(…)` in both. Header names are lower case. */
  | { kind: 'response'; status: number; headers: [string, string][]; body: Uint8Array }

export type OutcomeStatus = 'ok' | 'threw' | 'timeout' | 'memory' | 'output_limit' | 'crashed' | 'cancelled'

export interface Outcome {
  status: OutcomeStatus
  /** Null unless `ok`. */
  result: GuestResult | null
  /** What the guest threw, or what has become of it. Null when `ok`. `retry_after` and `never_retry`: the guest said so. */
  error: {
    name: string
    message: string
    stack?: string
    retry_after_seconds?: number
    never_retry?: boolean
  } | null
  /** What it printed, cut at the cap on logs with a line that says so. */
  stdout: string
  stderr: string
  duration_ms: number
  /** From the call's arrival until its code ran: waiting for a slot and, when `cold`, for an instance. */
  queued_ms: number
  cold: boolean
  /** Null where it cannot be told. */
  peak_memory_bytes: number | null
}

/** As answers give milliseconds: a thousandth is as much as the clock can tell. */
export const toThousandths = (ms: number): number => Math.round(ms * 1000) / 1000

/** The cause for which no runtime is available before the boundary has been tried. */
export const NOT_TRIED = 'The sandbox has not been tried yet'

/** What is in force, as really tried at start. */
export interface SandboxReport {
  driver: string
  /** `none`: user code could do whatever this process can. */
  isolation: 'namespaces' | 'microvm' | 'none'
  /** How memory and processes are bounded. */
  limits: 'cgroup1' | 'cgroup2' | 'rlimit' | 'none'
  /** Whether each instance has a user id of its own. */
  uid: 'own' | 'shared'
  runtimes: Record<Runtime, { available: true; version: string } | { available: false; cause: string; remedy: string }>
  /** What weakens it on this machine, each a sentence for its operator. */
  warnings: string[]
}

/** How much is going on. */
export interface SandboxLoad {
  running: number
  queued: number
  instances: number
}

/** Why this runtime cannot be run here; null when it can. */
export function unavailable({ runtimes }: SandboxReport, runtime: Runtime): ZeroError | null {
  const found = runtimes[runtime]
  return found.available ? null : new ZeroError('sandbox_unavailable', `${found.cause}. ${found.remedy}`)
}

/** Runs user code behind a boundary of the operating system, or of something stronger. */
export interface SandboxDriver {
  /** What is known so far: before `ready`, no runtime is available. */
  readonly report: SandboxReport
  /** Tries the boundary, once, and tells what is in force. Nothing is tried before this or a call asks for it. Never rejects. */
  ready(): Promise<SandboxReport>
  /** Has instances stand ready for the calls of this runtime that are to come. Costs memory from then on. */
  prepare(runtime: Runtime): void
  load(): SandboxLoad
  /**
   * Runs one call. Whatever the guest does is an outcome. Throws `ZeroError` only for what is not the guest's doing: `sandbox_unavailable`
   * (this runtime cannot be run here; cause and remedy in the message) and `sandbox_busy` (the queue is full; with `retryAfter`).
   */
  call(call: Call): Promise<Outcome>
  /** Has instances of this program end when they are idle: it has been replaced, or its environment has changed. */
  retire(key: string): void
  /** Kills what runs. */
  close(): Promise<void>
}
