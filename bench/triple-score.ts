/** A statement of a sentence, as in open information extraction: `object` is everything after the relation. */
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
 * Scores extracted triples against gold triples over all sentences. The idea is from CaRB (Bhardwaj, Aggarwal, Mausam: "CaRB: A
 * Crowdsourced Benchmark for Open IE", EMNLP 2019): a partly correct triple gets partial credit for the words that it shares with a gold
 * triple, compared subject with subject, relation with relation, object with object.
 *
 * The scores are not comparable with published ones, because of three differences to CaRB. Pairs are one to one and chosen greedily by F1,
 * for recall as well as for precision. Words are compared in lower case, without articles and punctuation. Confidences are not used.
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

/** Counts the words that both lists have, each as often as in the list that has it less often. */
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
