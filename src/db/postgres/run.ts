import type pg from 'pg'
import { ZeroError } from '../../errors.ts'
import type { Statement } from '../sql.ts'
import { decode, type ExtensionTypes, encodeAll } from '../wire.ts'
import { failure } from './errors.ts'
import { isOutdated, nameOf, rename } from './names.ts'

/** Added to the server's statement timeout. A connection without a result by then is lost, even if other connections work. */
const LOST_CONNECTION_SECONDS = 5

/** Returns how long the client waits for a statement that the server ends after `limitSeconds`. */
export const queryTimeoutMs = (limitSeconds: number) => Math.ceil((limitSeconds + LOST_CONNECTION_SECONDS) * 1000)

const TEXT_PARSERS = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

/** Runs `work` with a connection of the pool. If the connection breaks, the call rejects at once and the connection leaves the pool. */
export async function withClient<R>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<R>): Promise<R> {
  const client = await pool.connect().catch((error) => {
    throw failure(error)
  })
  let broken: Error | undefined
  let onError = (_: Error) => {}
  const breaking = new Promise<never>((_, reject) => {
    onError = (error) => {
      broken = error
      reject(failure(error))
    }
  })
  breaking.catch(() => undefined)
  client.on('error', onError)
  try {
    return await Promise.race([work(client), breaking])
  } catch (error) {
    // After a client-side timeout the connection still waits for the old result and cannot be reused.
    if (error instanceof ZeroError && error.code === 'unavailable') broken ??= error
    throw error
  } finally {
    client.off('error', onError)
    // A connection that is still in a transaction failed to roll back: remove it from the pool.
    client.release(broken ?? client.getTransactionStatus() !== 'I')
  }
}

/** Returns the rows of `statement`. If its prepared plan is outdated by a schema change and `mayRepeat` is set, runs it again. Throws `DbError`. */
export async function run<Row>(
  client: pg.Pool | pg.PoolClient,
  statement: Statement,
  types: ExtensionTypes,
  mayRepeat: boolean,
  limitSeconds?: number,
): Promise<Row[]> {
  const values = encodeAll(statement.values, types)
  const name = nameOf(statement.text)
  try {
    const result = await client.query<(string | null)[]>({
      ...(name === undefined ? {} : { name }),
      text: statement.text,
      values,
      rowMode: 'array',
      types: TEXT_PARSERS,
      ...(limitSeconds === undefined ? {} : { query_timeout: queryTimeoutMs(limitSeconds) }),
    } as pg.QueryArrayConfig)
    return result.rows.map((row) => {
      const object: Record<string, unknown> = {}
      result.fields.forEach((field, i) => {
        object[field.name] = decode(field.dataTypeID, row[i]!, types)
      })
      return object as Row
    })
  } catch (error) {
    if (isOutdated(error)) {
      rename(statement.text, name)
      if (mayRepeat) return run(client, statement, types, false, limitSeconds)
    }
    throw failure(error)
  }
}

/** Runs an SQL command without parameters. Returns its command tag, for example `COMMIT`. */
export async function command(client: pg.PoolClient, text: string, limitSeconds?: number): Promise<string> {
  const timeout = limitSeconds === undefined ? {} : { query_timeout: queryTimeoutMs(limitSeconds) }
  try {
    return (await client.query({ text, ...timeout } as pg.QueryConfig)).command
  } catch (error) {
    throw failure(error)
  }
}
