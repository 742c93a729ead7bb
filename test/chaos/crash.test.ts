import { expect, test } from 'vitest'
import { crashRound } from './crash.ts'

test.each([1, 2])(
  'a server killed under load loses no write, and its runs all end after the next start (round %i)',
  async () => {
    const { problems, ...report } = await crashRound()
    console.log(JSON.stringify(report))
    expect(problems).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(0)
  },
  120_000,
)
