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
import { command, queryTimeoutMs, run, withClient } from './run.ts'
import { watchSilence } from './silence.ts'

export interface PostgresOptions {
  url: string
  /** Connections in the main pool. The pool with asynchronous commit has up to a quarter as many in addition. */
  poolSize: number
  statementTimeoutSeconds?: number
  /** Interval of the checks whether the server still sends data; after eight checks without data it counts as silent. Default 1,000. */
  silenceCheckMs?: number
}

const SCRIPT_SECONDS = 600
/** An unreachable server must not keep a request waiting for long, even if it drops packets instead of refusing. */
const CONNECT_SECONDS = 5
// Row lookups must never scan a whole table, not even with a cached plan that was made while the table was empty.
const INDEX_ONLY_PLANS = ['enable_seqscan=off', 'enable_bitmapscan=off', 'enable_memoize=off']
const ASYNC_COMMIT = ['synchronous_commit=off', ...INDEX_ONLY_PLANS]

/** Opens a pool on a PostgreSQL server (15 or later, pgvector 0.8 or later). Throws `StartError` when it cannot be reached or is too old. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, poolSize, statementTimeoutSeconds = 60, silenceCheckMs = 1_000 } = options
  const limitMs = Math.round(statementTimeoutSeconds * 1000)
  const types: ExtensionTypes = { vector: 0 }
  const settings = [
    'hnsw.iterative_scan=relaxed_order',
    // JIT compilation of a claim takes a second, its execution a millisecond: the planner overestimates the cost of the recursion.
    'jit=off',
    `statement_timeout=${limitMs}`,
    `idle_in_transaction_session_timeout=${limitMs}`,
    // The formats that `wire.ts` reads, regardless of the defaults of the server, the database or the user.
    'TimeZone=UTC',
    'DateStyle=ISO',
    'bytea_output=hex',
    'extra_float_digits=1',
  ]
  const watch = watchSilence(connectionOf(url, settings), silenceCheckMs)
  const configOf = (extra: readonly string[] = []) => ({
    ...connectionOf(url, [...settings, ...extra]),
    stream: watch.socket,
  })
  const connection = configOf()
  const main = openPool(connection, poolSize, statementTimeoutSeconds)
  const asyncCommitSize = Math.max(2, Math.ceil(poolSize / 4))
  const asyncCommit = openPool(configOf(ASYNC_COMMIT), asyncCommitSize, statementTimeoutSeconds)
  const pipelineConfig = { ...configOf(INDEX_ONLY_PLANS), query_timeout: queryTimeoutMs(statementTimeoutSeconds) }
  const pipeline = openPipeline(pipelineConfig, types)
  let closing: Promise<void> | undefined

  try {
    types.vector = await watch.run(() => checkServer(main))
  } catch (error) {
    await shut()
    throw startError(error, url)
  }

  async function whileOpen<R>(work: () => Promise<R>): Promise<R> {
    if (closing) throw new DatabaseUnavailable('The database is closed')
    return watch.run(work)
  }

  async function shut(): Promise<void> {
    // `end` of a pool would never settle the callers that still wait for a connection.
    await watch.drained()
    await Promise.all([main.end(), asyncCommit.end(), pipeline.end()])
    watch.close()
  }

  /** Runs `work` and cancels its statement after `seconds`. Unlike `set statement_timeout`, this needs no extra round trips. */
  async function withCancel<R>(client: pg.PoolClient, seconds: number, work: () => Promise<R>): Promise<R> {
    const { processID } = client as unknown as { processID: number }
    let cancelling: Promise<unknown> | undefined
    const timer = setTimeout(() => {
      // If the cancel request fails, the session's statement_timeout ends the statement.
      cancelling = asyncCommit.query('select pg_cancel_backend($1)', [processID]).catch(() => undefined)
    }, seconds * 1000)
    try {
      return await work()
    } catch (error) {
      if (!cancelling || !(error instanceof ZeroError) || error.code !== 'query_timeout') throw error
      throw new ZeroError('query_timeout', `A statement was cancelled after ${seconds} s`, { cause: error })
    } finally {
      clearTimeout(timer)
      // A late cancel request would hit the next statement of this connection.
      await cancelling
    }
  }

  const executor = (pool: pg.Pool): Executor => ({
    query<Row>(statement: Statement, queryOptions?: QueryOptions) {
      const limitSeconds = queryOptions?.timeoutSeconds
      if (limitSeconds === undefined) return whileOpen(() => run<Row>(pool, statement, types, true))
      return whileOpen(() =>
        withClient(pool, (client) => {
          const work = () => run<Row>(client, statement, types, true, limitSeconds)
          return limitSeconds < statementTimeoutSeconds
            ? withCancel(client, limitSeconds, work)
            : withTimeout(client, 'session', limitSeconds, work)
        }),
      )
    },
  })

  return {
    kind: 'postgres',
    query: executor(main).query,
    asyncCommit: executor(asyncCommit),
    pipeline<First, Next>(first: Statement, next: () => Statement | null) {
      const results = closing ? null : pipeline.send<First, Next>(first, next)
      // The server is watched until both results have arrived.
      if (results) void watch.run(() => Promise.allSettled([results.first, results.next]))
      return results
    },
    transaction(body) {
      return whileOpen(() => withClient(main, (client) => runTransaction(client, types, body)))
    },
    async exec(script) {
      await whileOpen(() =>
        withClient(main, (client) =>
          withTimeout(client, 'session', SCRIPT_SECONDS, () => command(client, script, SCRIPT_SECONDS)),
        ),
      )
    },
    async listen(channel, onMessage) {
      const { notify, close } = listen(connection, channel, onMessage)
      return { notify: (text) => whileOpen(() => notify(text)), close: () => watch.run(close) }
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
  let hasEnded = false
  const tx: Executor = {
    async query(statement, queryOptions) {
      if (hasEnded) throw new ZeroError('internal', 'This transaction has ended')
      const limitSeconds = queryOptions?.timeoutSeconds
      if (limitSeconds === undefined) return run(client, statement, types, false)
      return withTimeout(client, 'local', limitSeconds, () => run(client, statement, types, false, limitSeconds))
    },
  }
  try {
    await command(client, 'begin')
    const result = await body(tx)
    hasEnded = true
    if ((await command(client, 'commit')) === 'ROLLBACK') throw transactionFailed()
    return result
  } catch (error) {
    hasEnded = true
    // Report the error of the body, not one of the rollback.
    await command(client, 'rollback').catch(() => undefined)
    throw error
  }
}

/** Runs `work` with another statement_timeout, set for the session or for the current transaction only. */
async function withTimeout<R>(
  client: pg.PoolClient,
  extent: 'session' | 'local',
  seconds: number,
  work: () => Promise<R>,
): Promise<R> {
  await command(client, `set ${extent} statement_timeout = ${Math.round(seconds * 1000)}`)
  try {
    return await work()
  } finally {
    // A failed transaction accepts no `set`; its rollback resets the timeout.
    await command(client, `set ${extent} statement_timeout to default`).catch(() => undefined)
  }
}

/** Checks the versions of the server and of pgvector. Returns the OID of the type `vector`. Throws `StartError` for an unsuitable server. */
async function checkServer(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query('show server_version_num')
  const version = Number(rows[0].server_version_num)
  if (version < 150000)
    throw new StartError(`PostgreSQL ${Math.floor(version / 10000)} is too old: version 15 or later is required`)
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
    // Another process that starts at the same time may have created the extension first.
    if ((await vectorType(pool)) === null) throw error
  }
  return (await vectorType(pool))!
}

async function checkVectorVersion(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(`select extversion from pg_extension where extname = 'vector'`)
  const [major = 0, minor = 0] = String(rows[0]?.extversion).split('.').map(Number)
  // Versions before 0.8 have no iterative scan: a filtered search in a small namespace finds almost nothing.
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
    // A server that was rebooted answers a keep-alive probe with a reset, which ends the dead connection.
    keepAliveInitialDelayMillis: 10_000,
  }
}

function openPool(connection: pg.ClientConfig, max: number, limitSeconds: number): pg.Pool {
  const pool = new pg.Pool({ ...connection, max, query_timeout: queryTimeoutMs(limitSeconds) })
  // The pool replaces a broken idle connection at its next use; without a listener the error would end the process.
  pool.on('error', () => undefined)
  return pool
}
