import { parseArgs } from 'node:util'
import { type CrashReport, crashRound } from './crash.ts'

// npm run chaos -- --rounds 20: kills the server under load that many times, on the database of ZERODB_TEST_DATABASE_URL or on PGlite.

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const rounds = Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('--rounds takes a number from 1')
  process.exit(2)
}

const COLUMNS: readonly [title: string, value: (report: CrashReport) => number | string][] = [
  ['killed after', (report) => `${report.killedAfterMs} ms`],
  ['acknowledged', (report) => report.acknowledged],
  ['unanswered', (report) => report.unanswered],
  ['events', (report) => report.events],
  ['runs', (report) => report.runs],
  ['interrupted', (report) => report.interrupted],
  ['repeated', (report) => report.repeated],
  ['ready', (report) => `${report.readyMs} ms`],
  ['recovered', (report) => `${report.recoveredMs} ms`],
  ['problems', (report) => report.problems.length],
]

const line = (cells: (string | number)[]) =>
  cells.map((cell, i) => String(cell).padStart(i === 0 ? 5 : COLUMNS[i - 1]![0].length + 1)).join('  ')

const reports: CrashReport[] = []
console.log(line(['round', ...COLUMNS.map(([title]) => title)]))
for (let round = 1; round <= rounds; round++) {
  const report = await crashRound()
  reports.push(report)
  console.log(line([round, ...COLUMNS.map(([, value]) => value(report))]))
  for (const problem of report.problems) console.log(`       ${problem}`)
}

const sum = (value: (report: CrashReport) => number) => reports.reduce((total, report) => total + value(report), 0)
const longest = Math.max(...reports.map((report) => report.recoveredMs))
const problems = sum((report) => report.problems.length)
console.log(
  `\n${rounds} rounds on ${reports[0]!.backend}: ${sum((report) => report.acknowledged)} acknowledged writes, ` +
    `${sum((report) => report.interrupted)} interrupted runs, longest recovery ${longest} ms, ${problems} problems`,
)
process.exitCode = problems === 0 ? 0 : 1
