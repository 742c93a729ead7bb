import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { packageRoot } from '../src/platform/package.ts'
import { pause } from './support.ts'

/** Starts @google-cloud/functions-framework in production mode, in a separate process. `handler` is its source. */
export async function startFramework(handler: string): Promise<{ pool: Pool; pid: number; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'zerodb-bench-'))
  await writeFile(join(folder, 'index.js'), `exports.handler = ${handler}`)
  const port = await freePort()
  const main = join(packageRoot(), 'node_modules/@google-cloud/functions-framework/build/src/main.js')
  const child: ChildProcess = spawn(
    process.execPath,
    [main, '--target=handler', `--source=${folder}`, `--port=${port}`],
    { env: { ...process.env, NODE_ENV: 'production' }, stdio: 'ignore' },
  )
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 100 })
  for (let tries = 0; ; tries++) {
    try {
      const { statusCode, body } = await pool.request({ method: 'GET', path: '/?name=Ada' })
      await body.dump()
      if (statusCode !== 200) throw new Error(`functions-framework responds with status ${statusCode}`)
      break
    } catch (error) {
      if (tries === 100) throw error
      await pause(100)
    }
  }
  return {
    pool,
    pid: child.pid!,
    async stop() {
      await pool.close()
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
