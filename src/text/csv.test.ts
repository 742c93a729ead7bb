import { expect, test } from 'vitest'
import { csvText } from './csv.ts'

const read = (csv: string, bytes = csv.length) => [...csvText(csv.split('\n'), bytes)].join('').trimEnd()

test.each([
  ['name,city\nAda,London\nLin,', 'name, city\nname: Ada, city: London\nname: Lin, city:'],
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

test.each([
  ['sep=;\nname;price\nTea, green;2,50', 'name, price\nname: Tea, green, price: 2,50'],
  ['"sep=^"\nname^price\nTea; green^2,50', 'name, price\nname: Tea; green, price: 2,50'],
  ['SEP=\t\na,b\tc\n1\t2', 'a,b, c\na,b: 1, c: 2'],
])('C: csv whose first line says which separator it has: %j reads %j', (csv, text) => {
  expect(read(csv)).toBe(text)
})

test.each([
  ['1,,3\n,5,\n,,', '1, , 3\n, 5, \n, , '],
  ['a,b,c\n1,,3\n,,', 'a, b, c\na: 1, b:, c: 3\na:, b:, c:'],
  [',name,age\n0,Ada,36\n1,,28', ', name, age\n0, name: Ada, age: 36\n1, name:, age: 28'],
  ['1||3', '1, , 3'],
])('C: csv: an empty value keeps its place: %j reads %j', (csv, text) => {
  expect([...csvText(csv.split('\n'), csv.length)].join('')).toBe(`${text}\n`)
})

test.each([
  ['"Smith, Ada, Lin";"b"\n1;2', 'Smith, Ada, Lin, b\nSmith, Ada, Lin: 1, b: 2'],
  ['Sales of 2026\n\nname;city\nAda;Oslo, Norway', 'Sales of 2026\nname, city\nAda, Oslo, Norway'],
  ['a|b\n"x|y"|"two\nlines ""quoted"""', 'a, b\na: x|y, b: two lines "quoted"'],
])('C: csv: the separator is found outside of quotes and behind a title: %j reads %j', (csv, text) => {
  expect(read(csv)).toBe(text)
})

test('an unclosed quote loses no words', () => {
  expect(read('a,b\n1,"two\nthree\nfour')).toBe('a, b\na: 1, b: two three four')
})

test('values of a large table have no column names', () => {
  expect(read('name,city\nAda,London', 1024 * 1024)).toBe('name, city\nAda, London')
})
