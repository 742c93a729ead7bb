import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'
import { bundle } from './servers.ts'

const USER = 54321

/** Runs the suite as a user without files, from a copy that this user can read. Resolves with the exit code. Needs root. */
export async function asOrdinaryUser(args: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error('only root can run the suite as another user')
  const folder = await mkdtemp(join(tmpdir(), 'zerodb-hostile-'))
  try {
    await chmod(folder, 0o755)
    for (const file of ['run.ts', 'other-server.ts']) await bundle(folder, file)
    // Some programs attack the bundler, so the copy needs its files.
    for (const path of ['dist/workers', 'node_modules/esbuild', 'node_modules/@esbuild'])
      await cp(join(packageRoot(), path), join(folder, path), { recursive: true })
    const home = join(folder, 'home')
    await mkdir(home)
    await chmod(home, 0o777)
    const child = spawn(
      'setpriv',
      [`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', process.execPath, join(folder, 'dist/run.mjs'), ...args],
      {
        cwd: '/',
        env: { PATH: process.env['PATH'], HOME: home, XDG_CACHE_HOME: join(home, 'cache') },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
