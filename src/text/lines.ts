import { Unreadable } from './unreadable.ts'

const MAX_LINE_CHARACTERS = 8 * 1024 * 1024

/**
 * The lines of a text that comes in pieces, without their ends, which are a line feed, a carriage return or both. Throws
 * `Unreadable` at a line of more than 8 million characters, so that such a file costs no more memory than that.
 */
export function* lines(pieces: Iterable<string>): Generator<string> {
  let open: string[] = []
  let length = 0
  let endedWithReturn = false
  for (const piece of pieces) {
    if (piece === '') continue
    // A piece may end between the two characters of one line end.
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
