import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readlinkSync, renameSync, utimesSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { lockDirectory } from '../../src/db/pglite/directory-lock.ts'
import { openPglite } from '../../src/db/pglite/pglite.ts'
import { sql } from '../../src/db/sql.ts'
import { openDatabase } from '../../src/main.ts'
import { packageRoot } from '../../src/platform/package.ts'
import { SERVER } from '../support/database.ts'

if (SERVER) console.log('PGlite’s own promises are left out: this run is about a server')

/** Promises of the embedded driver only. The run against a PostgreSQL server leaves them out, because their results do not depend on it. */
describe.skipIf(SERVER)('PGlite (left out on a server: the other run covers it)', () => {
  let directory: string
  const children = new Set<ChildProcess>()
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
  })
  afterEach(async () => {
    for (const child of children) await kill(child)
    children.clear()
    await rm(directory, { recursive: true, force: true })
  })

  function startProcess(args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const { FORCE_COLOR: _, ...inherited } = process.env
    const child = spawn(process.execPath, args, { env: { ...inherited, ...env } })
    child.stdin!.on('error', () => undefined)
    children.add(child)
    return child
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  const KEY = 'zdb_test_key_that_only_this_test_knows'
  function startProgram(): ChildProcess {
    return startProcess([join(packageRoot(), 'dist', 'zerodb.js'), 'start'], {
      ZERODB_DATA_DIR: directory,
      ZERODB_PORT: '0',
      ZERODB_BOOTSTRAP_KEY: KEY,
      DATABASE_URL: '',
      NO_COLOR: '1',
    })
  }

  function output(child: ChildProcess): { readonly text: string } {
    const collected = { text: '' }
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (collected.text += chunk))
    return collected
  }

  /** Resolves to the URL on which the program listens. Rejects with its output if it ends first. */
  async function listening(child: ChildProcess): Promise<string> {
    const printed = output(child)
    return new Promise((resolve, reject) => {
      child.stdout!.on('data', () => {
        const [, url] = /Ready on (http:\S+)/.exec(printed.text) ?? []
        if (url) resolve(url)
      })
      child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${printed.text}`)))
    })
  }

  const request = (url: string, method = 'GET') =>
    fetch(url, { method, headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' } })

  async function openAndClose(): Promise<void> {
    await (await openPglite({ directory, durability: 'process' })).close()
  }

  describe('the lock file', () => {
    /** Returns the lock that this process would write, with differences. */
    async function writeLock(holder: object, ageSeconds = 0): Promise<void> {
      await rm(join(directory, 'lock'), { force: true })
      const lock = await lockDirectory(directory)
      const current = JSON.parse(await readFile(join(directory, 'lock'), 'utf8'))
      await lock.release()
      await writeFile(join(directory, 'lock'), JSON.stringify({ ...current, token: 'another', ...holder }))
      beat(ageSeconds)
    }
    function beat(ageSeconds = 0): void {
      const at = new Date(Date.now() - ageSeconds * 1000)
      utimesSync(join(directory, 'lock'), at, at)
    }
    const otherContainer = async () => {
      await writeLock({})
      const { place } = JSON.parse(await readFile(join(directory, 'lock'), 'utf8'))
      return `${place.split(' ')[0]} pid:[1]`
    }

    test('a second process ends with one sentence that names the first, and the first continues', async () => {
      const first = startProgram()
      const url = await listening(first)
      const second = startProgram()
      let errors = ''
      second.stderr!.on('data', (chunk) => (errors += chunk))
      const [code] = await once(second, 'close')
      expect(code).toBe(1)
      expect(errors.trim().split('\n')).toEqual([
        `error The data directory ${directory} is in use by process ${first.pid}: stop it, or choose another with ZERODB_DATA_DIR ` +
          `(if you are certain that no such process exists, delete ${join(directory, 'lock')})`,
      ])
      expect((await request(`${url}/api/v1/hooks`)).status).toBe(200)
      expect(first.exitCode).toBeNull()
    })

    test('of many processes that start on the lock of a dead process, exactly one gets the lock', async () => {
      for (let round = 0; round < 10; round++) {
        await writeLock({ pid: process.pid, started: '1' })
        const starts = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)))
        const locks = starts.filter((start) => start.status === 'fulfilled')
        expect(locks).toHaveLength(1)
        for (const start of starts)
          if (start.status === 'rejected') expect(start.reason.message).toContain(`in use by process ${process.pid}:`)
        await locks[0]!.value.release()
        expect(readdirSync(directory)).toEqual([])
      }
    })

    test('a lock of a dead process is taken over, even if another process now has its id', async () => {
      const child = startProcess(['--eval', ''])
      await once(child, 'exit')
      await writeLock({ pid: child.pid })
      await openAndClose()
      await writeLock({ pid: process.pid, started: '1' })
      await openAndClose()
    })

    test('a lock of another machine or container is respected while its heartbeat continues', async () => {
      for (const place of ['another-boot pid:[1]', await otherContainer()]) {
        await writeLock({ pid: 4711, place })
        const beating = setInterval(beat, 200)
        try {
          await expect(openPglite({ directory, durability: 'process' })).rejects.toMatchObject({
            name: 'StartError',
            message: expect.stringContaining('is in use by process 4711:'),
          })
        } finally {
          clearInterval(beating)
        }
      }
    })

    test('a lock of another machine with a slow clock is respected while its heartbeat continues', async () => {
      await writeLock({ pid: 4711, place: 'another-boot pid:[1]' }, 3600)
      let age = 3600
      const beating = setInterval(() => beat(--age), 200)
      try {
        await expect(lockDirectory(directory)).rejects.toThrow('is in use by process 4711:')
      } finally {
        clearInterval(beating)
      }
    })

    test('a lock of another machine or container is taken over after its heartbeat stops', async () => {
      await writeLock({ pid: 4711, place: 'another-boot pid:[1]' }, 3600)
      await (await lockDirectory(directory)).release()
      const place = await otherContainer()
      for (const age of [3600, 9.5]) {
        await writeLock({ pid: 4711, place }, age)
        await (await lockDirectory(directory)).release()
      }
    })

    test('a lock whose holder died while writing it is taken over', async () => {
      await writeFile(join(directory, 'lock'), '')
      beat(3600)
      await (await lockDirectory(directory)).release()
    })

    test('a lock that another process has taken over in the meantime stays with that process', async () => {
      const lock = await lockDirectory(directory)
      await rm(join(directory, 'lock'))
      const other = await lockDirectory(directory)
      await lock.release()
      expect(existsSync(join(directory, 'lock'))).toBe(true)
      await other.release()
      expect(existsSync(join(directory, 'lock'))).toBe(false)
    })
  })

  test('a lock directory of an older version that was killed while it created the lock does not prevent the next start', async () => {
    const options = { directory, durability: 'process' } as const
    await (await openPglite(options)).close()
    await writeFile(join(directory, 'pg', 'postmaster.pid'), '')
    const database = await openPglite(options)
    expect(await database.query(sql`select 1 as n`)).toEqual([{ n: 1 }])
    await database.close()
  })

  describe('the first start', () => {
    test('a start that is killed at any moment leaves a directory in which the next start works', async () => {
      const began = performance.now()
      const whole = startProgram()
      await listening(whole)
      const wholeMs = performance.now() - began
      await kill(whole)
      const reached = new Set<string>()
      for (const part of [0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9]) {
        await rm(directory, { recursive: true })
        await mkdir(directory)
        await killAfter(startProgram(), wholeMs * part)
        reached.add(stage())
        const database = await openDatabase(readConfig({ ZERODB_DATA_DIR: directory }))
        const [state] = await database.query<{ users: number; projects: number; migrations: number }>(sql`
          select
            (select count(*) from zerodb_users) as users, (select count(*) from zerodb_projects) as projects,
            (select count(*) from zerodb_migrations) as migrations`)
        await database.close()
        expect(state!.migrations).toBeGreaterThanOrEqual(1)
        // The first user and its project are created together, or not at all.
        expect([0, 1]).toContain(state!.users)
        expect(state!.projects).toBe(state!.users)
        expect(readdirSync(directory)).not.toContain('pg.new')
      }
      console.log(`first starts of ${Math.round(wholeMs)} ms were killed when: ${[...reached].join(', ')}`)
    }, 180_000)

    function killAfter(victim: ChildProcess, ms: number): Promise<void> {
      return new Promise((resolve) => {
        setTimeout(() => resolve(kill(victim)), ms)
      })
    }

    function stage(): string {
      const has = (...path: string[]) => existsSync(join(directory, ...path))
      if (has('credentials.json')) return 'ready'
      if (has('pg', 'postmaster.pid')) return 'starting the database'
      if (has('pg')) return 'unpacked'
      if (has('pg.new')) return 'unpacking'
      return has('lock') ? 'locked' : 'nothing done yet'
    }

    test('an interrupted unpacking is cleaned up, and an incomplete database is not changed', async () => {
      await mkdir(join(directory, 'pg.new', 'base'), { recursive: true })
      await writeFile(join(directory, 'pg.new', 'PG_VERSION'), 'x')
      await openAndClose()
      expect(existsSync(join(directory, 'pg.new'))).toBe(false)
      await rm(join(directory, 'pg', 'PG_VERSION'))
      await expect(openPglite({ directory, durability: 'process' })).rejects.toMatchObject({
        name: 'StartError',
        message: expect.stringContaining('no complete database: restore a backup there, or move it away'),
      })
      expect(existsSync(join(directory, 'pg', 'base'))).toBe(true)
      expect(existsSync(join(directory, 'lock'))).toBe(false)
    })
  })

  describe.skipIf(process.platform !== 'linux')('durability (watched through /proc, which only Linux has)', () => {
    const CHILD = fileURLToPath(new URL('pglite-process.ts', import.meta.url))
    let outside: string
    beforeEach(async () => {
      outside = await mkdtemp(join(tmpdir(), 'zerodb-test-'))
    })
    afterEach(() => rm(outside, { recursive: true, force: true }))

    /** Loaded into the child's threads: records every sync of the write-ahead log, and the contents of the disk from then on. */
    const RECORDER = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      import { basename } from 'node:path'
      const sync = fs.fdatasyncSync
      fs.fdatasyncSync = (fd) => {
        sync(fd)
        const path = fs.readlinkSync('/proc/self/fd/' + fd)
        if (!/[/]pg_wal[/][0-9A-F]{24}$/.test(path)) return
        fs.copyFileSync(path, process.env.SYNC_LOG + '.part')
        fs.renameSync(process.env.SYNC_LOG + '.part', process.env.SYNC_LOG + '.' + basename(path))
        fs.appendFileSync(process.env.SYNC_LOG, '.')
      }
      syncBuiltinESMExports()`

    function startChild(task: string, durability: string): ChildProcess {
      const recorder = `data:text/javascript,${encodeURIComponent(RECORDER)}`
      const child = startProcess(
        ['--import', import.meta.resolve('tsx'), '--import', recorder, CHILD, task, directory, durability],
        { SYNC_LOG: join(outside, 'syncs') },
      )
      child.stderr!.pipe(process.stderr)
      return child
    }

    async function counted(durability: string): Promise<Record<string, number> & { single: number[] }> {
      const child = startChild('count', durability)
      let printed = ''
      child.stdout!.on('data', (chunk) => (printed += chunk))
      await once(child, 'close')
      return JSON.parse(printed)
    }

    test('with "power" every write is synced before it is acknowledged, and concurrent writes share one sync', async () => {
      const syncs = await counted('power')
      for (const each of syncs.single) expect(each).toBeGreaterThanOrEqual(1)
      expect(syncs['together']).toBeGreaterThanOrEqual(1)
      expect(syncs['together']).toBeLessThan(16)
      expect(syncs['transaction']).toBeGreaterThanOrEqual(1)
      expect(syncs['transaction']).toBeLessThan(10)
      expect(syncs['script']).toBeGreaterThanOrEqual(1)
      expect(syncs['beforeTransaction']).toBeGreaterThanOrEqual(1)
      expect(syncs['reads']).toBe(0)
    })

    test('with "process" nothing is synced', async () => {
      expect(await counted('process')).toEqual({
        single: Array(10).fill(0),
        together: 0,
        transaction: 0,
        script: 0,
        reads: 0,
        beforeTransaction: 0,
      })
    })

    /** Kills a writer after `count` acknowledged rows. Calls `prepared` before the first write, while the database is idle. */
    async function killedWriter(durability: string, count: number, prepared = async () => {}): Promise<number[]> {
      const child = startChild('write', durability)
      const acknowledged: number[] = []
      const exited = once(child, 'exit')
      for await (const line of createInterface({ input: child.stdout! })) {
        if (line === 'ready') {
          await prepared()
          child.stdin!.write('go\n')
        } else {
          acknowledged.push(Number(line))
          if (acknowledged.length === count) child.kill('SIGKILL')
        }
      }
      await exited
      expect(acknowledged.length).toBeGreaterThanOrEqual(count)
      return acknowledged
    }

    async function lostIn(where: string, acknowledged: number[]): Promise<{ n: number }[]> {
      const database = await openPglite({ directory: where, durability: 'process' })
      try {
        return await database.query(sql`
          select n from unnest(${acknowledged}::int[]) as given (n) where not exists (select from acknowledged a where a.n = given.n)`)
      } finally {
        await database.close()
      }
    }

    test.each(['process', 'power'])(
      'with "%s" no acknowledged row is lost when the process is killed',
      async (durability) => {
        expect(await lostIn(directory, await killedWriter(durability, 1_000))).toEqual([])
      },
    )

    test('with "power" no acknowledged row is lost if the disk keeps only synced data', async () => {
      const disk = join(outside, 'disk')
      const acknowledged = await killedWriter('power', 500, () =>
        cp(join(directory, 'pg'), join(disk, 'pg'), { recursive: true }),
      )
      const wal = readdirSync(outside).filter((name) => /^syncs\.[0-9A-F]{24}$/.test(name))
      expect(wal.length).toBeGreaterThanOrEqual(1)
      for (const name of wal) await cp(join(outside, name), join(disk, 'pg', 'pg_wal', name.slice('syncs.'.length)))
      expect(await lostIn(disk, acknowledged)).toEqual([])
    })

    test('data is there after a stop and a start', async () => {
      const vector = Float32Array.from([0.1, 0.2])
      const first = await openPglite({ directory, durability: 'process' })
      await first.exec('create table kept (id int primary key, embedding vector)')
      await first.query(sql`insert into kept values (1, ${vector}::vector)`)
      await first.close()
      const second = await openPglite({ directory, durability: 'power' })
      expect(await second.query(sql`select id, embedding from kept`)).toEqual([{ id: 1, embedding: vector }])
      await second.close()
    })
  })

  test('a database that breaks down is opened again, and no acknowledged row is lost', async () => {
    const database = await openPglite({ directory, durability: 'process', statementTimeoutSeconds: 30 })
    await database.exec('create table kept (n int)')
    await database.query(sql`insert into kept values (1)`)
    const control = join(directory, 'pg', 'global', 'pg_control')
    renameSync(control, `${control}.gone`)
    const broken = [database.query(sql`checkpoint`), database.query(sql`select 1`)]
    for (const result of await Promise.allSettled(broken)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'ZeroError', code: 'unavailable' } })
    }
    // Still broken: these statements fail, and the one after the repair succeeds.
    await expect(database.query(sql`select 1`)).rejects.toMatchObject({ name: 'ZeroError', code: 'unavailable' })
    renameSync(`${control}.gone`, control)
    await expect
      .poll(() => database.query(sql`select n from kept`).catch(() => []), { timeout: 30_000 })
      .toEqual([{ n: 1 }])
    await database.close()
  })

  test('dead rows are vacuumed, although PGlite has no background process for it', async () => {
    const database = await openPglite({ directory, durability: 'process', maintenanceSeconds: 0.05 })
    await database.exec('create table busy (n int); insert into busy select generate_series(1, 1000); delete from busy')
    const vacuums = () =>
      database.query(sql`select vacuum_count > 0 as done from pg_stat_user_tables where relname = 'busy'`)
    await expect.poll(vacuums, { timeout: 30_000 }).toEqual([{ done: true }])
    await database.close()
  })

  test('the lock and the threads are gone after closing', async () => {
    await openAndClose()
    expect(readdirSync(directory)).toEqual(['pg'])
    const descriptors = '/proc/self/fd'
    const open = existsSync(descriptors) ? readdirSync(descriptors).map((fd) => target(join(descriptors, fd))) : []
    expect(open.filter((path) => path.startsWith(directory))).toEqual([])
  })

  function target(link: string): string {
    try {
      return readlinkSync(link)
    } catch {
      // The descriptor that lists the folder.
      return ''
    }
  }
})
