import pg from 'pg'
import { StartError, ZeroError } from '../../errors.ts'
import { DatabaseUnavailable, DbError } from '../sql.ts'

/** Converts an error of pg to `DbError`, or to `ZeroError` for an unreachable server or a timeout. Returns other errors unchanged. */
export function failure(error: unknown): unknown {
  const { code, message, constraint, detail } = error as pg.DatabaseError
  if (code === '25P03') {
    const message = 'The transaction was idle for too long and was rolled back'
    return new ZeroError('query_timeout', message, { cause: error })
  }
  if (code === '57014') return new ZeroError('query_timeout', undefined, { cause: error })
  if (error instanceof pg.DatabaseError && !code?.startsWith('57P')) {
    return new DbError({ message, code: code ?? 'XX000', constraint, detail }, { cause: error })
  }
  if (error instanceof ZeroError || error instanceof DbError || !isConnectionError(error)) return error
  return unavailable(error)
}

/** The error for callers when the server cannot be reached. */
export function unavailable(cause: unknown): DatabaseUnavailable {
  return new DatabaseUnavailable('The database cannot be reached at the moment: try again', { cause })
}

function isConnectionError(error: unknown): boolean {
  const { code, message = '' } = error as NodeJS.ErrnoException
  return (
    (code !== undefined && /^(E[A-Z]+|57P..)$/.test(code)) || /connection|timeout exceeded|read timeout/i.test(message)
  )
}

/** Converts a connection error to a `StartError` with the remedy. The message never contains the password. */
export function startError(error: unknown, url: string): unknown {
  if (error instanceof StartError) return error
  const { code, message } = error as pg.DatabaseError
  const place = URL.canParse(url) ? new URL(url).host + new URL(url).pathname : 'DATABASE_URL'
  if (code === '0A000' || code === '58P01') {
    return new StartError(
      `PostgreSQL at ${place} has no pgvector extension: install its package (for example postgresql-17-pgvector)`,
      { cause: error },
    )
  }
  if (code === '42501') {
    return new StartError(
      `The database user has no permission to create extensions at ${place}: run "create extension vector" there as an administrator`,
      {
        cause: error,
      },
    )
  }
  return new StartError(
    `Cannot connect to the database at ${place}: ${message || code}. Check DATABASE_URL and that the server is running`,
    { cause: error },
  )
}
