import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { childrenOf } from '../../src/sandbox/processes.ts'

// Inspects guests from the host, through /proc and the control groups.

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Returns the fields of /proc/PID/stat after the name: state, parent, … */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Returns whether the process exists and is not a zombie. */
export const isAlive = (pid: number): boolean => {
  const [state = ''] = stat(pid)
  return state !== '' && state !== 'Z' && state !== 'X'
}

export const isZombie = (pid: number): boolean => stat(pid)[0] === 'Z'

/** Returns a field of /proc/PID/status, or '' if the process has ended. */
export const statusOf = (pid: number, field: string): string =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(read(`/proc/${pid}/status`))?.[1]?.trim() ?? ''

/** Returns the processor time used so far. */
export const processorMs = (pid: number): number => {
  const fields = stat(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10
}

/** Returns the targets of the process's descriptors, as /proc shows them. */
export function descriptorsOf(pid: number | 'self'): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`)
      } catch {
        return ''
      }
    })
  } catch {
    return []
  }
}

/** Returns the path on the host of a guest's root file system. */
export const rootOf = (pid: number): string => `/proc/${pid}/root`

export const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])
}

/** The processes of one instance. */
export interface Seen {
  /** The process of bwrap outside the sandbox. */
  outer: number
  /** The first process inside the sandbox. */
  init: number
  interpreter: number
  /** Folder of the control group (v1 or v2); '' without control groups. */
  groupFolder: string
}

/** Finds the instance of `server` that has the file `marker` in its working directory. */
export function instanceWith(marker: string, server = process.pid): Seen | undefined {
  for (const outer of childrenOf(server)) {
    for (const init of childrenOf(outer)) {
      const isThere = ['root/fn', 'root/tmp/fn', 'cwd'].some((folder) =>
        existsSync(`/proc/${init}/${folder}/${marker}`),
      )
      const interpreter = childrenOf(init).find((pid) => !isZombie(pid)) ?? init
      if (isThere || existsSync(`/proc/${interpreter}/cwd/${marker}`))
        return { outer, init, interpreter, groupFolder: groupFolderOf(init) }
    }
  }
  return undefined
}

function groupFolderOf(pid: number): string {
  const lines = read(`/proc/${pid}/cgroup`).split('\n')
  const own = lines.find((line) => line.split(':')[1] === 'pids') ?? lines.find((line) => line.startsWith('0::')) ?? ''
  const [, controller = '', ...path] = own.split(':')
  const folder = `/sys/fs/cgroup/${controller}${path.join(':')}`
  return folder.includes('zerodb-functions') && existsSync(folder) ? folder : ''
}

/** Returns all running processes of the instance, without zombies. */
export function processesOf({ init, outer, groupFolder }: Seen): number[] {
  const found = new Set([init, ...descendantsOf(init)])
  if (groupFolder)
    for (const pid of read(`${groupFolder}/cgroup.procs`).split('\n').filter(Boolean)) found.add(Number(pid))
  found.delete(outer)
  return [...found].filter(isAlive)
}

/** Counts the threads of these processes. */
export const threadsOf = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + Number(statusOf(pid, 'Threads') || 0), 0)

/** Returns the resident memory that is not backed by a file. */
export const residentMb = (pid: number): number =>
  ['RssAnon', 'RssShmem'].reduce((sum, field) => sum + Number.parseInt(statusOf(pid, field) || '0', 10) / 1024, 0)

/** Returns the folder of this controller’s group in cgroup v1, or '' if there is none. */
function folderOf(seen: Seen, controller: string): string {
  const own = read(`/proc/${seen.init}/cgroup`)
    .split('\n')
    .find((line) => line.split(':')[1]?.split(',').includes(controller))
  return own && seen.groupFolder ? `/sys/fs/cgroup/${controller}${own.split(':').slice(2).join(':')}` : ''
}

/** Returns the memory of the instance's control group, kernel memory included. Without control groups, the sum of its processes. */
export function memoryMbOf(seen: Seen): number {
  for (const file of [`${folderOf(seen, 'memory')}/memory.usage_in_bytes`, `${seen.groupFolder}/memory.current`]) {
    const bytes = Number(read(file) || Number.NaN)
    if (bytes > 0) return bytes / (1 << 20)
  }
  return processesOf(seen).reduce((sum, pid) => sum + ownMb(pid), 0)
}

/** Returns the megabytes of a process. Pages shared after a fork count proportionally: ten processes would count them ten times. */
function ownMb(pid: number): number {
  const pages = read(`/proc/${pid}/smaps_rollup`)
  const kilobytes = ['Pss_Anon', 'Pss_Shmem'].map((field) => new RegExp(`^${field}: +(\\d+)`, 'm').exec(pages)?.[1])
  if (kilobytes.includes(undefined)) return residentMb(pid)
  return kilobytes.reduce((sum, each) => sum + Number(each), 0) / 1024
}

/** Returns how many processors the instance may use at the same time. */
export function processorsOf(seen: Seen): number {
  const quota = read(`${folderOf(seen, 'cpu')}/cpu.cfs_quota_us`) || read(`${seen.groupFolder}/cpu.max`)
  const microseconds = Number.parseInt(quota, 10)
  return microseconds > 0 ? microseconds / 100_000 : Number.POSITIVE_INFINITY
}
