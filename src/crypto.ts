import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A new API key: a prefix that secret scanners know, 30 random letters (178 bits), and a checksum by which a typing error shows. */
export function newApiKey(): string {
  let body = ''
  while (body.length < 30) {
    // Bytes past the last multiple of 62 would make some letters likelier than others.
    for (const byte of randomBytes(40)) if (byte < 248 && body.length < 30) body += BASE62[byte % 62]
  }
  return `zdb_live_${body}${checksum(body)}`
}

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let i = 0; i < 6; i++) {
    text = BASE62[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}

/** What is stored of a key. A key is random and long: a plain hash cannot be searched. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
