import { readFileSync } from 'node:fs'
import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { signal } from '../processes.ts'

type Controller = 'memory' | 'pids' | 'cpu'
const CONTROLLERS: readonly Controller[] = ['memory', 'pids', 'cpu']

export interface GroupLimits {
  memory_bytes: number | null
  processes: number | null
  /** Number of processors; fractions are allowed. */
  processors: number | null
}

/** A control group with one guest in it. */
export interface Group {
  add(pid: number): Promise<void>
  /** Memory usage, or null if the kernel does not account it. */
  memory(): { bytes: number; peakBytes: number; limitBytes: number } | null
  /** Tells whether the kernel has killed a process in the group because it was out of memory. */
  ranOutOfMemory(): boolean
  remove(): Promise<void>
}

export interface Groups {
  version: 1 | 2
  /** The controllers whose limits are set. */
  controllers: readonly Controller[]
  /** The folders created by this process. */
  folders: readonly string[]
  create(name: string, limits: GroupLimits): Promise<Group>
  remove(): Promise<void>
}

/** The texts of /proc/self/mountinfo and /proc/self/cgroup, which locate the control groups of this process. */
export interface Placement {
  mountinfo: string
  cgroup: string
}

export function ownPlacement(): Placement {
  return {
    mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
    cgroup: readFileSync('/proc/self/cgroup', 'utf8'),
  }
}

/** Creates control groups below that of this process. Returns null if they are not writable or lack the memory or pids controller. */
export async function openGroups(name: string, placement: Placement): Promise<Groups | null> {
  return (await openVersion1(name, placement)) ?? (await openVersion2(name, placement))
}

/** Kills all processes in the groups and removes the groups with their children. */
export async function removeGroups(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const names = await readdir(folder, { withFileTypes: true }).catch(() => [])
    await removeGroups(names.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)))
    for (let attempt = 0; attempt < 100; attempt++) {
      const pids = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
      for (const pid of pids.split('\n').filter(Boolean)) signal(Number(pid), 'SIGKILL')
      const isRemoved = await rmdir(folder).then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
      )
      if (isRemoved) break
      await setTimeout(10)
    }
  }
}

async function openVersion1(name: string, { mountinfo, cgroup }: Placement): Promise<Groups | null> {
  const folders = new Map<Controller, string>()
  for (const controller of CONTROLLERS) {
    const mount = mountsOf(mountinfo).find(({ type, options }) => type === 'cgroup' && options.includes(controller))
    const own = cgroup.split('\n').find((line) => line.split(':')[1]?.split(',').includes(controller))
    if (mount && own) folders.set(controller, join(folderOf(mount, own.split(':').slice(2).join(':')), name))
  }
  if (!folders.has('memory') || !folders.has('pids')) return null
  if (!(await createFolders([...folders.values()]))) return null

  return {
    version: 1,
    controllers: [...folders.keys()],
    folders: [...folders.values()],
    remove: () => removeGroups([...folders.values()]),
    async create(guest, limits) {
      const paths = new Map([...folders].map(([controller, folder]) => [controller, join(folder, guest)]))
      const set = (controller: Controller, file: string, value: number) => {
        const path = paths.get(controller)
        return path === undefined ? undefined : writeFile(join(path, file), String(value))
      }
      await Promise.all([...paths.values()].map((path) => mkdir(path)))
      if (limits.memory_bytes !== null) {
        await set('memory', 'memory.limit_in_bytes', limits.memory_bytes)
        // The file does not exist if the kernel does not account swap.
        await Promise.resolve(set('memory', 'memory.memsw.limit_in_bytes', limits.memory_bytes)).catch(() => {})
      }
      if (limits.processes !== null) await set('pids', 'pids.max', limits.processes)
      if (limits.processors !== null) await set('cpu', 'cpu.cfs_quota_us', Math.round(limits.processors * 100_000))
      const memory = paths.get('memory')!
      return {
        async add(pid) {
          await Promise.all([...paths.values()].map((path) => writeFile(join(path, 'cgroup.procs'), String(pid))))
        },
        memory: () => memoryOf(memory, 'memory.usage_in_bytes', 'memory.max_usage_in_bytes', limits.memory_bytes),
        ranOutOfMemory: () => countIn(join(memory, 'memory.oom_control'), 'oom_kill') > 0,
        remove: () => removeGroups([...paths.values()]),
      }
    },
  }
}

/** Written from the kernel's documentation and tested on folders that look like a cgroup file system, not on a real one. */
async function openVersion2(name: string, { mountinfo, cgroup }: Placement): Promise<Groups | null> {
  const mount = mountsOf(mountinfo).find(({ type }) => type === 'cgroup2')
  const own = cgroup.split('\n').find((line) => line.startsWith('0::'))
  if (!mount || !own) return null
  const folder = folderOf(mount, own.slice(3))
  const offered = (await readFile(join(folder, 'cgroup.controllers'), 'utf8').catch(() => '')).trim().split(' ')
  const controllers = CONTROLLERS.filter((controller) => offered.includes(controller))
  if (!controllers.includes('memory') || !controllers.includes('pids')) return null
  const [guests, server] = [join(folder, name), join(folder, `${name}-server`)]
  try {
    if (!(await createFolders([guests, server]))) return null
    // A group with processes cannot delegate controllers, so this process moves into a sibling of the guests' group.
    for (const pid of [process.pid, ...ancestors()]) {
      const inHere = (await readFile(join(folder, 'cgroup.procs'), 'utf8')).split('\n').includes(String(pid))
      if (inHere) await writeFile(join(server, 'cgroup.procs'), String(pid))
    }
    const enable = controllers.map((controller) => `+${controller}`).join(' ')
    await writeFile(join(folder, 'cgroup.subtree_control'), enable)
    await writeFile(join(guests, 'cgroup.subtree_control'), enable)
  } catch {
    // Other processes are in the group, or it is not delegated to this user.
    await removeGroups([guests])
    return null
  }
  return {
    version: 2,
    controllers,
    folders: [guests],
    remove: () => removeGroups([guests]),
    async create(guest, limits) {
      const path = join(guests, guest)
      await mkdir(path)
      const set = (file: string, value: string) => writeFile(join(path, file), value)
      if (limits.memory_bytes !== null) {
        await set('memory.max', String(limits.memory_bytes))
        await set('memory.swap.max', '0').catch(() => {})
      }
      if (limits.processes !== null) await set('pids.max', String(limits.processes))
      if (limits.processors !== null && controllers.includes('cpu'))
        await set('cpu.max', `${Math.round(limits.processors * 100_000)} 100000`)
      return {
        add: (pid) => set('cgroup.procs', String(pid)),
        memory: () => memoryOf(path, 'memory.current', 'memory.peak', limits.memory_bytes),
        ranOutOfMemory: () => countIn(join(path, 'memory.events'), 'oom_kill') > 0,
        remove: () => removeGroups([path]),
      }
    },
  }
}

interface Mount {
  /** The group that is mounted at `point`. */
  root: string
  point: string
  type: string
  options: string[]
}

function mountsOf(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const [, , , root = '', point = ''] = before.split(' ')
      const [type = '', , options = ''] = after.split(' ')
      return { root, point, type, options: options.split(',') }
    })
}

/** Returns the folder of a group. In a container the mount can be a subtree while the path starts at the top. */
function folderOf({ root, point }: Mount, path: string): string {
  return join(point, root !== '/' && path.startsWith(root) ? path.slice(root.length) : path)
}

/** Returns false if a folder cannot be created or is not writable. */
async function createFolders(folders: readonly string[]): Promise<boolean> {
  try {
    for (const folder of folders) {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
    }
    return true
  } catch {
    return false
  }
}

function memoryOf(folder: string, now: string, peak: string, limit: number | null): ReturnType<Group['memory']> {
  try {
    const read = (file: string) => Number(readFileSync(join(folder, file), 'latin1'))
    return { bytes: read(now), peakBytes: read(peak), limitBytes: limit ?? Number.POSITIVE_INFINITY }
  } catch {
    return null
  }
}

function countIn(file: string, name: string): number {
  try {
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(readFileSync(file, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

function ancestors(): number[] {
  const found: number[] = []
  for (let pid = process.ppid; pid > 1; ) {
    found.push(pid)
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    } catch {
      break
    }
  }
  return found
}
