import type { Token } from './tagging.ts'

const PARTICLES = /^(van|von|bin|bint|ibn|de|del|della|der|den|di|da|dos|du|la|le|el|al|ter|ten|zu)$/
const DATE_ADVERBS = /^(today|yesterday|tomorrow|tonight)$/
const INSTITUTIONS = /^(hospital|church|school|university|college|cathedral|academy|chapel|clinic|street|square)$/
const isName = (token: Token | undefined) => token?.pos === 'PROPN' && /^\p{Lu}/u.test(token.text)
const isCapitalized = (token: Token | undefined) => token !== undefined && /^\p{Lu}/u.test(token.text)

/** Corrects the tags of words inside and beside names, in place. */
export function repairNames(tokens: readonly Token[]): void {
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1]
    const after = tokens[i + 1]
    // "Ludwig van Beethoven", "Charles de la Cruz"
    if (PARTICLES.test(token.lower) && isName(before) && nameFollows(tokens, i + 1)) token.pos = 'PROPN'
    // "Yesterday Alice met Bob", "The board today approved": not a part of the name, unless it owns something.
    else if (DATE_ADVERBS.test(token.lower) && after?.lower !== "'s" && before?.pos !== 'ADP') token.pos = 'ADV'
    // "no longer works"
    else if (token.lower === 'no' && after?.lower === 'longer') token.pos = 'ADV'
    // "St. Mary's Hospital"
    else if (
      token.lower === "'s" &&
      isName(before) &&
      isSaint(tokens[i - 2]) &&
      INSTITUTIONS.test(after?.lower ?? '')
    ) {
      token.pos = 'PROPN'
      after!.pos = 'PROPN'
    }
  }
}

const isSaint = (token: Token | undefined) => /^(st|st\.|saint)$/.test(token?.lower ?? '')

/** Tells whether a capitalized word follows, after other particles. */
function nameFollows(tokens: readonly Token[], at: number): boolean {
  let i = at
  while (PARTICLES.test(tokens[i]?.lower ?? '')) i++
  return isCapitalized(tokens[i])
}
