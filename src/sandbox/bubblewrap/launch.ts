import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Runtime } from '../index.ts'
import { interpreterArguments } from '../interpreters.ts'
import type { Guest, Launcher } from '../launcher.ts'
import { childrenOf, endOf, signal, spawned } from '../processes.ts'
import type { Protections } from '../protections.ts'
import type { Group, Groups } from './cgroups.ts'
import { withoutLeaks } from './descriptors.ts'
import { DEVICES, INSIDE } from './rootfs.ts'
import type { Slot } from './slots.ts'

const MB = 1024 * 1024
const MAX_PROCESSES = 64
const MAX_OPEN_FILES = 256
const MAX_FILE_MB = 64
const TMP_MB = 16
const FILES_MB = 64
/** Without control groups memory is counted for each process, and what an interpreter reserves is part of it. */
const RLIMIT_FACTOR = 1.5
const [INFO, BLOCK, SECCOMP] = [4, 5, 6]

export interface Boundary {
  /** The program bwrap. */
  bwrap: string
  /** Of each runtime that can be run. */
  roots: Map<Runtime, string>
  /** The file with the filter. */
  filter: string
  /** Where roots and slots are kept. */
  folder: string
  slot: Slot
  /** For guests, one each. Null as an ordinary user: then all have our own. */
  uids: { first: number; count: number } | null
  groups: Groups | null
  /** Whether this bwrap knows --disable-userns. */
  canDisableUserns: boolean
  /** Descriptors that we have inherited and must not pass on. */
  leaked: readonly number[]
  protections: Readonly<Protections>
}

/** Starts guests in namespaces of their own. */
export function bubblewrapLauncher(boundary: Boundary): Launcher {
  const { slot, uids, groups, protections } = boundary
  const usedUids = new Set<number>()
  let lastUid = -1
  let lastGroup = 0

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

  return {
    async launch(runtime, memoryMb) {
      const uid = newUid()
      let group: Group | undefined
      let child: ChildProcess | undefined
      const forget = async () => {
        if (uid !== null) usedUids.delete(uid)
        await group?.remove()
      }
      try {
        group = await groups?.create(String(++lastGroup), {
          memory_bytes: protections.memory_limit ? memoryMb * MB : null,
          processes: protections.process_limit ? MAX_PROCESSES : null,
          processors: protections.cpu_limit ? 1 : null,
        })
        child = start(boundary, runtime, memoryMb, uid)
        // Its group is removed before everybody has heard of its end.
        let atEnd: ReturnType<Guest['memory']> = null
        const exited = endOf(child, () => {
          atEnd = group?.memory() ?? null
          return group?.ranOutOfMemory() ?? false
        })
        void exited.then(forget)
        await spawned(child)
        // Its first process waits for our word: it is confined before it runs a single instruction of the interpreter.
        const init = await childPid(child)
        await group?.add(init)
        ;(child.stdio[BLOCK] as Writable).end('1')
        return guestOf(child, init, exited, () => group?.memory() ?? atEnd, protections)
      } catch (error) {
        if (child?.pid) child.kill('SIGKILL')
        else await forget()
        throw error
      }
    },
    async close() {
      await groups?.remove()
      await slot.release()
    },
  }
}

function start(boundary: Boundary, runtime: Runtime, memoryMb: number, uid: number | null): ChildProcess {
  const { protections, leaked } = boundary
  // Reading moves the position, which is shared by all who have the same open file.
  const filter = protections.seccomp ? openSync(boundary.filter, 'r') : null
  try {
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...(filter === null ? [] : [filter])]
    return spawn(boundary.bwrap, bwrapArguments(boundary, runtime, memoryMb), {
      cwd: '/',
      // bwrap itself keeps what it is given, and would show it.
      env: protections.empty_environment ? {} : process.env,
      stdio: (protections.descriptors ? withoutLeaks(stdio, leaked) : stdio) as 'pipe'[],
      ...(uid === null ? {} : { uid, gid: uid }),
    })
  } finally {
    if (filter !== null) closeSync(filter)
  }
}

function bwrapArguments(boundary: Boundary, runtime: Runtime, memoryMb: number): string[] {
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
    ...['--chdir', on.rootfs ? '/fn' : '/tmp/fn'],
    ...['--info-fd', String(INFO), '--block-fd', String(BLOCK)],
    ...flag(on.seccomp, '--seccomp', String(SECCOMP)),
    '--',
    ...limited(boundary, prefix, memoryMb),
    prefix + (runtime === 'nodejs20' ? INSIDE.node : INSIDE.python),
    ...interpreterArguments(runtime, prefix + INSIDE.runner(runtime), memoryMb),
  ]
}

/** rlimits, set inside: outside, the number of processes would be counted over all that this user has. */
function limited({ protections: on, groups }: Boundary, prefix: string, memoryMb: number): string[] {
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

/** The number that the first process inside has outside. */
function childPid(child: ChildProcess): Promise<number> {
  const info = child.stdio[INFO] as Readable
  return new Promise((resolve, reject) => {
    let text = ''
    let complaint = ''
    child.stderr!.on('data', listen)
    function listen(chunk: Buffer): void {
      complaint += chunk.toString('latin1')
    }
    info.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      const pid = /"child-pid": (\d+)/.exec(text)?.[1]
      if (pid === undefined) return
      child.stderr!.off('data', listen)
      resolve(Number(pid))
    })
    child.once('close', (code) => reject(new Error(complaint.trim() || `bwrap ended with code ${code}`)))
  })
}

function guestOf(
  child: ChildProcess,
  init: number,
  exited: Guest['exited'],
  memory: Guest['memory'],
  protections: Readonly<Protections>,
): Guest {
  let ended = false
  void exited.then(() => {
    ended = true
  })
  // The first process of a namespace of its own is bubblewrap's, the interpreter is its child; orphans become its children too.
  let interpreter: number | undefined
  const pidOfInterpreter = () => {
    interpreter ??= protections.pid_namespace ? childrenOf(init)[0] : init
    return interpreter
  }
  const say = (name: NodeJS.Signals) => {
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
      if (!protections.kill_all) return say('SIGTERM')
      // With the first process of its namespace all others die. Our own child is its parent and still there: the number cannot be another's.
      if (childrenOf(child.pid!).includes(init)) signal(init, 'SIGKILL')
      child.kill('SIGKILL')
    },
    pause: () => say('SIGSTOP'),
    resume: () => say('SIGCONT'),
    hasStrays() {
      const pid = pidOfInterpreter()
      return pid !== undefined && (childrenOf(pid).length > 0 || (pid !== init && childrenOf(init).length > 1))
    },
    memory,
  }
}
