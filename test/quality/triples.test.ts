import { expect, test } from 'vitest'
import { createExtractor } from '../../src/language/rules/extract.ts'
import { loadTagger } from '../../src/language/rules/tagging.ts'
import { TRIPLES_GOLD, type Triple } from './triples-gold.ts'

const extract = createExtractor(loadTagger())

function words(triple: Triple): string[] {
  const all =
    triple
      .join(' ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  return all.filter((word) => !['a', 'an', 'the'].includes(word))
}

function shared(a: readonly string[], b: readonly string[]): number {
  const left = [...b]
  return a.filter((word) => {
    const at = left.indexOf(word)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  }).length
}

/** Pairs each found triple with at most one gold triple, best pair first, by shared words. After CaRB (Bhardwaj et al. 2019), but one to one. */
function score(found: readonly Triple[], gold: readonly Triple[]): { precise: number; recalled: number } {
  const pairs = found.flatMap((f, i) =>
    gold.map((g, j) => {
      const [a, b] = [words(f), words(g)]
      const common = shared(a, b)
      return { i, j, precision: common / a.length, recall: common / b.length, f1: (2 * common) / (a.length + b.length) }
    }),
  )
  const used = { found: new Set<number>(), gold: new Set<number>() }
  let precise = 0
  let recalled = 0
  for (const pair of pairs.sort((a, b) => b.f1 - a.f1)) {
    if (pair.f1 === 0 || used.found.has(pair.i) || used.gold.has(pair.j)) continue
    used.found.add(pair.i)
    used.gold.add(pair.j)
    precise += pair.precision
    recalled += pair.recall
  }
  return { precise, recalled }
}

test('relations in everyday memories agree with those written by hand', () => {
  const total = { precise: 0, recalled: 0, found: 0, gold: 0 }
  for (const { text, speaker, triples } of TRIPLES_GOLD) {
    const found = extract(text, speaker).relations.map((r): Triple => [r.subject, r.predicate, r.object])
    const { precise, recalled } = score(found, triples)
    total.precise += precise
    total.recalled += recalled
    total.found += found.length
    total.gold += triples.length
  }
  const precision = total.precise / total.found
  const recall = total.recalled / total.gold
  const f1 = (2 * precision * recall) / (precision + recall)
  console.log(`triples: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}, F1 ${f1.toFixed(3)}`)
  expect(f1).toBeGreaterThanOrEqual(0.35)
})
