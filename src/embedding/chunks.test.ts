import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHUNK_CHARACTERS, CHUNK_WORDS, chunks, MAX_CHUNKS } from './chunks.ts'

const bareLetters = (text: string) => text.normalize('NFKC').replace(/\s+/g, '')
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`)

describe('chunks', () => {
  test.each(['', ' ', '\n\t \u00a0\u2003\ufeff'])('of the blank text %j are an empty list', (text) => {
    expect(chunks(text)).toEqual([])
  })

  test('of a short text are a single one, with normalized white space', () => {
    expect(chunks('  Alice\tmet\r\n\r\nBob ')).toEqual(['Alice met Bob'])
  })

  test('have at most 80 words', () => {
    const short = Array.from({ length: 170 }, (_, i) => String(i % 10))
    expect(chunks(short.join(' ')).map((chunk) => chunk.split(' ').length)).toEqual([80, 80, 10])
  })

  test('have at most 300 characters, and words that fit are not cut', () => {
    const word = 'x'.repeat(99)
    expect(chunks([word, word, word, word].join(' '))).toEqual([`${word} ${word} ${word}`, word])
    expect(chunks(`${'x'.repeat(150)} ${'y'.repeat(150)}`)).toEqual(['x'.repeat(150), 'y'.repeat(150)])
  })

  test('cut an overlong word, but not inside a character', () => {
    expect(chunks('x'.repeat(700)).map((chunk) => chunk.length)).toEqual([300, 300, 100])
    for (const chunk of chunks(`x${'😀'.repeat(400)}`)) expect(chunk).not.toMatch(/\p{Surrogate}/u)
  })

  test('are measured after compatibility characters are expanded', () => {
    const expanding = '\ufdfa'.repeat(300)
    for (const chunk of chunks(expanding)) expect(chunk.length).toBeLessThanOrEqual(CHUNK_CHARACTERS)
  })

  test('of a very long text are spread from its start to its end', () => {
    const all = chunks(words(100_000).join(' '))
    expect(all).toHaveLength(MAX_CHUNKS)
    expect(all[0]).toMatch(/^w0 w1 /)
    expect(all.at(-1)).toMatch(/ w99999$/)
    expect(new Set(all).size).toBe(MAX_CHUNKS)
  })

  test('of one word of a million characters are computed quickly', () => {
    const start = performance.now()
    expect(chunks('a'.repeat(1_000_000))).toHaveLength(MAX_CHUNKS)
    expect(performance.now() - start).toBeLessThan(1000)
  })

  const text = fc
    .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.lorem({ maxCount: 60 })), { maxLength: 12 })
    .map((parts) => parts.join(' '))

  test('keep every limit and lose, add or reorder nothing', () => {
    fc.assert(
      fc.property(text, (text) => {
        const all = chunks(text)
        for (const chunk of all) {
          expect(chunk.trim()).toBe(chunk)
          expect(chunk.length).toBeGreaterThan(0)
          expect(chunk.length).toBeLessThanOrEqual(CHUNK_CHARACTERS)
          expect(chunk.split(' ').length).toBeLessThanOrEqual(CHUNK_WORDS)
        }
        expect(bareLetters(all.join(''))).toBe(bareLetters(text))
      }),
    )
  })

  test('of a chunk are the chunk itself', () => {
    fc.assert(
      fc.property(text, (text) => {
        for (const chunk of chunks(text)) expect(chunks(chunk)).toEqual([chunk])
      }),
    )
  })
})
