import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readChain, signChain } from './chain.ts'

const SECRET = Buffer.from('a secret of enough length, really')
const CHAIN = { chain_id: 'evt_1', depth: 3, run_id: 'run', user_id: 'user' }

test('a signed token can be read', () => {
  expect(readChain(SECRET, signChain(SECRET, CHAIN))).toEqual(CHAIN)
})

test('a token signed with another secret, or modified, is rejected', () => {
  const token = signChain(SECRET, CHAIN)
  expect(readChain(Buffer.from('another'), token)).toBeNull()
  const [payload, signature] = token.split('.') as [string, string]
  const deeper = Buffer.from(JSON.stringify({ ...CHAIN, depth: 0 })).toString('base64url')
  for (const forged of ['', '.', payload, `${payload}.`, `.${signature}`, `${deeper}.${signature}`, `${token}.x`])
    expect(readChain(SECRET, forged)).toBeNull()
})

test('any other text gives null and no error', () => {
  fc.assert(fc.property(fc.string(), (token) => readChain(SECRET, token) === null))
})
