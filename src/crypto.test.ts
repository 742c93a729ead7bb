import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeNumber, encodeNumber, seal, unseal } from './crypto.ts'

const KEY = randomBytes(32)

test.each(['', 'whsec_c2VjcmV0', 'é 😀'])('what was sealed opens with the key and the context: %j', (text) => {
  expect(unseal(KEY, seal(KEY, text, 'hook:1'), 'hook:1')).toBe(text)
})

test('the same text is never sealed the same way, and cannot be seen', () => {
  const sealed = seal(KEY, 'a secret text', 'here')
  expect(sealed.equals(seal(KEY, 'a secret text', 'here'))).toBe(false)
  expect(sealed.toString('latin1')).not.toContain('secret')
})

test('another key, another context or any changed bit is refused, with the setting to look at', () => {
  const sealed = seal(KEY, 'a secret text', 'here')
  const refusal = /ZERODB_ENCRYPTION_KEY is not the key that sealed it/
  expect(() => unseal(randomBytes(32), sealed, 'here')).toThrow(refusal)
  expect(() => unseal(KEY, sealed, 'there')).toThrow(refusal)
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed)
    changed[i]! ^= 1
    expect(() => unseal(KEY, changed, 'here')).toThrow(refusal)
  }
  for (const length of [0, 1, 13, 20]) expect(() => unseal(KEY, sealed.subarray(0, length), 'here')).toThrow(refusal)
})

test('A11: an encoded number is read with the key and the context only, and shows nothing of the number', () => {
  const texts = new Set<string>()
  for (const n of [0, 1, 2, 255, 256, Number.MAX_SAFE_INTEGER]) {
    const text = encodeNumber(KEY, n, 'here')
    expect(text).toMatch(/^[\w-]{22}$/)
    expect(decodeNumber(KEY, text, 'here')).toBe(n)
    expect(decodeNumber(randomBytes(32), text, 'here')).toBeNull()
    expect(decodeNumber(KEY, text, 'there')).toBeNull()
    texts.add(text.slice(0, 8))
  }
  expect(texts.size).toBe(6)
  const text = encodeNumber(KEY, 4711, 'here')
  const other = text.startsWith('A') ? 'B' : 'A'
  for (const wrong of ['', '1b3', `${other}${text.slice(1)}`, `${text}A`, `${text} `, text.slice(1)])
    expect(decodeNumber(KEY, wrong, 'here')).toBeNull()
})
