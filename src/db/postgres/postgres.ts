import pg from 'pg'
import { StartError, ZeroError } from '../../errors.ts'
import {
  type Database,
  DatabaseUnavailable,
  type Executor,
  type QueryOptions,
  type Statement,
  sql,
  transactionFailed,
} from '../sql.ts'
import type { ExtensionTypes } from '../wire.ts'
import { startError } from './errors.ts'
import { listen } from './listen.ts'
import { openPipeline } from './pipeline.ts'
import { command, lostMs, run, withClient } from './run.ts'
import { watchSilence } from './silence.ts'

export interface PostgresOptions {
  url: string
  /** Connections for callers; the relaxed side has up to a quarter as many more. */
  poolSize: number
  statementTimeoutSeconds?: number
  /** How far apart the looks are, in milliseconds, of which eight without a word show that the server is silent. 1000, other than in tests. */
  lookMs?: number
}

const SCRIPT_SECONDS = 600
/** A server that is away must not keep a request waiting for long, also one that does not even refuse. */
const CONNECT_SECONDS = 5
// What looks rows up never reads a table through: plans that were made while the tables were empty must not.
const LOOKING_UP = ['enable_seqscan=off', 'enable_bitmapscan=off', 'enable_memoize=off']
const ASYNC_COMMIT = ['synchronous_commit=off', ...LOOKING_UP]

/** Opens a pool on a PostgreSQL server (15 or later, pgvector 0.8 or later). Throws `StartError` when it cannot be reached or is too old. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, poolSize, statementTimeoutSeconds = 60, lookMs = 1_000 } = options
  const limitMs = Math.round(statementTimeoutSeconds * 1000)
  const types: ExtensionTypes = { vector: 0 }
  const settings = [
    'hnsw.iterative_scan=relaxed_order',
    // Compiling a claim takes a second, executing it a millisecond; what is said to cost much is a guess at what recursion will find.
    'jit=off',
    `statement_timeout=${limitMs}`,
    `idle_in_transaction_session_timeout=${limitMs}`,
    // What `wire.ts` reads, whatever the server, the database or the user have as their defaults.
    'TimeZone=UTC',
    'DateStyle=ISO',
    'bytea_output=hex',
    'extra_float_digits=1',
  ]
  const watch = watchSilence(connectionOf(url, settings), lookMs)
  const connection = { ...connectionOf(url, settings), stream: watch.socket }
  const relaxed = { ...connectionOf(url, [...settings, ...ASYNC_COMMIT]), stream: watch.socket }
  const main = openPool(connection, poolSize, statementTimeoutSeconds)
  const paired = { ...connectionOf(url, [...settings, ...LOOKING_UP]), stream: watch.socket }
  const lossy = openPool(relaxed, Math.max(2, Math.ceil(poolSize / 4)), statementTimeoutSeconds)
  const pipeline = openPipeline({ ...paired, query_timeout: lostMs(statementTimeoutSeconds) }, types)
  let closing: Promise<void> | undefined

  try {
    types.vector = await watch.ask(() => examine(main))
  } catch (error) {
    await shut()
    throw startError(error, url)
  }

  async function answer<R>(work: () => Promise<R>): Promise<R> {
    if (closing) throw new DatabaseUnavailable('The database is closed')
    return watch.ask(work)
  }

  async function shut(): Promise<void> {
    // The pool would forget who still waits for a connection.
    await watch.settled()
    await Promise.all([main.end(), lossy.end(), pipeline.end()])
    watch.close()
  }

  /** `work`, cancelled after so many seconds. Unlike a statement_timeout, this costs no round trips while it is not needed. */
  async function cancelled<R>(client: pg.PoolClient, seconds: number, work: () => Promise<R>): Promise<R> {
    const { processID } = client as unknown as { processID: number }
    let cancelling: Promise<unknown> | undefined
    const timer = setTimeout(() => {
      // If it fails, the session's own limit ends the statement.
      cancelling = lossy.query('select pg_cancel_backend($1)', [processID]).catch(() => undefined)
    }, seconds * 1000)
    try {
      return await work()
    } catch (error) {
      if (!cancelling || !(error instanceof ZeroError) || error.code !== 'query_timeout') throw error
      throw new ZeroError('query_timeout', `A statement was ended after ${seconds} s`, { cause: error })
    } finally {
      clearTimeout(timer)
      // The connection must not begin another statement before: that would be cancelled in its place.
      await cancelling
    }
  }

  const executor = (pool: pg.Pool): Executor => ({
    query<Row>(statement: Statement, queryOptions?: QueryOptions) {
      const limitSeconds = queryOptions?.timeoutSeconds
      if (limitSeconds === undefined) return answer(() => run<Row>(pool, statement, types, true))
      return answer(() =>
        withClient(pool, (client) => {
          const work = () => run<Row>(client, statement, types, true, limitSeconds)
          return limitSeconds < statementTimeoutSeconds
            ? cancelled(client, limitSeconds, work)
            : limited(client, 'session', limitSeconds, work)
        }),
      )
    },
  })

  return {
    kind: 'postgres',
    query: executor(main).query,
    asyncCommit: executor(lossy),
    pipeline<First, Next>(first: Statement, next: () => Statement | null) {
      const pair = closing ? null : pipeline.send<First, Next>(first, next)
      // The server is watched for as long as an answer is missing.
      if (pair) void watch.ask(() => Promise.allSettled([pair.first, pair.next]))
      return pair
    },
    transaction(body) {
      return answer(() => withClient(main, (client) => runTransaction(client, types, body)))
    },
    async exec(script) {
      await answer(() =>
        withClient(main, (client) =>
          limited(client, 'session', SCRIPT_SECONDS, () => command(client, script, SCRIPT_SECONDS)),
        ),
      )
    },
    async listen(channel, onMessage) {
      const { notify, close } = listen(connection, channel, onMessage)
      return { notify: (text) => answer(() => notify(text)), close: () => watch.ask(close) }
    },
    async version() {
      const [row] = await executor(main).query<{ version: string }>(
        sql`select split_part(version(), ' on ', 1) as version`,
      )
      return row!.version
    },
    close() {
      closing ??= shut()
      return closing
    },
  }
}

async function runTransaction<R>(
  client: pg.PoolClient,
  types: ExtensionTypes,
  body: (tx: Executor) => Promise<R>,
): Promise<R> {
  let over = false
  const tx: Executor = {
    async query(statement, queryOptions) {
      if (over) throw new ZeroError('internal', 'This transaction has ended')
      const limitSeconds = queryOptions?.timeoutSeconds
      if (limitSeconds === undefined) return run(client, statement, types, false)
      return limited(client, 'local', limitSeconds, () => run(client, statement, types, false, limitSeconds))
    },
  }
  try {
    await command(client, 'begin')
    const result = await body(tx)
    over = true
    if ((await command(client, 'commit')) === 'ROLLBACK') throw transactionFailed()
    return result
  } catch (error) {
    over = true
    // The error that ended the body is the one to report.
    await command(client, 'rollback').catch(() => undefined)
    throw error
  }
}

/** `work` with another statement_timeout, for the session or only for the transaction in which the connection is. */
async function limited<R>(
  client: pg.PoolClient,
  extent: 'session' | 'local',
  seconds: number,
  work: () => Promise<R>,
): Promise<R> {
  await command(client, `set ${extent} statement_timeout = ${Math.round(seconds * 1000)}`)
  try {
    return await work()
  } finally {
    // In a transaction that has failed nothing can be set, and nothing needs to be.
    await command(client, `set ${extent} statement_timeout to default`).catch(() => undefined)
  }
}

/** Throws `StartError` for a server that will not do. Returns the number of the type `vector` there. */
async function examine(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query('show server_version_num')
  const version = Number(rows[0].server_version_num)
  if (version < 150000)
    throw new StartError(`PostgreSQL ${Math.floor(version / 10000)} is too old: version 15 or later is needed`)
  const vector = (await vectorType(pool)) ?? (await createVectorType(pool))
  await checkVectorVersion(pool)
  return vector
}

async function vectorType(pool: pg.Pool): Promise<number | null> {
  const { rows } = await pool.query(`select to_regtype('vector')::oid as oid`)
  return rows[0].oid === null ? null : Number(rows[0].oid)
}

async function createVectorType(pool: pg.Pool): Promise<number> {
  try {
    await pool.query('create extension if not exists vector')
  } catch (error) {
    // Two processes that start together both find it missing; the second one's create fails and that is fine.
    if ((await vectorType(pool)) === null) throw error
  }
  return (await vectorType(pool))!
}

async function checkVectorVersion(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(`select extversion from pg_extension where extname = 'vector'`)
  const [major = 0, minor = 0] = String(rows[0]?.extversion).split('.').map(Number)
  // Before 0.8 a search within a small namespace finds next to nothing.
  if (major > 0 || minor >= 8) return
  throw new StartError(
    `pgvector ${rows[0]?.extversion} is too old: install 0.8 or later, then run "alter extension vector update" in this database`,
  )
}

function connectionOf(url: string, settings: readonly string[]): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: 'zerodb-functions',
    keepAlive: true,
    // A machine that has started again since knows nothing of the connection, and says so when it is asked.
    keepAliveInitialDelayMillis: 10_000,
  }
}

function openPool(connection: pg.ClientConfig, max: number, limitSeconds: number): pg.Pool {
  const pool = new pg.Pool({ ...connection, max, query_timeout: lostMs(limitSeconds) })
  // An idle connection that breaks is replaced with the next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  return pool
}
