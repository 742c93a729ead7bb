import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { seal, unseal } from './crypto.ts'

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
