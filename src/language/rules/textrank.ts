import { withoutHalf } from './sentences.ts'
import type { Sentence } from './tagging.ts'

const DAMPING = 0.85
const ROUNDS = 40
const CONTENT = new Set(['NOUN', 'PROPN', 'VERB', 'ADJ', 'NUM', 'X'])

/**
 * Summarizes `text` in at most `maxLength` characters with the highest ranked sentences, in the order of the text. The method is TextRank
 * (Mihalcea & Tarau, 2004) with the cosine of IDF-weighted term sets as edge weight. If no sentence fits, cuts the best one at a word. The
 * time is linear in the number of words, not quadratic in the number of sentences.
 */
export function textRank(text: string, sentences: readonly Sentence[], maxLength: number): string {
  const all = distinct(text, sentences)
  const whole = joined(all.map(({ words }) => words))
  if (whole.length <= maxLength) return whole
  // Headings and exclamations carry little information and only count if there are no other sentences.
  const long = all.filter(({ size }) => size >= 4)
  const candidates = long.length > 0 ? long : all
  const scores = rank(candidates.map(({ terms }) => terms))
  const order = [...candidates.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b)
  const chosen: number[] = []
  let length = -1
  for (const i of order) {
    const more = 1 + candidates[i]!.words.length
    if (length + more > maxLength) continue
    chosen.push(i)
    length += more
  }
  if (chosen.length === 0) return cutAtWord(candidates[order[0]!]!.words, maxLength)
  return joined(chosen.sort((a, b) => a - b).map((i) => candidates[i]!.words))
}

/** Joins sentences with one character: a line break next to a table row, otherwise a space. */
function joined(sentences: readonly string[]): string {
  return sentences
    .map((words, i) => (i === 0 ? '' : isRow(words) || isRow(sentences[i - 1]!) ? '\n' : ' ') + words)
    .join('')
}

/** Tabs separate the cells of a table row. */
function isRow(words: string): boolean {
  return words.includes('\t')
}

interface Candidate {
  words: string
  /** Number of words. */
  size: number
  terms: Set<string>
}

function distinct(text: string, sentences: readonly Sentence[]): Candidate[] {
  const seen = new Map<string, Candidate>()
  for (const { span, tokens } of sentences) {
    const words = text.slice(...span).replace(/[^\S\t]+/g, ' ')
    const size = tokens.filter((token) => /[\p{L}\p{N}]/u.test(token.text)).length
    if (size === 0 || seen.has(words)) continue
    const terms = new Set(tokens.filter((token) => CONTENT.has(token.pos)).map((token) => token.lower))
    seen.set(words, { words, terms, size })
  }
  return [...seen.values()]
}

/** Computes PageRank on the cosine graph. The graph is X·Xᵀ without its diagonal, so each round is two passes over the terms. */
function rank(termSets: readonly Set<string>[]): number[] {
  const count = termSets.length
  const frequency = new Map<string, number>()
  for (const terms of termSets) for (const term of terms) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  const vectors = termSets.map((terms) => {
    const weights = [...terms].map((term) => [term, Math.log(1 + count / frequency.get(term)!)] as const)
    const norm = Math.hypot(...weights.map(([, weight]) => weight)) || 1
    return weights.map(([term, weight]) => [term, weight / norm] as const)
  })
  function spread(values: readonly number[]): number[] {
    const total = new Map<string, number>()
    vectors.forEach((vector, i) => {
      for (const [term, weight] of vector) total.set(term, (total.get(term) ?? 0) + weight * values[i]!)
    })
    return vectors.map((vector, i) => {
      const self = vector.length > 0 ? values[i]! : 0
      return Math.max(0, vector.reduce((sum, [term, weight]) => sum + weight * total.get(term)!, 0) - self)
    })
  }
  const degrees = spread(Array(count).fill(1))
  let scores: number[] = Array(count).fill(1 / count)
  for (let round = 0; round < ROUNDS; round++) {
    // The degree of a sentence without shared terms is only rounding noise.
    const received = spread(scores.map((score, i) => (degrees[i]! > 1e-9 ? score / degrees[i]! : 0)))
    scores = received.map((value) => (1 - DAMPING) / count + DAMPING * value)
  }
  return scores
}

function cutAtWord(words: string, maxLength: number): string {
  if (maxLength < 1) return ''
  const hard = words.slice(0, withoutHalf(words, maxLength - 1))
  const space = hard.lastIndexOf(' ')
  const kept = words[hard.length] === ' ' || space < 1 ? hard : hard.slice(0, space)
  return `${kept.replace(/[\s,;:]+$/, '')}…`
}
