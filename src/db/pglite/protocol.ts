import type { WireValue } from '../wire.ts'

// Messages between the main thread and the worker thread of the embedded database.

/** Initial data of the worker thread. */
export interface PgliteThreadData {
  /** PostgreSQL's data directory. */
  directory: string
  durability: 'process' | 'power'
  /** One shared number: how many requests the thread has started. */
  begun: Int32Array
}

/** A request to the thread: a statement, a script, or the order to close. */
export type PgliteRequest = { text: string; values: WireValue[] } | { script: string } | { close: true }
export interface PgliteAnswer {
  /** PostgreSQL's command tag, for example `INSERT 0 1`. */
  command: string
  fields: { name: string; type: number }[]
  rows: (string | null)[][]
}
