import pg from 'pg'
import { StartError, ZeroError } from '../../errors.ts'
import { DatabaseUnavailable, DbError } from '../sql.ts'

/** What went wrong with a statement, in the words of our own: `DbError`, or `ZeroError` for a server that is away or a statement that took too long. */
export function failure(error: unknown): unknown {
  const { code, message, constraint, detail } = error as pg.DatabaseError
  if (code === '25P03') {
    const message = 'A transaction that waited too long for something else than the database was rolled back'
    return new ZeroError('query_timeout', message, { cause: error })
  }
  if (code === '57014') return new ZeroError('query_timeout', undefined, { cause: error })
  if (error instanceof pg.DatabaseError && !code?.startsWith('57P')) {
    return new DbError({ message, code: code ?? 'XX000', constraint, detail }, { cause: error })
  }
  if (error instanceof ZeroError || error instanceof DbError || !isConnectionError(error)) return error
  return unavailable(error)
}

/** For who asks a server that is not there, whatever shows it. */
export function unavailable(cause: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('The database cannot be reached at the moment; try again', { cause })
}

function isConnectionError(error: unknown): boolean {
  const { code, message = '' } = error as NodeJS.ErrnoException
  return (
    (code !== undefined && /^(E[A-Z]+|57P..)$/.test(code)) || /connection|timeout exceeded|read timeout/i.test(message)
  )
}

/** What went wrong with opening, as one sentence with the remedy; never with the password. */
export function startError(error: unknown, url: string): unknown {
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
