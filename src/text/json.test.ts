import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonText, NotJson } from './json.ts'
import { Unreadable } from './unreadable.ts'

const read = (json: string, size = json.length || 1) =>
  [...jsonText(json.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])].join('').replace(/\n$/, '')

test.each([
  ['{"user":{"name":"Ada","tags":["x","y"]},"n":1}', 'user.name: Ada\nuser.tags[0]: x\nuser.tags[1]: y\nn: 1'],
  ['[{"a":1},{"a":2},[3,[4]]]', '[0].a: 1\n[1].a: 2\n[2][0]: 3\n[2][1][0]: 4'],
  ['{"city":"Troms\\u00f8","smile":"\\ud83d\\ude00","q":"\\"\\\\\\/"}', 'city: Tromsø\nsmile: 😀\nq: "\\/'],
  ['{"text":"one\\ntwo\\n\\n\\tthree","key\\nof two":1}', 'text: one two three\nkey of two: 1'],
  [
    '[9007199254740993, 12345678901234567890123, 1e400, -0.10, 1.0]',
    '[0]: 9007199254740993\n[1]: 12345678901234567890123\n[2]: 1e400\n[3]: -0.10\n[4]: 1.0',
  ],
  ['{"a":true,"b":null,"c":"","d":[],"e":{},"f":[{}]}', 'a: true\nb: null\nc: \nd: []\ne: {}\nf[0]: {}'],
  ['{"__proto__":{"constructor":1},"a":1,"a":2,"":3}', '__proto__.constructor: 1\na: 1\na: 2\n3'],
  ['{"":{"":[1]}}', '[0]: 1'],
  [' "alone" ', 'alone'],
  ['42', '42'],
  ['{}', '{}'],
  ['{"name":"Ada"}\n{"name":"Lin"}\r\n\n[1]\n', 'name: Ada\n\nname: Lin\n\n[0]: 1'],
])('C: json: %j reads %j', (json, text) => {
  for (const size of [json.length, 1, 3]) expect(read(json, size)).toBe(text)
})

test.each([
  ...[
    '',
    ' \n',
    '{',
    '{"a":1',
    '{"a" 1}',
    '{"a":1,}',
    '[1 2]',
    '[1,]',
    '[,1]',
    '{a:1}',
    "{'a':1}",
    '01',
    '1.',
    '+1',
    'tru',
  ],
  ...[
    'truefalse',
    '"\\x"',
    '"\\u12g4"',
    '"a\nb"',
    '"a',
    ']',
    '{"a":1}}',
    '{"a":1}\n{"a":',
    'NaN',
    '// comment\n{}',
    '{"a":1]',
  ],
])('C: json: %j is not JSON', (text) => {
  expect(() => read(text)).toThrow(NotJson)
})

test('C: json: the reader accepts and rejects the same documents as JSON.parse, and each leaf has a line', () => {
  const leaves = (value: unknown): number =>
    typeof value === 'object' && value !== null && Object.keys(value).length > 0
      ? Object.values(value).reduce((sum: number, inner) => sum + leaves(inner), 0)
      : 1
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const letters = fc.constantFrom('', ',', '"', '}', ']', ':', '\\', '1', '\n', 'e')
  fc.assert(
    fc.property(fc.json(), fc.nat(), letters, (json, at, letter) => {
      expect(read(json, 2).split('\n')).toHaveLength(leaves(JSON.parse(json)))
      const place = at % json.length
      // In an array, because a sequence of documents is accepted as well.
      const changed = `[${json.slice(0, place)}${letter}${json.slice(place + 1)}]`
      if (isJson(changed)) read(changed)
      else expect(() => read(changed)).toThrow(NotJson)
    }),
    { numRuns: 300 },
  )
})

test('C: json: more than 1,000 levels are rejected, and 1,000 are not', () => {
  expect(read('['.repeat(1000) + ']'.repeat(1000))).toBe(`${'[0]'.repeat(999)}: []`)
  expect(() => read('{"a":'.repeat(1001))).toThrow(new Unreadable('nests its values more than 1000 deep'))
})

test('C: json: reading is lazy', () => {
  let taken = 0
  function* endless() {
    for (yield '['; ; taken++) yield '1,'
  }
  const text = jsonText(endless())
  for (let i = 0; i < 10; i++) expect(text.next().value).toBe(`[${i}]: 1\n`)
  expect(taken).toBeLessThan(20)
})
