import { expect, test } from 'vitest'
import { csvText } from './csv.ts'

const read = (csv: string, bytes = csv.length) => [...csvText(csv.split('\n'), bytes)].join('').trimEnd()

test.each([
  ['name,city\nAda,London\nLin,', 'name, city\nname: Ada, city: London\nname: Lin'],
  ['name;price\n"Tea; green";2,50', 'name, price\nname: Tea; green, price: 2,50'],
  ['a\tb\n1\t2', 'a, b\na: 1, b: 2'],
  ['a,b\n"say ""hi""","two\nlines"', 'a, b\na: say "hi", b: two lines'],
  ['1,2\n3,4', '1, 2\n3, 4'],
  ['a,b\n\n1,2,3', 'a, b\na: 1, b: 2, 3'],
  ['just a line', 'just a line'],
  ['a,b\n5" pipe,2\n6" pipe,3', 'a, b\na: 5" pipe, b: 2\na: 6" pipe, b: 3'],
])('%j reads %j', (csv, text) => {
  expect(read(csv)).toBe(text)
})

test('a quote that is never closed loses no words', () => {
  expect(read('a,b\n1,"two\nthree\nfour')).toBe('a, b\na: 1, b: two three four')
})

test('in a large table the values stand alone', () => {
  expect(read('name,city\nAda,London', 1024 * 1024)).toBe('name, city\nAda, London')
})
