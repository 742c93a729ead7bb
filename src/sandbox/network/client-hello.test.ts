import { describe, expect, test } from 'vitest'
import { divided, hello } from '../../../test/hostile/upstreams.ts'
import { createHelloInspector } from './client-hello.ts'

const HOST = 'api.example.test'
const CHANGE_CIPHER_SPEC = Buffer.from([20, 3, 3, 0, 1, 1])
const ENCRYPTED = Buffer.from([23, 3, 3, 0, 3, 1, 2, 3])

/** Feeds the chunks to an inspector. Returns the forwarded bytes, or the problem. */
function inspect(chunks: readonly Buffer[], host: string | null = HOST, mustBeTls = true) {
  const inspector = createHelloInspector(host, mustBeTls)
  const forwarded: Buffer[] = []
  for (const chunk of chunks) {
    const inspected = inspector(chunk)
    if ('problem' in inspected) return { problem: inspected.problem, forwarded: Buffer.concat(forwarded) }
    forwarded.push(inspected.forward)
    if (inspected.isDone) return { isDone: true, forwarded: Buffer.concat(forwarded) }
  }
  return { isDone: false, forwarded: Buffer.concat(forwarded) }
}
const bytesOf = (data: Buffer) => [...data].map((byte) => Buffer.from([byte]))

test('a handshake with the name of the host is forwarded unchanged, however it is cut', () => {
  const handshake = Buffer.concat([hello([HOST]), CHANGE_CIPHER_SPEC, ENCRYPTED])
  const expected = { isDone: true, forwarded: handshake }
  expect(inspect([handshake])).toEqual(expected)
  expect(inspect([Buffer.concat([divided(hello([HOST])), ENCRYPTED])])).toMatchObject({ isDone: true })
  // The inspection is done with the first byte of the encrypted record.
  expect(inspect(bytesOf(handshake))).toEqual({
    isDone: true,
    forwarded: handshake.subarray(0, handshake.length - ENCRYPTED.length + 1),
  })
})

test('a ClientHello is held back until it is complete', () => {
  const handshake = hello([HOST])
  expect(inspect([handshake.subarray(0, -1)])).toEqual({ isDone: false, forwarded: Buffer.alloc(0) })
})

describe('refused', () => {
  test.each([
    ['another name', hello(['other.test']), 'names another server in its TLS handshake (other.test)'],
    ['a longer name', hello([`${HOST}.evil.test`]), 'names another server'],
    ['two names', hello([HOST, 'other.test']), 'names another server'],
    ['no name', hello([]), 'names no server in its TLS handshake (SNI)'],
    ['Encrypted ClientHello', hello([HOST], [0xfe0d]), 'hides its server name (Encrypted ClientHello)'],
    ['encrypted SNI', hello([HOST], [0xffce]), 'hides its server name'],
    ['early data', hello([HOST], [42]), 'early data'],
    ['an extension twice', hello([HOST], [10, 10]), 'not valid'],
    ['a second extension with a name', hello([HOST], [0]), 'not valid'],
    ['another name in a divided ClientHello', divided(hello(['other.test'])), 'names another server'],
    [
      'another name in a second ClientHello',
      Buffer.concat([hello([HOST]), hello(['other.test'])]),
      'names another server',
    ],
    [
      'another name behind a change of ciphers',
      Buffer.concat([hello([HOST]), CHANGE_CIPHER_SPEC, hello(['other.test'])]),
      'names another server',
    ],
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'did not start with TLS'],
    ['a huge record', Buffer.from([22, 3, 1, 0xff, 0xff]), 'wrong length'],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'wrong length'],
    ['a huge ClientHello', Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]), 'wrong length'],
    ['another handshake message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), 'did not start with a ClientHello'],
    ['an interrupted ClientHello', Buffer.concat([divided(hello([HOST])).subarray(0, 45), ENCRYPTED]), 'interrupted'],
    [
      'a ClientHello in many records',
      Buffer.concat(Array.from({ length: 20 }, () => Buffer.from([22, 3, 1, 0, 1, 1]))),
      'wrong length|too many parts',
    ],
    ['a truncated ClientHello', Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3]), 'not valid'],
  ])('%s', (_, data, problem) => {
    const whole = inspect([data])
    expect(whole.problem).toMatch(new RegExp(problem.replace(/[()]/g, '\\$&')))
    expect(inspect(bytesOf(data)).problem).toMatch(new RegExp(problem.replace(/[()]/g, '\\$&')))
    expect(whole.forwarded.toString('latin1')).not.toContain('other.test')
  })
})

test('an address has no server name', () => {
  expect(inspect([Buffer.concat([hello([]), ENCRYPTED])], null)).toMatchObject({ isDone: true })
  expect(inspect([hello([HOST])], null).problem).toContain('goes to an address')
})

test('on other ports, other protocols are forwarded, and TLS is inspected', () => {
  const query = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f])
  expect(inspect([query], HOST, false)).toEqual({ isDone: true, forwarded: query })
  expect(inspect([hello(['other.test'])], HOST, false).problem).toContain('names another server')
})
