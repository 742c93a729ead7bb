import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../src/platform/package.ts'
import { available, run } from './support/commands.ts'

const ROOT = packageRoot()
const tools =
  available('git', ['-C', ROOT, 'rev-parse', 'HEAD']) &&
  available('bash', ['--version']) &&
  available('curl', ['--version'])

/** The README's shell blocks, in order. */
const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(
  (match) => match[1]!,
)

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

describe.runIf(tools)('the README, followed in a new clone', () => {
  let clone: string
  let port: number
  let server: ChildProcess
  let output = ''

  /** Runs `npm start` until the server is ready. */
  async function start(): Promise<void> {
    output = ''
    server = spawn('npm', ['start', '--', '--port', String(port)], {
      cwd: clone,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    await new Promise<void>((resolve, reject) => {
      const look = (chunk: Buffer) => {
        output += chunk.toString()
        // The last line before it waits.
        if (/Try it:\n {2}curl .*\n/.test(output)) resolve()
      }
      server.stdout!.on('data', look)
      server.stderr!.on('data', look)
      server.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)))
    })
  }

  /** Sends Ctrl-C like a terminal: to npm and to the server. Resolves when both have ended. */
  async function interrupt(): Promise<void> {
    const closed = new Promise((resolve) => server.once('close', resolve))
    process.kill(-server.pid!, 'SIGINT')
    await closed
  }

  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'zerodb-clone-'))
    port = await freePort()
    await run('git', ['clone', '--quiet', ROOT, clone])
    await start()
  }, 300_000)

  afterAll(async () => {
    if (server?.exitCode === null && server.signalCode === null) process.kill(-server.pid!, 'SIGKILL')
    await rm(clone, { recursive: true, force: true })
  })

  test('npm start prints where the data is, that it is new, the key, and a command to try that works', async () => {
    expect(output).toContain(`Data: ${join(clone, '.zerodb')} (new)`)
    expect(output).toMatch(/API key: zdb_live_\w+ \(new\)/)
    const line = /^ {2}(curl .*)$/m.exec(output)![1]!
    expect(JSON.parse(await run('bash', ['-c', `${line} -s`]))).toEqual([])
  })

  test('every block of the walk works as written', async () => {
    const script = blocks.join('\n').replaceAll(':8000', `:${port}`)
    const answers = await run('bash', ['-e', '-c', script], { cwd: clone })
    expect(answers).not.toContain('"detail"')
    for (const name of ['Initech', 'Oslo', '"status":"succeeded"', '"zeromemory.remembered"', '"vector_id":"note-1"']) {
      expect(answers).toContain(name)
    }
    expect(answers).toMatch(/\[ \{ vector_id: 'note-1', score: 0\.\d+ \} \]/)
  })

  test('E: the walk works a second time', async () => {
    const script = blocks.join('\n').replaceAll(':8000', `:${port}`)
    const answers = await run('bash', ['-e', '-c', script], { cwd: clone })
    expect([...answers.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)).toEqual(['hook_exists', 'hook_exists'])
    expect(answers).toMatch(/\[ \{ vector_id: 'note-1', score: 0\.\d+ \} \]/)
  })

  test('Ctrl-C stops it cleanly, and the second start keeps everything', async () => {
    await interrupt()
    expect(output).toMatch(/Stopped\.\s*$/)
    await start()
    expect(output).toContain('(existing)')
    expect(output).not.toContain('(new)')
    const again = /^ {2}(curl .*)$/m.exec(output)![1]!
    expect(JSON.parse(await run('bash', ['-c', `${again} -s`]))).toHaveLength(2)
    const { api_key } = JSON.parse(readFileSync(join(clone, '.zerodb', 'credentials.json'), 'utf8'))
    const hooks = await fetch(`http://127.0.0.1:${port}/api/v1/hooks`, { headers: { 'x-api-key': api_key } })
    expect(((await hooks.json()) as unknown[]).length).toBe(2)
    await interrupt()
    expect(output).toMatch(/Stopped\.\s*$/)
  })
})
