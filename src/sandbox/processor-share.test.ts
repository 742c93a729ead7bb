import { expect, test } from 'vitest'
import { ProcessorShare } from './processor-share.ts'

/** Returns the share after `count` samples of 10 ms of run time each. */
function after(count: number, runnableEach: number, processorMs: number): ProcessorShare {
  const share = new ProcessorShare()
  for (let n = 0; n < count; n++) share.add({ isRunnable: n % runnableEach === 0, runMs: 10, processorMs })
  return share
}

test('a program that only computes uses one instance per processor', () => {
  expect(new ProcessorShare().usefulInstances(2)).toBe(2)
  expect(after(50, 1, 10).usefulInstances(2)).toBe(2)
  expect(after(50, 1, 10).usefulInstances(8)).toBe(8)
})

test('a program that only computes is not taken for one that waits if it gets a tenth of a processor', () => {
  expect(after(1_000, 1, 1).usefulInstances(2)).toBe(2)
})

test('a program that waits uses more instances, in proportion to its waiting time', () => {
  expect(after(40, 10, 0).value).toBeCloseTo(5 / 41)
  expect(after(40, 10, 0).usefulInstances(2)).toBe(17)
  expect(after(1_000, 1_000_000, 0).usefulInstances(2)).toBeGreaterThan(60)
})

test('processor time of other threads and children counts, although the interpreter waits', () => {
  expect(after(50, 1_000, 10).usefulInstances(2)).toBe(2)
  expect(after(50, 1_000, 5).usefulInstances(2)).toBe(4)
  expect(after(50, 1_000, 40).value).toBe(1)
})

test('the estimate follows a program that changes', () => {
  const share = after(10_000, 1_000_000, 0)
  expect(share.usefulInstances(2)).toBeGreaterThan(60)
  for (let n = 0; n < 200; n++) share.add({ isRunnable: true, runMs: 10, processorMs: 2 })
  expect(share.usefulInstances(2)).toBeLessThan(4)
})
