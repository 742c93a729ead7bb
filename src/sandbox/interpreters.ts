import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../platform/package.ts'
import type { Runtime } from './index.ts'

/** An interpreter of this machine. */
export interface Interpreter {
  /** The real path of its binary. */
  binary: string
  version: string
  /** Python's standard library, and where its compiled modules are; undefined for Node. */
  library?: { pure: string; compiled: string; name: string }
}

/** What runs inside: ours, one for each language. */
export const RUNNERS: Record<Runtime, string> = { nodejs20: 'node.mjs', 'python3.11': 'python.py' }

export const guestFolder = (): string => join(packageRoot(), 'dist', 'guest')

const PYTHONS = ['python3.11', 'python3']
const OLDEST_PYTHON = [3, 9]
const ASK = `
import json, os, sys, sysconfig
print(json.dumps({
  "binary": os.path.realpath(sys._base_executable if hasattr(sys, "_base_executable") else sys.executable),
  "version": sys.version.split()[0],
  "library": {
    "pure": os.path.realpath(os.path.dirname(os.__file__)),
    "compiled": sysconfig.get_config_var("DESTSHARED"),
    "name": os.path.basename(os.path.dirname(os.__file__)),
  },
}))`

/** Throws a sentence with the remedy when there is none, or only one that is too old. */
export async function findInterpreter(runtime: Runtime): Promise<Interpreter> {
  if (runtime === 'nodejs20') return { binary: process.execPath, version: process.versions.node }
  let found: string | undefined
  for (const name of PYTHONS) {
    const asked = promisify(execFile)(name, ['-I', '-c', ASK], { timeout: 20_000, cwd: '/' })
    const output = await asked.catch(() => undefined)
    if (!output) continue
    const python = JSON.parse(output.stdout) as Interpreter
    const [major = 0, minor = 0] = python.version.split('.').map(Number)
    if (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1]!) return python
    found ??= python.version
  }
  throw new Error(
    found === undefined
      ? 'python3 was not found'
      : `python3 is ${found}, and ${OLDEST_PYTHON.join('.')} or later is needed`,
  )
}

/** The arguments that start `runner` with `memoryMb` for everything: of these, a quarter is for what is not the heap. */
export function interpreterArguments(runtime: Runtime, runner: string, memoryMb: number): string[] {
  if (runtime === 'python3.11') return ['-S', '-E', '-I', '-B', runner]
  return [`--max-old-space-size=${Math.floor(memoryMb * 0.75)}`, '--v8-pool-size=0', runner]
}
