import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/platform/package.ts'
import { freshDatabaseUrl } from './database.ts'
import { SANDBOX } from './sandbox.ts'

export interface ListeningServer {
  url: string
  key: string
  process: ChildProcess
  /** Stops the program and deletes its data. Resolves with its exit code. */
  stop(): Promise<number | null>
}

/** Starts the built program in a separate process, on a free port, with a new data directory. */
export async function startServer(settings: Record<string, string> = {}): Promise<ListeningServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
  const database = await freshDatabaseUrl()
  const key = 'zdb_test_key_that_only_this_test_knows'
  const child = spawn(process.execPath, [join(packageRoot(), 'dist', 'zerodb.js'), 'start'], {
    env: {
      ...process.env,
      ZERODB_PORT: '0',
      ZERODB_DATA_DIR: dataDir,
      ZERODB_BOOTSTRAP_KEY: key,
      ...SANDBOX,
      ...(database ? { DATABASE_URL: database.url } : {}),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk.toString()
      const ready = /Ready on (http:\S+)/.exec(output)
      if (ready) resolve(ready[1]!)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    void exited.then((code) => reject(new Error(`the server ended with ${code}:\n${output}`)))
  })
  return {
    url,
    key,
    process: child,
    async stop() {
      child.kill('SIGTERM')
      const code = await exited
      await database?.drop()
      await rm(dataDir, { recursive: true, force: true })
      return code
    },
  }
}
