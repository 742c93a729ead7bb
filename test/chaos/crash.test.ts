import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findObstacle } from '../../scripts/postgres.mjs'
import { freshDatabaseOn, SERVER } from '../support/database.ts'
import { startBreakable } from './breakable.ts'
import { clusterRound } from './cluster.ts'
import { embeddedRound } from './embedded.ts'
import type { Report } from './report.ts'

const seeds = [1, 2].map(() => Math.floor(Math.random() * 1_000_000))

function check({ problems, ...report }: Report): void {
  console.log(JSON.stringify(report))
  expect(problems).toEqual([])
  expect(report.acknowledged).toBeGreaterThan(0)
  expect(report.faults.length).toBeGreaterThan(0)
}

describe.skipIf(SERVER)('the embedded database', () => {
  test.each(seeds)(
    'a server that is killed under load loses no write, and each of its runs ends exactly once after the next start (seed %i)',
    async (seed) => check(await embeddedRound(seed)),
    120_000,
  )
})

describe.skipIf(!SERVER)('PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startBreakable>> | null = null
  beforeAll(async () => {
    // Without a separate server, the database server of the tests is not broken; only processes of the program die.
    if (!findObstacle()) server = await startBreakable()
    else console.log(`the PostgreSQL server is not broken: ${findObstacle()}`)
  })
  afterAll(() => server?.stop())

  test.each(seeds)(
    'two servers and a worker lose no write and end each run exactly once, though all of them and the database die under load (seed %i)',
    async (seed) => {
      const { url: databaseUrl, drop } = await freshDatabaseOn(server?.url ?? SERVER!)
      check(await clusterRound({ seed, databaseUrl, server }))
      await drop()
    },
    180_000,
  )
})
