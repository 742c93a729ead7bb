import { isUtf8 } from 'node:buffer'
import { analyse } from 'chardet'
import iconv from 'iconv-lite'
import { Unreadable } from './unreadable.ts'

const SAMPLE_BYTES = 64 * 1024
const CHUNK_BYTES = 64 * 1024

/** Matches names of charsets. iconv-lite also supports `base64`, `hex` and others, which are not charsets. */
const NAMEABLE = /^(utf-?16|windows-?\d|cp\d|iso-?8859|latin|shift[-_]?jis|sjis|euc-|gb|big5|koi8|macintosh|tis-?620)/i

/**
 * Detects the charset of a text. Uses, in this order: a byte order mark, UTF-8 if the bytes are valid, the `declared` charset, and the most
 * likely charset by its letters. Throws `Unreadable` for bytes that are not text.
 */
export function detectCharset(bytes: Uint8Array, declared: string | undefined): string {
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  if (sample[0] === 0xff && sample[1] === 0xfe) return wide('utf-16le', sample.subarray(2))
  if (sample[0] === 0xfe && sample[1] === 0xff) return wide('utf-16be', sample.subarray(2))
  const zeros = [0, 0]
  sample.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]!++
  })
  const [even, odd] = zeros as [number, number]
  if (odd > sample.length / 8 && even === 0) return wide('utf-16le', sample)
  if (even > sample.length / 8 && odd === 0) return wide('utf-16be', sample)
  if (even + odd > 0 || controls(sample) > sample.length / 50) throw notText()
  if (isUtf8(bytes)) return 'utf-8'
  if (declared && NAMEABLE.test(declared) && iconv.encodingExists(declared)) return declared
  const [best] = analyse(sample)
  if (!best || best.confidence < 5 || !iconv.encodingExists(best.name)) throw notText()
  // Windows-1252 is Latin-1 with letters in place of control characters. Text declared as Latin-1 is nearly always Windows-1252.
  return best.name === 'ISO-8859-1' ? 'windows-1252' : best.name
}

/** Decodes the text lazily, piece by piece, without its byte order mark. */
export function* decode(bytes: Uint8Array, charset: string): Generator<string> {
  const decoder = iconv.getDecoder(charset, { stripBOM: true })
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES)
    yield decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
  }
  yield decoder.end() ?? ''
}

/** Tells whether the charset fits: a wrong one yields control characters, which text does not have. */
function wide(charset: 'utf-16le' | 'utf-16be', sample: Uint8Array): string {
  const high = charset === 'utf-16le' ? 1 : 0
  const narrow = Uint8Array.from(sample.filter((_, i) => i % 2 !== high && sample[i - 1 + 2 * high] === 0))
  if (narrow.includes(0) || controls(narrow) > 0) throw notText()
  return charset
}

/** Control characters except tab, line and page breaks, backspace and escape. */
function controls(sample: Uint8Array): number {
  let count = 0
  for (const byte of sample) if ((byte < 32 && (byte < 8 || byte > 13) && byte !== 27) || byte === 127) count++
  return count
}

function notText(): Unreadable {
  return new Unreadable('is declared as text, but its content is not')
}
