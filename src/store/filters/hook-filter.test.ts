import { describe, expect, test } from 'vitest'
import { DbError, type Executor } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { acceptedHookFilter, compileHookFilter, pathOf } from './hook-filter.ts'

/** Returns the error of the compiler. Fails if the filter compiles. */
function refusal(filter: Record<string, unknown>): string {
  try {
    compileHookFilter(filter)
  } catch (error) {
    expect(error).toMatchObject({ name: 'ZeroError', code: 'invalid' })
    return (error as ZeroError).message
  }
  throw new Error(`compiled: ${JSON.stringify(filter)}`)
}

const nested = (levels: number): Record<string, unknown> =>
  levels === 0 ? { 'row.n': 1 } : { $not: nested(levels - 1) }
const repeated = (count: number) => ({ $and: Array.from({ length: count }, () => ({ 'row.n': 1 })) })

test('one jsonpath, in which a user’s words stand as JSON strings only', () => {
  expect(compileHookFilter({ 'row.total': { $gte: 100 } })).toBe(
    '(((exists($."row"."total" ? (@.type() == "number" && @ >= 100)))))',
  )
  expect(compileHookFilter({ 'data.a"b': 'x" || true || "' })).toBe(
    String.raw`((exists($."data"."a\"b" ? (@.type() != "array" && (@ == "x\" || true || \"")))))`,
  )
  expect(compileHookFilter({})).toBe('(1 == 1)')
})

describe('is refused', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['an operator that does not exist', { 'row.n': { $near: 1 } }, 'unknown operator "$near"; one of: $eq'],
    ['one of every object', { 'row.n': { $constructor: 1 } }, 'unknown operator "$constructor"'],
    ['one at the top', { $nor: [] }, 'unknown operator "$nor"'],
    ['another root', { 'metadata.n': 1 }, 'must lead into the event’s data, its row or the previous row'],
    ['a root alone', { row: 1 }, 'must lead into the event’s data, its row or the previous row'],
    ['a key without a name', { 'row..n': 1 }, 'must lead into the event’s data, its row or the previous row'],
    ['a comparison with an object', { 'row.n': { a: 1 } }, 'it compares with a text, a number, true, false or null'],
    ['a comparison with a list', { 'row.n': [1] }, 'it compares with a text, a number, true, false or null'],
    ['an order of neither numbers nor texts', { 'row.n': { $gt: true } }, '"$gt" compares with a number or a text'],
    ['a number that JSON cannot express', { 'row.n': Number.POSITIVE_INFINITY }, 'a number in it is too large'],
    ['U+0000', { 'row.n': 'a\u0000' }, 'U+0000'],
    ['half of a character', { 'row.n': '\ud800' }, 'half of a character'],
    ['no list', { 'row.n': { $in: 1 } }, '"$in" takes a list of 1 to 100 values'],
    ['an empty list', { 'row.n': { $in: [] } }, '"$in" takes a list of 1 to 100 values'],
    ['a long list', { 'row.n': { $nin: Array(101).fill(1) } }, '"$nin" takes a list of 1 to 100 values'],
    ['invalid conditions', { $not: 1 }, '"$not" takes conditions'],
    ['existence of anything but true or false', { 'row.n': { $exists: 'yes' } }, '"$exists" takes true or false'],
    ['a back reference', { 'row.n': { $regex: String.raw`(a)\1` } }, 'without back references'],
    ['a pattern of 201 characters', { 'row.n': { $regex: 'a'.repeat(201) } }, 'at most 200 characters'],
    ['a text of 1,001 characters to look for', { 'row.n': { $contains: 'a'.repeat(1001) } }, 'at most 1000 characters'],
  ])('%s', (_, filter, message) => expect(refusal(filter)).toContain(message))
})

describe('may cost so much and no more', () => {
  const pattern = (text: string) => ({ 'row.n': { $regex: text } })

  test('a hundred conditions, counted over all levels', () => {
    compileHookFilter(repeated(99))
    expect(refusal(repeated(100))).toContain('at most 100 conditions')
  })

  test('ten levels', () => {
    compileHookFilter(nested(10))
    expect(refusal(nested(11))).toContain('10 levels')
  })

  test('two hundred atoms and ten anchors, over all patterns', () => {
    compileHookFilter(pattern('(a{10}){20}'))
    expect(refusal(pattern('(a{10}){20}b'))).toContain('at most 200 characters, with every repetition')
    expect(refusal({ ...pattern('a{150}'), 'row.m': { $regex: 'a{51}' } })).toContain('at most 200 characters')
    compileHookFilter(pattern('(^a){10}'))
    expect(refusal(pattern('(^a){11}'))).toContain('at most 10 anchors')
  })

  test.each([
    '^ab',
    'invoice-[0-9]{4,8}$',
    String.raw`^[\w.+-]+@[\w-]+(\.[\w-]+)+$`,
    String.raw`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?$`,
    String.raw`\d{1,3}(\.\d{1,3}){3}`,
    '^(foo|bar)[a-z]{2,40}$',
    '(urgent|important|asap|as soon as possible|today|tomorrow)',
    '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
    String.raw`^https?://([\w-]+\.)+[a-z]{2,10}(:\d{1,5})?(/[^ ?#]*)*(\?[^ #]*)?$`,
    String.raw`^(\+?\d{1,3}[ -]?)?(\(?\d{2,5}\)?[ -]?){1,5}\d{2,4}$`,
    '(?i)^(.*[^a-z])?(error|warning|fatal)([^a-z].*)?$',
    String.raw`^(\s*[^,]*\s*,?){10}$`,
    '^([a-z0-9]+(-[a-z0-9]+)*/){0,8}$',
    '(a+)+$',
    '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x',
    '^.{0,199}$',
    '(a?){100}a{100}',
    String.raw`^(\mfoo\M|\mbar\M)+$`,
    String.raw`(\m(\w+)\M\s*)*`,
    String.raw`(^|\s)foo($|\s)`,
  ])('A2: %s is accepted', (text) => {
    compileHookFilter(pattern(text))
  })

  test.each([
    '((\\w|([a-z]{0,2}){1,50}?)*?|ab{2}|[[:alpha:]])*(?:\\w{1,3}x)+!',
    '(?i)(x|(?:[^b])*?){0,50}(?:é)+?(?:é{2}){0,2}\\s{1,50}?',
    '((b.(?:\\w*?){1,40}(?:x){0,2}|é*|x+){0,2}|[[:alpha:]]??)*?!',
    '^(?:(((?:ab){0,2}|(?:\\w*){1,40}|(((?:x){1,3}|\\w)*)+){0,2})??)+$',
    '(?i)(?:(?:[a-z]*?){1,3}){1,50}?c$',
    `(?:\\w?){43}abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ`,
    '^([^b]?|b){0,50}!',
  ])('A2: %s is refused, because it has too many transitions', (text) => {
    expect(refusal(pattern(text))).toContain('too complex')
  })

  test.each([
    String.raw`((?:(\y)*?){1,4})*?!`,
    String.raw`(((\y)?a?){4})*`,
    String.raw`((\y)*){10}`,
    String.raw`((\ya?){10})*`,
    String.raw`(((\y)?\w?)){10}abcdefghijklmnopqrstuvwxyz0123456789`,
  ])('A2: %s is refused, because it repeats anchors that can be left out', (text) => {
    expect(refusal(pattern(text))).toContain('anchors')
  })

  test('ten thousand transitions, over all patterns', () => {
    compileHookFilter(pattern('(a?){100}'))
    compileHookFilter({ ...pattern('(a?){99}'), 'row.m': { $regex: '(a?){99}' } })
    expect(refusal(pattern('((a?){90})*'))).toContain('too complex')
    expect(refusal({ ...pattern('((a?){60})*'), 'row.m': { $regex: '((a?){70})*' } })).toContain('too complex')
  })

  test('65,536 characters, compiled', () => {
    const long = (length: number) => ({ 'row.n': { $in: Array(70).fill('a'.repeat(length)) } })
    compileHookFilter(long(900))
    expect(refusal(long(950))).toContain('it is too long')
  })
})

test('a pattern in which the database finds a mistake is refused with its words; what else goes wrong is not', async () => {
  const failing = (error: Error) => ({ query: () => Promise.reject(error) }) as unknown as Executor
  await expect(
    acceptedHookFilter(failing(new DbError({ message: 'invalid character range', code: '2201B' })), { 'row.n': 1 }),
  ).rejects.toMatchObject({ code: 'invalid', message: 'filter: invalid character range' })
  await expect(acceptedHookFilter(failing(new ZeroError('unavailable')), { 'row.n': 1 })).rejects.toMatchObject({
    code: 'unavailable',
  })
  expect(await acceptedHookFilter(failing(new Error('not asked')), null)).toBeNull()
})

test('a path says which field is wrong', () => {
  expect(pathOf('row.metadata.customer')).toEqual(['row', 'metadata', 'customer'])
  expect(() => pathOf('customer')).toThrow('ordering_key: "customer" must lead')
  expect(refusal({ 'x.y': 1 })).toContain('filter: "x.y" must lead')
})

test('B3: a backslash before a dot makes it part of a key, before a backslash it is one, elsewhere it stands for itself', () => {
  expect(pathOf(String.raw`row.a\.b.c`)).toEqual(['row', 'a.b', 'c'])
  expect(pathOf(String.raw`row.a\\.b`)).toEqual(['row', 'a\\', 'b'])
  expect(pathOf('row.a\\b.😀\\')).toEqual(['row', 'a\\b', '😀\\'])
  expect(pathOf('row.__proto__.constructor')).toEqual(['row', '__proto__', 'constructor'])
  expect(() => pathOf('row.a\u0001')).toThrow('U+0001')
})

test('a number in a path is a key of an object, or a place in a list, which is not read into other values', () => {
  expect(compileHookFilter({ 'row.tags.0': { $exists: true } })).toBe(
    '(((exists($."row"."tags"."0") || exists($."row" ? (@.type() == "object" && @."tags".type() == "array")."tags"[0]))))',
  )
  expect(refusal({ 'row.0.1.2.3.4.5.6.7': 1 })).toContain('at most 100 conditions')
})
