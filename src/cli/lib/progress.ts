import { note } from './output.ts'

const WIDTH = 30
/** Minimum time between two drawings of the bar. */
const DRAW_MS = 50
/** Without a terminal, the first line comes after FIRST_LINE_MS and the interval doubles up to MAX_LINE_MS. */
const [FIRST_LINE_MS, MAX_LINE_MS] = [2_000, 60_000]

export interface Progress {
  /** Shows that `done` of `total` is done; null means an unknown total. */
  at(done: number, total: number | null): void
  /** Clears the bar. */
  end(): void
}

interface Options {
  /** Formats an amount. */
  amount?: (value: number) => string
  /** Prints no lines, because the output is read by a program. */
  json?: boolean | undefined
}

/**
 * Shows the progress of long work on standard error: a bar on a terminal, otherwise a line now and then and none for short work.
 * `label` follows the amounts: `3 of 40 rows`.
 */
export function progress(label: string, { amount = String, json = false }: Options = {}): Progress {
  const words = (done: number, total: number | null) =>
    total === null ? `${amount(done)} ${label}` : `${amount(Math.min(done, total))} of ${amount(total)} ${label}`
  if (process.stderr.isTTY) return bar(words)
  return json ? { at() {}, end() {} } : lines(words)
}

type Words = (done: number, total: number | null) => string

/**
 * Draws the bar without `progress` of @clack/prompts (1.9.0). That reads standard input, which `import -` needs. It also continues after
 * SIGINT, and ends with exit code 0 at Ctrl-C.
 */
function bar(words: Words): Progress {
  let length = 0
  let drawnAt = Number.NEGATIVE_INFINITY
  const show = (text: string) => {
    process.stderr.write(`\r${text.padEnd(length)}`)
    length = text.length
  }
  return {
    at(done, total) {
      if (performance.now() - drawnAt < DRAW_MS) return
      drawnAt = performance.now()
      const full = total === null ? 0 : Math.round((WIDTH * Math.min(done, total)) / Math.max(1, total))
      const drawn = total === null ? '' : `[${'='.repeat(full)}${' '.repeat(WIDTH - full)}] `
      show(drawn + words(done, total))
    },
    end() {
      show('')
      process.stderr.write('\r')
    },
  }
}

function lines(words: Words): Progress {
  let pause = FIRST_LINE_MS
  let next = performance.now() + pause
  return {
    at(done, total) {
      if (performance.now() < next) return
      note(words(done, total))
      pause = Math.min(pause * 2, MAX_LINE_MS)
      next = performance.now() + pause
    },
    end() {},
  }
}
