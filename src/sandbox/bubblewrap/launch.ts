import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Runtime } from '../index.ts'
import { interpreterArguments } from '../interpreters.ts'
import { type Guest, type Launcher, LOCAL_HOSTS } from '../launcher.ts'
import { PackageFolders } from '../package-folders.ts'
import { childrenOf, endOf, signal, spawned, usageOf } from '../processes.ts'
import type { Protections } from '../protections.ts'
import type { Group, Groups } from './cgroups.ts'
import { withoutLeaks } from './descriptors.ts'
import { DEVICES, HOSTS, INSIDE } from './rootfs.ts'
import type { Slot } from './slots.ts'

const MB = 1024 * 1024
const MAX_PROCESSES = 64
const MAX_OPEN_FILES = 256
const MAX_FILE_MB = 64
const TMP_MB = 16
const FILES_MB = 64
/** Without control groups, memory is limited per process, including address space that the interpreter only reserves. */
const RLIMIT_FACTOR = 1.5
const SOCKET = 'proxy'
const [INFO, BLOCK, SECCOMP] = [4, 5, 6]

export interface Boundary {
  /** Path of bwrap. */
  bwrap: string
  /** Root folder of each available runtime. */
  roots: Map<Runtime, string>
  /** Path of the seccomp filter. */
  filter: string
  /** Folder with roots and slots. */
  folder: string
  slot: Slot
  /** User ids for guests, one each. Null if the server does not run as root: then all guests share its user id. */
  uids: { first: number; count: number } | null
  groups: Groups | null
  /** Whether this bwrap supports --disable-userns. */
  canDisableUserns: boolean
  /** Inherited descriptors that must not reach guests. */
  leaked: readonly number[]
  protections: Readonly<Protections>
}

/** Creates the launcher that starts each guest in its own namespaces. */
export function bubblewrapLauncher(boundary: Boundary): Launcher {
  const { slot, uids, groups, protections } = boundary
  const usedUids = new Set<number>()
  let lastUid = -1
  let lastGroup = 0
  let lastProxy = 0
  const folders = new PackageFolders(join(slot.folder, 'packages'))

  function newUid(): number | null {
    if (!uids) return null
    if (!protections.own_uid) return uids.first
    for (let tried = 0; tried < uids.count; tried++) {
      lastUid = (lastUid + 1) % uids.count
      const uid = uids.first + lastUid
      if (!usedUids.has(uid)) {
        usedUids.add(uid)
        return uid
      }
    }
    throw new Error('no user id is free')
  }

  /** Creates the folder for the socket of a guest's proxy, which only the guest and this process can open. */
  function newProxyFolder(uid: number | null): string {
    const folder = join(slot.folder, 'net', String(++lastProxy))
    mkdirSync(folder, { recursive: true })
    chmodSync(join(folder, '..'), protections.own_socket ? 0o711 : 0o755)
    chmodSync(folder, protections.own_socket ? 0o700 : 0o755)
    writeFileSync(join(folder, HOSTS), LOCAL_HOSTS)
    if (uid !== null) chownSync(folder, uid, uid)
    return folder
  }

  return {
    noNetwork: null,
    noPackages: null,
    async launch(runtime, memoryMb, packages = null) {
      const uid = newUid()
      let proxyFolder: string | undefined
      let packageFolder: string | null = null
      let group: Group | undefined
      let child: ChildProcess | undefined
      const cleanUp = async () => {
        if (uid !== null) usedUids.delete(uid)
        if (proxyFolder) await rm(proxyFolder, { recursive: true, force: true })
        if (packages && packageFolder) await folders.release(packages)
        await group?.remove()
      }
      try {
        packageFolder = packages && (await folders.use(packages))
        group = await groups?.create(String(++lastGroup), {
          memory_bytes: protections.memory_limit ? memoryMb * MB : null,
          processes: protections.process_limit ? MAX_PROCESSES : null,
          processors: protections.cpu_limit ? 1 : null,
        })
        proxyFolder = newProxyFolder(uid)
        child = start(boundary, runtime, memoryMb, uid, { proxyFolder, packageFolder })
        // Read at the exit, because the group is removed before all listeners of the exit have run.
        let memoryAtExit: ReturnType<Guest['memory']> = null
        const exited = endOf(child, () => {
          memoryAtExit = group?.memory() ?? null
          return group?.ranOutOfMemory() ?? false
        })
        void exited.then(cleanUp)
        await spawned(child)
        // bwrap waits on the block descriptor, so that the limits apply before the interpreter starts.
        const init = await childPid(child)
        await group?.add(init)
        ;(child.stdio[BLOCK] as Writable).end('1')
        const inside = join(networkFolder(protections), ...(protections.own_socket ? [] : [basename(proxyFolder)]))
        const proxy = {
          outside: join(proxyFolder, SOCKET),
          inside: join(inside, SOCKET),
          hosts: join(proxyFolder, HOSTS),
        }
        const inGuest = packages && packagesInside(protections)
        const memory = () => group?.memory() ?? memoryAtExit
        return guestOf(child, init, exited, memory, { proxy, packages: inGuest }, protections)
      } catch (error) {
        if (child?.pid) child.kill('SIGKILL')
        else await cleanUp()
        throw error
      }
    },
    async close() {
      await groups?.remove()
      await slot.release()
    },
  }
}

/** Folders of this machine that a guest sees. */
interface Mounts {
  proxyFolder: string
  packageFolder: string | null
}

function start(
  boundary: Boundary,
  runtime: Runtime,
  memoryMb: number,
  uid: number | null,
  mounts: Mounts,
): ChildProcess {
  const { protections, leaked } = boundary
  // Opened for each guest: processes that share an open file also share its read position.
  const filter = protections.seccomp ? openSync(boundary.filter, 'r') : null
  try {
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...(filter === null ? [] : [filter])]
    return spawn(boundary.bwrap, bwrapArguments(boundary, runtime, memoryMb, mounts), {
      cwd: '/',
      // The environment of bwrap itself would be visible to the guest.
      env: protections.empty_environment ? {} : process.env,
      stdio: (protections.descriptors ? withoutLeaks(stdio, leaked) : stdio) as 'pipe'[],
      ...(uid === null ? {} : { uid, gid: uid }),
    })
  } finally {
    if (filter !== null) closeSync(filter)
  }
}

function bwrapArguments(
  boundary: Boundary,
  runtime: Runtime,
  memoryMb: number,
  { proxyFolder, packageFolder }: Mounts,
): string[] {
  const { protections: on } = boundary
  const root = boundary.roots.get(runtime)!
  const prefix = on.rootfs ? '' : root
  const flag = (isOn: boolean, ...words: string[]) => (isOn ? words : [])
  const size = (mb: number) => flag(on.bounded_files, '--size', String(mb * MB))
  return [
    '--unshare-user',
    ...flag(on.no_nested_namespaces && boundary.canDisableUserns, '--disable-userns'),
    ...flag(on.pid_namespace, '--unshare-pid'),
    ...flag(on.net_namespace, '--unshare-net'),
    ...flag(on.ipc_namespace, '--unshare-ipc'),
    ...flag(on.uts_namespace, '--unshare-uts', '--hostname', 'fn'),
    '--unshare-cgroup-try',
    ...flag(on.die_with_parent, '--die-with-parent'),
    ...flag(on.new_session, '--new-session'),
    ...flag(on.empty_environment, '--clearenv'),
    ...['--setenv', 'PATH', '/opt/node/bin:/opt/python/bin', '--setenv', 'HOME', '/tmp', '--setenv', 'LANG', 'C.UTF-8'],
    ...['--uid', '1000', '--gid', '1000'],
    ...flag(!on.no_capabilities, '--cap-add', 'ALL'),
    ...[on.read_only_root ? '--ro-bind' : '--bind', on.rootfs ? root : '/', '/'],
    ...flag(!on.rootfs, '--setenv', 'LD_LIBRARY_PATH', `${root}/lib`),
    ...flag(!on.fake_proc, '--proc', '/proc'),
    ...['--perms', '1777', ...size(TMP_MB), '--tmpfs', '/tmp'],
    ...(on.rootfs ? ['--perms', '0755', ...size(FILES_MB), '--tmpfs', '/fn'] : ['--dir', '/tmp/fn']),
    ...(on.few_devices ? DEVICES.flatMap((path) => ['--dev-bind', path, path]) : ['--dev', '/dev']),
    // Read-only: a guest can connect to the socket, but create no files.
    ...flag(!on.rootfs, '--dir', networkFolder(on)),
    ...['--ro-bind', on.own_socket ? proxyFolder : join(proxyFolder, '..'), networkFolder(on)],
    ...(packageFolder ? ['--ro-bind', packageFolder, packagesInside(on)] : []),
    ...['--chdir', on.rootfs ? '/fn' : '/tmp/fn'],
    ...['--info-fd', String(INFO), '--block-fd', String(BLOCK)],
    ...flag(on.seccomp, '--seccomp', String(SECCOMP)),
    '--',
    ...rlimitCommand(boundary, prefix, memoryMb),
    prefix + (runtime === 'nodejs20' ? INSIDE.node : INSIDE.python),
    ...interpreterArguments(runtime, prefix + INSIDE.runner(runtime), memoryMb),
  ]
}

/** Returns the folder of the packages inside the sandbox. */
const packagesInside = ({ rootfs }: Readonly<Protections>) => (rootfs ? INSIDE.packages : '/tmp/packages')

/** Returns the folder of the proxy's socket inside the sandbox. */
const networkFolder = ({ rootfs }: Readonly<Protections>) => (rootfs ? INSIDE.network : '/tmp/net')

/** Returns the command prefix that sets rlimits inside the sandbox. Outside, the process limit would count all processes of the user. */
function rlimitCommand({ protections: on, groups }: Boundary, prefix: string, memoryMb: number): string[] {
  if (!on.rlimits) return []
  const byProcess = !groups && on.memory_limit ? [`--data=${Math.floor(memoryMb * RLIMIT_FACTOR) * MB}`] : []
  return [
    prefix + INSIDE.prlimit,
    `--nofile=${MAX_OPEN_FILES}`,
    `--nproc=${MAX_PROCESSES}`,
    `--fsize=${MAX_FILE_MB * MB}`,
    '--core=0',
    '--memlock=0',
    '--msgqueue=0',
    ...byProcess,
    '--',
  ]
}

/** Returns the pid, in the server's namespace, of the first process in the sandbox. */
function childPid(child: ChildProcess): Promise<number> {
  const info = child.stdio[INFO] as Readable
  return new Promise((resolve, reject) => {
    let text = ''
    let errorText = ''
    child.stderr!.on('data', collect)
    function collect(chunk: Buffer): void {
      errorText += chunk.toString('latin1')
    }
    info.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      const pid = /"child-pid": (\d+)/.exec(text)?.[1]
      if (pid === undefined) return
      child.stderr!.off('data', collect)
      resolve(Number(pid))
    })
    child.once('close', (code) => reject(new Error(errorText.trim() || `bwrap ended with code ${code}`)))
  })
}

function guestOf(
  child: ChildProcess,
  init: number,
  exited: Guest['exited'],
  memory: Guest['memory'],
  paths: Pick<Guest, 'proxy' | 'packages'>,
  protections: Readonly<Protections>,
): Guest {
  let ended = false
  void exited.then(() => {
    ended = true
  })
  // In a separate pid namespace the first process belongs to bubblewrap; the interpreter and all orphans are its children.
  let interpreter: number | undefined
  const pidOfInterpreter = () => {
    interpreter ??= protections.pid_namespace ? childrenOf(init)[0] : init
    return interpreter
  }
  const signalInterpreter = (name: NodeJS.Signals) => {
    const pid = pidOfInterpreter()
    if (!ended && pid !== undefined) signal(pid, name)
  }
  return {
    pid: pidOfInterpreter,
    channel: child.stdio[3] as Duplex,
    stdout: child.stdout!,
    stderr: child.stderr!,
    exited,
    kill() {
      if (ended || child.exitCode !== null || child.signalCode !== null) return
      // No process can catch a signal before the interpreter has started.
      if (!protections.kill_all && pidOfInterpreter() !== undefined) return signalInterpreter('SIGTERM')
      // Killing the first process of the namespace kills all others. Its parent, our child, still exists, so the pid cannot have been reused.
      if (childrenOf(child.pid!).includes(init)) signal(init, 'SIGKILL')
      child.kill('SIGKILL')
    },
    pause: () => signalInterpreter('SIGSTOP'),
    resume: () => signalInterpreter('SIGCONT'),
    hasStrays() {
      const pid = pidOfInterpreter()
      return pid !== undefined && (childrenOf(pid).length > 0 || (pid !== init && childrenOf(init).length > 1))
    },
    usage() {
      const pid = pidOfInterpreter()
      return pid === undefined ? null : usageOf(pid)
    },
    memory,
    ...paths,
  }
}
