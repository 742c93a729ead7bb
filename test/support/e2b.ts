import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { E2bSdk } from '../../src/sandbox/e2b.ts'

/** Replaces the package `e2b`. Its sandboxes are folders and processes of this machine; `live` counts those that are not killed. */
export function pretendE2b(): { sdk: E2bSdk; live(): number } {
  let live = 0
  const sdk: E2bSdk = {
    Sandbox: {
      async create() {
        live++
        const root = mkdtempSync(join(tmpdir(), 'zerodb-e2b-'))
        const children: ChildProcess[] = []
        let killed = false
        const here = (text: string) => text.replaceAll('/home/user', root)
        return {
          files: {
            async write(path, data) {
              await mkdir(dirname(here(path)), { recursive: true })
              await writeFile(here(path), data)
            },
          },
          commands: {
            async run(command, { onStdout }) {
              const child = spawn('sh', ['-c', `exec ${here(command)}`], {
                detached: true,
                stdio: ['pipe', 'pipe', 'ignore'],
                env: { PATH: process.env['PATH'], TMPDIR: root },
              })
              children.push(child)
              child.stdin.on('error', () => {})
              child.stdout.setEncoding('utf8').on('data', (text: string) => {
                // Chunks have arbitrary boundaries, as on a network.
                const at = Math.floor(text.length / 2)
                onStdout(text.slice(0, at))
                onStdout(text.slice(at))
              })
              return {
                async sendStdin(data) {
                  child.stdin.write(data)
                },
                wait: () => new Promise((resolve) => child.once('close', resolve)),
              }
            },
          },
          async kill() {
            if (killed) return false
            killed = true
            live--
            for (const { pid } of children) {
              try {
                process.kill(-pid!, 'SIGKILL')
              } catch {
                // The process has already ended.
              }
            }
            await rm(root, { recursive: true, force: true, maxRetries: 5 })
            return true
          },
        }
      },
    },
  }
  return { sdk, live: () => live }
}
