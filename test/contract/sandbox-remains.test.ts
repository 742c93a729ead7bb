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
  /** What the supervisor prints once its guest is running. */
  pid: number
  uid: number
  groups: string[]
}

describe.runIf(process.platform === 'linux' && isRoot && available('bwrap', ['--version']))('a supervisor', () => {
  let folder: string
  beforeAll(async () => {
    // A folder that only root can enter, like root's home: guests still need access to their files.
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
        // A dead process stays visible here until its new parent has reaped it.
        return !/^State:\s+Z/m.test(status) && new RegExp(`^Uid:\\s+${uid}\\b`, 'm').test(status)
      } catch {
        return false
      }
    })

  test('a supervisor that is killed leaves no process; the next one removes its remaining files', async () => {
    const { process: child, uid, groups } = await start()
    expect(processesOf(uid).length).toBeGreaterThan(0)
    expect(groups.length).toBeGreaterThan(0)
    for (const group of groups) expect(existsSync(group)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => processesOf(uid)).toEqual([])

    const next = bubblewrap({ concurrency: 1, log: pino({ level: 'silent' }) })
    try {
      await next.ready()
      // The new supervisor takes the first free slot, which may precede the slot of the dead one.
      await expect
        .poll(() => groups.filter((group) => existsSync(group) && readdirSync(group).length === 0))
        .toEqual([])
    } finally {
      await next.close()
    }
  })

  test.each([
    ['net_namespace', /shares the net namespace.*the network is reachable/],
    ['ipc_namespace', /shares the ipc namespace/],
    ['uts_namespace', /shares the uts namespace/],
    ['rootfs', /\/sys is visible/],
    ['fake_proc', /processes are visible/],
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
