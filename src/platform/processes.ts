import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Returns whether a process with this pid exists, under any user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Returns the boot id and pid namespace in which a pid is valid. */
export function place(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

/**
 * Returns the start time of the process in kernel ticks. A pid can be reused, but not together with its start time.
 * Null where the system does not report it, and for a zombie process.
 */
export function startOf(pid: number): string | null {
  try {
    // Field 3 of stat is the state, field 22 the start time; the name in field 2 may contain spaces and brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}
