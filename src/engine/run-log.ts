import type { App } from '../app.ts'
import type { LogLine } from '../schema/run.ts'

const MAX_LINES = 1_000
const MAX_CHARACTERS = 2_000

/** The log lines of one attempt, up to a limit. The last line tells if more were dropped. */
export interface RunLogBook {
  readonly lines: LogLine[]
  log(message: string): void
  add(line: LogLine): void
}

/** `onLine` is called after each line that was kept. */
export function createLogBook(clock: App['clock'], onLine: () => void): RunLogBook {
  const lines: LogLine[] = []
  const book: RunLogBook = {
    lines,
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
      onLine()
    },
  }
  return book
}
