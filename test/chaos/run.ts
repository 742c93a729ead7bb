import { parseArgs } from 'node:util'
import { findObstacle } from '../../scripts/postgres.mjs'
import { freshDatabaseOn } from '../support/database.ts'
import { startBreakable } from './breakable.ts'
import { clusterRound } from './cluster.ts'
import { embeddedRound } from './embedded.ts'
import { type Report, table } from './report.ts'

// npm run chaos                          20 rounds on each available backend
// npm run chaos -- --rounds=3            fewer rounds
// npm run chaos -- --backend=postgres    only one backend
// npm run chaos -- --seed=4711           repeats faults: the first round has this seed, further rounds the following numbers
//
// embedded.ts and cluster.ts cause the faults; oracle.ts and receiver.ts check the results.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    backend: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
  },
})
const [rounds, seed] = [Number(values.rounds), Number(values.seed)]
const { backend } = values
if (
  !Number.isInteger(rounds) ||
  rounds < 1 ||
  !Number.isInteger(seed) ||
  !/^(pglite|postgres)$/.test(backend ?? 'pglite')
) {
  console.error('--rounds must be a positive integer, --seed an integer, --backend pglite or postgres')
  process.exit(2)
}

const reports: Report[] = []
async function play(round: (seed: number) => Promise<Report>): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const report = await round(seed + n)
    reports.push(report)
    const { faults, problems, recoveredMs } = report
    console.error(
      `${report.backend} ${n + 1}/${rounds}, seed ${report.seed}: ${faults.join('; ')}; recovered after ${recoveredMs} ms`,
    )
    for (const problem of problems) console.error(`  PROBLEM: ${problem}`)
  }
}

async function playOnPostgres(): Promise<void> {
  const obstacle = findObstacle()
  if (obstacle) {
    console.error(`PostgreSQL: no rounds, because ${obstacle}`)
    if (backend === 'postgres') process.exitCode = 1
    return
  }
  const server = await startBreakable()
  try {
    await play(async (seed) => {
      const { url: databaseUrl, drop } = await freshDatabaseOn(server.url)
      const report = await clusterRound({ seed, databaseUrl, server })
      await drop()
      return report
    })
  } finally {
    await server.stop()
  }
}

console.error(`first seed: ${seed}`)
if (backend !== 'postgres') await play(embeddedRound)
if (backend !== 'pglite') await playOnPostgres()
console.log(`\n${table(reports)}`)
if (reports.length === 0 || reports.some(({ problems }) => problems.length > 0)) process.exitCode = 1
