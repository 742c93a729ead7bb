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
if (!isHere && !isCi) console.log('skipped: the hostile programs, which need Linux with bubblewrap and Python')

/** The lines that `npm run hostile` prints with these arguments, as they come. */
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
      if (this.#child!.exitCode !== null) throw new Error(`it was not run:\n${this.#errors}`)
      await new Promise<void>((resolve) => this.#changed.push(resolve))
    }
  }

  /** Its exit code and what it has complained of, when it has ended. */
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
    expect(program.stoppedBy.length > 0 || program.inherent, `${program.name} says what stops it`).toBeTruthy()
})

test('docs/hostile.md tells of them', () => {
  expect(readFileSync(join(packageRoot(), 'docs', 'hostile.md'), 'utf8'), 'npm run hostile -- --page writes it').toBe(
    hostilePage(PROGRAMS),
  )
})

const isRoot = process.getuid?.() === 0
const isWanted = isHere || isCi

describe.runIf(isWanted)('hostile programs', () => areHeld(casesOf(PROGRAMS, isRoot)))

// A race is one whoever runs the server.
describe.runIf(isWanted && isRoot)('hostile programs, and a server of an ordinary user', () =>
  areHeld(
    casesOf(PROGRAMS, false).filter(([{ byGroup }]) => !byGroup),
    '--ordinary',
    '--races',
    '1',
  ),
)

function areHeld(cases: readonly [HostileProgram, Runtime][], ...args: string[]): void {
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

// To a developer it would let programs at everything that this developer has.
describe.runIf(isWanted && isRoot)('what stops them', () => {
  test.each([
    ['a program gets through when it is switched off, and nothing is switched on that stops none', '--one'],
    ['that the root cannot be written stops one of an ordinary user', '--ordinary', '--only', 'the user of the server'],
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
