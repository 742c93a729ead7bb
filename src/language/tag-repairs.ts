import type { Token } from './tagging.ts'

/** The text of a token, also as the rules compare it: lower case with straight apostrophes. */
export const spelling = (text: string) => ({ text, lower: text.toLowerCase().replaceAll('’', "'") })

/** The tokenizer leaves "I'm" whole at the start of a sentence. */
export function splitContraction(token: Token): Token[] {
  const parts = /^(i|you|he|she|it|we|they|there)('(?:m|re|s|ve|ll|d))$/.exec(token.lower)
  if (!parts) return [token]
  const length = parts[1]!.length
  const middle = token.start + length
  return [
    { ...spelling(token.text.slice(0, length)), pos: 'PRON', start: token.start, end: middle },
    { ...spelling(token.text.slice(length)), pos: 'AUX', start: middle, end: token.end },
  ]
}

const FOLLOWS_A_VERB = new Set(['ADP', 'DET', 'PRON', 'PROPN', 'PART'])

/** Mends what the tagger often gets wrong in short sentences: "Ingrid lives in Oslo" (noun), "for chat" (verb). */
export function repairTags(tokens: Token[]): Token[] {
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1]
    const after = tokens[i + 1]
    // Addresses are things that a text speaks of; "uses React" is no verb.
    if (token.pos === 'SYM' && /\w[.@]\w/.test(token.text)) token.pos = 'NOUN'
    if (token.pos === 'VERB' && before && /\w|,/.test(before.text) && /^\p{Lu}\p{Ll}/u.test(token.text))
      token.pos = 'PROPN'
    // "Bob's a cook", "Bob's working"
    const being = /^(DET|ADP)$/.test(after?.pos ?? '') || (after?.pos === 'VERB' && tokens[i + 2]?.pos !== 'NOUN')
    if (token.lower === "'s" && token.pos === 'PART' && being) token.pos = 'AUX'
    if (
      token.pos === 'VERB' &&
      !/(ing|ed)$/.test(token.lower) &&
      before &&
      takesNoun(before) &&
      after?.pos !== 'NOUN'
    ) {
      token.pos = 'NOUN'
    }
    const nounBefore =
      before?.pos === 'PROPN' ||
      (before?.pos === 'NOUN' && !/s$/.test(before.lower)) ||
      (before?.lower === ',' && !tokens.some(({ pos }) => pos === 'VERB' || pos === 'AUX'))
    if (token.pos !== 'NOUN' || !/[a-z]s$/.test(token.text) || !nounBefore) continue
    if (after && FOLLOWS_A_VERB.has(after.pos) && after.lower !== "'s" && !clauseHasVerb(tokens, i)) token.pos = 'VERB'
  }
  return tokens
}

function takesNoun(token: Token): boolean {
  return token.pos === 'DET' || token.lower === 'for' || (token.pos === 'ADP' && !PARTICLES.has(token.lower))
}

const PARTICLES = new Set(['up', 'down', 'out', 'off', 'away', 'back'])

function clauseHasVerb(tokens: Token[], at: number): boolean {
  const ends = (token: Token) => token.pos === 'SCONJ' || token.pos === 'PUNCT' || token.pos === 'CCONJ'
  let start = at
  while (start > 0 && !ends(tokens[start - 1]!)) start--
  let end = at
  while (end < tokens.length && !ends(tokens[end]!)) end++
  return tokens.slice(start, end).some(({ pos }) => pos === 'VERB' || pos === 'AUX')
}
