import { createHash } from 'node:crypto'
import pg from 'pg'
import { StartError, ZeroError } from '../errors.ts'
import { type Database, DbError, type Executor, type QueryOptions, type Statement, sql } from './sql.ts'
import { decode, type ExtensionTypes, encode } from './wire.ts'

export interface PostgresOptions {
  url: string
  /** Connections for callers; the relaxed side has up to a quarter as many more. */
  poolSize: number
  statementTimeoutSeconds?: number
}

/** Opens a pool on a PostgreSQL server (15 or later). Throws `StartError` when it cannot be reached or is too old. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, poolSize, statementTimeoutSeconds = 60 } = options
  const types: ExtensionTypes = { vector: 0 }
  const settings = [
    'TimeZone=UTC',
    'hnsw.iterative_scan=relaxed_order',
    `statement_timeout=${statementTimeoutSeconds * 1000}`,
    'idle_in_transaction_session_timeout=60000',
  ]
  const main = openPool(url, poolSize, settings)
  const lossy = openPool(url, Math.max(2, Math.ceil(poolSize / 4)), [...settings, 'synchronous_commit=off'])

  try {
    const { rows } = await main.query('show server_version_num')
    const version = Number(rows[0].server_version_num)
    if (version < 150000)
      throw new StartError(`PostgreSQL ${Math.floor(version / 10000)} is too old: version 15 or later is needed`)
    types.vector = (await vectorType(main)) ?? (await createVectorType(main))
  } catch (error) {
    await Promise.all([main.end(), lossy.end()])
    throw startError(error, url)
  }

  const executor = (client: pg.Pool | pg.PoolClient): Executor => ({
    query: (statement, queryOptions) => run(client, statement, types, queryOptions),
  })
  return {
    kind: 'postgres',
    query: executor(main).query,
    relaxed: executor(lossy),
    async transaction(body) {
      const client = await main.connect().catch((error) => {
        throw failure(error)
      })
      try {
        await client.query('begin')
        const result = await body(executor(client))
        await client.query('commit')
        client.release()
        return result
      } catch (error) {
        // A connection that cannot roll back is broken: the pool drops it.
        await client.query('rollback').then(
          () => client.release(),
          (broken: Error) => client.release(broken),
        )
        throw failure(error)
      }
    },
    async exec(script) {
      await main.query(script).catch((error) => {
        throw failure(error)
      })
    },
    async version() {
      const [row] = await run<{ version: string }>(main, sql`select split_part(version(), ' on ', 1) as version`, types)
      return row!.version
    },
    async close() {
      await Promise.all([main.end(), lossy.end()])
    },
  }
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

function openPool(url: string, max: number, settings: readonly string[]): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 10_000,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: 'zerodb-functions',
    keepAlive: true,
  })
  // An idle connection that breaks is replaced with the next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  return pool
}

const TEXT_PARSERS = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

async function run<Row>(
  client: pg.Pool | pg.PoolClient,
  statement: Statement,
  types: ExtensionTypes,
  options?: QueryOptions,
): Promise<Row[]> {
  if (options?.timeoutSeconds !== undefined)
    return runWithTimeout(client as pg.Pool, statement, types, options.timeoutSeconds)
  try {
    const result = await client.query<(string | null)[]>({
      name: nameOf(statement.text),
      text: statement.text,
      values: statement.values.map((value) => encode(value, types)),
      rowMode: 'array',
      types: TEXT_PARSERS,
    })
    return result.rows.map((row) => {
      const object: Record<string, unknown> = {}
      result.fields.forEach((field, i) => {
        object[field.name] = decode(field.dataTypeID, row[i]!, types)
      })
      return object as Row
    })
  } catch (error) {
    throw failure(error)
  }
}

/** On a connection of its own, so that the setting cannot leak into another statement. */
async function runWithTimeout<Row>(
  pool: pg.Pool,
  statement: Statement,
  types: ExtensionTypes,
  seconds: number,
): Promise<Row[]> {
  const client = await pool.connect().catch((error) => {
    throw failure(error)
  })
  try {
    await client.query(`set statement_timeout = ${Math.round(seconds * 1000)}`)
    return await run<Row>(client, statement, types)
  } finally {
    await client.query('reset statement_timeout').then(
      () => client.release(),
      (broken: Error) => client.release(broken),
    )
  }
}

const names = new Map<string, string>()
const MAX_NAMES = 500

/** Named statements are parsed once per connection. Past the limit (only composed statements can get there) they go unnamed. */
function nameOf(text: string): string | undefined {
  let name = names.get(text)
  if (name === undefined && names.size < MAX_NAMES) {
    name = `z_${createHash('sha1').update(text).digest('hex').slice(0, 16)}`
    names.set(text, name)
  }
  return name
}

function failure(error: unknown): unknown {
  const { code, message, constraint, detail } = error as pg.DatabaseError
  if (code === '57014') return new ZeroError('query_timeout', undefined, { cause: error })
  if (error instanceof pg.DatabaseError && !code?.startsWith('57P')) {
    return new DbError({ message, code: code ?? 'XX000', constraint, detail }, { cause: error })
  }
  if (error instanceof ZeroError || error instanceof DbError || !isConnectionError(error)) return error
  return new ZeroError('unavailable', 'The database cannot be reached at the moment; try again', { cause: error })
}

function isConnectionError(error: unknown): boolean {
  const { code, message = '' } = error as NodeJS.ErrnoException
  return (code !== undefined && /^(E[A-Z]+|57P..)$/.test(code)) || /connection|timeout exceeded/i.test(message)
}

function startError(error: unknown, url: string): unknown {
  if (error instanceof StartError) return error
  const { code, message } = error as pg.DatabaseError
  const place = URL.canParse(url) ? new URL(url).host + new URL(url).pathname : 'DATABASE_URL'
  if (code === '0A000' || code === '58P01') {
    return new StartError(
      `PostgreSQL at ${place} has no pgvector: install its package (for example postgresql-17-pgvector)`,
      { cause: error },
    )
  }
  if (code === '42501') {
    return new StartError(
      `The database user may not create extensions at ${place}: run "create extension vector" there as an administrator`,
      {
        cause: error,
      },
    )
  }
  return new StartError(
    `The database at ${place} cannot be used: ${message || code}. Check DATABASE_URL and that the server runs`,
    { cause: error },
  )
}
