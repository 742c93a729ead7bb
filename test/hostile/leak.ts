import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEAKED } from './environment.ts'

/** Starts a Node program with a leaked descriptor, like a shell that has left a file open. Resolves with the exit code. */
export async function inLeakyShell(command: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'zerodb-hostile-leak-'))
  const file = join(folder, 'secret')
  const secret = `descriptor-${randomBytes(12).toString('hex')}`
  writeFileSync(file, secret)
  const descriptor = openSync(file, 'r')
  const stdio: ('inherit' | 'ignore' | number)[] = Array(LEAKED.descriptor + 1).fill('ignore')
  stdio.splice(0, 3, 'inherit', 'inherit', 'inherit')
  stdio[LEAKED.descriptor] = descriptor
  try {
    const child = spawn(process.execPath, [...process.execArgv, ...command], {
      stdio,
      env: { ...process.env, [LEAKED.secretEnv]: secret },
    })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
    const [code] = await once(child, 'exit')
    return code ?? 1
  } finally {
    closeSync(descriptor)
    rmSync(folder, { recursive: true, force: true })
  }
}
