import type { Token } from '../rules/tagging.ts'
import { BE, LINKING, PARTICLES, POSSESSIVES } from '../rules/words.ts'

export type ChunkKind =
  | 'noun'
  | 'verb'
  | 'preposition'
  | 'and'
  | 'comma'
  /** who, which, that */
  | 'relative'
  /** because, while, if: the start of another clause */
  | 'subordinate'
  | 'stop'

/** A run of tokens that the rules read as one; `end` is exclusive, both are token indexes. */
export interface Chunk {
  kind: ChunkKind
  start: number
  end: number
}

/** Returns noun phrases, verb groups and their connectors in order. Tokens without a role in the structure are left out. */
export function chunk(tokens: readonly Token[]): Chunk[] {
  const chunks: Chunk[] = []
  for (let i = 0; i < tokens.length; ) {
    const found = chunkAt(tokens, i, chunks.at(-1))
    if (found) chunks.push(found)
    i = found ? found.end : i + 1
  }
  return settle(chunks, tokens)
}

function chunkAt(tokens: readonly Token[], start: number, previous: Chunk | undefined): Chunk | undefined {
  const { lower, pos } = tokens[start]!
  const one = (kind: ChunkKind) => ({ kind, start, end: start + 1 })
  if (/^(who|whom|which)$/.test(lower) || (lower === 'that' && previous?.kind === 'noun' && pos === 'PRON'))
    return one('relative')
  if (/^(whose|where|when|why|how|whether|what)$/.test(lower)) return one('subordinate')
  const nounEnd = nounPhraseEnd(tokens, start)
  if (nounEnd > start) return { kind: 'noun', start, end: nounEnd }
  const verbEnd = verbGroupEnd(tokens, start)
  if (verbEnd > start) return { kind: 'verb', start, end: verbEnd }
  if (pos === 'ADP' || lower === 'to') {
    let end = start + 1
    while (tokens[end]?.pos === 'ADP') end++
    return { kind: 'preposition', start, end }
  }
  if (pos === 'CCONJ') return one('and')
  if (pos === 'SCONJ') return one('subordinate')
  if (lower === ',') return one('comma')
  if (/^([.;:!?()[\]{}|=<>]|--?|—|–|\.\.\.|…)$/.test(lower)) return one('stop')
  return undefined
}

const isNominal = (token: Token | undefined) => token?.pos === 'NOUN' || token?.pos === 'PROPN'
const isCapital = (token: Token | undefined) => token !== undefined && /^\p{Lu}/u.test(token.text)

/** Returns the end of the noun phrase at `start`, or `start` if there is none. Includes possessors: "my wife Carol", "Al's car". */
function nounPhraseEnd(tokens: readonly Token[], start: number): number {
  const first = tokens[start]!
  if (first.pos === 'PRON' && !POSSESSIVES.has(first.lower)) return start + 1
  let last = -1
  let i = start
  for (; i < tokens.length; i++) {
    const token = tokens[i]!
    const before = tokens[i - 1]
    if (isNominal(token)) {
      if (last >= 0 && /^(today|tomorrow|yesterday|tonight)$/.test(token.lower)) break
      if (last >= 0 && /^\d{4}$/.test(before!.text) && token.pos === 'PROPN') break
      last = i
    } else if (token.pos === 'NUM') {
      last = i
    } else if (token.pos === 'ADJ') {
      if (isNominal(before) && last >= 0 && !(isCapital(token) && isCapital(before))) break
    } else if (token.pos === 'DET' || POSSESSIVES.has(token.lower)) {
      if (i > start && !/^(all|both|such|half)$/.test(before!.lower)) break
      if (token.pos === 'PRON' && nounAfter(tokens, i) < 0) return i === start ? start + 1 : last + 1
    } else if (token.lower === "'s" || token.text === "'" || token.text === '’') {
      if (!isNominal(before) || token.pos === 'AUX' || nounAfter(tokens, i) < 0) break
    } else if (token.pos === 'VERB' || token.pos === 'ADV') {
      // "the old invoicing tool", "a very small orchestra"
      const inside = i > start && last < i - 1 ? true : tokens[start]!.pos === 'DET' && last < 0
      if (
        !inside ||
        i === start ||
        nounAfter(tokens, i) < 0 ||
        (token.pos === 'VERB' && !/(ing|ed|en)$/.test(token.lower))
      )
        break
    } else if (!bridges(tokens, i)) {
      break
    }
  }
  if (last >= 0) return last + 1
  return tokens[start]!.pos === 'DET' && start + 1 < tokens.length && i === start + 1 ? start + 1 : start
}

/** Returns the index of the noun that the token at `i` modifies, or -1 if a verb or mark comes first. */
function nounAfter(tokens: readonly Token[], i: number): number {
  for (let j = i + 1; j < Math.min(tokens.length, i + 5); j++) {
    if (isNominal(tokens[j])) return j
    if (!/^(ADJ|NUM|ADV|VERB)$/.test(tokens[j]!.pos)) return -1
  }
  return -1
}

/** Words inside a name: "Bank of America", "AT & T", "head of marketing", "Galeries-Lafayette". */
function bridges(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1]
  const after = tokens[i + 1]
  if (!isNominal(before)) return false
  if (tokens[i]!.lower === '-')
    return isNominal(after) && tokens[i]!.start === before!.end && tokens[i]!.end === after!.start
  if (tokens[i]!.lower === '&') return isNominal(after)
  if (tokens[i]!.lower !== 'of') return false
  const bothNames =
    isCapital(before) && before!.text !== before!.text.toUpperCase() && isCapital(after) && isNominal(after)
  return bothNames || (!isCapital(before) && after?.pos === 'NOUN' && !isCapital(after))
}

function verbGroupEnd(tokens: readonly Token[], start: number): number {
  let end = start
  let verb: Token | undefined
  for (; end < tokens.length; end++) {
    const { pos, lower } = tokens[end]!
    if (pos === 'VERB' || pos === 'AUX') {
      // "the car that Sam ordered arrived": the second verb belongs to another clause.
      if (verb && verb === tokens[end - 1] && verb.pos === 'VERB' && !/ing$/.test(lower) && !LINKING.has(verb.lower))
        break
      verb = tokens[end]
    } else if (
      pos === 'PART' && lower === 'to'
        ? !/^(VERB|AUX|ADV)$/.test(tokens[end + 1]?.pos ?? '')
        : pos !== 'PART' && pos !== 'ADV'
    )
      break
    else if (lower === "'s") break
  }
  if (!verb) return start
  while (end - 1 > start && tokens[end - 1]!.pos === 'ADV' && !PARTICLES.has(tokens[end - 1]!.lower)) end--
  if (PARTICLES.has(tokens[end]?.lower ?? '') && tokens[end]!.pos !== 'NOUN' && tokens[end - 1] === verb) end++
  if (/^(take|takes|took|taken|taking)$/.test(verb.lower) && /^(place|part|care)$/.test(tokens[end]?.lower ?? '')) end++
  if (!BE.has(verb.lower) && !LINKING.has(verb.lower)) return end
  // "is married to", "is allergic to": the adjective is the predicate, unless a noun follows it.
  let adjective = end
  while (tokens[adjective]?.pos === 'ADV') adjective++
  return tokens[adjective]?.pos === 'ADJ' && !/^(ADJ|NOUN|PROPN)$/.test(tokens[adjective + 1]?.pos ?? '')
    ? adjective + 1
    : end
}

const EITHER = /^(before|after|since|until|till|as|for|like|than|once)$/

/** Distinguishes "before he joined", which starts a clause, from "before lunch": a clause has a verb after the noun. */
function settle(chunks: Chunk[], tokens: readonly Token[]): Chunk[] {
  for (const [i, chunk] of chunks.entries()) {
    if (!EITHER.test(tokens[chunk.start]!.lower) || chunk.end - chunk.start > 1) continue
    if (chunk.kind !== 'preposition' && chunk.kind !== 'subordinate') continue
    const noun = chunks[i + 1]
    const verb = chunks[i + 2]
    const clause = noun?.kind === 'noun' && verb?.kind === 'verb' && !/^to$|ing$/.test(tokens[verb.start]!.lower)
    chunk.kind = clause ? 'subordinate' : noun?.kind === 'noun' ? 'preposition' : chunk.kind
  }
  return chunks
}
