import { z } from 'zod'
import type { ExtractedEntity, ExtractedRelation, Extraction, Span } from '../index.ts'

// Checks a model's answer against the text: only statements that the text supports are kept.

const MAX_ENTITIES = 100
const MAX_RELATIONS = 100
const MAX_NAME_CHARACTERS = 120
const MAX_PREDICATE_CHARACTERS = 60
/** Maximum number of occurrences of a name that are searched for the source of a relation. */
const MAX_PLACES = 20
/** Confidence of a relation with the speaker in a text without "I" or "me". */
const UNNAMED_SPEAKER_CONFIDENCE = 0.5

/** A part of the text that is sent to the model. */
export interface Part {
  readonly text: string
  readonly start: number
}

export const AskedEntity = z.object({ name: z.string(), type: z.enum(['person', 'place', 'organization', 'other']) })
export const AskedRelation = z.object({
  subject: z.string(),
  predicate: z.string(),
  object: z.string(),
  confidence: z.number(),
})

/** The answer without its items, which are parsed one by one, so that an invalid item does not affect others. */
export const Extracted = z.object({ entities: z.array(z.unknown()), relations: z.array(z.unknown()) })

const Entity = AskedEntity.extend({ type: AskedEntity.shape.type.catch('other') })
const Relation = AskedRelation.extend({ confidence: z.number().catch(0.5) })

/** An entity under the name that the answer uses. */
interface Found {
  readonly entity: ExtractedEntity
  readonly places: readonly Span[]
  /** Maximum confidence of its relations. */
  readonly surety: number
}

/** Returns the part of the answer that the text supports: names that occur in it, and relations between them. */
export function grounded(
  answer: z.infer<typeof Extracted>,
  text: string,
  parts: readonly Part[],
  speaker: string | undefined,
): Extraction {
  const entities = new Map<string, ExtractedEntity>()
  const found = new Map<string, Found>()
  for (const item of answer.entities.slice(0, MAX_ENTITIES)) {
    const { success, data } = Entity.safeParse(item)
    if (!success || found.has(keyOf(data.name))) continue
    const isSpeaker = keyOf(data.name) === SPEAKER
    if (isSpeaker && speaker === undefined) continue
    const places = isSpeaker
      ? [...placesOf(speaker!, parts), ...placesOfFirstPerson(parts)]
      : placesOf(data.name, parts)
    const span = places[0] ?? (isSpeaker ? ([0, text.length] as const) : undefined)
    if (!span) continue
    const name = isSpeaker ? speaker! : oneLine(text.slice(...span))
    const type = isSpeaker ? 'person' : data.type
    const entity = entities.get(name.toLowerCase()) ?? { name, type, span }
    entities.set(name.toLowerCase(), entity)
    found.set(keyOf(data.name), {
      entity,
      places: [span, ...places],
      surety: places[0] ? 1 : UNNAMED_SPEAKER_CONFIDENCE,
    })
  }

  const sentences = sentencesOf(parts)
  const relations = new Map<string, ExtractedRelation>()
  for (const item of answer.relations.slice(0, 10 * MAX_RELATIONS)) {
    const { success, data } = Relation.safeParse(item)
    if (!success) continue
    const subject = found.get(keyOf(data.subject))
    const object = found.get(keyOf(data.object))
    const predicate = predicateOf(data.predicate)
    if (!subject || !object || subject.entity.name === object.entity.name || predicate === '') continue
    const relation = {
      subject: subject.entity.name,
      predicate,
      object: object.entity.name,
      span: aroundBoth(subject.places, object.places, sentences),
      confidence: Math.min(Math.max(data.confidence, 0), subject.surety, object.surety),
      lemma: predicate,
      tense: null,
      isFact: true,
      ended: false,
    }
    const key = JSON.stringify([relation.subject, predicate, relation.object])
    if ((relations.get(key)?.confidence ?? -1) < relation.confidence) relations.set(key, relation)
  }
  return {
    entities: [...entities.values()].sort((a, b) => a.span[0] - b.span[0]),
    relations: [...relations.values()].sort((a, b) => b.confidence - a.confidence).slice(0, MAX_RELATIONS),
  }
}

const SPEAKER = 'i'

/** Normalizes a name of the answer for comparison. Models keep the first person of the text despite instructions. */
function keyOf(name: string): string {
  const plain = withoutArticle(oneLine(name))
  return /^(I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself)$/.test(plain) ? SPEAKER : plain.toLowerCase()
}

function withoutArticle(name: string): string {
  return name.replace(/^(the|an?) (?=.)/, '')
}

/** Scripts that separate words. In other scripts a name can be between letters. */
const WORD = '\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{N}'

/** Finds the name, without a leading article, as whole words in the text. Exact matches come before matches in another case. */
function placesOf(name: string, parts: readonly Part[]): Span[] {
  const plain = withoutArticle(oneLine(name))
  if (plain.length > MAX_NAME_CHARACTERS || !/[\p{L}\p{N}]/u.test(plain)) return []
  const words = plain
    .replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
    .replace(/['’]/g, "['’]")
    .replaceAll(' ', '\\s+')
  const before = new RegExp(`^[${WORD}]`, 'u').test(plain) ? `(?<![${WORD}])` : ''
  const after = new RegExp(`[${WORD}]$`, 'u').test(plain) ? `(?![${WORD}\\p{M}])` : ''
  const pattern = before + words + after
  const exact = matches(new RegExp(pattern, 'gu'), parts)
  return exact.length > 0 ? exact : matches(new RegExp(pattern, 'giu'), parts)
}

function placesOfFirstPerson(parts: readonly Part[]): Span[] {
  return matches(/(?<![\p{L}\p{N}'’])(I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself)(?![\p{L}\p{N}])/gu, parts)
}

function matches(pattern: RegExp, parts: readonly Part[]): Span[] {
  const spans: Span[] = []
  for (const { text, start } of parts) {
    for (const { 0: match, index } of text.matchAll(pattern)) {
      if (spans.length === MAX_PLACES) return spans
      spans.push([start + index, start + index + match.length])
    }
  }
  return spans
}

/** Returns the sentences with the nearest occurrences of both names. */
function aroundBoth(subjects: readonly Span[], objects: readonly Span[], sentences: readonly Span[]): Span {
  const pairs = subjects.flatMap((a) => objects.map((b): Span => [Math.min(a[0], b[0]), Math.max(a[1], b[1])]))
  const [start, end] = pairs.reduce((best, pair) => (pair[1] - pair[0] < best[1] - best[0] ? pair : best))
  const first = sentences.findLast((sentence) => sentence[0] <= start)
  const last = sentences.find((sentence) => sentence[1] >= end)
  return [first ? first[0] : start, last ? last[1] : end]
}

const SENTENCES = new Intl.Segmenter(undefined, { granularity: 'sentence' })

/** Trims white space from a span. */
export function sentencesOf(parts: readonly Part[]): Span[] {
  return parts.flatMap(({ text, start }) =>
    [...SENTENCES.segment(text)].flatMap(({ segment, index }): Span[] => {
      const from = start + index + segment.length - segment.trimStart().length
      const to = start + index + segment.trimEnd().length
      return from < to ? [[from, to]] : []
    }),
  )
}

/** Returns the predicate in lower case, or an empty string if it is too long or has other characters than words. */
function predicateOf(predicate: string): string {
  const words = oneLine(predicate.replaceAll('_', ' ')).toLowerCase()
  return words.length <= MAX_PREDICATE_CHARACTERS && /^[\p{L}\p{M}\p{N} '’./-]+$/u.test(words) ? words : ''
}

/** Normalizes white space, and removes control characters and lone surrogates. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim()
}
