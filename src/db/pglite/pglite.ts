import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError, ZeroError } from '../../errors.ts'
import { spawnWorker, type WorkerHandle } from '../../platform/workers.ts'
import {
  type Database,
  DatabaseUnavailable,
  DbError,
  type Executor,
  oneTurnLater,
  type QueryOptions,
  type Statement,
  sql,
  transactionFailed,
} from '../sql.ts'
import { decode, type ExtensionTypes, encodeAll } from '../wire.ts'
import { unpackTemplate } from './directory.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import type { PgliteAnswer, PgliteRequest, PgliteThreadData } from './protocol.ts'

export interface PgliteOptions {
  /** Absolute path of the directory for `pg/` (PostgreSQL's files) and our lock. Created when missing. */
  directory: string
  /** `process`: acknowledged writes survive a crash of this process. `power`: also a crash of the machine. */
  durability: 'process' | 'power'
  /** A statement that runs longer is ended by restarting the database, because PGlite cannot cancel. This takes about a second. */
  statementTimeoutSeconds?: number
  /** Seconds between runs of CHECKPOINT, with VACUUM every tenth time: PGlite has no background processes. */
  maintenanceSeconds?: number
}

/** One worker thread. Requests are numbered from 1, in the order in which they are sent and executed. */
interface Connection {
  thread: WorkerHandle<PgliteRequest, PgliteAnswer | undefined>
  begun: Int32Array
  sent: number
  running: Map<number, { limitSeconds: number; overdue: boolean }>
}

const SCRIPT_SECONDS = 600
const MAX_ATTEMPTS = 5

/** The thread ended before it started a statement, which may therefore be sent again. */
class NotStarted extends DatabaseUnavailable {}

// enable_seqscan: a plan that was cached while a table was empty would scan the whole table later. A small table with many writes and deletes
// (the outbox) also becomes slow to scan between two runs of VACUUM.
const SESSION = 'set hnsw.iterative_scan = relaxed_order; set enable_seqscan = off'

/** Opens the embedded PostgreSQL in `directory`, and creates it if missing. Throws `StartError` when another process uses the directory. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const { directory, durability, statementTimeoutSeconds = 60, maintenanceSeconds = 60 } = options
  await mkdir(directory, { recursive: true })
  const lock = await lockDirectory(directory)
  try {
    await unpackTemplate(directory, durability === 'power')
    return await openLocked({ directory, durability, statementTimeoutSeconds, maintenanceSeconds }, lock)
  } catch (error) {
    await lock.release()
    if (error instanceof StartError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new StartError(`No space left for ${directory}: free 100 MB, or choose another disk with ZERODB_DATA_DIR`, {
        cause: error,
      })
    }
    throw new StartError(`Cannot open the database in ${directory}: ${(error as Error).message}`, { cause: error })
  }
}

async function openLocked(options: Required<PgliteOptions>, lock: DirectoryLock): Promise<Database> {
  const { durability, statementTimeoutSeconds } = options
  const types: ExtensionTypes = { vector: 0 }
  let current = connect()
  let closing: Promise<void> | undefined
  let closed = false
  /** Resolves when the current transaction ends; undefined without one. */
  let busy: Promise<void> | undefined
  /** The current transaction; `since` is when its last statement ended. */
  let transactionState: { connection: Connection; since: number; end(error: Error): void } | undefined
  /** The statement that the watchdog last saw running, and since when. */
  let seen: { connection: Connection; begun: number; since: number } | undefined

  async function connect(): Promise<Connection> {
    const begun = new Int32Array(new SharedArrayBuffer(4))
    const directory = join(options.directory, 'pg')
    // PostgreSQL's own lock file has no effect in PGlite. If a kill left it empty, PostgreSQL would refuse to start.
    await rm(join(directory, 'postmaster.pid'), { force: true })
    const data: PgliteThreadData = { directory, durability, begun }
    const connection: Connection = { thread: spawnWorker('pglite', data), begun, sent: 0, running: new Map() }
    try {
      await send(connection, { script: SESSION }, SCRIPT_SECONDS)
      const answer = await send(connection, { text: `select coalesce(to_regtype('vector')::oid::int, 0)`, values: [] })
      types.vector = Number(answer!.rows[0]![0])
      seen = { connection, begun: 0, since: performance.now() }
      return connection
    } catch (error) {
      await connection.thread.terminate()
      throw error
    }
  }

  /** Returns the current connection. After a failed start the next caller tries again. */
  async function getConnection(): Promise<Connection> {
    if (closed) throw new DatabaseUnavailable('The database is closed')
    const attempt = current
    try {
      return await attempt
    } catch (error) {
      if (current === attempt) setCurrent(connect())
      throw new DatabaseUnavailable('The database cannot be opened at the moment: try again', { cause: error })
    }
  }

  /** Runs `work`, and repeats it if a restart of the thread, caused by another caller's timeout, came before its first statement. */
  async function retryUnstarted<R>(work: () => Promise<R>): Promise<R> {
    for (let left = MAX_ATTEMPTS - 1; ; left--) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof NotStarted) || left === 0) throw error
      }
    }
  }

  function setCurrent(attempt: Promise<Connection>): void {
    current = attempt
    // Callers of `getConnection` get the error.
    attempt.catch(() => undefined)
  }

  function reopen(broken: Connection): void {
    if (seen?.connection !== broken) return
    seen = undefined
    setCurrent(
      broken.thread.terminate().then(() => {
        if (closed) throw new DatabaseUnavailable('The database is closed')
        return connect()
      }),
    )
  }

  // PGlite has no statement_timeout and no cancel: the only way to end a statement is to end its thread.
  const watchdog = setInterval(
    () => {
      const now = performance.now()
      const idle = transactionState?.connection.running.size === 0 ? transactionState : undefined
      if (idle && now - idle.since > statementTimeoutSeconds * 1000) {
        idle.end(
          new ZeroError(
            'query_timeout',
            `The transaction was idle for ${statementTimeoutSeconds} s and was rolled back`,
          ),
        )
      }
      if (!seen) return
      const begun = Atomics.load(seen.connection.begun, 0)
      if (begun !== seen.begun) seen = { ...seen, begun, since: now }
      const statement = seen.connection.running.get(begun)
      if (statement && now - seen.since > statement.limitSeconds * 1000) {
        statement.overdue = true
        reopen(seen.connection)
      }
    },
    Math.min(250, statementTimeoutSeconds * 250),
  ).unref()

  async function send(
    connection: Connection,
    request: PgliteRequest,
    limitSeconds = statementTimeoutSeconds,
  ): Promise<PgliteAnswer | undefined> {
    // The thread counts in an Int32Array, which wraps around at 32 bits.
    connection.sent = (connection.sent + 1) | 0
    const number = connection.sent
    const statement = { limitSeconds, overdue: false }
    connection.running.set(number, statement)
    try {
      return await connection.thread.call(request)
    } catch (error) {
      if ((error as Error).name === 'DbError') throw new DbError(error as DbError)
      // Not an error of PostgreSQL: PGlite crashed, or its thread ended.
      reopen(connection)
      if (statement.overdue)
        throw new ZeroError('query_timeout', `A statement was cancelled after ${limitSeconds} s`, { cause: error })
      const hasStarted = ((Atomics.load(connection.begun, 0) - number) | 0) >= 0
      const Unavailable = hasStarted ? DatabaseUnavailable : NotStarted
      throw new Unavailable('The database was restarted: try again', { cause: error })
    } finally {
      connection.running.delete(number)
    }
  }

  async function run<Row>(connection: Connection, statement: Statement, queryOptions?: QueryOptions): Promise<Row[]> {
    const request = { text: statement.text, values: encodeAll(statement.values, types) }
    const { fields, rows } = (await send(connection, request, queryOptions?.timeoutSeconds))!
    return rows.map((row) => {
      const object: Record<string, unknown> = {}
      fields.forEach((field, i) => {
        object[field.name] = decode(field.type, row[i]!, types)
      })
      return object as Row
    })
  }

  async function query<Row>(statement: Statement, queryOptions?: QueryOptions): Promise<Row[]> {
    return retryUnstarted(async () => {
      while (busy) await busy
      return run<Row>(await getConnection(), statement, queryOptions)
    })
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
      const connection = await retryUnstarted(async () => {
        const connection = await getConnection()
        await run(connection, sql`begin`)
        return connection
      })
      return await runTransaction(connection, body)
    } finally {
      release()
    }
  }

  async function runTransaction<R>(connection: Connection, body: (tx: Executor) => Promise<R>): Promise<R> {
    let hasEnded = false
    const tx: Executor = {
      async query(statement, queryOptions) {
        if (hasEnded) throw new ZeroError('internal', 'This transaction has ended')
        try {
          return await run(connection, statement, queryOptions)
        } finally {
          if (transactionState) transactionState.since = performance.now()
        }
      },
    }
    try {
      const idleTimeout = new Promise<never>((_, end) => {
        transactionState = { connection, since: performance.now(), end }
      })
      const result = await Promise.race([body(tx), idleTimeout])
      hasEnded = true
      const { command } = (await send(connection, { text: 'commit', values: [] }))!
      if (command === 'ROLLBACK') throw transactionFailed()
      return result
    } catch (error) {
      hasEnded = true
      // Report the error of the body: after a restart the rollback fails because there is no transaction.
      await run(connection, sql`rollback`).catch(() => undefined)
      throw error
    } finally {
      transactionState = undefined
    }
  }

  async function exec(script: string): Promise<void> {
    await retryUnstarted(async () => {
      while (busy) await busy
      await send(await getConnection(), { script }, SCRIPT_SECONDS)
    })
  }

  let round = 0
  async function maintain(): Promise<void> {
    // Two scripts: VACUUM cannot run inside a transaction, and one script is one transaction.
    if (++round % 10 === 0) await exec('vacuum (analyze)')
    await exec('checkpoint')
  }
  // Errors are ignored: a broken database also fails the next statement of a caller.
  const maintenance = setInterval(
    () => void maintain().catch(() => undefined),
    options.maintenanceSeconds * 1000,
  ).unref()

  async function shut(): Promise<void> {
    while (busy) await busy
    closed = true
    clearInterval(maintenance)
    const connection = await current.catch(() => undefined)
    if (connection) {
      await send(connection, { script: 'checkpoint' }, SCRIPT_SECONDS).catch(() => undefined)
      await send(connection, { close: true }).catch(() => undefined)
      await connection.thread.terminate()
    }
    clearInterval(watchdog)
    await lock.release()
  }

  await current.catch((error) => {
    clearInterval(watchdog)
    clearInterval(maintenance)
    throw error.cause ?? error
  })

  const database: Database = {
    kind: 'pglite',
    query,
    get asyncCommit() {
      return database
    },
    // The thread executes requests in order, so a second request waits in its queue while the first one runs.
    pipeline<First, Next>(first: Statement, next: () => Statement | null) {
      const sendNext = async () => {
        const statement = next()
        return statement && query<Next>(statement)
      }
      return { first: query<First>(first), next: oneTurnLater(sendNext) }
    },
    transaction,
    exec,
    async version() {
      const [row] = await query<{ version: string }>(sql`select split_part(version(), ' on ', 1) as version`)
      return `${row!.version} (embedded)`
    },
    close() {
      closing ??= shut()
      return closing
    },
  }
  return database
}
