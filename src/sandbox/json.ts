import { isUtf8 } from 'node:buffer'
import { parseJson } from '../exact-json.ts'

/** Maximum nesting. Other JSON parsers fail on deeper documents. */
const MAX_DEPTH = 500
/** Maximum number of lists, objects and their elements. Parsing more would block the process noticeably. */
const MAX_VALUES = 300_000
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Parses untrusted JSON of limited length. Throws an error that says what is wrong. */
export function parseUntrustedJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  checkShape(bytes)
  return parseJson(bytes.toString())
}

/** Throws if the document is nested too deeply or has too many values. Scans the bytes without building values. */
function checkShape(bytes: Buffer): void {
  if (bytes.length <= MAX_DEPTH) return
  let depth = 0
  let values = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === COMMA) values++
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values++
      if (++depth > MAX_DEPTH) throw new Error(`it is nested more than ${MAX_DEPTH} levels deep`)
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
  }
  if (values > MAX_VALUES) throw new Error(`it has more than ${MAX_VALUES} values`)
}
