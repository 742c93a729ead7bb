import { isUtf8 } from 'node:buffer'

/** Deeper nesting than this makes other readers of the same document fail. */
const MAX_DEPTH = 500
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]

/** Reads JSON that nobody vouches for. Throws a sentence that says what is wrong with it. Its length must have been bounded before. */
export function parseForeignJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Error('it is not UTF-8')
  if (isTooDeep(bytes)) throw new Error(`it is nested more than ${MAX_DEPTH} levels deep`)
  return JSON.parse(bytes.toString())
}

/** Told from the brackets outside of strings, before anything is built: a long run of brackets would take the parser seconds. */
function isTooDeep(bytes: Buffer): boolean {
  if (bytes.length <= MAX_DEPTH) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
  }
  return false
}
