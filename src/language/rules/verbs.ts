import type { Chunk } from '../provider/chunks.ts'
import type { Sentence, Token } from './tagging.ts'
import { BE } from './words.ts'

export interface Verb {
  /** The predicate: lower case, with expanded contractions, without adverbs other than "not" and "never". */
  words: string
  last: string
  /** Whether the verb is a form of "be" without a complement. */
  copula: boolean
  infinitive: boolean
  /** The predicate in its base form: "work at" for "is working at". Keeps "not", and "be" of a passive. */
  lemma: string
  tense: Tense
  /** False for "might buy", which says nothing of the world. */
  isFact: boolean
  /** Whether the sentence says that it does not hold any more: "no longer works". */
  ended: boolean
}

export type Tense = 'past' | 'present' | 'future'

const POSSIBLE = /^(may|might|could|would|should|ought)\b/
const PAST = /^(was|were|had|did|used)\b/

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
  const spelled = kept.map(({ lower }) => SPELLED_OUT[lower] ?? lower).join(' ')
  const ended = tokens.some(({ lower }, i) => lower === 'longer' && tokens[i - 1]?.lower === 'no')
  const words = spelled.replace(/^(?:(?:am|is|are|was|were) )?(?:gonna|going to) (?=\w)/, 'will ')
  const last = kept.at(-1)!
  const negatedBe = last.pos === 'PART' && BE.has(kept.at(-2)?.lower ?? '')
  return {
    words,
    last: last.lower,
    copula: BE.has(last.lower) || negatedBe,
    infinitive: words.startsWith('to '),
    lemma: lemmaOf(kept, words),
    tense: tenseOf(words, kept),
    isFact: !POSSIBLE.test(words),
    ended,
  }
}

/** Tells whether a verb directly after a noun can describe it: "a puppy named Biscuit". */
export function mayBeParticiple(text: string): boolean {
  return /ing$|(ed|en|wn|de|lt|ght|nd)$/.test(text)
}

export function hasAuxiliary(verb: Verb): boolean {
  return /^(is|are|was|were|has|have|had|does|did|do|will|can)\b/.test(verb.words)
}

/** Joins the base forms of a verb group without its auxiliaries. */
function lemmaOf(tokens: readonly Token[], words: string): string {
  const main = tokens.findLastIndex(({ pos }) => pos === 'VERB' || pos === 'AUX')
  const chain = words.indexOf(' to ')
  const kept = tokens.filter(({ pos, lower }, i) => {
    if (i >= main || lower === 'not' || lower === "n't" || lower === 'never' || pos === 'ADV') return true
    return chain > 0 && !/^(to)$/.test(tokens[0]!.lower) && (pos === 'VERB' || lower === 'to')
  })
  const verb = tokens[main]!
  const isPassive = main > 0 && isBe(tokens[main - 1]!) && verb.pos === 'VERB' && !/ing$/.test(verb.lower)
  const isComplement = isBe(verb) || BE.has(verb.lower)
  const base = kept.map((token) => {
    if (token === verb && isPassive) return `be ${token.lower}`
    if (token === verb && isComplement) return 'be'
    if (token.pos === 'VERB' || token.pos === 'AUX') return token.lemma
    return SPELLED_OUT[token.lower] ?? token.lower
  })
  return base.join(' ').replace(/^(to|gonna) /, '')
}

const isBe = ({ lower }: Token) => BE.has(lower) || lower === "'s"

function tenseOf(words: string, tokens: readonly Token[]): Tense {
  if (/^(will|wo)\b/.test(words)) return 'future'
  if (PAST.test(words)) return 'past'
  const first = tokens.find(({ pos }) => pos === 'VERB' || pos === 'AUX')
  if (!first || /^(am|is|are|be|have|has|do|does|can|'s|'re|'m|'ve)$/.test(first.lower)) return 'present'
  return first.lower !== first.lemma && !/(s|ing)$/.test(first.lower) ? 'past' : 'present'
}
