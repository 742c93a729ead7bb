import { expect, test } from 'vitest'
import { withDerivationSlot } from './derivations.ts'

test('A4: two derivations run at once, twenty wait, and more are rejected', async () => {
  const finish: (() => void)[] = []
  let running = 0
  let most = 0
  const derive = () =>
    withDerivationSlot(async () => {
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => finish.push(resolve))
      running--
    })
  const admitted = Array.from({ length: 22 }, derive)
  await expect(derive()).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 2 })
  expect(running).toBe(2)
  for (let finished = 0; finished < 22; finished++) {
    finish[finished]!()
    await admitted[finished]
    await Promise.resolve()
  }
  expect({ running, most }).toEqual({ running: 0, most: 2 })
  const failing = withDerivationSlot(() => Promise.reject(new Error('broken')))
  await expect(failing).rejects.toThrow('broken')
  await expect(withDerivationSlot(async () => 'free')).resolves.toBe('free')
})
