import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres } from '../src/db/postgres/postgres.ts'
import { packageRoot } from '../src/platform/package.ts'
import { pretendPostgres, type ServerAnswer } from './support/postgres-server.ts'

// A start that cannot go on: one sentence with the remedy, an exit code that is not 0, and no stack. More of these are in cli.test.ts
// (settings, port, directory, unreachable server) and contract/pglite.test.ts (a directory that another process has).

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerodb-start-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const VERSION = (value: string): ServerAnswer => ({ column: 'server_version_num', value })
const NO_TYPE: ServerAnswer = { column: 'oid', value: null }

describe('a PostgreSQL server', () => {
  async function refusal(answer: (statement: string) => ServerAnswer): Promise<string> {
    const server = await pretendPostgres(answer)
    try {
      await openPostgres({ url: server.url, poolSize: 2 })
      return 'opened'
    } catch (error) {
      expect((error as Error).name).toBe('StartError')
      return (error as Error).message
    } finally {
      server.close()
    }
  }

  test('that is too old is named with what is needed', async () => {
    expect(await refusal(() => VERSION('140011'))).toContain('PostgreSQL 14 is too old: version 15 or later')
  })

  test('without pgvector is named with the package to install', async () => {
    const message = await refusal((statement) => {
      if (statement.startsWith('show')) return VERSION('170002')
      if (statement.startsWith('create extension'))
        return { error: { code: '0A000', message: 'extension "vector" is not available' } }
      return NO_TYPE
    })
    expect(message).toContain('no pgvector')
    expect(message).toContain('postgresql-17-pgvector')
  })

  test('on which the user may not create the extension is named with the line to type', async () => {
    const message = await refusal((statement) => {
      if (statement.startsWith('show')) return VERSION('170002')
      if (statement.startsWith('create extension')) return { error: { code: '42501', message: 'permission denied' } }
      return NO_TYPE
    })
    expect(message).toContain('create extension vector')
  })
})

const root = process.getuid?.() === 0 && process.platform === 'linux'
if (!root) console.log('skipped: a full disk is only made as root on Linux')

test.runIf(root)('a full disk is one sentence with the remedy, and a start after making room works', async () => {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', folder])
  if (mounted.status !== 0) {
    console.log('skipped: nothing can be mounted here')
    return
  }
  const start = () =>
    spawnSync(process.execPath, [join(packageRoot(), 'dist', 'zerodb.js'), 'keys', 'list'], {
      env: { PATH: process.env['PATH'], ZERODB_DATA_DIR: join(folder, 'data') },
      encoding: 'utf8',
    })
  try {
    const full = start()
    expect(full.status).toBe(1)
    expect(full.stderr).toMatch(
      /^error The disk of \S+ is full: free 100 MB, or choose another with ZERODB_DATA_DIR\n$/,
    )
    spawnSync('mount', ['-o', 'remount,size=200m', folder])
    expect(start()).toMatchObject({ status: 0, stderr: '' })
  } finally {
    spawnSync('umount', [folder])
  }
})

describe('a Node that is too old', () => {
  const refusal = `This program needs Node 999.1 or newer, but this is Node ${process.versions.node}: install a newer one (https://nodejs.org).`

  // Each runs beside a package that asks for a Node that does not exist yet.
  beforeEach(async () => {
    const { engines, ...rest } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8'))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...rest, engines: { ...engines, node: '>=999.1' } }))
  })

  test('is told so before anything is installed', async () => {
    for (const script of ['scripts/install.mjs', 'src/platform/node-version.mjs']) {
      await mkdir(dirname(join(folder, script)), { recursive: true })
      await copyFile(join(packageRoot(), script), join(folder, script))
    }
    await writeFile(
      join(folder, 'scripts', 'try.mjs'),
      `import { installDependencies } from './install.mjs'\nprocess.exit((await installDependencies({ dev: false })) ? 0 : 1)\n`,
    )
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', 'try.mjs')], { encoding: 'utf8' })
    expect({ status, stderr: stderr.trim() }).toEqual({ status: 1, stderr: refusal })
  })

  test('is told so by the installed program, before the rest of it is read', async () => {
    const program = await readFile(join(packageRoot(), 'dist', 'zerodb.js'), 'utf8')
    await mkdir(join(folder, 'dist', 'chunks'), { recursive: true })
    await writeFile(join(folder, 'dist', 'zerodb.js'), program)
    // Only what it cannot do without is there.
    for (const [, chunk] of program.matchAll(/^(?:import|\} from) "\.\/(chunks\/[^"]+)"/gm))
      await copyFile(join(packageRoot(), 'dist', chunk!), join(folder, 'dist', chunk!))
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'dist', 'zerodb.js'), 'start'], {
      encoding: 'utf8',
    })
    expect({ status, stdout, stderr: stderr.trim() }).toEqual({ status: 1, stdout: '', stderr: refusal })
  })
})
