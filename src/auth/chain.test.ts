import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readChain, signChain } from './chain.ts'

const SECRET = Buffer.from('a secret of enough length, really')
const CHAIN = { chain_id: 'evt_1', depth: 3, run_id: 'run', user_id: 'user' }

test('what was signed is read', () => {
  expect(readChain(SECRET, signChain(SECRET, CHAIN))).toEqual(CHAIN)
})

test('what another secret signed, or what was changed, is not', () => {
  const token = signChain(SECRET, CHAIN)
  expect(readChain(Buffer.from('another'), token)).toBeNull()
  const [payload, signature] = token.split('.') as [string, string]
  const deeper = Buffer.from(JSON.stringify({ ...CHAIN, depth: 0 })).toString('base64url')
  for (const forged of ['', '.', payload, `${payload}.`, `.${signature}`, `${deeper}.${signature}`, `${token}.x`])
    expect(readChain(SECRET, forged)).toBeNull()
})

test('whatever comes in its place is null and no error', () => {
  fc.assert(fc.property(fc.string(), (token) => readChain(SECRET, token) === null))
})
