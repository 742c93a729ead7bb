import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { build, stop } from 'esbuild'
import { packageRoot } from '../../src/platform/package.ts'
import type { Fixture } from './fixture.ts'
import { instanceWith, type Seen } from './host-checks.ts'
import { within } from './program.ts'

/** Path of the bundled script if the suite runs from a copy. */
const COPIED = join(packageRoot(), 'dist', 'other-server.mjs')
const OTHER_SERVER = existsSync(COPIED) ? COPIED : join(packageRoot(), 'test', 'hostile', 'other-server.ts')

/** A server in a separate process, with one guest that has printed `ready`. */
export interface OtherServer {
  seen: Seen
  /** Returns the output of the guest. */
  printed(): string
  /** Sends SIGKILL. Resolves when the server has ended; its guests may still be running. */
  kill(): Promise<void>
  /** Returns whether the control group of the guest exists. */
  hasGroup(): boolean
}

/** Runs the program of `fixture` in a separate server, with the protections of its environment. */
export async function startServer(
  fixture: Fixture,
  { script, env = {} }: { script?: string; env?: Record<string, string> } = {},
): Promise<OtherServer> {
  const marker = `server-${Math.random().toString(36).slice(2)}`
  const guest = fixture.programOf(null, 'fresh')
  const order = {
    off: fixture.environment.off,
    program: { ...guest, files: { ...guest.files, [marker]: '' }, env: { ...guest.env, ...env } },
  }
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, script ?? OTHER_SERVER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin!.end(JSON.stringify(order))
  let printed = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const isReady = await within(20_000, () => /^ready$/m.test(printed) || child.exitCode !== null)
  const seen = instanceWith(marker, child.pid)
  if (!isReady || !seen) {
    child.kill('SIGKILL')
    throw new Error(`the other server is not ready (exit code ${child.exitCode}): ${printed}`)
  }
  const inodeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.ino
  const group = seen.groupFolder && inodeOf(seen.groupFolder)
  return {
    seen,
    printed: () => printed,
    async kill() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
    // Compares inodes: the next server may have created a group of the same name.
    hasGroup: () => group !== '' && inodeOf(seen.groupFolder) === group,
  }
}

/** Copies the server to a folder in root's home that only root can enter, and runs `work` with the script and the folder. */
export async function inRootsHome(work: (script: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(homedir(), '.zerodb-hostile-'))
  try {
    await bundle(folder, 'other-server.ts')
    await work(join(folder, 'dist', 'other-server.mjs'), folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Copies the parts of the package that sandboxes need to `folder`, with this file of the suite as a program. */
export async function bundle(folder: string, file: string): Promise<void> {
  await build({
    entryPoints: [join(packageRoot(), 'test', 'hostile', file)],
    outfile: join(folder, 'dist', file.replace(/\.ts$/, '.mjs')),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['esbuild'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  // Ends the process of esbuild, so that it does not count as a child process of the server.
  await stop()
  await cp(join(packageRoot(), 'dist', 'guest'), join(folder, 'dist', 'guest'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"version": "0.0.0"}')
}
