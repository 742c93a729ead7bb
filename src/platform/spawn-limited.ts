import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from './package.ts'

/** What a process may use before the system, or V8, ends it. */
export interface ProcessLimits {
  /** V8's heap. */
  heapMb: number
  /** All of its memory, where the system can limit it. */
  dataMb: number
  cpuSeconds: number
}

/**
 * Starts the built program `name` for one job that nobody vouches for: a process of its own, without environment, with standard input, standard
 * error and a channel for its answer.
 */
export function spawnLimited(name: 'text' | 'bundle', args: readonly string[], limits: ProcessLimits): ChildProcess {
  const script = join(packageRoot(), 'dist', 'workers', `${name}.js`)
  const command = [process.execPath, `--max-old-space-size=${limits.heapMb}`, script, ...args]
  const shell = ['-c', LIMITED, 'sh', String(limits.dataMb * 1024), String(limits.cpuSeconds)]
  const [program, ...rest] = existsSync('/bin/sh') ? ['/bin/sh', ...shell, ...command] : command
  return spawn(program!, rest, { env: {}, stdio: ['pipe', 'ignore', 'pipe', 'ipc'], windowsHide: true })
}

/**
 * Buffers do not count as heap, so only the system can limit them. The limit of processor time ends a process whose
 * parent has died. Memory is not written to disk when it crashes.
 */
const LIMITED = 'ulimit -c 0; ulimit -d "$1"; ulimit -t "$2"; shift 2; exec "$@"'
