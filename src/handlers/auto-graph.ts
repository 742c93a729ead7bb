import { z } from 'zod'
import type { Extraction } from '../language/index.ts'
import { nameKeys, normalizeId, normalizeName } from '../memory/names.ts'
import { functionalOf } from '../memory/predicates.ts'
import { memoryStored, remembered } from '../schema/events.ts'
import type { GraphFacts } from '../store/data/graph.ts'
import { defineHandler } from './handler.ts'

/** Adds the entities and relations of a memory to the context graph. */
export const autoGraph = defineHandler({
  name: 'auto_graph',
  on: [remembered.name, memoryStored.name],
  config: z.looseObject({
    /** If false, only entities that take part in a relation are added. */
    extract_entities: z.boolean().default(true),
    max_relations: z.number().int().min(0).max(1000).default(10),
  }),

  warm: async (app) => app.language.warm?.(),

  async run(app, run, config) {
    const memory = await app.store.memories.text(run.project_id, run.ref)
    if (!memory) return { entities: 0, relations: 0, reason: 'the memory has been forgotten' }
    if (memory.content.trim() === '') return { entities: 0, relations: 0, reason: 'the memory has no text' }
    const extraction = await app.language.extract(memory.content, {
      speaker: memory.entity_id ?? undefined,
      signal: run.signal,
    })
    const facts = toFacts(extraction, memory.content, memory.entity_id, config)
    const scope = {
      user_id: run.user_id,
      project_id: run.project_id,
      cause: { chain_id: run.chain.id, depth: run.chain.depth + 1, run_id: run.id },
      trace: run.trace ?? undefined,
    }
    const added = await app.store.transaction((tx) =>
      tx.graph.add(scope, {
        ...facts,
        memory_id: memory.id,
        content: memory.content,
        extractor: app.language.model,
      }),
    )
    return { entities: added?.entities ?? 0, relations: added?.edges ?? 0, used: app.language.model }
  },
})

/** The weakest relation: a memory about one entity names another. */
const MENTIONS = {
  predicate: 'mentions',
  lemma: 'mention',
  tense: null,
  functional: null,
  ended: false,
  confidence: 0.2,
}

const PERFECT = /^(has|have) (?!\w+ (of|to)\b)/

type Limits = { extract_entities: boolean; max_relations: number }

/** Converts an extraction to facts with normalized names. Links the subject of the memory (`entityId`) to all entities if no sentence names it. */
function toFacts(
  extraction: Extraction,
  content: string,
  entityId: string | null,
  limits: Limits,
): Pick<GraphFacts, 'entities' | 'relations'> {
  const about = entityId === null ? '' : normalizeId(entityId)
  const byNorm = new Map<string, GraphFacts['entities'][number]>()
  for (const { name, type, span } of extraction.entities) {
    const keys = nameKeys(name)
    if (keys.norm === '') continue
    // A name that is the subject's identifier is its name, however the name is normalized.
    if (normalizeId(name) === about) keys.norm = about
    const entity = byNorm.get(keys.norm) ?? { ...keys, name, type, spans: [] }
    byNorm.set(keys.norm, { ...entity, spans: [...entity.spans, span] })
  }
  const normOf = (name: string) => (normalizeId(name) === about ? about : normalizeName(name))
  // A possibility, a wish or a condition says nothing of the world.
  const relations = extraction.relations
    .filter(({ isFact }) => isFact)
    .map(({ isFact: _, ...fact }) => ({
      ...fact,
      subject: normOf(fact.subject),
      object: normOf(fact.object),
      // "lived in" and "has worked at" say nothing of today.
      functional: fact.tense === 'present' && !PERFECT.test(fact.predicate) ? functionalOf(fact.lemma) : null,
    }))

  if (about !== '' && !byNorm.has(about)) {
    const whole = [0, content.length] as const
    for (const norm of byNorm.keys()) relations.push({ ...MENTIONS, subject: about, object: norm, span: whole })
    byNorm.set(about, { name: entityId!, norm: about, acronym: null, is_acronym: false, type: 'other', spans: [whole] })
  }

  const kept = relations
    .filter(({ subject, object }) => byNorm.has(subject) && byNorm.has(object) && subject !== object)
    .slice(0, limits.max_relations)
  const related = new Set([about, ...kept.flatMap(({ subject, object }) => [subject, object])])
  const entities = [...byNorm.values()].filter((entity) => limits.extract_entities || related.has(entity.norm))
  return { entities, relations: kept }
}
