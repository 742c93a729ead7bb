import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport } from '../index.ts'
import { findInterpreter, type Interpreter } from '../interpreters.ts'
import { createNetwork } from '../network/proxy.ts'
import { ALL_PROTECTIONS, type Protections } from '../protections.ts'
import { NO_NETWORKS, type SandboxOptions, supervised } from '../supervised.ts'
import { DEFAULT_MEMORY_MB, Supervisor } from '../supervisor.ts'
import { openGroups, ownPlacement, removeGroups } from './cgroups.ts'
import { leakedDescriptors } from './descriptors.ts'
import { type Boundary, bubblewrapLauncher } from './launch.ts'
import { findIsolationProblems } from './probe.ts'
import { NO_BUBBLEWRAP, type Obstacle, obstacleOf } from './remedies.ts'
import { prepareRootfs } from './rootfs.ts'
import { seccompFilter } from './seccomp.ts'
import { killUids, takeSlot } from './slots.ts'
import { isRoot, sandboxStateDir } from './state-dir.ts'

type Found = SandboxReport['runtimes'][Runtime]

/** Creates the driver that uses bubblewrap: Linux namespaces, a seccomp filter, rlimits and control groups, without privileges. */
export function bubblewrap(options: SandboxOptions & { protections?: Readonly<Protections> }): SandboxDriver {
  const { concurrency, log, network = NO_NETWORKS, protections = ALL_PROTECTIONS } = options
  return supervised('bubblewrap', async () => {
    const boundary = await openBoundary(protections)
    if ('cause' in boundary) return { report: reportOf(null, sameFor(boundary)), supervisor: null }
    const launcher = bubblewrapLauncher(boundary)
    const supervisor = new Supervisor({
      launcher,
      network: createNetwork(network, log, protections),
      concurrency,
      log,
      protections,
    })
    const found = {} as Record<Runtime, Found>
    for (const runtime of RUNTIMES) found[runtime] = await tryRuntime(runtime, boundary, supervisor)
    return { report: reportOf(boundary, found), supervisor }
  })
}

/** Prepares what all guests share. Returns the obstacle if sandboxes cannot run here. */
async function openBoundary(protections: Readonly<Protections>): Promise<Boundary | Obstacle> {
  const filter = seccompFilter(process.arch)
  if (process.platform !== 'linux' || !filter)
    return {
      cause: `The sandbox does not support ${process.platform} on ${process.arch}`,
      remedy: 'Run the server on Linux (x64 or arm64), or in a virtual machine with Linux',
    }
  const bwrap = findProgram('bwrap')
  if (!bwrap) return NO_BUBBLEWRAP
  if (!findProgram('prlimit') || !findProgram('ldd'))
    return { cause: 'The programs prlimit and ldd are not installed', remedy: 'Install util-linux and libc-bin' }
  try {
    const folder = await sandboxStateDir()
    const slot = await takeSlot(folder, async (remains) => {
      await removeGroups(remains.groups)
      killUids(remains)
    })
    // Random names are never reused: a process that removes the groups of a dead one must not remove these.
    const name = `zerodb-functions-${slot.number}-${randomBytes(4).toString('hex')}`
    const groups = await openGroups(name, ownPlacement())
    if (groups) await slot.keepGroups(groups.folders)
    const filterFile = join(folder, `filter-${createHash('sha256').update(filter).digest('hex').slice(0, 16)}`)
    if (!existsSync(filterFile)) {
      await writeFile(`${filterFile}.${process.pid}`, filter, { mode: 0o644 })
      await rename(`${filterFile}.${process.pid}`, filterFile)
    }
    const { stdout } = await promisify(execFile)(bwrap, ['--help'])
    return {
      bwrap,
      folder,
      roots: new Map(),
      filter: filterFile,
      slot,
      uids: isRoot() ? { first: slot.firstUid, count: slot.uids } : null,
      groups,
      canDisableUserns: stdout.includes('--disable-userns'),
      leaked: leakedDescriptors(),
      protections,
    }
  } catch (error) {
    return { cause: (error as Error).message, remedy: 'Run "zerodb doctor" for details' }
  }
}

async function tryRuntime(runtime: Runtime, boundary: Boundary, supervisor: Supervisor): Promise<Found> {
  const { protections } = boundary
  let interpreter: Interpreter
  try {
    interpreter = await findInterpreter(runtime)
    boundary.roots.set(runtime, await prepareRootfs(boundary.folder, runtime, interpreter, findProgram('prlimit')!))
  } catch (error) {
    const { message } = error as Error
    const remedy =
      runtime === 'nodejs20'
        ? 'Run "zerodb doctor" for details'
        : 'Install it and restart: "apt-get install python3", "dnf install python3" or "apk add python3"'
    return { available: false, cause: message, remedy }
  }
  try {
    const instance = await supervisor.start(runtime, DEFAULT_MEMORY_MB)
    const probing = protections.probe ? findIsolationProblems(instance, boundary) : Promise.resolve([])
    const problems = await probing.finally(() => instance.end())
    const { version, platform } = interpreter
    if (problems.length === 0) return { available: true, version, ...(platform && { platform }) }
    const cause = `The isolation of ${runtime} is not effective: ${problems.join('; ')}`
    return { available: false, cause, remedy: 'Please report this with the output of "zerodb doctor"' }
  } catch (error) {
    return { available: false, ...obstacleOf((error as Error).message) }
  }
}

const sameFor = (obstacle: Obstacle): Record<Runtime, Found> =>
  Object.fromEntries(RUNTIMES.map((runtime) => [runtime, { available: false, ...obstacle }])) as Record<Runtime, Found>

function reportOf(boundary: Boundary | null, runtimes: Record<Runtime, Found>): SandboxReport {
  const warnings: string[] = []
  if (boundary && !boundary.uids)
    warnings.push(
      'All sandboxes share the user id of the server: to run untrusted code, start the server as root, so that each sandbox has its own user id',
    )
  if (boundary && !boundary.groups)
    warnings.push(
      'Control groups are not writable: memory is limited per process of a function, not for all its processes together',
    )
  if (boundary && !boundary.canDisableUserns)
    warnings.push('This bwrap is older than 0.8: only the seccomp filter prevents nested user namespaces')
  for (const [runtime, found] of Object.entries(runtimes)) {
    const wanted = /\d+(\.\d+)?$/.exec(runtime)![0]
    if (found.available && !`${found.version}.`.startsWith(`${wanted}.`))
      warnings.push(`The runtime ${runtime} uses version ${found.version}`)
  }
  return {
    driver: 'bubblewrap',
    isolation: 'namespaces',
    limits: !boundary?.groups ? 'rlimit' : boundary.groups.version === 1 ? 'cgroup1' : 'cgroup2',
    uid: boundary?.uids ? 'own' : 'shared',
    runtimes,
    warnings,
  }
}

/** Returns the path of a program. */
function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/bin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
