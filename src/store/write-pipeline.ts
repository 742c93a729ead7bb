import type { Database, Statement } from '../db/sql.ts'

/** A row of a write, with the number of its event. Null for a row that the write has not changed. */
export interface Written {
  event_seq: number | null
}

/** Runs a statement that stores rows with their events, and reports the events after the commit. */
export type Commit = <Row extends Written>(statement: Statement) => Promise<Row[]>

/** Dispatches the events of a write by a statement that is sent after the write, on the same connection. */
export interface PipelinedDispatch {
  /** False while other work is to be dispatched or executed first. */
  isReady(): boolean
  statement(): Statement
  /**
   * Called after both statements were sent. `rows` resolves to the rows of `statement`, or to null if it was skipped because of other writes.
   * `eventSeqs` resolves to the events of the write; empty if the write fails.
   */
  onSent(rows: Promise<unknown[] | null>, eventSeqs: Promise<number[]>): void
}

export interface WritePipeline {
  readonly commit: Commit
  /** The running engine's dispatch; null without one. */
  pipelinedDispatch: PipelinedDispatch | null
}

/**
 * If only one write is running, and the pipelined dispatch is ready and a connection is free, `commit` pipelines the dispatch after the write.
 * Otherwise `onCommitted` gets the events, which are then dispatched together with those of other writes.
 */
export function createWritePipeline(
  database: Database,
  onCommitted: (eventSeqs: readonly number[]) => void,
): WritePipeline {
  let runningWrites = 0
  const isAlone = () => runningWrites === 1

  async function commit<Row extends Written>(statement: Statement): Promise<Row[]> {
    const { pipelinedDispatch } = pipeline
    const dispatch = isAlone() && pipelinedDispatch?.isReady() ? pipelinedDispatch : null
    const results =
      dispatch && database.pipeline<Row, unknown>(statement, () => (isAlone() ? dispatch.statement() : null))
    if (results) {
      const eventSeqs = results.first.then(eventsOf, () => [])
      dispatch.onSent(results.next, eventSeqs)
      return results.first
    }
    const rows = await database.query<Row>(statement)
    const eventSeqs = eventsOf(rows)
    if (eventSeqs.length > 0) onCommitted(eventSeqs)
    return rows
  }

  const pipeline: WritePipeline = {
    pipelinedDispatch: null,
    async commit(statement) {
      runningWrites++
      try {
        return await commit(statement)
      } finally {
        runningWrites--
      }
    },
  }
  return pipeline
}

export function eventsOf(rows: readonly Written[]): number[] {
  return [...new Set(rows.map((row) => row.event_seq))].filter((seq) => seq !== null)
}
