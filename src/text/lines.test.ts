import { expect, test } from 'vitest'
import { lines } from './lines.ts'

test.each([
  ['a\nb\n', ['a', 'b']],
  ['a\r\nb\r\n\r\nc', ['a', 'b', '', 'c']],
  ['a\rb\r\rc\r', ['a', 'b', '', 'c']],
  ['a\n\rb', ['a', '', 'b']],
  ['', []],
])('C: the lines of %j are %j, however the text is cut into pieces', (text, expected) => {
  for (let size = 1; size <= text.length + 1; size++)
    expect([...lines(text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])]).toEqual(expected)
})
