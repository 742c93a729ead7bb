import { type Facts, PATTERN } from './facts.ts'
import type { Cast, Phrase } from './mentions.ts'
import { textOf } from './noun-phrase.ts'
import type { Sentence } from './tagging.ts'

/** Adds the facts in a noun phrase: "my wife Carol", "Acme CEO Bob", "engineer Ann", "Al's car". */
export function addPhraseFacts(phrase: Phrase, sentence: Sentence, cast: Cast, facts: Facts): void {
  const { mention, owner, role, organization, owned } = phrase
  if (!mention) return
  if (role && owner) {
    facts.add(owner, `has ${textOf(sentence, role)}`, mention, PATTERN.possessive)
  } else if (role && organization) {
    const employer = cast.mention(organization, sentence)
    if (employer.type === 'other') employer.type = 'organization'
    facts.add(mention, `is ${textOf(sentence, role)} of`, employer, PATTERN.apposition)
  } else if (role && phrase.possessor === undefined) {
    facts.add(mention, 'is a', cast.mention(role, sentence), PATTERN.kind)
  } else if (owned && owner) {
    facts.add(owner, 'has', cast.mention(owned, sentence), PATTERN.owns)
  }
}
