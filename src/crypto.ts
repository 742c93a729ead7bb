import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
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

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** The first byte of what is sealed: how it was. */
const AES_256_GCM = 1

/**
 * `text` so that only who has `key` (32 bytes) can read it. `context` says what it belongs to, and must be given again to unseal it: sealed
 * text that is moved to another place does not open.
 */
export function seal(key: Uint8Array, text: string, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(context))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([Buffer.of(AES_256_GCM), nonce, cipher.getAuthTag(), sealed])
}

/** What was sealed. Throws when the key or the context is another, or a bit was changed; the message names the setting. */
export function unseal(key: Uint8Array, sealed: Uint8Array, context: string): string {
  const bytes = Buffer.from(sealed)
  try {
    if (bytes[0] !== AES_256_GCM) throw new Error(`sealed in an unknown way (${bytes[0]})`)
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES))
    const opened = [decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]
    return Buffer.concat(opened).toString('utf8')
  } catch (error) {
    throw new Error('A secret cannot be unsealed: ZERODB_ENCRYPTION_KEY is not the key that sealed it', {
      cause: error,
    })
  }
}

/**
 * Encrypts a number as one block of AES-256 whose other half is a check value, so that the text neither shows the number nor the distance to
 * another one, and cannot be forged. The same number gives the same text. `context` separates the kinds of numbers.
 */
export function encodeNumber(key: Uint8Array, n: number, context: string): string {
  const { cipherKey, check } = numberKey(key, context)
  const block = Buffer.alloc(16)
  check.copy(block)
  block.writeBigUInt64BE(BigInt(n), 8)
  const cipher = createCipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()]).toString('base64url')
}

/** The number in a text of `encodeNumber`; null when the text, the key or the context is another. */
export function decodeNumber(key: Uint8Array, text: string, context: string): number | null {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 16 || bytes.toString('base64url') !== text) return null
  const { cipherKey, check } = numberKey(key, context)
  const decipher = createDecipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false)
  const block = Buffer.concat([decipher.update(bytes), decipher.final()])
  return timingSafeEqual(block.subarray(0, 8), check) ? Number(block.readBigUInt64BE(8)) : null
}

function numberKey(key: Uint8Array, context: string): { cipherKey: Buffer; check: Buffer } {
  const digest = (purpose: string) => createHmac('sha256', key).update(`zerodb-number:${purpose}:${context}`).digest()
  return { cipherKey: digest('key'), check: digest('check').subarray(0, 8) }
}

/** Whether two secrets are the same, in a time that does not tell how much of them is. */
export function sameSecret(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(one, other)
}
