import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ZeroError } from '../../errors.ts'
import { spawnWorker } from '../../platform/workers.ts'
import { DatabaseUnavailable, DbError, type QueryOptions, type Statement } from '../sql.ts'
import { decode, type ExtensionTypes, encodeAll } from '../wire.ts'
import type { PgliteAnswer, PgliteRequest, PgliteThreadData } from './protocol.ts'

export interface ConnectionOptions {
  /** Absolute path of the directory that contains `pg/`. */
  directory: string
  durability: 'process' | 'power'
  statementTimeoutSeconds: number
  /** Called when the worker thread has ended or PGlite has crashed, before the request in progress rejects. */
  onBroken(connection: Connection): void
}

/** A connection to one worker thread. The thread executes the requests in the order in which they are sent. */
export interface Connection {
  /** Sends a request. Throws `DbError`, `NotStarted`, `DatabaseUnavailable`, or `query_timeout` after `markIfOverdue` returned true. */
  send(request: PgliteRequest, limitSeconds?: number): Promise<PgliteAnswer | undefined>
  query<Row>(statement: Statement, options?: QueryOptions): Promise<Row[]>
  /** Runs a script of several statements, for at most ten minutes. */
  runScript(script: string): Promise<void>
  /** True if no request is running or queued. */
  isIdle(): boolean
  /** Returns whether the running request has exceeded its limit, and marks it as timed out. The time counts from the first call that sees it. */
  markIfOverdue(): boolean
  /** Ends the thread at once. */
  terminate(): Promise<void>
}

const SCRIPT_SECONDS = 600
const MAX_ATTEMPTS = 5

// enable_seqscan: a plan that was cached while a table was empty would scan the whole table later. A small table with many writes and deletes
// (the outbox) also becomes slow to scan between two runs of VACUUM.
const SESSION = 'set hnsw.iterative_scan = relaxed_order; set enable_seqscan = off'

/** The thread ended before it started a statement, which may therefore be sent again. */
class NotStarted extends DatabaseUnavailable {}

/** Runs `work`, and repeats it if a restart of the thread, caused by another caller's timeout, came before its first statement. */
export async function retryUnstarted<R>(work: () => Promise<R>): Promise<R> {
  for (let left = MAX_ATTEMPTS - 1; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof NotStarted) || left === 0) throw error
    }
  }
}

/** Starts a worker thread that opens the database. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { durability, statementTimeoutSeconds, onBroken } = options
  const directory = join(options.directory, 'pg')
  // PostgreSQL's own lock file has no effect in PGlite. If a kill left it empty, PostgreSQL would refuse to start.
  await rm(join(directory, 'postmaster.pid'), { force: true })

  const begun = new Int32Array(new SharedArrayBuffer(4))
  const data: PgliteThreadData = { directory, durability, begun }
  const thread = spawnWorker<PgliteRequest, PgliteAnswer | undefined>('pglite', data)
  const types: ExtensionTypes = { vector: 0 }
  /** Number of requests sent. A request's number is the count after it was sent. */
  let sent = 0
  const running = new Map<number, { limitSeconds: number; overdue: boolean }>()
  /** The number of the request that `markIfOverdue` last saw running, and since when. */
  let seen = { begun: 0, since: performance.now() }

  async function send(
    request: PgliteRequest,
    limitSeconds = statementTimeoutSeconds,
  ): Promise<PgliteAnswer | undefined> {
    // The thread counts in an Int32Array, which wraps around at 32 bits.
    sent = (sent + 1) | 0
    const number = sent
    const statement = { limitSeconds, overdue: false }
    running.set(number, statement)
    try {
      return await thread.call(request)
    } catch (error) {
      if ((error as Error).name === 'DbError') throw new DbError(error as DbError)
      // Not an error of PostgreSQL: PGlite crashed, or its thread ended.
      onBroken(connection)
      if (statement.overdue)
        throw new ZeroError('query_timeout', `A statement was cancelled after ${limitSeconds} s`, { cause: error })
      const hasStarted = ((Atomics.load(begun, 0) - number) | 0) >= 0
      const Unavailable = hasStarted ? DatabaseUnavailable : NotStarted
      throw new Unavailable('The database was restarted: try again', { cause: error })
    } finally {
      running.delete(number)
    }
  }

  const connection: Connection = {
    send,
    async query<Row>(statement: Statement, queryOptions?: QueryOptions) {
      const request = { text: statement.text, values: encodeAll(statement.values, types) }
      const { fields, rows } = (await send(request, queryOptions?.timeoutSeconds))!
      return rows.map((row) => {
        const object: Record<string, unknown> = {}
        fields.forEach((field, i) => {
          object[field.name] = decode(field.type, row[i]!, types)
        })
        return object as Row
      })
    },
    async runScript(script) {
      await send({ script }, SCRIPT_SECONDS)
    },
    isIdle: () => running.size === 0,
    markIfOverdue() {
      const now = performance.now()
      const number = Atomics.load(begun, 0)
      if (number !== seen.begun) seen = { begun: number, since: now }
      const statement = running.get(number)
      if (!statement || now - seen.since <= statement.limitSeconds * 1000) return false
      statement.overdue = true
      return true
    },
    terminate: () => thread.terminate(),
  }

  try {
    await connection.runScript(SESSION)
    const answer = await send({ text: `select coalesce(to_regtype('vector')::oid::int, 0)`, values: [] })
    types.vector = Number(answer!.rows[0]![0])
    return connection
  } catch (error) {
    await thread.terminate()
    throw error
  }
}
