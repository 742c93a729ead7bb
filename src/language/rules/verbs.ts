import type { Chunk } from '../provider/chunks.ts'
import type { Sentence } from './tagging.ts'
import { BE } from './words.ts'

export interface Verb {
  /** The predicate: lower case, with expanded contractions, without adverbs other than "not" and "never". */
  words: string
  last: string
  /** Whether the verb is a form of "be" without a complement. */
  copula: boolean
  infinitive: boolean
}

const SPELLED_OUT: Record<string, string> = {
  "n't": 'not',
  ca: 'can',
  wo: 'will',
  "'s": 'is',
  "'m": 'am',
  "'re": 'are',
  "'ve": 'have',
  "'ll": 'will',
  "'d": 'would',
}

export function readVerb(sentence: Sentence, { start, end }: Chunk): Verb {
  const tokens = sentence.tokens.slice(start, end)
  const kept = tokens.filter(
    // The last word can be an adverb that belongs to the verb: "grew up".
    ({ pos, lower }, i) => pos !== 'ADV' || lower === 'never' || (i > 0 && i === tokens.length - 1),
  )
  const words = kept.map(({ lower }) => SPELLED_OUT[lower] ?? lower).join(' ')
  const last = kept.at(-1)!
  const negatedBe = last.pos === 'PART' && BE.has(kept.at(-2)?.lower ?? '')
  return { words, last: last.lower, copula: BE.has(last.lower) || negatedBe, infinitive: words.startsWith('to ') }
}

/** Tells whether a verb directly after a noun can describe it: "a puppy named Biscuit". */
export function mayBeParticiple(text: string): boolean {
  return /ing$|(ed|en|wn|de|lt|ght|nd)$/.test(text)
}

export function hasAuxiliary(verb: Verb): boolean {
  return /^(is|are|was|were|has|have|had|does|did|do|will|can)\b/.test(verb.words)
}
