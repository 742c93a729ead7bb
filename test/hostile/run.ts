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

const HELP = `npm run hostile                        every program once, races twenty times
npm run hostile -- --repeat 20         every program twenty times; --races N: each race so often at least, in place of twenty times
npm run hostile -- --ordinary          started by root, as an ordinary user and from a copy that this user can read
npm run hostile -- --only KERNEL       those whose group or name has this in it
npm run hostile -- --mutations         with what stops them switched off: which get through
npm run hostile -- --mutations --one   the first program of each mechanism only
npm run hostile -- --mutations --all   each protection switched off before every program
npm run hostile -- --page              writes docs/hostile.md

--json prints a line of JSON for each program as it ends, in place of the table.
The exit code is 1 when a program got something, or when one is held though what stops it is off.`

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
      throw new Error(`--${option} is a number of times, not ${values[option]}`)
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
  if (programs.length === 0) throw new Error(`no program or group has ${values.only} in its name`)
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

/** Many tries as one: everything that any of them has got, and the longest of all times but the last, which is their median. */
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
