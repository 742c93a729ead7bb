/** What a sentence says, as open information extraction writes it: `object` is all that follows the relation. */
export interface Triple {
  subject: string
  relation: string
  object: string
}

export interface TripleScore {
  precision: number
  recall: number
  f1: number
  found: number
}

interface Pair {
  found: number
  gold: number
  precision: number
  recall: number
  f1: number
}

/**
 * How well found triples agree with those written by hand, over all sentences. The idea is CaRB's (Bhardwaj, Aggarwal, Mausam:
 * "CaRB: A Crowdsourced Benchmark for Open IE", EMNLP 2019): a triple that is partly right counts in part, by the words it shares
 * with a gold one, subject with subject, relation with relation, object with object. Unlike CaRB, each found triple is paired with
 * at most one gold triple and the reverse, greedily, the pair of the highest F1 first, for recall as well as for precision; words are
 * compared in lower case without articles and punctuation; and there is no curve over confidences. So these numbers cannot be
 * compared with published ones.
 */
export function scoreTriples(sentences: readonly { found: readonly Triple[]; gold: readonly Triple[] }[]): TripleScore {
  const total = { precision: 0, recall: 0, found: 0, gold: 0 }
  for (const { found, gold } of sentences) {
    total.found += found.length
    total.gold += gold.length
    for (const pair of paired(found, gold)) {
      total.precision += pair.precision
      total.recall += pair.recall
    }
  }
  const precision = total.found === 0 ? 0 : total.precision / total.found
  const recall = total.gold === 0 ? 0 : total.recall / total.gold
  return { precision, recall, f1: harmonic(precision, recall), found: total.found }
}

function paired(found: readonly Triple[], gold: readonly Triple[]): Pair[] {
  const goldWords = gold.map(wordsOf)
  const pairs = found.flatMap((triple, i) => {
    const words = wordsOf(triple)
    return goldWords.map((others, j) => compare(words, others, i, j))
  })
  const taken = { found: new Set<number>(), gold: new Set<number>() }
  return pairs
    .filter(({ f1 }) => f1 > 0)
    .sort((a, b) => b.f1 - a.f1)
    .filter((pair) => {
      if (taken.found.has(pair.found) || taken.gold.has(pair.gold)) return false
      taken.found.add(pair.found)
      taken.gold.add(pair.gold)
      return true
    })
}

function compare(found: string[][], gold: string[][], i: number, j: number): Pair {
  let common = 0
  for (const [slot, words] of found.entries()) common += shared(words, gold[slot]!)
  const precision = common / Math.max(1, found.flat().length)
  const recall = common / Math.max(1, gold.flat().length)
  return { found: i, gold: j, precision, recall, f1: harmonic(precision, recall) }
}

function wordsOf({ subject, relation, object }: Triple): string[][] {
  return [subject, relation, object].map((slot) =>
    (slot.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !/^(a|an|the)$/.test(word)),
  )
}

/** Words in both, each as often as in the list that has it less often. */
function shared(first: readonly string[], second: readonly string[]): number {
  const left = [...second]
  let count = 0
  for (const word of first) {
    const at = left.indexOf(word)
    if (at < 0) continue
    left.splice(at, 1)
    count++
  }
  return count
}

const harmonic = (a: number, b: number): number => (a + b === 0 ? 0 : (2 * a * b) / (a + b))
