import { execFile } from 'node:child_process'
import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import type { SandboxDriver } from '../../src/sandbox/index.ts'
import { SANDBOXES } from '../../src/sandbox/open.ts'
import type { SandboxOptions } from '../../src/sandbox/supervised.ts'
import { available } from '../support/commands.ts'
import { type E2bServer, startE2bServer } from '../support/e2b-server.ts'
import { CASES, CONCURRENCY } from './sandbox-cases.ts'

const log = pino({ level: 'silent' })
const hasBubblewrap = process.platform === 'linux' && available('bwrap', ['--version'])
const isRoot = process.getuid?.() === 0

describe('unsafe-process', () => contract('unsafe-process', SANDBOXES['unsafe-process']))

describe('e2b', () => {
  let server: E2bServer
  beforeAll(async () => {
    server = await startE2bServer()
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await server.close()
  })
  // Drivers are closed by then.
  afterAll(() => expect(server.live()).toBe(0))
  contract('e2b', SANDBOXES.e2b)
})

describe.runIf(hasBubblewrap)(`bubblewrap as ${isRoot ? 'root' : 'an ordinary user'}`, () =>
  contract('bubblewrap', SANDBOXES.bubblewrap),
)
describe.runIf(hasBubblewrap && isRoot && available('setpriv', ['--version']))('bubblewrap as an ordinary user', () => {
  let folder: string
  let results: Record<string, string | null>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zerodb-ordinary-'))
    results = await runAsOrdinaryUser(folder)
  }, 300_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('reports the limits in force', () => {
    expect(JSON.parse(results['report']!)).toMatchObject({
      isolation: 'namespaces',
      limits: 'rlimit',
      uid: 'shared',
      warnings: [expect.stringContaining('share the user id'), expect.stringContaining('Control groups')],
    })
  })
  test.each(CASES.map(({ name }) => name))('%s', (name) => {
    expect(results[name]).toBe(null)
  })
})

function contract(name: keyof typeof SANDBOXES, open: (options: SandboxOptions) => SandboxDriver): void {
  let driver: SandboxDriver
  beforeAll(async () => {
    driver = open({ concurrency: CONCURRENCY, log })
    const { runtimes } = await driver.ready()
    for (const found of Object.values(runtimes)) expect(found).toMatchObject({ available: true })
  })
  afterAll(() => driver.close())

  const cases = CASES.filter(({ bounded }) => !bounded || name === 'bubblewrap')
  for (const { name, run } of cases) test(name, () => run(driver))

  test('closing ends running calls, and later calls are refused', async () => {
    const other = open({ concurrency: CONCURRENCY, log })
    const program = { files: { 'a.mjs': 'console.log(1); export default () => new Promise(() => {})' }, entry: 'a.mjs' }
    const rest = { key: 'a', runtime: 'nodejs20', env: {}, isolation: 'warm', memory_mb: 256, network: null } as const
    const call = { mode: 'handler', input: {}, timeout_seconds: 60, output_limit_bytes: 100 } as const
    const { running } = await new Promise<{ running: Promise<unknown> }>((resolve) => {
      const running: Promise<unknown> = other.call({
        ...call,
        program: { ...program, ...rest },
        onLog: () => resolve({ running }),
      })
    })
    await other.close()
    expect(await running).toMatchObject({ status: 'cancelled' })
    await expect(other.call({ ...call, program: { ...program, ...rest } })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
    })
  })
}

/** Runs the cases in a process of a user who owns no files, from a readable copy. Returns what each case threw, or null. */
async function runAsOrdinaryUser(folder: string): Promise<Record<string, string | null>> {
  await build({
    entryPoints: [join(packageRoot(), 'test', 'contract', 'sandbox-process.ts')],
    outfile: join(folder, 'dist', 'run.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  await cp(join(packageRoot(), 'dist', 'guest'), join(folder, 'dist', 'guest'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"version": "0.0.0"}')
  await chmod(folder, 0o755)
  const home = await mkdtemp(join(tmpdir(), 'zerodb-home-'))
  try {
    await chmod(home, 0o777)
    const { stdout } = await promisify(execFile)(
      'setpriv',
      ['--reuid=54321', '--regid=54321', '--clear-groups', process.execPath, join(folder, 'dist', 'run.mjs')],
      {
        env: { PATH: process.env['PATH'], HOME: home, XDG_CACHE_HOME: join(home, 'cache') },
        cwd: '/',
        maxBuffer: 1 << 24,
      },
    )
    return JSON.parse(stdout) as Record<string, string | null>
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}
