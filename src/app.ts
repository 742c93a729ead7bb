import type { Logger } from 'pino'
import type { Blobs } from './blobs/index.ts'
import type { Config } from './config.ts'
import type { Embedder } from './embedding/index.ts'
import type { Language } from './language/index.ts'
import type { Metrics } from './metrics.ts'
import type { Outgoing } from './net/outgoing.ts'
import type { SandboxDriver } from './sandbox/index.ts'
import type { EventName } from './schema/events.ts'
import type { RunLog } from './schema/run.ts'
import type { Scope } from './store/context.ts'
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

/** What operations and handlers may ask of the engine. */
export interface RunsPort {
  /**
   * Waits until nothing of these handlers is unfinished in this project, `seconds` at most.
   * Returns how much still is: 0 when all has settled.
   */
  settled(scope: Scope, handlers: readonly string[], events: readonly EventName[], seconds: number): Promise<number>
  /** Runs have been queued otherwise than by an event: whoever has a slot shall take them now. */
  queued(): void
  /** This run was cancelled: its handler, if it is at work here, is stopped. */
  cancelled(runId: string): void
  /** What the handler of a run that executes in this process has said so far; null when it does not. */
  logOf(runId: string): RunLog | null
  /** Resolves when something has become of a run in this process, after `milliseconds` or with the signal at the latest. */
  changed(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** The process is about to stop and takes no more runs. */
  draining(): boolean
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
  /** Failed logins, by e-mail address. */
  readonly logins: Throttle
  readonly runs: RunsPort
}
