import { expect, test } from 'vitest'
import { createExtractor } from '../../src/language/rules/extract.ts'
import { loadTagger } from '../../src/language/rules/tagging.ts'
import { type Found, isRight } from './relation-score.ts'
import baseline from './relations-baseline.json' with { type: 'json' }
import { RELATIONS_GOLD } from './relations-gold.ts'

const extract = createExtractor(loadTagger())

/** Facts of each sentence, with the confidence of each. */
const extracted = RELATIONS_GOLD.map(({ text, speaker }) =>
  extract(text, speaker)
    .relations.filter(({ isFact }) => isFact)
    .map(({ subject, predicate, object, ended, confidence }) => ({
      found: [subject, ended ? `no longer ${predicate}` : predicate, object] as Found,
      confidence,
    })),
)
const share = (results: readonly boolean[]) => results.filter(Boolean).length / results.length

test('a careful reader accepts most relations, more of them than of the rules before the sentences were labelled', () => {
  const before = (baseline as unknown as Found[][]).flatMap((relations, i) =>
    relations.map((found) => isRight(found, RELATIONS_GOLD[i]!)),
  )
  const now = extracted.flatMap((relations, i) => relations.map(({ found }) => isRight(found, RELATIONS_GOLD[i]!)))
  const right = [before, now].map((results) => results.filter(Boolean).length)
  console.log(
    `relations: precision ${share(now).toFixed(3)} (${right[1]} of ${now.length}), before ${share(before).toFixed(3)} (${right[0]} of ${before.length})`,
  )
  expect(RELATIONS_GOLD.length).toBeGreaterThanOrEqual(120)
  expect(baseline).toHaveLength(RELATIONS_GOLD.length)
  expect(share(now)).toBeGreaterThanOrEqual(0.9)
  expect(right[1]).toBeGreaterThanOrEqual(right[0]!)
  for (const kind of ['chat', 'news', 'technical']) {
    const ofKind = extracted.flatMap((relations, i) =>
      RELATIONS_GOLD[i]!.kind === kind ? relations.map(({ found }) => isRight(found, RELATIONS_GOLD[i]!)) : [],
    )
    expect(share(ofKind), kind).toBeGreaterThanOrEqual(0.85)
  }
})

test('a higher confidence means that more relations are right', () => {
  const sorted = extracted
    .flatMap((relations, i) =>
      relations.map(({ found, confidence }) => ({ confidence, right: isRight(found, RELATIONS_GOLD[i]!) })),
    )
    .sort((a, b) => b.confidence - a.confidence)
    .map(({ right }) => right)
  const third = Math.floor(sorted.length / 3)
  expect(share(sorted.slice(0, third))).toBeGreaterThan(share(sorted.slice(-third)))
})

test.each([
  ['Müller arbeitet bei Siemens in München.'],
  ['Vivo en Madrid y trabajo en un banco.'],
  ['Le président a visité Marseille.'],
  ['Мария живёт в Москве.'],
  ['田中さんは東京に住んでいます。'],
])('a sentence in another language yields nothing: %s', (text) => {
  expect(extract(text, 'Mia')).toEqual({ entities: [], relations: [] })
})

test.each([
  ['I no longer work at Google.', { predicate: 'work at', lemma: 'work at', ended: true, isFact: true }],
  ['Alice met Bob.', { predicate: 'met', lemma: 'meet', tense: 'past', isFact: true, ended: false }],
  ['Alice is working at Acme.', { predicate: 'is working at', lemma: 'work at', tense: 'present' }],
  ["I'm gonna visit Porto.", { predicate: 'will visit', lemma: 'visit', tense: 'future', isFact: true }],
  ['Lawmakers may vote on the bill.', { lemma: 'vote on', isFact: false }],
  ['If it rains, Alice cancels the trip.', { lemma: 'cancel', tense: 'present', isFact: false }],
  ['Ludwig was born in Bonn.', { lemma: 'be born in', tense: 'past' }],
  ['Rosa does not eat meat.', { lemma: 'not eat', tense: 'present' }],
])('the base form, tense and modality are fields: %s', (text, fields) => {
  expect(extract(text, 'Mia').relations).toContainEqual(expect.objectContaining(fields))
})

test('a label at the start of a line names the speaker', () => {
  const { entities, relations } = extract('Nate: I bought a car.\nJoanna: I adopted a cat.\nNote: I saw it.')
  expect(relations).toMatchObject([
    { subject: 'Nate', predicate: 'bought', object: 'car' },
    { subject: 'Joanna', predicate: 'adopted', object: 'cat' },
  ])
  expect(entities.map(({ name }) => name)).toEqual(expect.arrayContaining(['Nate', 'Joanna']))
})
