import type { ExtractedEntity, ExtractedRelation, Extraction } from '../index.ts'
import { isEnglish } from './english.ts'
import { createTyper } from './entities.ts'
import type { Fact } from './facts.ts'
import { Cast, type Mention } from './mentions.ts'
import { readSentence } from './relations.ts'
import { readLabel } from './speaker-labels.ts'
import type { Tagger } from './tagging.ts'

/**
 * Extracts entities and relations of English text. Lists each entity once, with its first occurrence, and common nouns
 * only if they take part in a relation. An entity that only occurs as a pronoun (the speaker) has the span of the pronoun.
 * Deterministic, and never throws.
 */
export function createExtractor(tag: Tagger): (text: string, speaker?: string) => Extraction {
  return (text, speaker) => {
    const cast = new Cast(text, speaker, createTyper())
    const mentions: Mention[] = []
    const facts: Fact[] = []
    for (const tagged of tag(text)) {
      const sentence = readLabel(tagged, cast)
      if (!isEnglish(sentence.tokens)) continue
      const reading = readSentence(sentence, cast)
      mentions.push(...reading.mentions.filter(({ proper, guessed }) => proper && !guessed))
      facts.push(...reading.facts)
      cast.nextSentence()
    }
    return gather(mentions, facts)
  }
}

function gather(mentions: readonly Mention[], facts: readonly Fact[]): Extraction {
  const entities = new Map<string, ExtractedEntity>()
  const inFacts = facts.flatMap(({ subject, object }) => [subject, object])
  // Pronouns last: an occurrence of the name itself is the better span.
  const named = [...mentions, ...inFacts].sort(
    (a, b) => Number(a.byPronoun) - Number(b.byPronoun) || a.span[0] - b.span[0],
  )
  for (const { name, type, span } of named) {
    const key = name.toLowerCase()
    const known = entities.get(key)
    if (!known) entities.set(key, { name, type, span })
    else if (known.type === 'other') known.type = type
  }
  const nameOf = ({ name }: Mention) => entities.get(name.toLowerCase())!.name
  const relations = new Map<string, ExtractedRelation>()
  for (const { subject, object, ...fact } of facts) {
    const { predicate, confidence } = fact
    const relation = { ...fact, subject: nameOf(subject), object: nameOf(object) }
    const key = JSON.stringify([relation.subject, predicate, relation.object])
    const known = relations.get(key)
    if (relation.subject !== relation.object && (!known || known.confidence < confidence)) relations.set(key, relation)
  }
  return {
    entities: [...entities.values()].sort((a, b) => a.span[0] - b.span[0] || b.span[1] - a.span[1]),
    relations: [...relations.values()].sort((a, b) => b.confidence - a.confidence || a.span[0] - b.span[0]),
  }
}
