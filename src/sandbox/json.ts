import { isUtf8 } from 'node:buffer'
import { parseJson } from '../exact-json.ts'

/** Deeper nesting than this makes other readers of the same document fail. */
const MAX_DEPTH = 500
/** Lists, objects and what is in them: reading more takes so long that others notice. */
const MAX_VALUES = 300_000
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Reads JSON that nobody vouches for. Throws a sentence that says what is wrong with it. Its length must have been bounded before. */
export function parseForeignJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  checkShape(bytes)
  return parseJson(bytes.toString())
}

/** Throws when it is too deep or has too much in it. Told from what stands outside of strings, before anything is built. */
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
