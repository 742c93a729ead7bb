import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../platform/package.ts'
import type { InterpreterPlatform, Runtime } from './index.ts'

/** An interpreter of this machine. */
export interface Interpreter {
  /** Resolved path of the binary. */
  binary: string
  version: string
  /** Paths of Python's standard library and its compiled modules; undefined for Node. */
  library?: { pure: string; compiled: string; name: string }
  /** What compiled packages must fit; undefined for Node. */
  platform?: InterpreterPlatform
}

/** The program in the sandbox that runs user code, by runtime. */
export const RUNNERS: Record<Runtime, string> = { nodejs20: 'node.mjs', 'python3.11': 'python.py' }

export const guestFolder = (): string => join(packageRoot(), 'dist', 'guest')

const PYTHONS = ['python3.11', 'python3']
const MIN_PYTHON = [3, 9]
const DESCRIBE_PYTHON = `
import json, os, platform, subprocess, sys, sysconfig

def libc():
  name, version = platform.libc_ver()
  if name == "glibc":
    return {"name": name, "version": version}
  ldd = subprocess.run(["ldd"], capture_output=True, text=True) if name == "" and sys.platform == "linux" else None
  if ldd and ldd.stderr.startswith("musl"):
    return {"name": "musl", "version": ldd.stderr.split("Version ")[1].split()[0]}
  return None

system, _, machine = sysconfig.get_platform().partition("-")
print(json.dumps({
  "binary": os.path.realpath(sys._base_executable if hasattr(sys, "_base_executable") else sys.executable),
  "version": sys.version.split()[0],
  "platform": {"system": system, "machine": machine, "libc": libc()},
  "library": {
    "pure": os.path.realpath(os.path.dirname(os.__file__)),
    "compiled": sysconfig.get_config_var("DESTSHARED"),
    "name": os.path.basename(os.path.dirname(os.__file__)),
  },
}))`

/** Finds the interpreter of a runtime. Throws an error for the operator if there is none, or only one that is too old. */
export async function findInterpreter(runtime: Runtime): Promise<Interpreter> {
  if (runtime === 'nodejs20') return { binary: process.execPath, version: process.versions.node }
  let found: string | undefined
  for (const name of PYTHONS) {
    const described = promisify(execFile)(name, ['-I', '-c', DESCRIBE_PYTHON], { timeout: 20_000, cwd: '/' })
    const output = await described.catch(() => undefined)
    if (!output) continue
    const python = JSON.parse(output.stdout) as Interpreter
    const [major = 0, minor = 0] = python.version.split('.').map(Number)
    if (major === MIN_PYTHON[0] && minor >= MIN_PYTHON[1]!) return python
    found ??= python.version
  }
  throw new Error(
    found === undefined
      ? 'python3 was not found'
      : `python3 is version ${found}, but ${MIN_PYTHON.join('.')} or later is needed`,
  )
}

/** Returns the arguments that start `runner`. The heap gets three quarters of `memoryMb`, the rest is for other memory. */
export function interpreterArguments(runtime: Runtime, runner: string, memoryMb: number): string[] {
  if (runtime === 'python3.11') return ['-S', '-E', '-I', '-B', runner]
  return [`--max-old-space-size=${Math.floor(memoryMb * 0.75)}`, '--v8-pool-size=0', runner]
}
