import type { Duplex, Readable } from 'node:stream'
import type { ProgramPackages, Runtime } from './index.ts'
import type { ProcessUsage } from './processes.ts'

/** Host names that every sandbox knows, in the form of /etc/hosts. */
export const LOCAL_HOSTS = '127.0.0.1 localhost\n::1 localhost\n'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  /** Whether the process was killed because it was out of memory. */
  outOfMemory: boolean
  /** Cause of an end without a code or signal, as a clause. */
  reason?: string
}

/** A guest: an interpreter process with all processes that it starts. */
export interface Guest {
  /** Pid of the interpreter; undefined if it has ended. */
  pid(): number | undefined
  /** The channel for frames. All three streams have an error listener. */
  readonly channel: Duplex
  /** Output that is written directly to descriptors 1 and 2. */
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the guest has ended and its output is read. Never rejects. */
  readonly exited: Promise<Exit>
  /** Kills all processes of the guest. */
  kill(): void
  /** Stops the interpreter process. */
  pause(): void
  /** Continues the interpreter process. */
  resume(): void
  /** Tells whether processes other than the interpreter exist. */
  hasStrays(): boolean
  /** Tells whether the guest must be replaced before the next call. If absent, it never must. */
  isWorn?(): boolean
  /** Total processor time of the interpreter, and whether it is running or waits for a processor. Null if it has ended. Absent if the guest uses no processor of this machine. */
  usage?(): ProcessUsage | null
  /** Memory usage, or null if unknown. */
  memory(): { bytes: number; peakBytes: number; limitBytes: number } | null
  /**
   * Where the socket of its proxy is, as paths outside and inside the sandbox, and the file with the host names that the sandbox knows, if it has
   * its own. Null if the launcher has no network.
   */
  readonly proxy: { outside: string; inside: string; hosts: string | null } | null
  /** Folder with its packages, inside the sandbox. Null if it has none. */
  readonly packages: string | null
}

/** Starts guests with one kind of isolation. */
export interface Launcher {
  /** Why guests of this launcher cannot have a network, as a sentence with the remedy. Null if they can. */
  readonly noNetwork: string | null
  /** Why guests of this launcher cannot have packages, as a sentence with the remedy. Null if they can. */
  readonly noPackages: string | null
  /**
   * Resolves when the process exists and its limits are set. Rejects with an error for the operator, or with the `ZeroError` of packages that cannot
   * be unpacked.
   */
  launch(runtime: Runtime, memoryMb: number, packages?: ProgramPackages | null): Promise<Guest>
  /** Releases resources of the launcher after all guests have ended. */
  close(): Promise<void>
}
