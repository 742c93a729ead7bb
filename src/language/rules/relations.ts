import type { Span } from '../index.ts'
import type { Chunk } from '../provider/chunks.ts'
import { readApposition } from './appositions.ts'
import { ChunkReader } from './chunk-reader.ts'
import { Clause } from './clause.ts'
import { type Fact, Facts, PATTERN } from './facts.ts'
import { type Cast, type Mention, type Phrase, understand } from './mentions.ts'
import { readNounPhrase } from './noun-phrase.ts'
import { addPhraseFacts } from './phrase-facts.ts'
import type { Sentence } from './tagging.ts'
import { hasAuxiliary, mayBeParticiple, readVerb, type Verb } from './verbs.ts'
import { DIRECTING, STATING } from './words.ts'

/** Pronouns that cannot refer to the subject: "Jonas introduced her". */
const OBJECTIVE = /^(him|her|them)$/

/** Maximum length of a list of nouns; longer lists are cut. */
const MAX_LIST_ITEMS = 10

/**
 * Reads the relations of one sentence. Noun phrases, verb groups and prepositions are read from left to right. Each prepositional phrase is
 * attached to the verb, the object or the preceding phrase. Similar to ReVerb (Fader et al., 2011) and ClausIE (Del Corro & Gemulla, 2013).
 * Questions yield no facts.
 */
export function readSentence(sentence: Sentence, cast: Cast): { mentions: Mention[]; facts: Fact[] } {
  const facts = new Facts()
  facts.isSupposed = isSupposed(sentence)
  const mentions: Mention[] = []
  const reader = new ChunkReader(sentence)
  const clause = new Clause(sentence, facts, cast)
  let preposition: string | undefined
  let before: Chunk | undefined

  for (let current = reader.take(); current; current = reader.take()) {
    if (current.kind === 'noun') readNouns(current)
    else if (current.kind === 'verb') readVerbGroup(current)
    else if (current.kind === 'relative') readRelative()
    else if (current.kind === 'subordinate' || current.kind === 'stop') clause.restart()
    preposition = current.kind === 'preposition' ? reader.words(-1) : undefined
    before = current
  }
  const question = sentence.tokens.slice(-3).some(({ text }) => text === '?')
  return { mentions, facts: question ? [] : facts.all }

  function readPhrase(current: Chunk): Phrase {
    const [first, last] = [sentence.tokens[current.start]!, sentence.tokens[current.end - 1]!]
    const span: Span = [first.start, last.end]
    const acting =
      clause.verb && OBJECTIVE.test(first.lower) ? clause.subjects.flatMap(({ mention }) => mention ?? []) : []
    const phrase = understand(readNounPhrase(sentence.tokens, current), sentence, span, cast, acting)
    for (const mention of [phrase.owner, phrase.mention]) if (mention) mentions.push(mention)
    if (phrase.organization) mentions.push(cast.mention(phrase.organization, sentence))
    addPhraseFacts(phrase, sentence, cast, facts)
    return phrase
  }

  /** Reads a noun phrase and those joined to it by "and" or commas. */
  function readGroup(first: Chunk): Phrase[] {
    const phrases = [readPhrase(first)]
    while (phrases.length < MAX_LIST_ITEMS) {
      const skip = reader.toNextInList(clause.verb !== undefined)
      // "met Bob and Carol left": a noun before a verb is the subject of another clause.
      if (skip === 0 || (clause.verb && reader.kind(skip + 1) === 'verb')) break
      // "Slack for chat and Figma for design": another object, not another purpose.
      if (preposition && reader.kind(skip + 1) === 'preposition' && reader.words(skip + 1) === preposition) break
      reader.skip(skip)
      phrases.push(readPhrase(reader.take()!))
    }
    return phrases
  }

  function readNouns(current: Chunk): void {
    const group = readGroup(current)
    const temporal = group.every((phrase) => phrase.temporal)
    const verbFollows = reader.kind(0) === 'verb'
    if (preposition) clause.attach(preposition, group)
    else if (!clause.verb && (!temporal || verbFollows)) clause.restart(group)
    else if (clause.verb && verbFollows && startsClause()) clause.restart(group)
    else if (clause.verb && (clause.verb.copula || !temporal)) clause.setObjects(group, reader.words(0) === 'of')
    if (group.length > 1) return
    const named = readApposition(reader, sentence, facts, group[0]!, preposition, readPhrase)
    if (!named) return
    if (clause.subjects[0] === group[0]) clause.subjects = [named]
    if (clause.objects[0] === group[0]) clause.objects = [named]
    clause.last = { phrases: [named], preposition: preposition ?? '' }
  }

  /** Tells whether a noun after a verb has its own finite verb: "thinks Lukas likes", "and Jonas introduced". */
  function startsClause(): boolean {
    if (before?.kind === 'and' || before?.kind === 'comma') return true
    // After a participle or a relative clause, the next verb is that of the main clause.
    if (clause.outer && before?.kind === 'verb') return false
    const verb = sentence.tokens[reader.peek(0)!.start]!
    if (verb.lower === 'to') return false
    return STATING.has(clause.verb!.last) || verb.pos === 'AUX' || !mayBeParticiple(verb.lower)
  }

  function readVerbGroup(current: Chunk): void {
    const verb = readVerb(sentence, current)
    const afterNoun = before?.kind === 'noun' && preposition === undefined
    const backToMain = before?.kind === 'comma' || before?.kind === 'and' || (afterNoun && !verb.infinitive)
    if (clause.verb && clause.outer && backToMain) {
      clause.subjects = clause.outer
      clause.outer = undefined
    } else if (clause.verb && afterNoun) {
      facts.factor *= 0.85
      if (verb.infinitive) {
        // "asked Paul to review": Paul is the subject of the second verb.
        if (DIRECTING.has(clause.verb.last) && clause.objects.length > 0) clause.subjects = clause.objects
      } else if (!hasAuxiliary(verb) || clause.objects.length > 0) {
        clause.subjects = clause.last?.phrases ?? []
      }
    }
    facts.verbEnd = sentence.tokens[current.end - 1]!.end
    // "Unions representing workers have warned": the subject of the second verb is that of the first.
    const isParticiple = !clause.verb && (afterNoun || before?.kind === 'comma') && isReduced(verb)
    if (isParticiple && clause.subjects.length > 0) clause.outer = clause.subjects
    clause.setVerb(verb)
  }

  /** Reads a relative clause after "who", "which" or "that", whose subject or object is the preceding noun. */
  function readRelative(): void {
    const antecedent = clause.last?.phrases ?? clause.subjects
    if (reader.kind(0) === 'noun' && reader.kind(1) === 'verb') {
      const subject = readPhrase(reader.take()!)
      const verb = reader.take()!
      facts.verbEnd = sentence.tokens[verb.end - 1]!.end
      facts.relate([subject], readVerb(sentence, verb).words, antecedent, PATTERN.relativeObject)
      return
    }
    const main = clause.verb ? undefined : clause.subjects
    clause.restart(antecedent)
    facts.factor = 0.9
    clause.outer = main
  }
}

/** Tells whether a verb without an auxiliary can only describe the noun before it: "representing". */
const isReduced = (verb: Verb) => verb.words === verb.last && /ing$/.test(verb.last)

/** Tells whether a sentence states a condition or a wish, so that its relations are not facts. */
function isSupposed({ tokens }: Sentence): boolean {
  return tokens.some(({ lower }, i) => {
    const after = tokens[i + 1]?.lower ?? ''
    if (/^(if|unless)$/.test(lower))
      return !/^(even|as|ask|asks|asked|know|see|wonder)$/.test(tokens[i - 1]?.lower ?? '')
    return (
      /^(wish|wishes|imagine|considering|hopefully)$/.test(lower) ||
      (lower === 'thinking' && /^(about|of)$/.test(after))
    )
  })
}
