import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { builtinLanguage } from '../builtin.ts'
import type { Extraction } from '../index.ts'
import { createExtractor } from './extract.ts'
import { loadTagger } from './tagging.ts'

const extract = createExtractor(loadTagger())

const facts = (text: string, speaker?: string) =>
  extract(text, speaker).relations.map(({ subject, predicate, object }) => `${subject} -${predicate}- ${object}`)

const types = (text: string) => Object.fromEntries(extract(text).entities.map(({ name, type }) => [name, type]))

const oneSpace = (text: string) => text.replace(/\s+/g, ' ')

describe('entities', () => {
  test('the sentence of the specification yields its people, its event and its place', () => {
    expect(types('Alice met Bob at the AI conference in Berlin')).toEqual({
      Alice: 'person',
      Bob: 'person',
      'AI conference': 'other',
      Berlin: 'place',
    })
  })

  test('a span is the position of the name in UTF-16 units', () => {
    const text = 'Yesterday 😀 the José Álvarez trio\r\nplayed in São Paulo.'
    const { entities } = extract(text)
    expect(entities.map(({ name }) => name)).toContain('São Paulo')
    for (const { name, span } of entities) expect(oneSpace(text.slice(...span))).toBe(name)
  })

  test('the words around a name determine its type', () => {
    expect(types('Zorblatt is married to Dr. Quimby, who works at Fenwick.')).toEqual({
      Zorblatt: 'person',
      'Dr. Quimby': 'person',
      Fenwick: 'organization',
    })
  })

  test('software is neither a place nor a person', () => {
    expect(types('PostgreSQL runs on Arch Linux.')).toEqual({ PostgreSQL: 'other', 'Arch Linux': 'other' })
  })

  test('a name is listed once, a common noun only with a relation', () => {
    const { entities } = extract('Rome is old. Rome, what a city! Anna bought a bicycle.')
    expect(entities.map(({ name }) => name).sort()).toEqual(['Anna', 'Rome', 'bicycle'])
  })
})

describe('relations', () => {
  test('prepositional phrases belong to the verb, to the object and to each other', () => {
    expect(facts('Alice met Bob at the AI conference in Berlin')).toEqual([
      'Alice -met- Bob',
      'Alice -met at- AI conference',
      'AI conference -in- Berlin',
      'Bob -at- AI conference',
      'Alice -met in- Berlin',
    ])
  })

  test.each([
    ['Eve is married to Frank.', ['Eve -is married to- Frank']],
    [
      'Ann and Ben visited Rome and Oslo.',
      ['Ann -visited- Rome', 'Ann -visited- Oslo', 'Ben -visited- Rome', 'Ben -visited- Oslo'],
    ],
    ['Grace met Bob and Carol left Paris.', ['Grace -met- Bob', 'Carol -left- Paris']],
    ['Ravi told Mary that the server in Frankfurt crashed.', ['Ravi -told- Mary', 'server -in- Frankfurt']],
    ["Alice's manager is Bob.", ['Alice -has manager- Bob']],
    ["Bob is Alice's brother.", ['Bob -is brother of- Alice']],
    ['Bob, the CEO of Acme, lives in Lyon.', ['Bob -lives in- Lyon', 'Bob -is ceo of- Acme']],
    ['Acme CEO Bob met Carol.', ['Bob -met- Carol', 'Bob -is ceo of- Acme']],
    ['Zoe is a nurse.', ['Zoe -is a- nurse']],
    ['Zoe is tall.', []],
    ['Nadia asked Paul to review the report.', ['Nadia -asked- Paul', 'Paul -to review- report']],
    ['The company that Alice founded employs Bob.', ['company -employs- Bob', 'Alice -founded- company']],
    ["Bob doesn't like tea.", ['Bob -does not like- tea']],
    ['Does Alice like Bob?', []],
    ['Peter moved to Lyon, France.', ['Peter -moved to- Lyon', 'Lyon -in- France']],
    ['Clara loves jazz. She works at Google.', ['Clara -loves- jazz', 'Clara -works at- Google']],
  ])('%s', (text, expected) => {
    expect(facts(text).sort()).toEqual([...expected].sort())
  })

  test('"I" and "my" stand for the speaker', () => {
    expect(facts("I'm a teacher, I have met Bob and my wife Carol works at Google.", 'Dana').sort()).toEqual([
      'Carol -works at- Google',
      'Dana -has met- Bob',
      'Dana -has wife- Carol',
      'Dana -is a- teacher',
    ])
  })

  test('without a speaker "I" has no relations', () => {
    const { entities, relations } = extract('I like tea. My wife Carol likes coffee.')
    expect(relations.map(({ subject }) => subject)).toEqual(['Carol'])
    expect(entities.map(({ name }) => name)).toEqual(['Carol', 'coffee'])
  })

  test('relations are ordered by confidence, without duplicates', () => {
    const { relations } = extract('Bob met Al in Rome. Bob met Al in Rome. Bob met Al in the office in Rome with Eve.')
    const certainty = relations.map(({ confidence }) => confidence)
    expect(certainty).toEqual([...certainty].sort((a, b) => b - a))
    expect(new Set(relations.map((r) => JSON.stringify([r.subject, r.predicate, r.object]))).size).toBe(
      relations.length,
    )
  })

  test('a span has the words that state the relation', () => {
    const text = 'It rained. After the merger, Pedro left Initech, and Eve stayed.'
    const { relations } = extract(text)
    const left = relations.find(({ predicate }) => predicate === 'left')!
    const after = relations.find(({ predicate }) => predicate === 'left after')!
    expect(text.slice(...left.span)).toBe('Pedro left Initech')
    expect(text.slice(...after.span)).toBe('merger, Pedro left')
  })
})

function expectSound(text: string, { entities, relations }: Extraction, speaker?: string) {
  const names = new Set(entities.map(({ name }) => name))
  for (const { name, span } of entities) {
    const written = oneSpace(text.slice(...span))
    if (name === speaker) expect(span[1]).toBeGreaterThan(span[0])
    else expect(written).toBe(name)
  }
  for (const { subject, predicate, object, span, confidence } of relations) {
    expect(names).toContain(subject)
    expect(names).toContain(object)
    expect(predicate).toMatch(/\S/)
    expect(span[0]).toBeGreaterThanOrEqual(0)
    expect(span[1]).toBeLessThanOrEqual(text.length)
    expect(span[1]).toBeGreaterThan(span[0])
    expect(confidence).toBeGreaterThan(0)
    expect(confidence).toBeLessThanOrEqual(1)
  }
}

describe('any text', () => {
  test('yields a valid and deterministic result', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        ...'Alice Bob met is a the CEO of in Berlin and , . ? : ; ( ) \' " I my she her that who which to not with'.split(
          ' ',
        ),
        ...[
          "'s",
          '’s',
          "I'm",
          "doesn't",
          'AI',
          '2019',
          'Monday',
          '😀',
          '\r\n',
          '\n\n',
          'https://a.io/b?c=d',
          'x@y.org',
          'f(x)',
        ],
        ...[
          'constructor',
          '__proto__',
          'toString',
          '\u0000',
          '\ud800',
          '&',
          '-',
          '--',
          '…',
          '#tag',
          '@user',
          '$5',
          '50%',
        ],
      ),
    )
    const texts = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(' '))
    fc.assert(
      fc.property(texts, fc.option(fc.constant('Dana'), { nil: undefined }), (text, speaker) => {
        const found = extract(text, speaker)
        expectSound(text, found, speaker)
        expect(extract(text, speaker)).toEqual(found)
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['no text', ''],
    ['only punctuation', '... --- !!! ((('],
    ['only emoji', '😀👩‍👩‍👧🏳️‍🌈'],
    ['code', 'const x = (a, b) => { return a.b[c](d) }\r\n'.repeat(50)],
  ])('%s says nothing that breaks', (_, text) => expectSound(text, extract(text)))

  test.each([
    ['prose', 'Alice met Bob at the conference in Berlin and said that it was good. '],
    ['one word', 'a'],
    ['a list', 'Al, '],
    ['marks', '.,;!?'],
  ])('a megabyte of one line (%s) ends in bounded time', (_, piece) => {
    const started = performance.now()
    extract(piece.repeat(1_000_000 / piece.length))
    expect(performance.now() - started).toBeLessThan(50_000)
  })
})

describe('the thread', () => {
  const language = builtinLanguage()
  afterAll(() => language.close())

  test('extracts and summarizes', async () => {
    const { relations } = await language.extract('I met Bob.', { speaker: 'Dana' })
    expect(relations).toMatchObject([{ subject: 'Dana', predicate: 'met', object: 'Bob' }])
    expect(await language.summarize('Bob likes tea.', 100)).toBe('Bob likes tea.')
  })

  test('an aborted call rejects immediately with the reason', async () => {
    const reason = new Error('enough')
    await expect(language.extract('x', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const call = language.summarize('Bob likes tea. '.repeat(20_000), 100, controller.signal)
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
  })
})
