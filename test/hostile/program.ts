import type { Call, CallInput, Outcome, OutcomeStatus, Runtime } from '../../src/sandbox/index.ts'
import type { PROTECTIONS } from '../../src/sandbox/protections.ts'
import type { Fixture } from './fixture.ts'

export type Protection = keyof typeof PROTECTIONS

export const GROUPS = [
  'ENV',
  'FS',
  'NET',
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
 * A program that wants more than it may have. What it gets is told from outside: by what it has said that it cannot know, and by what the
 * machine, its neighbours and the server are like while it runs and behind it. After every one of them the suite looks for any secret in
 * what came out, for changed files, for connections, for a neighbour that is not as it was, for processes and descriptors that are left
 * (environment.ts); a program names only what must be seen besides.
 */
export interface HostileProgram {
  /** What it tries. */
  name: string
  group: Group
  /** Programs with a top level only, or with a handler where `play` calls them so. One that waits to be looked at prints `ready`. */
  node?: string
  python?: string
  /** Files beside it. */
  files?: Readonly<Record<string, string | Uint8Array>>
  input?: CallInput
  /** Each a set of protections: with these switched off and all others on, it gets through. */
  stoppedBy: readonly (readonly Protection[])[]
  /** Why it is of use though nothing that can be switched off stops it. */
  inherent?: string
  /** A race: tried twenty times wherever others are tried once. */
  race?: true
  /** Ended after so long; 5 unless given. */
  timeoutSeconds?: number
  /** Of its instance; 256 unless given. */
  memoryMb?: number
  /** It may be ended before it is ready, and is not looked at then. */
  mayEndBefore?: true
  /** Looked at while it waits, after `ready`. It is cancelled behind this. */
  look?(fixture: Fixture): Promise<void> | void
  /** How it must end. */
  ends?: Ends
  /** Looked at behind its end. */
  after?(fixture: Fixture, outcome: Outcome): Promise<void> | void
  /** In place of one call of the program as a script. */
  play?(fixture: Fixture): Promise<void>
  /** Only a control group stops it: it is not tried where there are none. */
  byGroup?: true
  /** Only where the server runs as this. */
  as?: 'root' | 'user'
}

export type Ends = readonly OutcomeStatus[]

/** What of a call a program may choose. */
export type CallRest = Partial<Omit<Call, 'program'>> & { key?: string; isolation?: 'warm' | 'fresh' }

export const codeOf = ({ node, python }: HostileProgram, runtime: Runtime): string | undefined =>
  runtime === 'nodejs20' ? node : python

/** Waits until it holds, so long at most; whether it did. */
export async function within(ms: number, holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = performance.now() + ms
  for (;;) {
    if (await holds()) return true
    if (performance.now() > until) return false
    await pause(5)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
