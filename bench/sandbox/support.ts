import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Call, Outcome, Program, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { hammer, median, milliseconds, perSecond, quantile } from '../support.ts'

export const NODE = 'nodejs20' satisfies Runtime
export const PYTHON = 'python3.11' satisfies Runtime
export const BOTH = { nodejs: NODE, python: PYTHON } as const

/** So many calls run at once; others wait. */
export const CONCURRENCY = 20

export const ROUNDS = 5
/** Of what takes long. */
export const FEW_ROUNDS = 3

export const TRIVIAL = {
  [NODE]: 'export default (event) => ({ hello: event.name })',
  [PYTHON]: 'def handler(event, ctx):\n    return {"hello": event["name"]}\n',
}

export interface Load {
  p50: number
  p99: number
  rate: number
}

let programs = 0
export function programOf(runtime: Runtime, code: string, rest: Partial<Program> = {}): Program {
  const entry = runtime === NODE ? 'main.mjs' : 'main.py'
  const key = `bench-${++programs}`
  return {
    key,
    runtime,
    files: { [entry]: code, [key]: '' },
    entry,
    env: {},
    isolation: 'warm',
    memory_mb: 256,
    ...rest,
  }
}

export async function callOf(driver: SandboxDriver, program: Program, rest: Partial<Call> = {}): Promise<Outcome> {
  const outcome = await driver.call({
    program,
    mode: 'handler',
    input: { event: { name: 'Ada' } },
    timeout_seconds: 30,
    output_limit_bytes: 51_200,
    ...rest,
  })
  if (outcome.status !== 'ok' && !rest.signal && rest.timeout_seconds === undefined)
    throw new Error(`a call ended with ${outcome.status}: ${outcome.error?.message}`)
  return outcome
}

export async function measure(callers: number, calls: number, one: () => Promise<unknown>): Promise<Load> {
  const times: number[] = []
  const total = await hammer(callers, calls, async () => {
    const begin = performance.now()
    await one()
    times.push(performance.now() - begin)
  })
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), rate: (times.length * 1000) / total }
}

/** Each in turn, so that a machine that is busy for a while is so for all; the first round warms up. */
export async function inTurn<Name extends string>(
  works: Record<Name, () => Promise<Load>>,
  rounds = ROUNDS,
): Promise<Record<Name, Load>> {
  const loads = Object.fromEntries(Object.keys(works).map((name) => [name, []])) as unknown as Record<Name, Load[]>
  for (let round = 0; round <= rounds; round++)
    for (const name of Object.keys(works) as Name[]) {
      const load = await works[name]()
      if (round > 0) loads[name].push(load)
    }
  const middle = (of: Load[], key: keyof Load) => median(of.map((load) => load[key]))
  return Object.fromEntries(
    Object.entries<Load[]>(loads).map(([name, of]) => [
      name,
      { p50: middle(of, 'p50'), p99: middle(of, 'p99'), rate: middle(of, 'rate') },
    ]),
  ) as Record<Name, Load>
}

export const words = ({ p50, p99, rate }: Load): string =>
  `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, ${perSecond(rate)}`

/** A process of Node for each call, without any boundary. */
export async function spawnNode(): Promise<void> {
  await promisify(execFile)(process.execPath, ['-e', 'console.log(JSON.stringify({ hello: "Ada" }))'])
}

export const spawned = (load: Load) => `a process of Node for every call, no isolation: ${words(load)}`
