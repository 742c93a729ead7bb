import { expect, test } from 'vitest'
import { ExactNumber } from '../exact-json.ts'
import { withDefaults } from './defaults.ts'

const object = (properties: object, rest = {}) => ({ type: 'object', properties, ...rest })

test.each([
  ['a missing property', object({ n: { default: 5 } }), {}, { n: 5 }],
  ['what was given, null too', object({ n: { default: 5 }, m: { default: 1 } }), { n: 6, m: null }, { n: 6, m: null }],
  ['properties of an object that is there', object({ a: object({ b: { default: 1 } }) }), { a: {} }, { a: { b: 1 } }],
  ['nothing for an object that is not there', object({ a: object({ b: { default: 1 } }) }), {}, {}],
  [
    'a default that has defaults itself',
    object({ a: object({ b: { default: 1 } }, { default: {} }) }),
    {},
    { a: { b: 1 } },
  ],
  ['items', object({ l: { items: object({ n: { default: 1 } }) } }), { l: [{}, 7] }, { l: [{ n: 1 }, 7] }],
  [
    'a tuple',
    { prefixItems: [object({ n: { default: 1 } })], items: object({ n: { default: 2 } }) },
    [{}, {}],
    [{ n: 1 }, { n: 2 }],
  ],
  ['allOf', { allOf: [object({ a: { default: 1 } }), object({ b: { default: 2 } })] }, {}, { a: 1, b: 2 }],
  [
    'a reference',
    object({ a: { $ref: '#/$defs/x' } }, { $defs: { x: object({ n: { default: 1 } }) } }),
    { a: {} },
    { a: { n: 1 } },
  ],
  ['nothing of alternatives', { anyOf: [object({ a: { default: 1 } })] }, {}, {}],
  ['nothing where the schema is not one', true, { a: 1 }, { a: 1 }],
  ['null as a default', object({ a: { default: null } }), {}, { a: null }],
])('%s', (_, schema, value, expected) => {
  const before = JSON.stringify([schema, value])
  expect(withDefaults(schema, value)).toEqual(expected)
  expect(JSON.stringify([schema, value])).toBe(before)
})

test('a schema that refers to itself ends with the value', () => {
  const schema = { ...object({ next: { $ref: '#' }, n: { default: 0 } }), allOf: [{ $ref: '#' }] }
  expect(withDefaults(schema, { next: { next: {} } })).toEqual({ n: 0, next: { n: 0, next: { n: 0 } } })
})

test('a property called __proto__ is one, and exact numbers stay', () => {
  const schema = JSON.parse('{"properties": {"__proto__": {"default": 1}, "n": {"properties": {"x": {"default": 1}}}}}')
  const n = new ExactNumber('9007199254740993')
  const filled = withDefaults(schema, { n }) as { n: unknown }
  expect(Object.entries(filled)).toContainEqual(['__proto__', 1])
  expect(filled.n).toBe(n)
})
