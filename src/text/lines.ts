import { Unreadable } from './unreadable.ts'

const MAX_LINE_CHARACTERS = 8 * 1024 * 1024

/**
 * Yields the lines of a text that arrives in pieces, without line ends (line feed, carriage return or both). Throws
 * `Unreadable` for a line of more than 8 million characters, which limits the memory.
 */
export function* lines(pieces: Iterable<string>): Generator<string> {
  let open: string[] = []
  let length = 0
  let endedWithReturn = false
  for (const piece of pieces) {
    if (piece === '') continue
    // A piece can end between the two characters of a line end.
    const parts = (endedWithReturn && piece.startsWith('\n') ? piece.slice(1) : piece).split(/\r\n|\r|\n/)
    endedWithReturn = piece.endsWith('\r')
    const rest = parts.pop()!
    for (const part of parts) {
      yield open.join('') + part
      open = []
      length = 0
    }
    open.push(rest)
    length += rest.length
    if (length > MAX_LINE_CHARACTERS)
      throw new Unreadable('has a line of more than 8 million characters, which is data and not text')
  }
  if (length > 0) yield open.join('')
}
