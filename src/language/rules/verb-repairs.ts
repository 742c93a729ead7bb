import type { Token } from './tagging.ts'

const PLURAL_SUBJECTS = /^(i|we|you|they)$/
const isVerb = (token: Token | undefined) => token?.pos === 'VERB' || token?.pos === 'AUX'
const isNoun = (token: Token | undefined) => token?.pos === 'NOUN' || token?.pos === 'PROPN'
const startsObject = (token: Token | undefined) => /^(DET|ADP|PRON|PROPN)$/.test(token?.pos ?? '')
const isThirdPerson = ({ lower }: Token) => /[^s']s$/.test(lower)
const isLower = ({ text, lower }: Token) => text === lower

/** Corrects the tags of verbs that the tagger takes for nouns, in place. */
export function repairVerbs(tokens: readonly Token[]): void {
  for (const [i, token] of tokens.entries()) {
    if (!isLower(token)) continue
    const before = tokens[i - 1]
    const after = tokens[i + 1]
    if (token.lower === 'gonna' && after) {
      token.pos = 'AUX'
      if (after.pos === 'NOUN') after.pos = 'VERB'
    } else if (token.pos === 'NOUN' && before?.pos === 'CCONJ' && secondVerb(tokens, i)) {
      token.pos = 'VERB'
    } else if (token.pos === 'NOUN' && /[^e]ed$/.test(token.lower) && before?.pos === 'PROPN' && startsObject(after)) {
      // "Rex chased a cat"
      token.pos = 'VERB'
    } else if (token.pos === 'NOUN' && isThirdPerson(token) && isNoun(before) && verbless(tokens, i)) {
      token.pos = 'VERB'
    }
    if (token.pos === 'ADV' && isThirdPerson(token) && before?.pos === 'PROPN' && after?.pos === 'VERB') {
      // "Nginx forwards traffic to"
      if (startsObject(tokens[i + 2]) || /^(VERB|NOUN)$/.test(tokens[i + 2]?.pos ?? '')) {
        token.pos = 'VERB'
        after.pos = 'NOUN'
      }
    }
    // "uploads logs to": of two such verbs in a row, the second is the object.
    if (token.pos === 'VERB' && before?.pos === 'VERB' && isThirdPerson(token) && isThirdPerson(before))
      token.pos = 'NOUN'
  }
}

/** Tells whether the noun after "and" is a second verb: "I live in Tartu and work at Bolt", "wraps the API and exposes a type". */
function secondVerb(tokens: readonly Token[], i: number): boolean {
  const token = tokens[i]!
  const after = tokens[i + 1]
  const first = tokens.slice(0, i).findIndex(isVerb)
  if (first < 0 || !after) return false
  if (isThirdPerson(token)) return after.pos === 'DET' && isThirdPerson(tokens[first]!)
  const subject = tokens.slice(0, first).findLast(({ pos }) => pos === 'PRON' || pos === 'NOUN' || pos === 'PROPN')
  return PLURAL_SUBJECTS.test(subject?.lower ?? '') && (after.pos === 'ADP' || after.pos === 'DET')
}

/** Tells whether a sentence has no verb but this noun: "Sentry reports errors to Slack", "The bank plans to cut jobs". */
function verbless(tokens: readonly Token[], i: number): boolean {
  const after = tokens[i + 1]
  if (after?.lower === 'to' && isVerb(tokens[i + 2])) return !tokens.slice(0, i).some(isVerb)
  if (tokens.some(isVerb)) return false
  return startsObject(after) || (isNoun(after) && /^(ADP|PUNCT)$/.test(tokens[i + 2]?.pos ?? 'PUNCT'))
}
