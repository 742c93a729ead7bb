import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createProgress } from './progress.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const at = (progress: number) => ({ progress, total: undefined, message: undefined })

test('a loop that tells each step is heard now and then, and to its end', () => {
  const told: number[] = []
  const progress = createProgress((made) => told.push(made.progress))
  for (let step = 1; step <= 1000; step++) progress.made(at(step))
  expect(told).toEqual([1])
  vi.advanceTimersByTime(1_000)
  expect(told).toEqual([1, 1000])
  progress.made(at(1001))
  progress.made(at(1002))
  progress.end()
  expect(told).toEqual([1, 1000, 1001, 1002])
})

test('what does not go on is not told, and nothing after the end', () => {
  const told: number[] = []
  const progress = createProgress((made) => told.push(made.progress))
  for (const step of [5, 5, 3, -1]) progress.made(at(step))
  vi.advanceTimersByTime(1_000)
  progress.end()
  progress.made(at(6))
  vi.advanceTimersByTime(1_000)
  expect(told).toEqual([5])
})
