import { repairNames } from './name-repairs.ts'
import type { Token } from './tagging.ts'
import { repairVerbs } from './verb-repairs.ts'
import { LINKING, PARTICLES } from './words.ts'

/** A token with its text, and the text in lower case with straight apostrophes for comparisons. */
export const spelling = (text: string) => ({ text, lower: text.toLowerCase().replaceAll('’', "'") })

/** Contractions that the tokenizer does not split at the start of a sentence, such as "I'm". */
export function splitContraction(token: Token): Token[] {
  const parts = /^(i|you|he|she|it|we|they|there)('(?:m|re|s|ve|ll|d))$/.exec(token.lower)
  if (!parts) return [token]
  const length = parts[1]!.length
  const middle = token.start + length
  return [
    { ...spelling(token.text.slice(0, length)), pos: 'PRON', lemma: parts[1]!, start: token.start, end: middle },
    { ...spelling(token.text.slice(length)), pos: 'AUX', lemma: parts[2]!, start: middle, end: token.end },
  ]
}

const MODALS = /^(will|would|can|could|should|must|may|might|shall)$/
const FOLLOWS_A_VERB = new Set(['ADP', 'DET', 'PRON', 'PROPN', 'PART'])
const isTitleCase = ({ text }: Token) => /^\p{Lu}\p{Ll}/u.test(text)

/** Corrects frequent errors of the tagger in short sentences, in place. Returns the same tokens. */
export function repairTags(tokens: Token[]): Token[] {
  const wereVerbs = tokens.map(({ pos }) => pos === 'VERB')
  repairNames(tokens)
  for (const i of tokens.keys()) {
    const token = tokens[i]!
    for (const repair of REPAIRS) token.pos = repair(token, tokens, i) ?? token.pos
  }
  repairVerbs(tokens)
  // The model's base form of "lives" as a noun is "life".
  for (const [i, token] of tokens.entries())
    if (token.pos === 'VERB' && !wereVerbs[i]) token.lemma = verbBase(token.lower)
  return tokens
}

/** Returns the base form of a verb in the third person; another form as it is. */
const verbBase = (verb: string): string =>
  verb
    .replace(/(?<=..)ies$/, 'y')
    .replace(/(?<=(ss|sh|ch|x|z))es$/, '')
    .replace(/(?<=[a-z][^s'])s$/, '')

type Repair = (token: Token, tokens: readonly Token[], i: number) => Token['pos'] | undefined

const REPAIRS: readonly Repair[] = [
  // "should always answer in French"
  ({ pos }, tokens, i) => {
    const governor = tokens[i - 1]?.pos === 'ADV' ? tokens[i - 2] : tokens[i - 1]
    return pos === 'NOUN' && governor?.pos === 'AUX' && MODALS.test(governor.lower) ? 'VERB' : undefined
  },
  // "answers in French", "speaks Polish": a noun, though the word is also an adjective.
  (token, tokens, i) => {
    const before = tokens[i - 1]
    const governed = before?.pos === 'ADP' || (before?.pos === 'VERB' && !LINKING.has(before.lower))
    const alone = !/^(NOUN|PROPN|ADJ|NUM|CCONJ)$/.test(tokens[i + 1]?.pos ?? '')
    return token.pos === 'ADJ' && isTitleCase(token) && governed && alone ? 'PROPN' : undefined
  },
  // Addresses count as nouns.
  ({ pos, text }) => (pos === 'SYM' && /\w[.@]\w/.test(text) ? 'NOUN' : undefined),
  // "uses React"
  (token, tokens, i) => {
    const inside = /\w|,/.test(tokens[i - 1]?.text ?? '')
    return token.pos === 'VERB' && inside && isTitleCase(token) ? 'PROPN' : undefined
  },
  // "Bob's a cook", "Bob's working at Acme"
  ({ pos, lower }, tokens, i) => {
    const after = tokens[i + 1]?.pos ?? ''
    const being = /^(DET|ADP)$/.test(after) || (after === 'VERB' && tokens[i + 2]?.pos !== 'NOUN')
    return lower === "'s" && pos === 'PART' && being ? 'AUX' : undefined
  },
  // "uses Slack for chat"
  ({ pos, lower }, tokens, i) => {
    const before = tokens[i - 1]
    const governed =
      before && (/^(DET|ADP)$/.test(before.pos) || before.lower === 'for') && !PARTICLES.has(before.lower)
    return pos === 'VERB' && governed && !/(ing|ed)$/.test(lower) && tokens[i + 1]?.pos !== 'NOUN' ? 'NOUN' : undefined
  },
  // "my sister Ingrid lives in Oslo"
  ({ pos, text }, tokens, i) => {
    const before = tokens[i - 1]
    const after = tokens[i + 1]
    if (pos !== 'NOUN' || !/[a-z]s$/.test(text) || !after || after.lower === "'s") return undefined
    const afterSubject =
      before?.pos === 'PROPN' ||
      (before?.pos === 'NOUN' && !/s$/.test(before.lower)) ||
      (before?.lower === ',' && !tokens.some(isVerb))
    return afterSubject && FOLLOWS_A_VERB.has(after.pos) && !clauseHasVerb(tokens, i) ? 'VERB' : undefined
  },
]

const isVerb = ({ pos }: Token) => pos === 'VERB' || pos === 'AUX'

function clauseHasVerb(tokens: readonly Token[], at: number): boolean {
  const ends = ({ pos }: Token) => pos === 'SCONJ' || pos === 'PUNCT' || pos === 'CCONJ'
  let start = at
  while (start > 0 && !ends(tokens[start - 1]!)) start--
  let end = at
  while (end < tokens.length && !ends(tokens[end]!)) end++
  return tokens.slice(start, end).some(isVerb)
}
