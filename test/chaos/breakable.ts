import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'
import { run } from '../support/commands.ts'
import type { Breakable } from './cluster.ts'

const SCRIPT = join(packageRoot(), 'scripts', 'postgres.mjs')

/** Starts a separate PostgreSQL server, which may be broken. Needs root on a Debian-like Linux. */
export async function startBreakable(): Promise<Breakable & { url: string; stop(): Promise<void> }> {
  const letters = [...randomBytes(6)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('')
  const cluster = `--cluster=chaos${letters}`
  const command = (name: string, ...options: string[]) => run(process.execPath, [SCRIPT, name, cluster, ...options])
  const said = await command('start', `--for=${process.pid}`)
  return {
    url: said.trimEnd().split('\n').at(-1)!,
    crash: async () => void (await command('crash')),
    resume: async () => void (await command('resume')),
    stop: async () => void (await command('stop')),
  }
}
