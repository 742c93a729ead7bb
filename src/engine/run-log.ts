import type { App } from '../app.ts'
import { createRequestBook } from '../functions/network.ts'
import type { RecordedRequest } from '../schema/network.ts'
import type { LogLine } from '../schema/run.ts'

const MAX_LINES = 1_000
const MAX_CHARACTERS = 2_000

/** The log lines and the connections of one attempt, up to a limit. The last line tells if more lines were dropped. */
export interface RunLogBook {
  readonly lines: LogLine[]
  readonly requests: RecordedRequest[]
  log(message: string): void
  add(line: LogLine): void
  addRequest(request: RecordedRequest): void
  /** Returns the fields of the stored record. Absent fields count as empty. */
  record(): { logs: LogLine[]; requests?: RecordedRequest[]; requests_omitted?: number }
}

/** `onChange` is called after each line and each connection that was kept. */
export function createLogBook(clock: App['clock'], onChange: () => void): RunLogBook {
  const lines: LogLine[] = []
  const connections = createRequestBook()
  const book: RunLogBook = {
    lines,
    requests: connections.requests,
    log: (message) => book.add({ at: new Date(clock.now()).toISOString(), message }),
    add(line) {
      if (lines.length >= MAX_LINES) {
        if (lines.length === MAX_LINES)
          lines.push({ at: line.at, message: `[more than ${MAX_LINES} lines: the rest is cut]` })
        return
      }
      const { message } = line
      const cut = message.length > MAX_CHARACTERS ? `\n[cut here: more than ${MAX_CHARACTERS} characters]` : ''
      const storable = (message.slice(0, MAX_CHARACTERS) + cut).replaceAll('\u0000', '\ufffd').toWellFormed()
      lines.push({ ...line, message: storable })
      onChange()
    },
    addRequest(request) {
      if (connections.add(request)) onChange()
    },
    record() {
      const { requests } = connections
      if (requests.length === 0) return { logs: lines }
      return { logs: lines, requests, requests_omitted: connections.omitted() }
    },
  }
  return book
}
