import type { Duplex, Readable } from 'node:stream'
import type { Runtime } from './index.ts'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  /** It was ended because its memory was used up. */
  outOfMemory: boolean
}

/** One guest process with everything that it starts, seen from outside. */
export interface Guest {
  /** The number of its interpreter's process; undefined when that has ended. */
  pid(): number | undefined
  /** Carries the frames. Like the other two it has a listener for errors. */
  readonly channel: Duplex
  /** What is written to descriptors 1 and 2 directly. */
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when it has ended and all that it has said has been read. Never rejects. */
  readonly exited: Promise<Exit>
  /** Ends all of it at once. */
  kill(): void
  /** Stops and continues its interpreter. */
  pause(): void
  resume(): void
  /** Whether there are other processes than its interpreter. */
  hasStrays(): boolean
  /** Null where it cannot be told. */
  memory(): { bytes: number; peakBytes: number; limitBytes: number } | null
}

/** Starts guests of one kind of boundary. */
export interface Launcher {
  /** Resolves when the process exists and its limits are set. Throws a sentence for the operator when that is not possible. */
  launch(runtime: Runtime, memoryMb: number): Promise<Guest>
  /** Removes what it keeps outside of guests, when all of them have ended. */
  close(): Promise<void>
}
