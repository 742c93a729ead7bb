import type { Database, Statement } from '../db/sql.ts'

/** A row that a write has stored, with the number of its event. */
export interface Written {
  event_seq: number
}

/** Runs a statement that stores rows with their events, and reports these once they are committed. */
export type Commit = <Row extends Written>(statement: Statement) => Promise<Row[]>

/** What is sent right behind a write, on the same connection, and dispatches its events. */
export interface PipelinedDispatch {
  statement(): Statement
  /**
   * They are on their way. `rows` is the answer to the statement, null when it was left out because of other writes; `eventSeqs` resolves with
   * the events of the write, none where it fails.
   */
  sent(rows: Promise<unknown[] | null>, eventSeqs: Promise<number[]>): void
}

/**
 * Commits by `database`. A write that is the only one under way is followed, if there is a `follower` and a connection for both; else
 * `onCommitted` is told of its events, which are then dispatched together with those of others.
 */
export function commitBy(
  database: Database,
  pipelinedDispatch: () => PipelinedDispatch | null,
  onCommitted: (eventSeqs: readonly number[]) => void,
): Commit {
  let underWay = 0

  async function commit<Row extends Written>(statement: Statement): Promise<Row[]> {
    const isAlone = () => underWay === 1
    const behind = isAlone() ? pipelinedDispatch() : null
    const pair = behind && database.pipeline<Row, unknown>(statement, () => (isAlone() ? behind.statement() : null))
    if (pair) {
      const eventSeqs = pair.first.then(eventsOf, () => [])
      behind.sent(pair.next, eventSeqs)
      return pair.first
    }
    const rows = await database.query<Row>(statement)
    const eventSeqs = eventsOf(rows)
    if (eventSeqs.length > 0) onCommitted(eventSeqs)
    return rows
  }

  return async (statement) => {
    underWay++
    try {
      return await commit(statement)
    } finally {
      underWay--
    }
  }
}

export function eventsOf(rows: readonly Written[]): number[] {
  return [...new Set(rows.map((row) => row.event_seq))]
}
