import nlp from 'compromise'
import type { EntityType } from '../index.ts'
import type { Name } from './noun-phrase.ts'
import type { Sentence, Token } from './tagging.ts'
import {
  EMPLOYING,
  HUMAN_OWNED,
  HUMAN_STATES,
  HUMAN_VERBS,
  ORGANIZATION_CUES,
  PLACE_CUES,
  ROLES,
  THING_CUES,
} from './words.ts'

/** Number of tokens of a text that are looked up in the word lists of compromise (0.1 ms each). Later tokens are typed by cues only. */
const LOOKED_UP_TOKENS = 50_000

export interface Typer {
  /** Determines the type of a proper name by its words, then by a word list, then by the surrounding words. */
  typeOf(name: string, range: Name, sentence: Sentence): EntityType
  /** Guesses the gender by the given name; undefined if unknown. */
  genderOf(name: string): 'male' | 'female' | undefined
}

/** Creates a typer for one text. A name has the same type in the whole text: the first that is not `other`. */
export function createTyper(): Typer {
  const known = new Map<string, EntityType>()
  const looked = new Map<Sentence, Map<string, EntityType>>()
  let tokensLookedUp = 0
  const genders = new Map<string, 'male' | 'female' | undefined>()

  function lookUp(sentence: Sentence): Map<string, EntityType> {
    let hits = looked.get(sentence)
    if (hits) return hits
    hits = new Map()
    looked.set(sentence, hits)
    tokensLookedUp += sentence.tokens.length
    if (tokensLookedUp > LOOKED_UP_TOKENS) return hits
    const document = nlp(sentence.tokens.map(({ text }) => text).join(' '))
    const kinds = [
      ['organization', document.organizations()],
      ['place', document.places()],
      ['person', document.people()],
    ] as const
    for (const [type, view] of kinds) for (const hit of view.out('array') as string[]) hits.set(normal(hit), type)
    return hits
  }
  return {
    typeOf(name, range, sentence) {
      const before = known.get(name)
      if (before && before !== 'other') return before
      const type = byOwnWords(name) ?? byWordList(name, lookUp(sentence)) ?? byContext(name, range, sentence.tokens)
      known.set(name, type)
      return type
    },
    genderOf(name) {
      const given = name.split(' ')[0]!
      if (!genders.has(given)) {
        const document = nlp(given)
        genders.set(given, document.has('#FemaleName') ? 'female' : document.has('#MaleName') ? 'male' : undefined)
      }
      return genders.get(given)
    },
  }
}

const normal = (name: string) =>
  name
    .toLowerCase()
    .replace(/\s*['’]s$|[^\p{L}\p{N}]+$/gu, '')
    .replace(/\s+/g, ' ')

function byOwnWords(name: string): EntityType | undefined {
  const words = name.toLowerCase().split(/\s+/)
  const last = words.at(-1)!
  if (/^(dr|mr|mrs|ms|prof|sir)\.?$/.test(words[0]!) && words.length > 1) return 'person'
  if (THING_CUES.has(last) || (words.length > 1 && words[0] === 'project')) return 'other'
  if (words.length > 1 && words.some((word) => ORGANIZATION_CUES.has(word))) return 'organization'
  if (words.length > 1 && words.some((word) => PLACE_CUES.has(word))) return 'place'
  // PostgreSQL, iPhone, GPT-4, v2: not the shape of a person or a place.
  return words.length === 1 && /\p{Ll}\p{Lu}{2}|^\p{Ll}\p{Lu}|\d/u.test(name) ? 'other' : undefined
}

function byWordList(name: string, hits: Map<string, EntityType>): EntityType | undefined {
  const key = normal(name)
  const exact = hits.get(key)
  if (exact) return exact
  // A hit that is most of the name, or contains it in a list ("Carlos and Mina").
  for (const [hit, type] of hits) {
    if (key.includes(hit) && hit.length * 2 > key.length && /^\p{Lu}/u.test(name.split(' ').at(-1)!)) return type
    if (type === 'person' && hit.split(' ').includes(key) && hit.split(' ').length <= 3) return type
  }
  return undefined
}

function byContext(name: string, { start, end }: Name, tokens: readonly Token[]): EntityType {
  const words = name.split(/\s+/)
  const capitals = words.every((word) => /^\p{Lu}/u.test(word))
  if (!capitals) return 'other'
  const before = tokens[start - 1]?.lower ?? ''
  const verb = tokens[start - 2]?.lower ?? ''
  const after = tokens[end]?.lower ?? ''
  if (EMPLOYING.has(before) || (EMPLOYING.has(verb) && /^(at|for)$/.test(before))) return 'organization'
  if (before === 'of' && ROLES.has(verb)) return 'organization'
  if (before === 'founded' || tokens[end + 1]?.lower === 'founded') return 'organization'
  if (after === "'s" && HUMAN_OWNED.has(tokens[end + 1]?.lower ?? '')) return 'person'
  if (/^(is|was|got)$/.test(after) && HUMAN_STATES.has(tokens[end + 1]?.lower ?? '')) return 'person'
  const acronym = name === name.toUpperCase()
  if (ROLES.has(before) || (words.length <= 3 && !acronym && (HUMAN_VERBS.has(after) || after === 'and'))) {
    if (ROLES.has(before) || HUMAN_VERBS.has(after) || HUMAN_VERBS.has(tokens[end + 2]?.lower ?? '')) return 'person'
  }
  if (/^(in|near|from|outside)$/.test(before) && words.length <= 3 && !acronym) return 'place'
  if (/^(lives?|lived|moved?|travell?ed|flew|went|born|based|trip)$/.test(verb) && before === 'to') return 'place'
  if (/^(met|with|married|by|told|asked|thanked|hired)$/.test(before) && words.length === 2) return 'person'
  return words.length === 2 && !acronym && start === 0 && tokens[end]?.pos === 'VERB' ? 'person' : 'other'
}
