import { afterAll, expect, test } from 'vitest'
import { builtinLanguage } from '../../src/language/builtin.ts'
import { loadTagger } from '../../src/language/rules/tagging.ts'
import { DOCUMENTS, type KeyedDocument, SHORT_KEYED_DOCUMENTS } from './documents.ts'

const MAX_LENGTH = 500

const language = builtinLanguage()
afterAll(() => language.close())

const tag = loadTagger()

function lead(text: string, sentences: number, separator = ' '): string {
  return tag(text)
    .slice(0, sentences)
    .map(({ span }) => text.slice(...span).replace(/\s+/g, ' '))
    .join(separator)
}

test('the documents have 200 to 500 words, and no key sentence is among the first three', () => {
  expect(DOCUMENTS).toHaveLength(20)
  for (const { kind, text, key } of [...DOCUMENTS, ...SHORT_KEYED_DOCUMENTS]) {
    const words = text.split(/\s+/).length
    expect(words, kind).toBeGreaterThanOrEqual(200)
    expect(words, kind).toBeLessThanOrEqual(500)
    expect(text.split(key), kind).toHaveLength(2)
    expect(lead(text, 3), kind).not.toContain(key)
  }
})

/** Returns as many of the longest sentences as fit. */
function longest(text: string): string {
  const order = lead(text, Number.POSITIVE_INFINITY, '\n')
    .split('\n')
    .sort((a, b) => b.length - a.length)
  return order.reduce((kept, next) => (kept.length + next.length < MAX_LENGTH ? `${kept} ${next}` : kept), '')
}

async function measure(name: string, documents: readonly KeyedDocument[]): Promise<number> {
  const missed: string[] = []
  for (const { kind, text, key } of documents) {
    const summary = await language.summarize(text, MAX_LENGTH)
    expect(summary.length, kind).toBeLessThanOrEqual(MAX_LENGTH)
    if (!summary.includes(key)) missed.push(kind)
  }
  const found = documents.length - missed.length
  const byLead = documents.filter(({ text, key }) => lead(text, 3).slice(0, MAX_LENGTH).includes(key)).length
  const byLength = documents.filter(({ text, key }) => longest(text).includes(key)).length
  console.log(
    `${name}, found of ${documents.length}: ${found} by the summary, ${byLead} by the first three sentences, ${byLength} by the longest sentences; missed: ${missed.join(', ') || 'none'}`,
  )
  return found
}

test('a summary of 500 characters contains the key sentence of most documents', async () => {
  expect(await measure('key sentences', DOCUMENTS)).toBeGreaterThanOrEqual(14)
})

test('the key sentence is found as often if it is not longer than others', async () => {
  expect(await measure('key sentences of ordinary length', SHORT_KEYED_DOCUMENTS)).toBeGreaterThanOrEqual(7)
})
