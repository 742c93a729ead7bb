import type { Chunk } from '../provider/chunks.ts'
import type { Sentence, Token } from './tagging.ts'
import { EMPTY, POSSESSIVES, ROLES, TEMPORAL } from './words.ts'

/** The tokens of a name, from `start` to before `end`; `proper` for a proper name. */
export interface Name {
  start: number
  end: number
  proper: boolean
}

/** The parts of a noun phrase. */
export interface NounPhrase {
  /** The pronoun in lower case, if the phrase is only a pronoun. */
  pronoun?: string
  /** Name of the entity without articles; undefined for pronouns and phrases without letters. */
  head?: Name
  article: 'a' | 'the' | ''
  /** Whether the phrase is a point in time or a duration. */
  temporal: boolean
  /** The possessor: "Alice" in "Alice's manager", or the pronoun in "my manager". */
  possessor?: Name | string
  /** The head without its possessor: "manager" in both. */
  owned?: Name
  /** The role: "wife" in "my wife Carol", "CEO" in "Acme CEO Bob". */
  role?: Name
  /** The organization of a role: "Acme" in "Acme CEO Bob". */
  organization?: Name
}

/** Returns the words in lower case, for use in a predicate. */
export function textOf(sentence: Sentence, { start, end }: Name): string {
  const words = sentence.tokens.slice(start, end).map(({ lower }) => lower)
  return words.join(' ')
}

/** Words before a role that belong to it: "Prime Minister". */
const RANKS = /^(prime|vice|deputy|chief|senior|junior|former|lead|general|foreign)$/

/** Words that begin a message and are not names, whatever the tagger says. */
const INTERJECTIONS =
  /^(glad|congrats|congratulations|gonna|wow|haha|hahaha|lol|hey|hi|hello|thanks|thank|yes|yeah|yep|ok|okay|sorry|please|omg|btw|oh|ah|aww|cool|great|nice|awesome|sure|wanna|gotta)$/

/** Maximum length of a name. Longer names keep only their end. */
const MAX_NAME_WORDS = 8

export function readNounPhrase(tokens: readonly Token[], chunk: Chunk): NounPhrase {
  const first = tokens[chunk.start]!
  if (chunk.end - chunk.start === 1 && (first.pos === 'PRON' || first.pos === 'DET')) {
    return { pronoun: first.lower, article: '', temporal: false }
  }
  const article = /^an?$/.test(first.lower) ? 'a' : first.lower === 'the' ? 'the' : ''
  const split = lastPossessive(tokens, chunk)
  let start = split + 1
  while (start < chunk.end && /^(DET|ADV|PRON)$/.test(tokens[start]!.pos)) start++
  const phrase: NounPhrase = {
    article,
    temporal: isTemporal(tokens, start, chunk.end),
    ...readNames(tokens, start, chunk.end),
  }
  if (split > chunk.start) {
    const owner = readNounPhrase(tokens, { ...chunk, end: split })
    if (owner.head) phrase.possessor = owner.head
  } else if (POSSESSIVES.has(first.lower) && first.pos !== 'PROPN') {
    phrase.possessor = first.lower
  }
  if (phrase.possessor !== undefined && phrase.head && !phrase.role) {
    phrase.owned = { ...phrase.head, start }
    if (typeof phrase.possessor === 'object') phrase.head = { ...phrase.owned, start: phrase.possessor.start }
  }
  if (phrase.head && phrase.temporal) phrase.head.proper = false
  return phrase
}

function lastPossessive(tokens: readonly Token[], { start, end }: Chunk): number {
  for (let i = end - 2; i > start; i--) if (/^('s|')$/.test(tokens[i]!.lower) && tokens[i]!.pos !== 'PROPN') return i
  return start - 1
}

function readNames(
  tokens: readonly Token[],
  start: number,
  end: number,
): Pick<NounPhrase, 'head' | 'role' | 'organization'> {
  if (end - start > MAX_NAME_WORDS * 2) start = end - MAX_NAME_WORDS
  if (end - start === 1 && (EMPTY.has(tokens[start]!.lower) || INTERJECTIONS.test(tokens[start]!.lower))) return {}
  if (!tokens.slice(start, end).some((token) => /\p{L}/u.test(token.text))) {
    // "order 1234" is not a name, "2019" is a time.
    return isTemporal(tokens, start, end) ? { head: { start, end, proper: false } } : {}
  }
  let tail = end
  while (tail > start && inName(tokens, tail - 1, start)) tail--
  const role = lastRole(tokens, start, end)
  // "Acme CEO Bob", "Acme engineer Bob": the title stands between two names.
  if (role === start + 1 && role < end - 1 && RANKS.test(tokens[start]!.lower)) {
    return { head: { start: role + 1, end, proper: true }, role: { start, end: role + 1, proper: false } }
  }
  if (role !== undefined && role > start && role < end - 1 && inName(tokens, start, start) && role >= tail - 1) {
    return {
      head: { start: role + 1, end, proper: true },
      role: { start: role, end: role + 1, proper: false },
      organization: { start, end: role, proper: true },
    }
  }
  if (tail === end) {
    let from = start
    while (from < end && !inName(tokens, from, start)) from++
    const proper = from < end && !tokens.slice(from, end).every(({ lower }) => ROLES.has(lower))
    // "the big AI conference": the name begins at its first capital.
    const plain = tokens.slice(start, from).every(({ pos }) => pos === 'ADJ' || pos === 'NUM')
    return { head: { start: proper && plain ? from : start, end, proper } }
  }
  const before = tokens.slice(start, tail)
  const titled = role !== undefined && role >= tail && role < end - 1 && isUpper(tokens[role]!) && role === start
  if (titled) return { head: { start: role + 1, end, proper: true }, role: { start, end: role + 1, proper: false } }
  const common = before.some(({ pos }) => pos === 'NOUN') ? { role: { start, end: tail, proper: false } } : {}
  return {
    head: { start: tail, end, proper: !tokens.slice(tail, end).every(({ lower }) => ROLES.has(lower)) },
    ...common,
  }
}

function lastRole(tokens: readonly Token[], start: number, end: number): number | undefined {
  for (let i = end - 1; i >= start; i--)
    if (ROLES.has(tokens[i]!.lower) && !(i === end - 1 && i > start && /^\p{Lu}\p{Ll}/u.test(tokens[i]!.text))) return i
  return undefined
}

const isUpper = ({ text }: Token) => text.length > 1 && text === text.toUpperCase()

/** Tells whether the token at `i` belongs to the name that starts at `start`. */
function inName(tokens: readonly Token[], i: number, start: number): boolean {
  const { pos, text, lower } = tokens[i]!
  if (/^https?:|[\\/<>{}=]/.test(text) || !/[\p{L}\p{N}&-]/u.test(text)) return false
  if (pos === 'NUM' || lower === 'of' || text === '&' || text === '-') {
    return i > start && inName(tokens, i - 1, start) && (pos === 'NUM' || inName(tokens, i + 1, i + 1))
  }
  if (!/^\p{Lu}|^\p{Ll}\p{Lu}/u.test(text)) return pos === 'PROPN' && (/\p{L}/u.test(text) || text === "'s")
  if (pos === 'PROPN') return true
  return pos === 'NOUN' || pos === 'ADJ' ? i > 0 || isUpper(tokens[i]!) || inName(tokens, i + 1, i + 1) : false
}

function isTemporal(tokens: readonly Token[], start: number, end: number): boolean {
  const last = tokens[end - 1]
  if (!last) return false
  if (TEMPORAL.has(last.lower)) return true
  const year = end - start === 1 && /^(1[5-9]|20)\d\ds?$/.test(last.text)
  return year || (last.pos === 'NUM' && TEMPORAL.has(tokens[start]?.lower ?? '')) || /^\d{1,2}:\d\d$/.test(last.text)
}
