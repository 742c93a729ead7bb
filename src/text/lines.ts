import { Unreadable } from './unreadable.ts'

const LONGEST_LINE = 8 * 1024 * 1024

/** The lines of a text that comes in pieces, without their ends. Throws `Unreadable` at a line of more than 8 million characters, so that such a file costs no more memory than that. */
export function* lines(pieces: Iterable<string>): Generator<string> {
  let open: string[] = []
  let length = 0
  for (const piece of pieces) {
    const parts = piece.split('\n')
    const rest = parts.pop()!
    for (const part of parts) {
      yield withoutReturn(open.join('') + part)
      open = []
      length = 0
    }
    open.push(rest)
    length += rest.length
    if (length > LONGEST_LINE)
      throw new Unreadable('has a line of more than 8 million characters, which is data and not text')
  }
  if (length > 0) yield withoutReturn(open.join(''))
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
