import type { App } from '../app.ts'
import type { LogLine } from '../schema/run.ts'
import { createLogBook, type RunLogBook } from './run-log.ts'

/** The record of a run is written soon after its result. A line is dropped if there is no record by then. */
const MAX_WAIT_MS = 10_000

/** The run and attempt of a log line. */
export interface Attempt {
  run_id: string
  attempt: number
}

export interface LateLogs {
  /** Keeps a line that arrived after the result. */
  log(attempt: Attempt, line: LogLine): void
  /** Appends the lines to the existing records. */
  flush(): Promise<void>
}

interface Late {
  book: RunLogBook
  since: number
}

/** Log lines that user code writes after its call has returned. They are added to the log of the run, which may already be stored. */
export function createLateLogs(app: App): LateLogs {
  let late = new Map<string, Late & Attempt>()
  return {
    log(attempt, line) {
      const key = `${attempt.run_id} ${attempt.attempt}`
      let found = late.get(key)
      if (!found) {
        found = { ...attempt, book: createLogBook(app.clock, () => {}), since: performance.now() }
        late.set(key, found)
      }
      found.book.add(line)
    },
    async flush() {
      if (late.size === 0) return
      const taken = late
      late = new Map()
      const entries = [...taken.values()]
      const written = new Set(
        await app.store.runs.appendLogs(
          entries.map(({ run_id: id, attempt: attempts, book }) => ({ id, attempts, logs: book.lines })),
        ),
      )
      for (const [key, entry] of taken) {
        if (written.has(entry.run_id) || performance.now() - entry.since > MAX_WAIT_MS) continue
        const newer = late.get(key)
        for (const line of newer?.book.lines ?? []) entry.book.add(line)
        late.set(key, entry)
      }
    },
  }
}
