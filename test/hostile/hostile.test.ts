import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import type { Runtime } from '../../src/sandbox/index.ts'
import { SANDBOX } from '../support/sandbox.ts'
import { hostilePage } from './page.ts'
import { GROUPS, type HostileProgram } from './program.ts'
import { PROGRAMS } from './programs/index.ts'
import { casesOf, type Row } from './suite.ts'

const isCi = !['', '0', 'false', undefined].includes(process.env['CI'])
const isHere = SANDBOX.ZERODB_SANDBOX === 'bubblewrap'
if (!isHere && !isCi) console.log('skipped: hostile programs (they need Linux with bubblewrap and Python)')

/** Runs `npm run hostile` with these arguments and provides its output lines as they arrive. */
class Suite<Line> {
  readonly lines: Line[] = []
  #child: ChildProcess | undefined
  #changed: (() => void)[] = []
  #errors = ''

  start(...args: string[]): void {
    const script = join(packageRoot(), 'test', 'hostile', 'run.ts')
    const command = ['--import', import.meta.resolve('tsx'), script, '--json', ...args]
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line)
      for (const changed of this.#changed.splice(0)) changed()
    })
    this.#child.once('close', () => {
      for (const changed of this.#changed.splice(0)) changed()
    })
  }

  async find(isIt: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const found = this.lines.find(isIt)
      if (found) return found
      if (this.#child!.exitCode !== null) throw new Error(`the program was not run:\n${this.#errors}`)
      await new Promise<void>((resolve) => this.#changed.push(resolve))
    }
  }

  /** Waits for the end of the suite and returns its exit code and error output. */
  async end(): Promise<{ code: number | null; errors: string }> {
    if (this.#child!.exitCode === null) await once(this.#child!, 'close')
    return { code: this.#child!.exitCode, errors: this.#errors }
  }

  stop(): void {
    this.#child?.kill()
  }
}

test('there are programs of every group, for both runtimes', () => {
  expect(PROGRAMS.length).toBeGreaterThanOrEqual(60)
  for (const group of GROUPS) expect(PROGRAMS.filter((program) => program.group === group)).not.toEqual([])
  for (const program of PROGRAMS)
    expect(
      program.stoppedBy.length > 0 || program.inherent,
      `${program.name} has a protection or a reason that blocks it`,
    ).toBeTruthy()
})

test('docs/hostile.md is up to date', () => {
  expect(readFileSync(join(packageRoot(), 'docs', 'hostile.md'), 'utf8'), 'npm run hostile -- --page writes it').toBe(
    hostilePage(PROGRAMS),
  )
})

const isRoot = process.getuid?.() === 0
const isWanted = isHere || isCi

describe.runIf(isWanted)('hostile programs', () => areBlocked(casesOf(PROGRAMS, isRoot)))

// One try of each race is enough here: races do not depend on the user of the server.
describe.runIf(isWanted && isRoot)('hostile programs with a server of an ordinary user', () =>
  areBlocked(
    casesOf(PROGRAMS, false).filter(([{ byGroup }]) => !byGroup),
    '--ordinary',
    '--races',
    '1',
  ),
)

function areBlocked(cases: readonly [HostileProgram, Runtime][], ...args: string[]): void {
  const suite = new Suite<Row>()
  beforeAll(() => suite.start(...args))
  afterAll(() => suite.stop())

  test.for(cases.map(([{ group, name }, runtime]) => [group, name, runtime] as const))(
    '%s: %s (%s)',
    { timeout: 600_000 },
    async ([, name, runtime], { skip }) => {
      const row = await suite.find((line) => line.name === name && line.runtime === runtime)
      expect(row.breaches).toEqual([])
      if (isCi) expect(row.notTried).toBeNull()
      else if (row.notTried !== null) skip(row.notTried)
    },
  )
}

// On a developer's machine, switching protections off would expose the developer's files to the programs.
describe.runIf(isWanted && isRoot)('protections', () => {
  test.each([
    ['each protection blocks a program that gets through without it', '--one'],
    [
      'the read-only root blocks a program of a server of an ordinary user',
      '--ordinary',
      '--only',
      'the user of the server',
    ],
  ])(
    '%s',
    async (_, ...args) => {
      const suite = new Suite()
      onTestFinished(() => suite.stop())
      suite.start('--mutations', ...args)
      const { code, errors } = await suite.end()
      expect({ code, errors }).toEqual({ code: 0, errors: '' })
    },
    900_000,
  )
})
