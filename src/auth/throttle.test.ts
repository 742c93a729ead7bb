import { expect, test } from 'vitest'
import { createThrottle } from './throttle.ts'

function throttleAt(limit: number) {
  let now = 0
  const throttle = createThrottle({ now: () => now * 1000, skewSeconds: () => 0 }, limit, 600)
  return {
    ...throttle,
    advance(seconds: number) {
      now += seconds
    },
  }
}

test('after too many failures a name has to wait until the window that began with the first failure ends', () => {
  const throttle = throttleAt(2)
  throttle.count('a')
  throttle.advance(100)
  expect(throttle.waitFor('a')).toBe(0)
  throttle.count('a')
  throttle.count('a')
  expect(throttle.waitFor('a')).toBe(500)
  expect(throttle.waitFor('b')).toBe(0)
  throttle.advance(500)
  expect(throttle.waitFor('a')).toBe(0)
  throttle.count('a')
  throttle.clear('a')
  throttle.count('a')
  expect(throttle.waitFor('a')).toBe(0)
})

test('A4: a flood of other names does not release a name that has to wait', () => {
  const throttle = throttleAt(3)
  for (let i = 0; i < 3; i++) throttle.count('blocked')
  for (let i = 0; i < 2; i++) throttle.count('twice')
  for (let i = 0; i < 30_000; i++) throttle.count(`flood ${i}`)
  expect(throttle.waitFor('blocked')).toBe(600)
  throttle.count('twice')
  expect(throttle.waitFor('twice')).toBe(600)
  // The newest names of the flood are still counted.
  for (let i = 0; i < 2; i++) throttle.count('flood 29999')
  expect(throttle.waitFor('flood 29999')).toBe(600)
})
