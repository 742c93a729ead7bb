import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Creates an API key: a prefix for secret scanners, 30 random characters (178 bits), and a checksum that reveals typing errors. */
export function newApiKey(prefix = 'zdb_live_'): string {
  let body = ''
  while (body.length < 30) {
    // Bytes above the last multiple of 62 would make some characters more likely than others.
    for (const byte of randomBytes(40)) if (byte < 248 && body.length < 30) body += BASE62[byte % 62]
  }
  return `${prefix}${body}${checksum(body)}`
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

/** Returns the hash of an API key that is stored. A plain hash is enough: a long random key cannot be guessed. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** First byte of sealed data: the method. */
const AES_256_GCM = 1

/**
 * Encrypts `text` with `key` (32 bytes). `context` names the owner of the text, and must be passed again to `unseal`: sealed text that was moved
 * to another place cannot be unsealed.
 */
export function seal(key: Uint8Array, text: string, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(context))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([Buffer.of(AES_256_GCM), nonce, cipher.getAuthTag(), sealed])
}

/** Decrypts sealed text. Throws when the key or context is wrong or the data was modified; the message names the setting. */
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
 * Encrypts a number as one block of AES-256 together with a check value. The text reveals neither the number nor its distance to another one, and
 * cannot be forged. Equal numbers give equal texts. `context` separates kinds of numbers.
 */
export function encodeNumber(key: Uint8Array, n: number, context: string): string {
  const { cipherKey, check } = numberKey(key, context)
  const block = Buffer.alloc(16)
  check.copy(block)
  block.writeBigUInt64BE(BigInt(n), 8)
  const cipher = createCipheriv('aes-256-ecb', cipherKey, null).setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()]).toString('base64url')
}

/** Decrypts a text of `encodeNumber`; null when the text, key or context is wrong. */
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

/** Signs a text with HMAC-SHA256, so that only holders of `key` can make the signature. `purpose` separates kinds of texts. */
export function signText(key: Uint8Array, text: string, purpose: string): string {
  return createHmac('sha256', key).update(`zerodb-${purpose}:${text}`).digest('base64url')
}

/** Compares two secrets in constant time. */
export function sameSecret(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(one, other)
}
