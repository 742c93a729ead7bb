import { inspect } from 'node:util'
import { RUNTIMES, type Runtime } from '../../src/sandbox/index.ts'
import type { Environment } from './environment.ts'
import { Fixture } from './fixture.ts'
import { codeOf, type HostileProgram, within } from './program.ts'

const GONE_MS = 1_000
const NO_GROUPS = 'the machine has no control groups'

/** Result of one program in one runtime. */
export interface Row {
  name: string
  group: string
  runtime: Runtime
  /** Number of tries. */
  times: number
  /** Statuses of the calls. */
  outcome: string
  /** Reason why the program was not run, or null. */
  notTried: string | null
  /** Violations, as clauses. Empty if the program was blocked. */
  breaches: string[]
  ms: number
  /** Longest call of the neighbour during the run, and longest block of the server’s event loop. */
  neighbourMs: number
  loopMs: number
}

/** Returns each program with each of its runtimes. */
export function casesOf(programs: readonly HostileProgram[], isRoot: boolean): [HostileProgram, Runtime][] {
  return programs
    .filter(({ as }) => as === undefined || as === (isRoot ? 'root' : 'user'))
    .flatMap((program) =>
      RUNTIMES.filter((runtime) => codeOf(program, runtime) !== undefined).map((runtime): [HostileProgram, Runtime] => [
        program,
        runtime,
      ]),
    )
}

/** Runs a program once. Never rejects: an error of a check is recorded as a violation. */
export async function attempt(environment: Environment, program: HostileProgram, runtime: Runtime): Promise<Row> {
  const { name, group } = program
  if (program.byGroup && !environment.hasGroups)
    return {
      name,
      group,
      runtime,
      times: 0,
      outcome: '',
      notTried: NO_GROUPS,
      breaches: [],
      ms: 0,
      ...environment.waited(),
    }
  const fixture = new Fixture(environment, program, runtime)
  environment.waited()
  const began = performance.now()
  try {
    if (program.play) await program.play(fixture)
    else if (program.look) await fixture.watch(program.look)
    else await fixture.call()
    for (const { status, error } of program.ends ? fixture.outcomes : [])
      fixture.check(program.ends!.includes(status), `the program ended with ${status}: ${error?.message ?? ''}`)
    for (const outcome of program.after ? fixture.outcomes : []) await program.after!(fixture, outcome)
    // An instance that serves no further calls must end with all processes that it has started.
    if (!fixture.isKept && !(await within(GONE_MS, () => !fixture.isThere())))
      fixture.breach('processes of the program are still running')
  } catch (error) {
    fixture.breach(`the check failed: ${inspect(error)}`)
  }
  const ms = performance.now() - began
  fixture.end()
  const breaches = [...fixture.breaches, ...(await environment.inspect(fixture.outcomes))]
  const outcome = fixture.outcomes.map(({ status }) => status).join(', ')
  return { name, group, runtime, times: 1, outcome, notTried: null, breaches, ms, ...environment.waited() }
}
