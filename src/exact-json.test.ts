import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExactNumber, parseJson, parseStoredJson, stringifyJson, withDoubles } from './exact-json.ts'

const text = (value: unknown) => stringifyJson(value)

describe('numbers', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '[12345678901234567890123,12345678901234567890123]',
    '12345678901234567890.10',
    '0.1234567890123456789',
    '1.7976931348623157081e308',
    '4.9406564584124654e-324',
    '{"a":"9007199254740993","b\\"\\\\":9007199254740993,"c":["x",{"d":-0.30000000000000002}]}',
  ])('%s keeps its digits', (given) => {
    expect(text(parseJson(given))).toBe(given)
    expect(text(parseStoredJson(given))).toBe(given)
  })

  test('a number that a double holds stays a number, however it is written', () => {
    const given = [
      '0.1',
      '0.30000000000000004',
      '9007199254740992',
      '1e300',
      `1${'0'.repeat(300)}`,
      '1.50000000000000000',
    ]
    expect(given.map((each) => parseJson(each))).toEqual([0.1, 0.30000000000000004, 2 ** 53, 1e300, 1e300, 1.5])
    expect(parseJson('[-0.00000000000000000000]')).toEqual([-0])
  })

  test.each([
    '1e400',
    '-1e400',
    '1e-400',
    '9'.repeat(310),
    '1'.repeat(1001),
    `0.${'3'.repeat(1001)}`,
    '1e999999999999',
  ])('%s is refused, with its place', (number) => {
    const refused = expect.objectContaining({
      code: 'validation_failed',
      message: expect.stringContaining('send it as text'),
      fields: [expect.objectContaining({ loc: ['body', 'rows', 1, '__proto__'] })],
    })
    expect(() => parseJson(`{"rows":[0,{"__proto__":${number}}]}`)).toThrow(refused)
    expect(text(parseStoredJson(number))).toBe(number)
  })

  test('an exact number compares and computes as the nearest double, and elsewhere is a text', () => {
    const number = parseJson('9007199254740993') as ExactNumber
    expect(number).toBeInstanceOf(ExactNumber)
    expect([Number(number), String(number), JSON.stringify({ number })]).toEqual([
      2 ** 53,
      '9007199254740993',
      '{"number":"9007199254740993"}',
    ])
    expect(withDoubles({ a: [number], b: 1 })).toEqual({ a: [2 ** 53], b: 1 })
  })
})

describe('all else is as JSON.parse and JSON.stringify have it', () => {
  const BIG = '9007199254740993'

  test.each([
    `{${BIG}:1}`,
    `[${BIG} 1]`,
    `[${BIG}`,
    `0${BIG}`,
    `${BIG}x`,
    `-${BIG}-1`,
    `{"a":1,${BIG}}`,
    `+${BIG}`,
    `${BIG}.`,
    `"${BIG}`,
    `${BIG}e`,
  ])('%s is refused with the same words', (given) => {
    const words = (parse: (given: string) => unknown) => {
      try {
        return parse(given)
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(words(parseJson)).toBe(words(JSON.parse))
  })

  test('keys like __proto__ are own keys, and the last of repeated keys counts', () => {
    const value = parseJson(`{"__proto__":{"admin":${BIG}},"constructor":1,"a":${BIG},"a":2}`) as Record<
      string,
      unknown
    >
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'a'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(value['admin']).toBeUndefined()
    expect(text(value)).toBe(`{"__proto__":{"admin":${BIG}},"constructor":1,"a":2}`)
  })

  test('a text of any depth is read', () => {
    const depth = 100_000
    let value = parseJson(`${'['.repeat(depth)}${BIG}${']'.repeat(depth)}`)
    for (let i = 0; i < depth; i++) value = (value as unknown[])[0]
    expect(String(value)).toBe(BIG)
  })

  test('generated documents', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.integer({ min: 0, max: 4 }), (given, space) => {
        const value = JSON.parse(given)
        expect(parseJson(JSON.stringify(value, null, space))).toEqual(value)
        expect(text(parseJson(given))).toBe(JSON.stringify(value))
      }),
      { numRuns: 500 },
    )
  })

  test('generated numbers keep their decimal value', () => {
    const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`))
    const number = fc
      .tuple(fc.constantFrom('', '-'), digits(25), digits(25), fc.integer({ min: -250, max: 250 }))
      .map(([sign, whole, fraction, exponent]) => `${sign}${whole.replace(/^0+(?=.)/, '')}.${fraction}e${exponent}`)
    /** Scales the number to a whole number, so that it can be compared exactly. */
    const scaled = (token: string) => {
      const [, sign = '', whole = '', fraction = '', exponent = '0'] =
        /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(token) ?? []
      return BigInt(`${sign}${whole}${fraction}`) * 10n ** BigInt(400 + Number(exponent) - fraction.length)
    }
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 5 }), (numbers) => {
        const written = text(parseJson(`[${numbers.join(' , ')}]`))
        expect(written.slice(1, -1).split(',').map(scaled)).toEqual(numbers.map(scaled))
      }),
      { numRuns: 1000 },
    )
  })
})
