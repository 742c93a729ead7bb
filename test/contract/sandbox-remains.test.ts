import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../src/platform/package.ts'
import { bubblewrap } from '../../src/sandbox/bubblewrap/index.ts'
import { ALL_PROTECTIONS, type Protections } from '../../src/sandbox/protections.ts'
import { available } from '../support/commands.ts'

const isRoot = process.getuid?.() === 0

interface Started {
  process: ChildProcess
  /** What it says of itself once its guest is at work. */
  pid: number
  uid: number
  groups: string[]
}

describe.runIf(process.platform === 'linux' && isRoot && available('bwrap', ['--version']))('a supervisor', () => {
  let folder: string
  beforeAll(async () => {
    // Where nobody but root gets to, as in root's home: guests have to get at what they need all the same.
    folder = await mkdtemp(join(tmpdir(), 'zerodb-home-'))
    await mkdir(join(folder, 'clone', 'dist'), { recursive: true })
    await chmod(folder, 0o700)
    await build({
      entryPoints: [join(packageRoot(), 'test', 'contract', 'sandbox-busy.ts')],
      outfile: join(folder, 'clone', 'dist', 'run.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    })
    await cp(join(packageRoot(), 'dist', 'guest'), join(folder, 'clone', 'dist', 'guest'), { recursive: true })
    await writeFile(join(folder, 'clone', 'package.json'), '{"version": "0.0.0"}')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function start(): Promise<Started> {
    const child = spawn(process.execPath, [join(folder, 'clone', 'dist', 'run.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      child.once('exit', (code) => reject(new Error(`it ended with code ${code}`)))
    })
    return { process: child, ...(JSON.parse(line) as Omit<Started, 'process'>) }
  }

  const processesOf = (uid: number) =>
    readdirSync('/proc').filter((name) => {
      if (!/^\d+$/.test(name)) return false
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8')
        // What is dead stands here until whoever inherits it has looked.
        return !/^State:\s+Z/m.test(status) && new RegExp(`^Uid:\\s+${uid}\\b`, 'm').test(status)
      } catch {
        return false
      }
    })

  test('that is killed leaves no process; the next one removes what it has left behind', async () => {
    const { process: child, uid, groups } = await start()
    expect(processesOf(uid).length).toBeGreaterThan(0)
    expect(groups.length).toBeGreaterThan(0)
    for (const group of groups) expect(existsSync(group)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => processesOf(uid)).toEqual([])

    const next = bubblewrap({ concurrency: 1, log: pino({ level: 'silent' }) })
    try {
      await next.ready()
      // It takes the first free place, which may be one before that of the dead.
      await expect
        .poll(() => groups.filter((group) => existsSync(group) && readdirSync(group).length === 0))
        .toEqual([])
    } finally {
      await next.close()
    }
  })

  test.each([
    ['net_namespace', /no net namespace.*the network can be reached/],
    ['ipc_namespace', /no ipc namespace/],
    ['uts_namespace', /no uts namespace/],
    ['rootfs', /\/sys can be seen/],
    ['fake_proc', /processes can be seen/],
  ] as const)('that finds its guests without %s does not use them', async (name: keyof Protections, reason) => {
    const driver = bubblewrap({
      concurrency: 1,
      log: pino({ level: 'silent' }),
      protections: { ...ALL_PROTECTIONS, [name]: false },
    })
    try {
      for (const found of Object.values((await driver.ready()).runtimes))
        expect(found).toMatchObject({ available: false, cause: expect.stringMatching(reason) })
    } finally {
      await driver.close()
    }
  })
})
