import { expect, test } from 'vitest'
import { readableLine } from './log-lines.ts'

const AT = Date.UTC(2026, 5, 10, 8, 0, 1)
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal
const plain = (entry: object) => readableLine(JSON.stringify({ time: AT, ...entry })).replace(/\u001b\[\d+m/g, '')

test('E: an entry of the log is one line: time, level, message and fields', () => {
  expect(plain({ level: 40, msg: 'slow query', ms: 1200, sql: 'select 1' })).toBe(
    '08:00:01 warn  slow query ms=1200 sql="select 1"',
  )
  expect(plain({ level: 30, msg: 'request', url: '/a', headers: { a: [1] } })).toBe(
    '08:00:01 info  request url=/a headers={"a":[1]}',
  )
})

test('E: an error is its message and its code; no line break gets through', () => {
  const error = { type: 'Error', message: 'first\nsecond', stack: 'Error: first\n    at x', code: 'EIO' }
  expect(plain({ level: 50, msg: 'failed', error })).toBe(
    String.raw`08:00:01 error failed error="first\nsecond" type=Error code=EIO`,
  )
})
