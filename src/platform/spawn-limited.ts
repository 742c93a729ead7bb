import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from './package.ts'

/** Resource limits of a process. The system, or V8, ends the process when it exceeds one. */
export interface ProcessLimits {
  /** Heap of V8. */
  heapMb: number
  /** All memory of the process, where the system can limit it. */
  dataMb: number
  cpuSeconds: number
}

/**
 * Starts the built program `name` as a separate process for one job with untrusted input. The process has no environment variables; it has
 * standard input, standard error and an IPC channel for its result.
 */
export function spawnLimited(name: 'text' | 'bundle', args: readonly string[], limits: ProcessLimits): ChildProcess {
  const script = join(packageRoot(), 'dist', 'workers', `${name}.js`)
  const command = [process.execPath, `--max-old-space-size=${limits.heapMb}`, script, ...args]
  const shell = ['-c', LIMITED, 'sh', String(limits.dataMb * 1024), String(limits.cpuSeconds)]
  const [program, ...rest] = existsSync('/bin/sh') ? ['/bin/sh', ...shell, ...command] : command
  return spawn(program!, rest, { env: {}, stdio: ['pipe', 'ignore', 'pipe', 'ipc'], windowsHide: true })
}

/**
 * Shell command that sets the limits. Buffers do not count as heap, so only the system can limit them. The CPU limit also ends a process whose
 * parent has died. Core dumps are off.
 */
const LIMITED = 'ulimit -c 0; ulimit -d "$1"; ulimit -t "$2"; shift 2; exec "$@"'
