import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createProgress } from './progress.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const at = (progress: number) => ({ progress, total: undefined, message: undefined })

test('frequent progress is throttled, and the last one is always sent', () => {
  const sent: number[] = []
  const progress = createProgress((update) => sent.push(update.progress))
  for (let step = 1; step <= 1000; step++) progress.update(at(step))
  expect(sent).toEqual([1])
  vi.advanceTimersByTime(1_000)
  expect(sent).toEqual([1, 1000])
  progress.update(at(1001))
  progress.update(at(1002))
  progress.end()
  expect(sent).toEqual([1, 1000, 1001, 1002])
})

test('the parts of a result are joined while they wait, and none is lost', () => {
  const sent: (readonly [number, string | undefined])[] = []
  const progress = createProgress((update) => sent.push([update.progress, update.message]))
  for (const part of ['a', 'b', 'c']) progress.add(part)
  expect(sent).toEqual([[1, 'a']])
  vi.advanceTimersByTime(20)
  progress.add('d')
  progress.update({ progress: 7.5, total: undefined, message: 'step' })
  progress.add('e')
  progress.add('f')
  progress.end()
  progress.add('g')
  vi.advanceTimersByTime(1_000)
  expect(sent).toEqual([
    [1, 'a'],
    [2, 'bc'],
    [3, 'd'],
    [7.5, 'step'],
    [8, 'ef'],
  ])
})

test('progress that does not increase is not sent, nor any after the end', () => {
  const sent: number[] = []
  const progress = createProgress((update) => sent.push(update.progress))
  for (const step of [5, 5, 3, -1]) progress.update(at(step))
  vi.advanceTimersByTime(1_000)
  progress.end()
  progress.update(at(6))
  vi.advanceTimersByTime(1_000)
  expect(sent).toEqual([5])
})
