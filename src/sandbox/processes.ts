import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Exit } from './launcher.ts'

/** How long is waited for the last words of a process that has ended. */
const LAST_WORDS_MS = 200

/** Resolves when the process has ended and its output has been read. */
export function endOf(child: ChildProcess, isOutOfMemory: () => boolean): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const outOfMemory = isOutOfMemory()
      const done = () => resolve({ code, signal, outOfMemory })
      child.once('close', done)
      setTimeout(done, LAST_WORDS_MS).unref()
    })
    child.once('error', () => resolve({ code: null, signal: null, outOfMemory: false }))
  })
}

/** Resolves when the process exists; rejects with why it does not. Errors of its pipes are nobody's from then on: its end tells all. */
export function spawned(child: ChildProcess): Promise<void> {
  for (const source of [child, ...child.stdio]) source?.on('error', () => {})
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
}

/** The processes that this one and all its threads have started and not outlived. Empty when it is gone. */
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
    // It has ended already.
  }
}
