import { inspect } from 'node:util'
import { RUNTIMES, type Runtime } from '../../src/sandbox/index.ts'
import type { Environment } from './environment.ts'
import { Fixture } from './fixture.ts'
import { codeOf, type HostileProgram, within } from './program.ts'

const GONE_MS = 1_000
const NO_GROUPS = 'there are no control groups'

/** What one program was seen to do, in one runtime. */
export interface Row {
  name: string
  group: string
  runtime: Runtime
  /** How often it was tried. */
  times: number
  /** How its calls have ended. */
  outcome: string
  /** Why it was not tried, or null. */
  notTried: string | null
  /** What it got, each a clause. Empty: it was held. */
  breaches: string[]
  ms: number
  /** The longest that a neighbour’s call has taken meanwhile, and that the server’s loop stood still. */
  neighbourMs: number
  loopMs: number
}

/** Each program with each runtime that it is written for. */
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

/** Runs it once. Never rejects: what goes wrong in looking at it is a breach. */
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
      fixture.check(program.ends!.includes(status), `it has ended with ${status}: ${error?.message ?? ''}`)
    for (const outcome of program.after ? fixture.outcomes : []) await program.after!(fixture, outcome)
    // An instance that serves no further call is gone, with whatever was started in it.
    if (!fixture.isKept && !(await within(GONE_MS, () => !fixture.isThere()))) fixture.breach('its processes are left')
  } catch (error) {
    fixture.breach(`it cannot be looked at: ${inspect(error)}`)
  }
  const ms = performance.now() - began
  fixture.end()
  const breaches = [...fixture.breaches, ...(await environment.inspect(fixture.outcomes))]
  const outcome = fixture.outcomes.map(({ status }) => status).join(', ')
  return { name, group, runtime, times: 1, outcome, notTried: null, breaches, ms, ...environment.waited() }
}
