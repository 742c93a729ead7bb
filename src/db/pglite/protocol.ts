import type { WireValue } from '../wire.ts'

// What is said between the embedded database and the thread that it runs in.

/** What the thread is given at its start. */
export interface PgliteThreadData {
  /** PostgreSQL's own directory. */
  directory: string
  durability: 'process' | 'power'
  /** One number: how many requests the thread has begun. */
  begun: Int32Array
}

/** What the thread is asked: a statement, a script, or (neither) to close. */
export type PgliteRequest = { text: string; values: WireValue[] } | { script: string } | { close: true }
export interface PgliteAnswer {
  /** What PostgreSQL says it has done, e.g. `INSERT 0 1`. */
  command: string
  fields: { name: string; type: number }[]
  rows: (string | null)[][]
}
