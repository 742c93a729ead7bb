import { note } from './output.ts'

const WIDTH = 30
/** No eye sees more. */
const DRAW_MS = 50
/** Where nobody watches, a line comes after so long; each later one after twice as long, up to the limit. */
const [FIRST_LINE_MS, LATEST_LINE_MS] = [2_000, 60_000]

export interface Progress {
  /** `total` null: nobody knows. */
  at(done: number, total: number | null): void
  /** Leaves the terminal as it was. */
  end(): void
}

interface Options {
  /** In which words an amount is said. */
  amount?: (value: number) => string
  /** JSON was asked for: whoever reads that reads no lines beside it. */
  json?: boolean | undefined
}

/**
 * How far long work is, on standard error: on a terminal a bar that moves, elsewhere a line now and then, and nothing of what is done at
 * once. `label` follows the amounts: `3 of 40 rows`.
 */
export function progress(label: string, { amount = String, json = false }: Options = {}): Progress {
  const words = (done: number, total: number | null) =>
    total === null ? `${amount(done)} ${label}` : `${amount(Math.min(done, total))} of ${amount(total)} ${label}`
  if (process.stderr.isTTY) return bar(words)
  return json ? { at() {}, end() {} } : lines(words)
}

type Words = (done: number, total: number | null) => string

/**
 * Draws by hand because `progress` of @clack/prompts (1.9.0) reads standard input, which `import -` needs, goes on after
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
      pause = Math.min(pause * 2, LATEST_LINE_MS)
      next = performance.now() + pause
    },
    end() {},
  }
}
