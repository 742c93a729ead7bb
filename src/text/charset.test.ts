import iconv from 'iconv-lite'
import { expect, test } from 'vitest'
import { decode, detectCharset } from './charset.ts'

const GERMAN = 'Die Größe der Übung überraschte die Schüler nicht, denn sie hatten sie schön öfter geübt.\n'
const FRENCH = 'Le garçon a été très déçu par l’été à Besançon, où il n’a « rien » trouvé de mieux.\n'
const JAPANESE = '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n'
const RUSSIAN = 'Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n'

const read = (bytes: Uint8Array, declared?: string) => [...decode(bytes, detectCharset(bytes, declared))].join('')

test.each([
  ['utf-8', GERMAN],
  ['utf-8', JAPANESE],
  ['windows-1252', GERMAN],
  ['windows-1252', FRENCH],
  ['iso-8859-1', GERMAN],
  ['shift_jis', JAPANESE],
  ['euc-jp', JAPANESE],
  ['windows-1251', RUSSIAN],
  ['koi8-r', RUSSIAN],
])('%s is recognised by its letters: %s', (charset, text) => {
  expect(read(iconv.encode(text.repeat(3), charset))).toBe(text.repeat(3))
})

test.each(['utf-8', 'utf-16le', 'utf-16be'])('a byte order mark of %s decides and is removed', (charset) => {
  expect(read(iconv.encode(JAPANESE, charset, { addBOM: true }))).toBe(JAPANESE)
})

test.each(['utf-16le', 'utf-16be'])('%s without a mark is recognised if half of its bytes are zero', (charset) => {
  expect(read(iconv.encode(GERMAN, charset))).toBe(GERMAN)
})

test('the declared charset decides if the bytes do not', () => {
  const ambiguous = iconv.encode('naïf', 'macintosh')
  expect(read(ambiguous, 'macintosh')).toBe('naïf')
})

test('an unknown declared charset is ignored', () => {
  expect(read(iconv.encode(GERMAN, 'windows-1252'), 'base64')).toBe(GERMAN)
})

test('a character that is split across two pieces stays intact', () => {
  const text = `${'a'.repeat(64 * 1024 - 1)}é and after`
  expect(read(Buffer.from(text))).toBe(text)
})

test.each([
  ['zero bytes', Buffer.from([65, 66, 0, 67, 0, 0, 68])],
  ['a few bytes with zeros in between', Buffer.from([1, 2, 0, 4, 5, 200])],
  ['control characters', Buffer.from(Array.from({ length: 100 }, (_, i) => i % 32))],
  ['a mark of UTF-16 before anything', Buffer.from([0xff, 0xfe, 1, 0, 2, 0, 0, 0, 3, 0])],
])('%s are rejected as text', (_, bytes) => {
  expect(() => detectCharset(bytes, undefined)).toThrow('is declared as text, but its content is not')
})
