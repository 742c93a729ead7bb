import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseTarGzip } from 'nanotar'
import { StartError, ZeroError } from '../errors.ts'
import { packageRoot } from '../package.ts'
import { spawnWorker, type WorkerHandle } from '../workers.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { type Database, DbError, type Executor, type QueryOptions, type Statement, sql } from './sql.ts'
import { decode, type ExtensionTypes, encode, type WireValue } from './wire.ts'

export interface PgliteOptions {
  /** Absolute path. Holds `pg/` (PostgreSQL's files) and our lock. Made when it does not exist. */
  directory: string
  /** `process`: what was acknowledged survives the death of this process. `power`: of the machine too. */
  durability: 'process' | 'power'
  /** A statement that runs longer is ended, and the database with it: PGlite cannot cancel. It is open again a second later. */
  statementTimeoutSeconds?: number
  /** Seconds between rounds of CHECKPOINT, and of VACUUM every tenth time: PGlite has no background processes of its own. */
  maintenanceSeconds?: number
}

/** What the thread is asked: a statement, a script, or (neither) to close. */
export type PgliteRequest = { text: string; values: WireValue[] } | { script: string } | { close: true }
export interface PgliteAnswer {
  fields: { name: string; type: number }[]
  rows: (string | null)[][]
}

type Thread = WorkerHandle<PgliteRequest, PgliteAnswer | undefined>

/** Whether `directory` holds a database already. */
export function hasPgliteDatabase(directory: string): boolean {
  return existsSync(join(directory, 'pg', 'PG_VERSION'))
}

/** Opens the embedded PostgreSQL in `directory`, making it when it is new. One process at a time. Throws `StartError` when another has it. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const { directory, durability, statementTimeoutSeconds = 60, maintenanceSeconds = 60 } = options
  await mkdir(directory, { recursive: true })
  const lock = await lockDirectory(directory)
  try {
    await unpackTemplate(directory)
    return await connect({ directory, durability, statementTimeoutSeconds, maintenanceSeconds }, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/**
 * A killed first start must leave nothing that looks like a database: the prepared directory is unpacked beside its place and renamed,
 * which is all or nothing.
 */
async function unpackTemplate(directory: string): Promise<void> {
  if (hasPgliteDatabase(directory)) return
  const dist = join(packageRoot(), 'dist')
  const template = (await readdir(dist)).find((name) => name.startsWith('template-'))
  if (!template) throw new StartError(`No database template in ${dist}: run "npm run build"`)
  const unpacked = join(directory, 'pg.new')
  await rm(unpacked, { recursive: true, force: true })
  await rm(join(directory, 'pg'), { recursive: true, force: true })
  const entries = await parseTarGzip(await readFile(join(dist, template)))
  for (const entry of entries) {
    const path = join(unpacked, entry.name)
    if (entry.type === 'directory') {
      await mkdir(path, { recursive: true, mode: 0o700 })
    } else {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeFile(path, entry.data ?? new Uint8Array(), { mode: 0o600, flush: false })
    }
  }
  await syncDirectory(unpacked)
  await rename(unpacked, join(directory, 'pg'))
  await syncDirectory(directory)
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; its rename is durable by itself.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  await handle.sync()
  await handle.close()
}

async function connect(options: Required<PgliteOptions>, lock: DirectoryLock): Promise<Database> {
  const types: ExtensionTypes = { vector: 0 }
  let thread: Thread
  let closed = false
  let opening = start()
  /** While a transaction runs: resolves when it has ended. */
  let busy: Promise<void> | undefined
  let oldest: { since: number; limitSeconds: number } | undefined
  const running: { since: number; limitSeconds: number }[] = []

  async function start(): Promise<void> {
    const { directory, durability } = options
    thread = spawnWorker('pglite', { directory: join(directory, 'pg'), durability } satisfies PgliteOptions)
    await thread.call({ script: 'set hnsw.iterative_scan = relaxed_order' })
    const answer = await thread.call({ text: `select coalesce(to_regtype('vector')::oid::int, 0)`, values: [] })
    types.vector = Number(answer!.rows[0]![0])
  }

  /** PGlite has no statement_timeout and no cancel: the only way to end a statement is to end its thread. */
  const watchdog = setInterval(() => {
    const now = performance.now()
    if (running[0] !== oldest) {
      oldest = running[0]
      if (oldest) oldest.since = now
    }
    if (oldest && now - oldest.since > oldest.limitSeconds * 1000) restart()
  }, 250).unref()

  function restart(): void {
    const ending = thread
    opening = ending.terminate().then(() => {
      if (!closed) return start()
    })
    opening.catch(() => undefined)
  }

  async function send(
    request: PgliteRequest,
    timeoutSeconds = options.statementTimeoutSeconds,
  ): Promise<PgliteAnswer | undefined> {
    if (closed) throw new ZeroError('unavailable', 'The database is closed')
    await opening
    const mine = { since: performance.now(), limitSeconds: timeoutSeconds }
    const sentTo = thread
    running.push(mine)
    try {
      return await sentTo.call(request)
    } catch (error) {
      const { fromWorker, code } = error as { fromWorker?: boolean; code?: string }
      if (fromWorker && code) throw new DbError(error as DbError)
      if (!fromWorker && oldest === mine)
        throw new ZeroError('query_timeout', `A statement was ended after ${timeoutSeconds} s`, { cause: error })
      throw new ZeroError('unavailable', 'The database was restarted; try again', { cause: error })
    } finally {
      running.splice(running.indexOf(mine), 1)
    }
  }

  async function run<Row>(statement: Statement, queryOptions?: QueryOptions): Promise<Row[]> {
    const values = statement.values.map((value) => encode(value, types))
    const answer = await send({ text: statement.text, values }, queryOptions?.timeoutSeconds)
    return answer!.rows.map((row) => {
      const object: Record<string, unknown> = {}
      answer!.fields.forEach((field, i) => {
        object[field.name] = decode(field.type, row[i]!, types)
      })
      return object as Row
    })
  }

  async function query<Row>(statement: Statement, queryOptions?: QueryOptions): Promise<Row[]> {
    while (busy) await busy
    return run<Row>(statement, queryOptions)
  }

  async function transaction<R>(body: (tx: Executor) => Promise<R>): Promise<R> {
    while (busy) await busy
    let release = () => {}
    busy = new Promise((resolve) => {
      release = () => {
        busy = undefined
        resolve()
      }
    })
    try {
      await run(sql`begin`)
      const result = await body({ query: run })
      await run(sql`commit`)
      return result
    } catch (error) {
      // The error that ended the body is the one to report: after a restart there is nothing left to roll back.
      await run(sql`rollback`).catch(() => undefined)
      throw error
    } finally {
      release()
    }
  }

  async function exec(script: string): Promise<void> {
    while (busy) await busy
    await send({ script }, 600)
  }

  let round = 0
  const maintenance = setInterval(() => {
    round++
    // A failure shows in the next statement that a caller makes; this one is only housekeeping.
    void exec(round % 10 === 0 ? 'vacuum (analyze); checkpoint' : 'checkpoint').catch(() => undefined)
  }, options.maintenanceSeconds * 1000).unref()

  await opening.catch(async (error) => {
    clearInterval(watchdog)
    clearInterval(maintenance)
    await thread.terminate()
    throw new StartError(`The database in ${options.directory} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    })
  })

  const database: Database = {
    kind: 'pglite',
    query,
    get relaxed() {
      return database
    },
    transaction,
    exec,
    async version() {
      const [row] = await query<{ version: string }>(sql`select split_part(version(), ' on ', 1) as version`)
      return `${row!.version} (embedded)`
    },
    async close() {
      if (closed) return
      while (busy) await busy
      clearInterval(watchdog)
      clearInterval(maintenance)
      await opening.catch(() => undefined)
      await exec('checkpoint').catch(() => undefined)
      closed = true
      await thread.call({ close: true }).catch(() => undefined)
      await thread.terminate()
      await lock.release()
    },
  }
  return database
}
