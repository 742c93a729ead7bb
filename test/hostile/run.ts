import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../src/platform/package.ts'
import { LEAKED, openEnvironment } from './environment.ts'
import { inLeakyShell } from './leak.ts'
import { runMutations } from './mutations.ts'
import { asOrdinaryUser } from './ordinary.ts'
import { hostilePage } from './page.ts'
import { PROGRAMS } from './programs/index.ts'
import { attempt, casesOf, type Row } from './suite.ts'
import { printRows } from './table.ts'

const HELP = `npm run hostile                        runs every program once and races twenty times
npm run hostile -- --repeat 20         runs every program twenty times; --races N: minimum number of tries of a race, instead of twenty
npm run hostile -- --ordinary          as root: runs the suite as an ordinary user, from a copy that this user can read
npm run hostile -- --only KERNEL       runs programs whose group or name contains this text
npm run hostile -- --mutations         runs programs with protections switched off, where they must get through
npm run hostile -- --mutations --one   runs only the first program of each protection
npm run hostile -- --mutations --all   runs every program without each protection
npm run hostile -- --page              writes docs/hostile.md

--json prints a JSON line for each program when it has ended, instead of the table.
The exit code is 1 if a program gets through, or if a program with --mutations is blocked although its protection is off.`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      repeat: { type: 'string', default: '1' },
      races: { type: 'string', default: '20' },
      ordinary: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      mutations: { type: 'boolean', default: false },
      one: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const [repeat, races] = (['repeat', 'races'] as const).map((option) => {
    const times = Number(values[option])
    if (!Number.isSafeInteger(times) || times < 1)
      throw new Error(`--${option} must be a positive number, not ${values[option]}`)
    return times
  }) as [number, number]
  if (values.page) {
    writeFileSync(join(packageRoot(), 'docs', 'hostile.md'), hostilePage(PROGRAMS))
    return
  }
  if (values.ordinary) {
    process.exitCode = await asOrdinaryUser(process.argv.slice(2).filter((argument) => argument !== '--ordinary'))
    return
  }
  const only = values.only.toLowerCase()
  const programs = PROGRAMS.filter(({ name, group }) => `${group} ${name}`.toLowerCase().includes(only))
  if (programs.length === 0) throw new Error(`no program or group contains "${values.only}" in its name`)
  if (values.mutations) {
    if (!(await runMutations(programs, values))) process.exitCode = 1
    return
  }
  const environment = await openEnvironment()
  const rows: Row[] = []
  try {
    for (const [program, runtime] of casesOf(programs, environment.isRoot)) {
      const times = Math.max(repeat, program.race ? races : 1)
      const tries: Row[] = []
      for (let i = 0; i < times; i++) tries.push(await attempt(environment, program, runtime))
      const row = together(tries)
      rows.push(row)
      if (values.json) console.log(JSON.stringify(row))
      else if (process.stderr.isTTY) process.stderr.write(row.breaches.length > 0 ? 'F' : '.')
    }
  } finally {
    await environment.close()
  }
  if (!values.json) printRows(rows)
  if (rows.some(({ breaches }) => breaches.length > 0)) process.exitCode = 1
}

/** Combines tries into one row: all violations, the longest delays, and the median duration. */
function together(tries: readonly Row[]): Row {
  const most = (field: 'neighbourMs' | 'loopMs') => Math.max(...tries.map((row) => row[field]))
  const ms = tries.map((row) => row.ms).sort((a, b) => a - b)
  const outcomes = new Set(tries.map(({ outcome }) => outcome))
  return {
    ...tries[0]!,
    times: tries.length,
    outcome: [...outcomes].join(' | '),
    breaches: [...new Set(tries.flatMap(({ breaches }) => breaches))],
    ms: ms[ms.length >> 1]!,
    neighbourMs: most('neighbourMs'),
    loopMs: most('loopMs'),
  }
}

if (process.env[LEAKED.secretEnv] === undefined) process.exitCode = await inLeakyShell(process.argv.slice(1))
else await main()
