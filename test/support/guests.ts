import assert from 'node:assert/strict'
import type { Call, GuestLog, Outcome, Program, Runtime, SandboxDriver } from '../../src/sandbox/index.ts'

export const NODE = 'nodejs20' satisfies Runtime
export const PYTHON = 'python3.11' satisfies Runtime

/** Source of one program in both languages. */
export interface Code {
  node: string
  python: string
}

let programs = 0

/** Returns a program with one file and a unique key. */
export function programOf(runtime: Runtime, code: string, rest: Partial<Program> = {}): Program {
  const entry = runtime === NODE ? 'main.mjs' : 'main.py'
  return {
    key: `program ${++programs}`,
    runtime,
    files: { [entry]: code },
    entry,
    env: {},
    isolation: 'warm',
    memory_mb: 256,
    network: null,
    ...rest,
  }
}

export function callOf(program: Program, rest: Partial<Call> = {}): Call {
  return { program, mode: 'handler', input: {}, timeout_seconds: 20, output_limit_bytes: 51_200, ...rest }
}

/** Calls a new program once. */
export function runCode(
  driver: SandboxDriver,
  runtime: Runtime,
  code: Code,
  rest: Partial<Call> = {},
  program: Partial<Program> = {},
): Promise<Outcome> {
  return driver.call(callOf(programOf(runtime, runtime === NODE ? code.node : code.python, program), rest))
}

/** Returns the JSON result of a call. Throws if the call has no result. */
// biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary results
export function jsonOf({ status, result, error }: Outcome): any {
  assert.deepEqual({ status, error }, { status: 'ok', error: null })
  assert.equal(result?.kind, 'json')
  return JSON.parse(Buffer.from(result!.body).toString())
}

export function collect(): { lines: GuestLog[]; onLog(line: GuestLog): void } {
  const lines: GuestLog[] = []
  return { lines, onLog: (line) => void lines.push(line) }
}
