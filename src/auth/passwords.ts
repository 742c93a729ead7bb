import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

// scrypt (RFC 7914) with OWASP's parameters: about 100 ms and 128 MB per guess, on a thread of Node's pool.
const COST: ScryptOptions = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 }
const BYTES = 32

/** Hashes a password for storage, as `scrypt$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  return ['scrypt', salt.toString('base64url'), (await derive(password, salt)).toString('base64url')].join('$')
}

/** Returns whether `password` matches the stored hash. The check takes as long for a user without a password. */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const [, salt = '', hash = ''] = (stored ?? '').split('$')
  const derived = await derive(password, Buffer.from(salt, 'base64url'))
  const expected = Buffer.from(hash, 'base64url')
  return expected.length === derived.length && timingSafeEqual(expected, derived)
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same letter can be typed as different code points: normalise them.
    scrypt(password.normalize('NFKC'), salt, BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
