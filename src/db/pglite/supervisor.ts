import { DatabaseUnavailable } from '../sql.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import { startWatchdog } from './watchdog.ts'

/** Keeps one connection open: replaces it after a crash of its thread, and ends the thread when a statement exceeds its limit. */
export interface Supervisor {
  /** Returns the current connection. After a failed start the next caller tries again. */
  getConnection(): Promise<Connection>
  /** Closes the database after the requests that were sent, and ends the thread. */
  close(): Promise<void>
}

/** Opens the first connection. Throws the error of the thread if that fails. */
export async function startSupervisor(options: Omit<ConnectionOptions, 'onBroken'>): Promise<Supervisor> {
  /** The connection that the watchdog checks; undefined while it is being replaced. */
  let watched: Connection | undefined
  let isClosed = false
  let current = connect()

  async function connect(): Promise<Connection> {
    watched = await openConnection({ ...options, onBroken: replace })
    return watched
  }

  function setCurrent(attempt: Promise<Connection>): void {
    current = attempt
    // Callers of `getConnection` get the error.
    attempt.catch(() => undefined)
  }

  function replace(broken: Connection): void {
    // All requests that were in progress report the same connection.
    if (watched !== broken) return
    watched = undefined
    setCurrent(
      broken.terminate().then(() => {
        if (isClosed) throw new DatabaseUnavailable('The database is closed')
        return connect()
      }),
    )
  }

  // PGlite has no statement_timeout and no cancel: the only way to end a statement is to end its thread.
  const watchdog = startWatchdog(options.statementTimeoutSeconds, () => {
    if (watched?.markIfOverdue()) replace(watched)
  })

  await current.catch((error) => {
    clearInterval(watchdog)
    throw error.cause ?? error
  })

  return {
    async getConnection() {
      if (isClosed) throw new DatabaseUnavailable('The database is closed')
      const attempt = current
      try {
        return await attempt
      } catch (error) {
        if (current === attempt) setCurrent(connect())
        throw new DatabaseUnavailable('The database cannot be opened at the moment: try again', { cause: error })
      }
    },
    async close() {
      isClosed = true
      const connection = await current.catch(() => undefined)
      if (connection) {
        await connection.runScript('checkpoint').catch(() => undefined)
        await connection.send({ close: true }).catch(() => undefined)
        await connection.terminate()
      }
      clearInterval(watchdog)
    },
  }
}
