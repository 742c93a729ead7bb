import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { RUNTIMES, type Runtime, type SandboxDriver, type SandboxReport } from './index.ts'
import { findInterpreter, guestFolder, type Interpreter, interpreterArguments, RUNNERS } from './interpreters.ts'
import type { Guest, Launcher } from './launcher.ts'
import { createNetwork } from './network/proxy.ts'
import { PackageFolders } from './package-folders.ts'
import { childrenOf, endOf, signal, spawned, usageOf } from './processes.ts'
import { NO_NETWORKS, type SandboxOptions, supervised } from './supervised.ts'
import { Supervisor } from './supervisor.ts'

const WARNING =
  'User code runs without isolation (ZERODB_SANDBOX=unsafe-process): it can read and change everything that this server can, including its data and keys'

/** Creates the driver that runs user code without isolation, for development on machines without a sandbox. */
export function unsafeProcess({ concurrency, network = NO_NETWORKS, log }: SandboxOptions): SandboxDriver {
  log.warn(WARNING)
  return supervised('unsafe-process', async () => {
    const runtimes = {} as SandboxReport['runtimes']
    for (const runtime of RUNTIMES)
      runtimes[runtime] = await findInterpreter(runtime).then(
        ({ version, platform }) => ({ available: true as const, version, ...(platform && { platform }) }),
        ({ message }: Error) => ({ available: false, cause: message, remedy: 'Install it and restart' }) as const,
      )
    return {
      report: {
        driver: 'unsafe-process',
        isolation: 'none',
        limits: 'none',
        uid: 'shared',
        runtimes,
        warnings: [WARNING],
      },
      supervisor: new Supervisor({
        launcher: unsafeLauncher(),
        network: createNetwork(network, log),
        concurrency,
        log,
      }),
    }
  })
}

/** Starts guests as processes of the server's user, with a separate folder and environment but without isolation. */
function unsafeLauncher(): Launcher {
  const interpreters = new Map<Runtime, Promise<Interpreter>>()

  function interpreterOf(runtime: Runtime): Promise<Interpreter> {
    let found = interpreters.get(runtime)
    if (!found) {
      found = findInterpreter(runtime)
      interpreters.set(runtime, found)
    }
    return found
  }
  /** The folder of all unpacked packages, which is created at the first use. */
  let unpacked: Promise<string> | undefined
  let folders: PackageFolders | undefined
  async function packageFolders(): Promise<PackageFolders> {
    unpacked ??= mkdtemp(join(tmpdir(), 'zerodb-unsafe-'))
    const folder = await unpacked
    folders ??= new PackageFolders(folder)
    return folders
  }
  return {
    // Enforced for programs that use the proxy. Without isolation, a program can also connect directly.
    noNetwork: null,
    noPackages: null,
    async launch(runtime, memoryMb, packages = null): Promise<Guest> {
      const packageFolder = packages && (await (await packageFolders()).use(packages))
      const { binary } = await interpreterOf(runtime)
      const folder = await mkdtemp(join(tmpdir(), 'zerodb-unsafe-'))
      const scratch = await mkdtemp(join(tmpdir(), 'zerodb-unsafe-'))
      const proxy = await mkdtemp(join(tmpdir(), 'zerodb-unsafe-'))
      const socket = join(proxy, 'proxy')
      const child = spawn(binary, interpreterArguments(runtime, join(guestFolder(), RUNNERS[runtime]), memoryMb), {
        cwd: folder,
        env: { HOME: scratch, LANG: 'C.UTF-8' },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        // A separate process group, so that the guest can be killed with all its children.
        detached: true,
      })
      const exited = endOf(child, () => false).then(async (exit) => {
        await Promise.all([folder, scratch, proxy].map((each) => rm(each, { recursive: true, force: true })))
        if (packages) await (await packageFolders()).release(packages)
        return exit
      })
      await spawned(child)
      const pid = child.pid!
      return {
        pid: () => pid,
        channel: child.stdio[3] as Duplex,
        stdout: child.stdout!,
        stderr: child.stderr!,
        exited,
        kill: () => signal(-pid, 'SIGKILL'),
        pause: () => signal(pid, 'SIGSTOP'),
        resume: () => signal(pid, 'SIGCONT'),
        hasStrays: () => childrenOf(pid).length > 0,
        usage: () => usageOf(pid),
        memory: () => null,
        proxy: { outside: socket, inside: socket, hosts: null },
        packages: packageFolder,
      }
    },
    async close() {
      if (unpacked) await rm(await unpacked, { recursive: true, force: true })
    },
  }
}
