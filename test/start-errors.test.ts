import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres } from '../src/db/postgres/postgres.ts'
import { packageRoot } from '../src/platform/package.ts'
import { pretendPostgres, type ServerAnswer } from './support/postgres-server.ts'

// A start that fails prints one sentence with the remedy and no stack, and its exit code is not 0. More of these tests are in
// test/cli/local.test.ts (settings, port, directory, unreachable server) and test/contract/pglite.test.ts (a directory in use).

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

  test('a version that is too old is reported with the required one', async () => {
    expect(await refusal(() => VERSION('140011'))).toContain('PostgreSQL 14 is too old: version 15 or later')
  })

  test('a server without pgvector is reported with the package to install', async () => {
    const message = await refusal((statement) => {
      if (statement.startsWith('show')) return VERSION('170002')
      if (statement.startsWith('create extension'))
        return { error: { code: '0A000', message: 'extension "vector" is not available' } }
      return NO_TYPE
    })
    expect(message).toContain('no pgvector')
    expect(message).toContain('postgresql-17-pgvector')
  })

  test('a user who may not create the extension is reported with the command to run', async () => {
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

test.runIf(root)('a full disk gives one sentence with the remedy, and a start after freeing space works', async () => {
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
      /^error No space left for \S+: free 100 MB, or choose another disk with ZERODB_DATA_DIR\n$/,
    )
    spawnSync('mount', ['-o', 'remount,size=200m', folder])
    expect(start()).toMatchObject({ status: 0, stderr: '' })
  } finally {
    spawnSync('umount', [folder])
  }
})

describe('a Node that is too old', () => {
  const refusal = `This program needs Node 999.1 or newer, but this is Node ${process.versions.node}: install a newer one (https://nodejs.org).`

  // Each test runs next to a package that requires a Node version that does not exist yet.
  beforeEach(async () => {
    const { engines, ...rest } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8'))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...rest, engines: { ...engines, node: '>=999.1' } }))
  })

  test('is reported before anything is installed', async () => {
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

  test('is reported by the installed program, before its other files are loaded', async () => {
    const program = await readFile(join(packageRoot(), 'dist', 'zerodb.js'), 'utf8')
    await mkdir(join(folder, 'dist', 'chunks'), { recursive: true })
    await writeFile(join(folder, 'dist', 'zerodb.js'), program)
    // Only the files that this check needs are present.
    for (const [, chunk] of program.matchAll(/^(?:import|\} from) "\.\/(chunks\/[^"]+)"/gm))
      await copyFile(join(packageRoot(), 'dist', chunk!), join(folder, 'dist', chunk!))
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'dist', 'zerodb.js'), 'start'], {
      encoding: 'utf8',
    })
    expect({ status, stdout, stderr: stderr.trim() }).toEqual({ status: 1, stdout: '', stderr: refusal })
  })
})
