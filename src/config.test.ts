import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeConfig, readConfig } from './config.ts'

const KEY = randomBytes(32)

describe('ZERODB_ENCRYPTION_KEY', () => {
  const { encryptionKey: none } = readConfig({})
  const read = (text: string) => readConfig({ ZERODB_ENCRYPTION_KEY: text }).encryptionKey

  test.each([
    ['hexadecimal digits', KEY.toString('hex')],
    ['capital ones', KEY.toString('hex').toUpperCase()],
    ['base64', KEY.toString('base64')],
    ['base64url without padding', KEY.toString('base64url')],
  ])('is 32 bytes as %s', (_, text) => expect(read(text)).toEqual(KEY))

  test('may be absent', () => expect(none).toBeUndefined())

  test.each(['short', KEY.toString('hex').slice(1), KEY.subarray(1).toString('base64'), 'x'.repeat(64)])(
    'prevents the start if it is invalid, and is not quoted: %s',
    (text) => {
      expect(() => read(text)).toThrow(/ZERODB_ENCRYPTION_KEY: must be 32 bytes/)
      expect(() => read(text)).not.toThrow(text)
    },
  )

  test('may come from a file, and is not printed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'zerodb-config-'))
    const file = join(folder, 'key')
    writeFileSync(file, `${KEY.toString('base64')}\n`)
    const env = { ZERODB_ENCRYPTION_KEY_FILE: file }
    expect(readConfig(env).encryptionKey).toEqual(KEY)
    expect(describeConfig(env)).toContainEqual({
      name: 'ZERODB_ENCRYPTION_KEY',
      value: '(hidden)',
      source: 'environment',
    })
    rmSync(folder, { recursive: true })
  })
})

describe('ZERODB_ALLOW_NETWORKS', () => {
  const read = (text: string) => readConfig({ ZERODB_ALLOW_NETWORKS: text }).allowNetworks

  test('is a list of networks, and none when absent', () => {
    expect(readConfig({}).allowNetworks).toEqual([])
    expect(read('127.0.0.0/8')).toEqual(['127.0.0.0/8'])
    expect(read(' 10.0.0.0/8 , fd00::/8,')).toEqual(['10.0.0.0/8', 'fd00::/8'])
  })

  test.each(['10.0.0.1', 'localhost', '10.0.0.0/33', '10.0.0.0/8 fd00::/8', 'all'])(
    'prevents the start if it is invalid: %s',
    (text) => expect(() => read(text)).toThrow(/ZERODB_ALLOW_NETWORKS: must be networks like 10\.0\.0\.0\/8/),
  )
})

describe('ZERODB_FUNCTIONS_NETWORK', () => {
  const read = (text: string) => readConfig({ ZERODB_FUNCTIONS_NETWORK: text }).functionsNetwork

  test('is allow-list, off, or patterns in their normal form', () => {
    expect(readConfig({}).functionsNetwork).toBe('allow-list')
    expect(read('off')).toBe('off')
    expect(read(' API.example.com , *.example.org:8443,')).toEqual({ allow: ['api.example.com', '*.example.org:8443'] })
  })

  test.each([
    ['*', '"*" must name a host'],
    ['api.example.com, https://b.example.com', '"https://b.example.com" must be a host without a scheme'],
    ['api.example.com,off', '"off" is not a host'],
    ['on', '"on" is not a host'],
    [' , ', 'must be allow-list, off, or hosts'],
  ])('prevents the start if it is invalid: %s', (text, message) => {
    expect(() => read(text)).toThrow(/ZERODB_FUNCTIONS_NETWORK: must be allow-list, off, or hosts/)
    expect(() => read(text)).toThrow(message)
  })
})
