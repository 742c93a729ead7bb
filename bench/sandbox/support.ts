import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Call, Outcome, Program, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'
import { type Load, words } from '../load.ts'

export const NODE = 'nodejs20' satisfies Runtime
export const PYTHON = 'python3.11' satisfies Runtime
export const BOTH = { nodejs: NODE, python: PYTHON } as const

/** Limit of concurrent calls; further calls wait. */
export const CONCURRENCY = 20

/** Number of rounds of slow measurements. */
export const FEW_ROUNDS = 3

export const TRIVIAL = {
  [NODE]: 'export default (event) => ({ hello: event.name })',
  [PYTHON]: 'def handler(event, ctx):\n    return {"hello": event["name"]}\n',
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
    network: null,
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

/** Runs a new Node process without isolation. */
export async function spawnNode(): Promise<void> {
  await promisify(execFile)(process.execPath, ['-e', 'console.log(JSON.stringify({ hello: "Ada" }))'])
}

export const spawned = (load: Load) => `a Node process for every call, no isolation: ${words(load)}`
