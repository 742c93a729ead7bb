import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadTagger } from './tagging.ts'
import { textRank } from './textrank.ts'

const tag = loadTagger()
const summarize = (text: string, maxLength: number) => textRank(text, tag(text), maxLength)

const REPORT = [
  'Thanks to everyone who joined the call this morning.',
  'The kitchen will be painted next week.',
  'The search service was slow because the search index of the service had grown too large.',
  'Priya rebuilt the search index, and the search service became fast again.',
  'Tomás will watch the size of the search index of the service from now on.',
  'Lunch was good.',
].join(' ')

test('a text that fits is its own summary', () => {
  expect(summarize('Bob likes tea.  Eve\nlikes coffee.', 100)).toBe('Bob likes tea. Eve likes coffee.')
})

test('the sentence with the most in common with others is chosen, not the first', () => {
  expect(summarize(REPORT, 100)).toBe(
    'The search service was slow because the search index of the service had grown too large.',
  )
})

test('chosen sentences are complete and in their order', () => {
  const sentences = summarize(REPORT, 200).split(/(?<=\.) /)
  const places = sentences.map((sentence) => REPORT.indexOf(sentence))
  expect(sentences.length).toBeGreaterThan(1)
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect(places).not.toContain(-1)
})

test('if no sentence fits, the best one is cut at a word', () => {
  expect(summarize(REPORT, 30)).toBe('The search service was slow…')
})

test('a repeated sentence counts once', () => {
  expect(summarize('The cat sat on the mat. '.repeat(50), 1000)).toBe('The cat sat on the mat.')
})

test.each(['', ' \r\n ', '... !!! ---', '😀😀'])('%j has no sentence, so the summary is empty', (text) => {
  expect(summarize(text, 100)).toBe('')
})

test('no summary exceeds the limit or splits a character', () => {
  const words = fc.constantFrom(
    'Alice',
    'met',
    'Bob',
    'in',
    'Berlin',
    '.',
    '!',
    '\n',
    '\n\n',
    '😀',
    'naïve',
    '👩‍👩‍👧',
    'x'.repeat(50),
  )
  const texts = fc.array(fc.oneof(words, fc.string({ unit: 'grapheme' })), { maxLength: 60 })
  fc.assert(
    fc.property(
      texts.map((pieces) => pieces.join(' ')),
      fc.integer({ min: 0, max: 120 }),
      (text, maxLength) => {
        const summary = summarize(text, maxLength)
        expect(summary.length).toBeLessThanOrEqual(maxLength)
        expect(summary).not.toMatch(/\p{Surrogate}/u)
      },
    ),
    { numRuns: 300 },
  )
})

test('a text of thousands of sentences is summarized', () => {
  const many = Array.from({ length: 6_000 }, (_, i) => `Person ${i} likes thing ${i % 997} in city ${i % 101}.`).join(
    ' ',
  )
  const sentences = tag(many)
  expect(textRank(many, sentences, 500).length).toBeLessThanOrEqual(500)
})
