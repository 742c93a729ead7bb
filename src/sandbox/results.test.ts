import { describe, expect, test } from 'vitest'
import { RESULT_KIND, u32 } from './frames.ts'
import { readResult } from './results.ts'

const json = (body: string | Buffer) => readResult(RESULT_KIND.JSON, Buffer.from(body), 1000, true)
const response = (head: unknown, body = '') => {
  const text = Buffer.from(JSON.stringify(head))
  return readResult(RESULT_KIND.RESPONSE, Buffer.concat([u32(text.length), text, Buffer.from(body)]), 1000, true)
}
const threw = (error: unknown) => readResult(RESULT_KIND.THREW, Buffer.from(JSON.stringify(error)), 1000, true)

describe('JSON', () => {
  test('is passed on unchanged', () => {
    const { status, result } = json(' {"a": 1.0} ')
    expect({ status, body: result?.kind === 'json' && Buffer.from(result.body).toString() }).toEqual({
      status: 'ok',
      body: ' {"a": 1.0} ',
    })
  })

  test.each([
    ['nothing', ''],
    ['two values', '1 2'],
    ['not valid', 'undefined'],
    ['half a text', '"a'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['nesting without end', '['.repeat(900)],
    ['nesting that ends', `${'['.repeat(501)}${']'.repeat(400)}`],
  ])('that is %s is rejected', (_, body) => {
    expect(json(body)).toMatchObject({
      status: 'threw',
      result: null,
      error: { message: expect.stringContaining('The result is not valid') },
    })
  })

  test('brackets in strings do not count as nesting', () => {
    expect(json(JSON.stringify(`${'['.repeat(900)}\\"{`)).status).toBe('ok')
  })

  test('over the limit is rejected', () => {
    expect(json('1'.repeat(1001))).toMatchObject({ status: 'output_limit', result: null })
  })
})

describe('an HTTP response', () => {
  test('has status, headers and bytes', () => {
    expect(response({ status: 404, headers: [['X-A', 'b']] }, 'gone')).toEqual({
      status: 'ok',
      result: { kind: 'response', status: 404, headers: [['x-a', 'b']], body: Buffer.from('gone') },
      error: null,
    })
  })

  test.each([
    ['a status out of range', { status: 99, headers: [] }],
    ['an interim status', { status: 101, headers: [] }],
    ['a fraction of a status', { status: 200.5, headers: [] }],
    ['a line break in a header', { status: 200, headers: [['x', 'a\r\nset-cookie: b']] }],
    ['an invalid header name', { status: 200, headers: [['x y', 'a']] }],
    ['a header that is a number', { status: 200, headers: [['x', 1]] }],
    ['a header that is not a pair', { status: 200, headers: ['x'] }],
    ['no headers', { status: 200 }],
    ['too many headers', { status: 200, headers: Array(101).fill(['x', 'y']) }],
    ['nothing in it', null],
  ])('with %s is rejected', (_, head) => {
    expect(response(head)).toMatchObject({ status: 'threw', result: null })
  })

  test('that is truncated is rejected', () => {
    for (const body of [Buffer.alloc(0), Buffer.from([1, 2]), u32(1_000_000)])
      expect(readResult(RESULT_KIND.RESPONSE, body, 1000, true)).toMatchObject({ status: 'threw', result: null })
  })

  test('over the limit is output_limit', () => {
    expect(response({ status: 200, headers: [] }, 'a'.repeat(1001)).status).toBe('output_limit')
  })
})

describe('an error', () => {
  test('keeps only known fields', () => {
    const error = { name: 'A', message: 'b', stack: 'c', retry_after_seconds: 3, never_retry: true, admin: true }
    expect(threw(error)).toEqual({
      status: 'threw',
      result: null,
      error: { name: 'A', message: 'b', stack: 'c', retry_after_seconds: 3, never_retry: true },
    })
  })

  test('of an unknown form is still an error', () => {
    for (const value of [null, 1, 'text', [], { name: 1, message: {}, retry_after_seconds: -1, never_retry: 'yes' }])
      expect(threw(value)).toEqual({ status: 'threw', result: null, error: { name: 'Error', message: '' } })
    expect(threw({ retry_after_seconds: 1e300 }).error?.retry_after_seconds).toBe(30 * 86_400)
    expect(threw({ message: 'a'.repeat(10_000) }).error?.message).toHaveLength(4000)
  })

  test('B8: a retry delay is rounded up to whole seconds, and 0 or less is ignored', () => {
    expect(threw({ retry_after_seconds: 0.2 }).error?.retry_after_seconds).toBe(1)
    for (const seconds of [0, -0.5, -5, null, '5'])
      expect(threw({ retry_after_seconds: seconds }).error).not.toHaveProperty('retry_after_seconds')
  })

  test('about memory has the status memory', () => {
    expect(threw({ name: 'MemoryError', message: '' }).status).toBe('memory')
    expect(threw({ name: 'RangeError', message: 'Array buffer allocation failed' }).status).toBe('memory')
    expect(threw({ name: 'RangeError', message: 'Invalid array length' }).status).toBe('threw')
  })
})

test('a result of an unknown kind is rejected', () => {
  expect(readResult(9, Buffer.from('1'), 1000, true)).toMatchObject({ status: 'threw', result: null })
})
