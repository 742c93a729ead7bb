import type { Chunk } from '../provider/chunks.ts'
import type { ChunkReader } from './chunk-reader.ts'
import { type Facts, PATTERN } from './facts.ts'
import type { Phrase } from './mentions.ts'
import { textOf } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'
import { POSSESSIVES } from './words.ts'

/**
 * Reads "Bob, the CEO of Acme," and "our landlord, Mr. Patel," and, after a preposition of place, "Berlin, Germany".
 * Returns the named phrase of the two, which replaces `phrase`, or undefined if there is no apposition.
 */
export function readApposition(
  reader: ChunkReader,
  sentence: Sentence,
  facts: Facts,
  phrase: Phrase,
  preposition: string | undefined,
  read: (chunk: Chunk) => Phrase,
): Phrase | undefined {
  if (reader.kind(0) !== 'comma' || reader.kind(1) !== 'noun' || !phrase.mention) return undefined
  const next = reader.peek(1)!
  const first = sentence.tokens[next.start]!
  const { proper } = phrase.mention
  if (proper && /^(in|at|to|from|near|outside)$/.test(preposition ?? '')) {
    if (first.pos !== 'PROPN' || reader.kind(2) === 'verb') return undefined
    reader.skip(2)
    const around = read(next)
    if (around.mention?.proper) facts.relate([phrase], 'in', [around], PATTERN.apposition)
    return phrase
  }
  // "your busy week, John": the person that the sentence is for.
  if (/^your?s?$/.test(typeof phrase.possessor === 'string' ? phrase.possessor : '')) return undefined
  const described = first.pos === 'DET' || POSSESSIVES.has(first.lower)
  if (proper ? !described : phrase.article === '' && !phrase.owner && !phrase.owned && phrase.possessor === undefined)
    return undefined
  const closes = (offset: number) => ['comma', 'stop', undefined].includes(reader.kind(offset))
  const withPreposition = reader.kind(2) === 'preposition' && reader.kind(3) === 'noun' && closes(4)
  if (!closes(2) && !withPreposition) return undefined
  reader.skip(2)
  const other = read(next)
  const [named, role] = proper ? [phrase, other] : [other, phrase]
  if (role.owner && role.owned) {
    facts.dropOwned(role.mention!.name)
    facts.add(role.owner, `has ${textOf(sentence, role.owned)}`, named.mention, PATTERN.apposition)
  } else if (role.head && withPreposition) {
    const predicate = `is ${textOf(sentence, role.head)} ${reader.words(0)}`
    reader.skip(1)
    facts.relate([named], predicate, [read(reader.take()!)], PATTERN.apposition)
  } else {
    facts.relate([named], role.article === 'a' ? 'is a' : 'is', [role], PATTERN.apposition)
  }
  if (reader.kind(0) === 'comma') reader.skip(1)
  return named
}
