import type { Call, CallInput, Outcome, OutcomeStatus, Runtime } from '../../src/sandbox/index.ts'
import type { PROTECTIONS } from '../../src/sandbox/protections.ts'
import type { Fixture } from './fixture.ts'

export type Protection = keyof typeof PROTECTIONS

export const GROUPS = [
  'ENV',
  'FS',
  'NET',
  'PROXY',
  'KERNEL',
  'TIME',
  'RESOURCES',
  'OUTPUT',
  'FORGERY',
  'CRASH',
  'AFTER',
  'INFO',
  'TENANTS',
  'SERVER',
] as const
export type Group = (typeof GROUPS)[number]

/**
 * A program that tries to exceed its limits. The suite detects a success from outside: by secrets in the output, and by the state of the
 * machine, the neighbours and the server during and after the run.
 *
 * After every program, environment.ts checks the output for secrets, and looks for changed files, connections, a changed neighbour, and
 * remaining processes and descriptors. A program only defines additional checks.
 */
export interface HostileProgram {
  /** Says what the program tries. */
  name: string
  group: Group
  /** Source for Node. Has only top-level code, or a handler if `play` calls one. Prints `ready` when it waits for `look`. */
  node?: string
  python?: string
  /** Additional files. */
  files?: Readonly<Record<string, string | Uint8Array>>
  input?: CallInput
  /** The program has the network policy of the suite. */
  network?: true
  /** Sets of protections. With one set switched off and all others on, the program gets through. */
  stoppedBy: readonly (readonly Protection[])[]
  /** Reason why the program is blocked, if no protection that can be switched off blocks it. */
  inherent?: string
  /** The program is a race, which is tried twenty times instead of once. */
  race?: true
  /** Timeout of the call; default 5. */
  timeoutSeconds?: number
  /** Memory limit of the instance; default 256. */
  memoryMb?: number
  /** The program may be ended before it is ready; then `look` is not called. */
  mayEndBefore?: true
  /** Checks the program while it waits after `ready`. The program is cancelled afterwards. */
  look?(fixture: Fixture): Promise<void> | void
  /** Statuses with which the calls may end. */
  ends?: Ends
  /** Checks each outcome after the end. */
  after?(fixture: Fixture, outcome: Outcome): Promise<void> | void
  /** Calls the program, instead of the default: one call as a script. */
  play?(fixture: Fixture): Promise<void>
  /** Only a control group blocks the program, so it is not run without control groups. */
  byGroup?: true
  /** The program only runs if the server runs as this user. */
  as?: 'root' | 'user'
}

export type Ends = readonly OutcomeStatus[]

/** Options of a call that a program can set. */
export type CallRest = Partial<Omit<Call, 'program'>> & { key?: string; isolation?: 'warm' | 'fresh' }

export const codeOf = ({ node, python }: HostileProgram, runtime: Runtime): string | undefined =>
  runtime === 'nodejs20' ? node : python

/** Waits until `holds` returns true. Returns false after `ms`. */
export async function within(ms: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = performance.now() + ms
  for (;;) {
    if (await holds()) return true
    if (performance.now() > until) return false
    await pause(5)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
