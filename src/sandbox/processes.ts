import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Exit } from './launcher.ts'

/** How long to wait for the remaining output of an ended process. */
const OUTPUT_WAIT_MS = 200

/** Resolves when the process has ended and its output is read. */
export function endOf(child: ChildProcess, isOutOfMemory: () => boolean): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const outOfMemory = isOutOfMemory()
      const done = () => resolve({ code, signal, outOfMemory })
      child.once('close', done)
      setTimeout(done, OUTPUT_WAIT_MS).unref()
    })
    child.once('error', () => resolve({ code: null, signal: null, outOfMemory: false }))
  })
}

/** Resolves when the process exists; rejects if it cannot start. Ignores errors of its pipes, which its exit reports as well. */
export function spawned(child: ChildProcess): Promise<void> {
  for (const source of [child, ...child.stdio]) source?.on('error', () => {})
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
}

export interface ProcessUsage {
  /** Processor time of all threads and of children that have ended. */
  processorMs: number
  /** Whether the first thread runs or waits for a processor. */
  isRunnable: boolean
}

/** Linux reports processor time in hundredths of a second on all platforms. */
const TICK_MS = 10

/** Returns the processor usage of a process; null if it has ended. */
export function usageOf(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name of the process comes before and can contain anything.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(10, 14).reduce((sum, each) => sum + Number(each), 0)
    return { processorMs: ticks * TICK_MS, isRunnable: state === 'R' }
  } catch {
    return null
  }
}

/** Returns the pids of the running children of a process and all its threads. Empty if it has ended. */
export function childrenOf(pid: number): number[] {
  const read = <T>(from: () => T, without: T): T => {
    try {
      return from()
    } catch {
      // The process or the thread has ended.
      return without
    }
  }
  const tasks = `/proc/${pid}/task`
  return read(() => readdirSync(tasks), []).flatMap((thread) =>
    read(() => readFileSync(`${tasks}/${thread}/children`, 'latin1'), '')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  )
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // The process has already ended.
  }
}
