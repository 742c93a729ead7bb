import type pg from 'pg'
import { ZeroError } from '../../errors.ts'
import type { Statement } from '../sql.ts'
import { decode, type ExtensionTypes, encodeAll } from '../wire.ts'
import { failure } from './errors.ts'
import { isOutdated, nameOf, rename } from './names.ts'

// What is done with a connection to a server.

/** A statement that the server would have ended by then, and that is not answered: its connection is lost, though others may not be. */
const LOST_SECONDS = 5

/** How long a statement of that limit is waited for. */
export const lostMs = (limitSeconds: number) => Math.ceil((limitSeconds + LOST_SECONDS) * 1000)

const TEXT_PARSERS = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig

/** A connection for `work` alone. One that breaks meanwhile ends the wait for `work`, and leaves the pool. */
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
    // It may still wait for the answer that we have given up.
    if (error instanceof ZeroError && error.code === 'unavailable') broken ??= error
    throw error
  } finally {
    client.off('error', onError)
    // Who is still in a transaction could not roll back.
    client.release(broken ?? client.getTransactionStatus() !== 'I')
  }
}

/** The rows of `statement`. One whose table has got other columns since it was prepared is sent once more, if it may be. Throws `DbError`. */
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
      ...(limitSeconds === undefined ? {} : { query_timeout: lostMs(limitSeconds) }),
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

/** Runs SQL of our own without parameters. Returns what the server says it has done, e.g. `COMMIT`. */
export async function command(client: pg.PoolClient, text: string, limitSeconds?: number): Promise<string> {
  const lost = limitSeconds === undefined ? {} : { query_timeout: lostMs(limitSeconds) }
  try {
    return (await client.query({ text, ...lost } as pg.QueryConfig)).command
  } catch (error) {
    throw failure(error)
  }
}
