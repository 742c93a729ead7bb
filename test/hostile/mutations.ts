import { PROTECTIONS } from '../../src/sandbox/protections.ts'
import { openEnvironment } from './environment.ts'
import type { HostileProgram, Protection } from './program.ts'
import { PROGRAMS } from './programs/index.ts'
import { attempt, casesOf, type Row } from './suite.ts'
import { table } from './table.ts'

/** Result of one program while some protections were switched off. */
export interface Mutation {
  off: readonly Protection[]
  name: string
  runtime: string
  /** Violations. Empty if the program was blocked nevertheless. */
  breaches: string[]
  /** Whether the program is expected to get through. */
  expected: boolean
}

/** Number of tries for a program that is expected to get through: some programs are races that can fail. */
const TRIES = 5

/**
 * Runs programs with protections switched off. By default each program runs without each set of `stoppedBy`, where it must get through.
 * With `all`, every program also runs without each single protection; with `one`, only the first program of each set runs.
 *
 * Returns whether all expected programs got through, and whether each protection has such a program.
 */
export async function runMutations(
  programs: readonly HostileProgram[],
  { all, one, json }: { all: boolean; one: boolean; json: boolean },
): Promise<boolean> {
  const isRoot = process.getuid?.() === 0
  const cases = casesOf(programs, isRoot)
  const sets = new Map<string, readonly Protection[]>()
  const keyOf = (set: readonly Protection[]) => [...set].sort().join(' + ')
  if (all) for (const name of Object.keys(PROTECTIONS) as Protection[]) sets.set(name, [name])
  for (const [{ stoppedBy }] of cases) for (const set of stoppedBy) sets.set(keyOf(set), set)

  const results: Mutation[] = []
  const untried = new Set<Protection>()
  for (const [key, off] of sets) {
    const environment = await openEnvironment(off)
    try {
      for (const [program, runtime] of cases) {
        const expected = program.stoppedBy.some((set) => keyOf(set) === key)
        if (!expected && !(all && off.length === 1)) continue
        if (one && results.some((result) => result.off === off)) continue
        let row: Row | undefined
        for (let i = 0; i < (expected ? TRIES : 1) && !row?.breaches.length; i++)
          row = await attempt(environment, program, runtime)
        if (row!.notTried !== null) {
          for (const name of off) untried.add(name)
          continue
        }
        const mutation = { off, name: program.name, runtime, breaches: row!.breaches, expected }
        results.push(mutation)
        if (json) console.log(JSON.stringify(mutation))
      }
    } finally {
      await environment.close()
    }
  }
  if (!json) print(results)
  const held = results.filter(({ expected, breaches }) => expected && breaches.length === 0)
  const proven = new Set(results.filter(({ breaches }) => breaches.length > 0).flatMap(({ off }) => off))
  const unproven = (Object.keys(PROTECTIONS) as Protection[]).filter((name) => !proven.has(name) && !untried.has(name))
  for (const { name, runtime, off } of held)
    console.error(`blocked although ${off.join(' and ')} ${off.length > 1 ? 'are' : 'is'} off: ${name} (${runtime})`)
  const isWhole = programs.length === PROGRAMS.length
  if (isWhole) for (const name of unproven) console.error(`no program gets through without ${name}`)
  return held.length === 0 && (!isWhole || unproven.length === 0)
}

function print(results: readonly Mutation[]): void {
  const lines = results
    .filter(({ breaches, expected }) => breaches.length > 0 || expected)
    .map(({ off, name, runtime, breaches }) => [off.join(' + '), name, runtime, breaches[0] ?? 'BLOCKED'])
  console.log(table(['switched off', 'program', 'runtime', 'violation'], lines))
}
