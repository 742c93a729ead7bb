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
  /** Absolute path. Holds `pg/` (PostgreSQL's files) and our lock. Made when it does not exist. */
  directory: string
  /** `process`: what was acknowledged survives the death of this process. `power`: of the machine too. */
  durability: 'process' | 'power'
  /** A statement that runs longer is ended, and the database with it: PGlite cannot cancel. It is open again a second later. */
  statementTimeoutSeconds?: number
  /** Seconds between rounds of CHECKPOINT, and of VACUUM every tenth time: PGlite has no background processes of its own. */
  maintenanceSeconds?: number
}

/** One life of the thread. Requests are numbered from 1, in the order in which they are sent and worked off. */
interface Connection {
  thread: WorkerHandle<PgliteRequest, PgliteAnswer | undefined>
  begun: Int32Array
  sent: number
  running: Map<number, { limitSeconds: number; overdue: boolean }>
}

const SCRIPT_SECONDS = 600
const MAX_SENDINGS = 5

/** The thread ended before it came to a statement, which may therefore be sent again. */
class NotBegun extends DatabaseUnavailable {}

// enable_seqscan: a plan that is made while a table is empty, and kept, would read it through when it is large; and nothing vacuums
// between our own rounds, so that a small table that is written and emptied all the time (the outbox) becomes a long one to read through.
const SESSION = 'set hnsw.iterative_scan = relaxed_order; set enable_seqscan = off'

/** Opens the embedded PostgreSQL in `directory`, making it when it is new. One process at a time. Throws `StartError` when another has it. */
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
      throw new StartError(`The disk of ${directory} is full: free 100 MB, or choose another with ZERODB_DATA_DIR`, {
        cause: error,
      })
    }
    throw new StartError(`The database in ${directory} cannot be opened: ${(error as Error).message}`, { cause: error })
  }
}

async function openLocked(options: Required<PgliteOptions>, lock: DirectoryLock): Promise<Database> {
  const { durability, statementTimeoutSeconds } = options
  const types: ExtensionTypes = { vector: 0 }
  let current = connect()
  let closing: Promise<void> | undefined
  let closed = false
  /** While a transaction runs: resolves when it has ended. */
  let busy: Promise<void> | undefined
  /** The transaction that runs; `since` is when it last asked for something. */
  let inside: { connection: Connection; since: number; end(error: Error): void } | undefined
  let seen: { connection: Connection; begun: number; since: number } | undefined

  async function connect(): Promise<Connection> {
    const begun = new Int32Array(new SharedArrayBuffer(4))
    const directory = join(options.directory, 'pg')
    // PostgreSQL's own lock, which keeps nobody out here (ours does), and from a kill while it is made is empty, which it refuses to start with.
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

  /** The connection as it is now. After a failed opening the next caller tries again. */
  async function ready(): Promise<Connection> {
    if (closed) throw new DatabaseUnavailable('The database is closed')
    const attempt = current
    try {
      return await attempt
    } catch (error) {
      if (current === attempt) setCurrent(connect())
      throw new DatabaseUnavailable('The database cannot be opened at the moment; try again', { cause: error })
    }
  }

  /** `work`, done again if the thread has ended before it came to its first statement, because a statement of others was ended. */
  async function begunAtLast<R>(work: () => Promise<R>): Promise<R> {
    for (let left = MAX_SENDINGS - 1; ; left--) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof NotBegun) || left === 0) throw error
      }
    }
  }

  function setCurrent(attempt: Promise<Connection>): void {
    current = attempt
    // Whoever needs it hears of a failure.
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
      if (inside?.connection.running.size === 0 && now - inside.since > statementTimeoutSeconds * 1000) {
        inside.end(
          new ZeroError(
            'query_timeout',
            `A transaction that waited ${statementTimeoutSeconds} s for something else than the database was rolled back`,
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
    // As the thread counts: 32 bits and around again.
    connection.sent = (connection.sent + 1) | 0
    const number = connection.sent
    const statement = { limitSeconds, overdue: false }
    connection.running.set(number, statement)
    try {
      return await connection.thread.call(request)
    } catch (error) {
      if ((error as Error).name === 'DbError') throw new DbError(error as DbError)
      // Not PostgreSQL's word: PGlite has broken down, or its thread has ended.
      reopen(connection)
      if (statement.overdue)
        throw new ZeroError('query_timeout', `A statement was ended after ${limitSeconds} s`, { cause: error })
      const hasBegun = ((Atomics.load(connection.begun, 0) - number) | 0) >= 0
      const Away = hasBegun ? DatabaseUnavailable : NotBegun
      throw new Away('The database was restarted; try again', { cause: error })
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
    return begunAtLast(async () => {
      while (busy) await busy
      return run<Row>(await ready(), statement, queryOptions)
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
      const connection = await begunAtLast(async () => {
        const connection = await ready()
        await run(connection, sql`begin`)
        return connection
      })
      return await runTransaction(connection, body)
    } finally {
      release()
    }
  }

  async function runTransaction<R>(connection: Connection, body: (tx: Executor) => Promise<R>): Promise<R> {
    let over = false
    const tx: Executor = {
      async query(statement, queryOptions) {
        if (over) throw new ZeroError('internal', 'This transaction has ended')
        try {
          return await run(connection, statement, queryOptions)
        } finally {
          if (inside) inside.since = performance.now()
        }
      },
    }
    try {
      const tooIdle = new Promise<never>((_, end) => {
        inside = { connection, since: performance.now(), end }
      })
      const result = await Promise.race([body(tx), tooIdle])
      over = true
      const { command } = (await send(connection, { text: 'commit', values: [] }))!
      if (command === 'ROLLBACK') throw transactionFailed()
      return result
    } catch (error) {
      over = true
      // The error that ended the body is the one to report: after a restart there is nothing left to roll back.
      await run(connection, sql`rollback`).catch(() => undefined)
      throw error
    } finally {
      inside = undefined
    }
  }

  async function exec(script: string): Promise<void> {
    await begunAtLast(async () => {
      while (busy) await busy
      await send(await ready(), { script }, SCRIPT_SECONDS)
    })
  }

  let round = 0
  async function maintain(): Promise<void> {
    // Two scripts: within one, VACUUM would be in a transaction, and it refuses that.
    if (++round % 10 === 0) await exec('vacuum (analyze)')
    await exec('checkpoint')
  }
  // A failure shows in the next statement that a caller makes; this is only housekeeping.
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
    // One thread does one after the other: what is given to it meanwhile, it finds when it has done what is before.
    pipeline<First, Next>(first: Statement, next: () => Statement | null) {
      const following = async () => {
        const statement = next()
        return statement && query<Next>(statement)
      }
      return { first: query<First>(first), next: oneTurnLater(following) }
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
