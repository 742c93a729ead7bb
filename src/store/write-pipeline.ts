import type { Database, Statement } from '../db/sql.ts'

/** A row that a write has stored, with the number of its event. */
export interface Written {
  event_seq: number
}

/** Runs a statement that stores rows with their events, and reports the events after the commit. */
export type Commit = <Row extends Written>(statement: Statement) => Promise<Row[]>

/** A statement that is pipelined after a write, on the same connection, and dispatches its events. */
export interface PipelinedDispatch {
  statement(): Statement
  /**
   * Called after both statements were sent. `rows` resolves to the result of the dispatch, or to null if it was skipped because of other writes.
   * `eventSeqs` resolves to the events of the write; empty if the write fails.
   */
  sent(rows: Promise<unknown[] | null>, eventSeqs: Promise<number[]>): void
}

/**
 * Creates the `Commit` function of `database`. If only one write is running, and a dispatch and a connection are available, the dispatch is
 * pipelined after it. Otherwise `onCommitted` gets the events, which are then dispatched together with those of other writes.
 */
export function commitBy(
  database: Database,
  pipelinedDispatch: () => PipelinedDispatch | null,
  onCommitted: (eventSeqs: readonly number[]) => void,
): Commit {
  let runningWrites = 0

  async function commit<Row extends Written>(statement: Statement): Promise<Row[]> {
    const isAlone = () => runningWrites === 1
    const dispatch = isAlone() ? pipelinedDispatch() : null
    const results =
      dispatch && database.pipeline<Row, unknown>(statement, () => (isAlone() ? dispatch.statement() : null))
    if (results) {
      const eventSeqs = results.first.then(eventsOf, () => [])
      dispatch.sent(results.next, eventSeqs)
      return results.first
    }
    const rows = await database.query<Row>(statement)
    const eventSeqs = eventsOf(rows)
    if (eventSeqs.length > 0) onCommitted(eventSeqs)
    return rows
  }

  return async (statement) => {
    runningWrites++
    try {
      return await commit(statement)
    } finally {
      runningWrites--
    }
  }
}

export function eventsOf(rows: readonly Written[]): number[] {
  return [...new Set(rows.map((row) => row.event_seq))]
}
