import { expect, test } from 'vitest'
import { useLite } from '../../src/embedding/use-lite.ts'
import { PAIRS } from './pairs.ts'

/** Returns each value's rank in ascending order, from 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1)
}

/** Returns from -1 to 1 how similar the order of two lists of numbers is. NaN if one of them is constant. */
function spearman(first: readonly number[], second: readonly number[]): number {
  const mean = (first.length + 1) / 2
  const a = ranks(first).map((rank) => rank - mean)
  const b = ranks(second).map((rank) => rank - mean)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

test('spearman compares orders and averages ties', () => {
  expect(spearman([1, 2, 3], [10, 200, 3000])).toBeCloseTo(1)
  expect(spearman([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1)
  expect(ranks([5, 1, 5, 9])).toEqual([2.5, 1, 2.5, 4])
  expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(0.9487, 4)
})

test('the cosine of two English sentences follows the similarity of their meaning', async () => {
  const embedder = useLite()
  const first = await embedder.embed(PAIRS.map(([sentence]) => sentence))
  const second = await embedder.embed(PAIRS.map(([, sentence]) => sentence))
  const cosines = first.map((vector, i) => dot(vector, second[i]!))
  const rho = spearman(
    cosines,
    PAIRS.map(([, , score]) => score),
  )
  console.log(`similarity of ${PAIRS.length} pairs: Spearman ${rho.toFixed(3)}`)
  expect(PAIRS).toHaveLength(100)
  expect(rho).toBeGreaterThanOrEqual(0.65)
  await embedder.close()
})
