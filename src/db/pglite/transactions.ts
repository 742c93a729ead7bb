import { ZeroError } from '../../errors.ts'
import { type Executor, sql, transactionFailed } from '../sql.ts'
import { type Connection, retryUnstarted } from './connection.ts'
import type { Supervisor } from './supervisor.ts'
import { startWatchdog } from './watchdog.ts'

/** Runs one transaction at a time, because there is one connection. */
export interface Transactions {
  /**
   * Resolves when the current transaction ends; undefined without one. Other statements must wait until this is undefined, because they would
   * become part of the transaction. Read it again after waiting: the next transaction may have started.
   */
  readonly current: Promise<void> | undefined
  /** Runs `body` in a transaction, after the current one. */
  run<R>(body: (tx: Executor) => Promise<R>): Promise<R>
  /** Stops the check for idle transactions. */
  close(): void
}

/** Transactions that are idle for longer than `idleSeconds` are rolled back: all other callers wait for them. */
export function createTransactions(supervisor: Supervisor, idleSeconds: number): Transactions {
  let current: Promise<void> | undefined
  /** The current transaction after its `begin`; `since` is when its last statement ended. */
  let open: { connection: Connection; since: number; end(error: Error): void } | undefined

  const watchdog = startWatchdog(idleSeconds, () => {
    if (open?.connection.isIdle() && performance.now() - open.since > idleSeconds * 1000) {
      open.end(new ZeroError('query_timeout', `The transaction was idle for ${idleSeconds} s and was rolled back`))
    }
  })

  async function runIn<R>(connection: Connection, body: (tx: Executor) => Promise<R>): Promise<R> {
    let hasEnded = false
    const tx: Executor = {
      async query(statement, queryOptions) {
        if (hasEnded) throw new ZeroError('internal', 'This transaction has ended')
        try {
          return await connection.query(statement, queryOptions)
        } finally {
          if (open) open.since = performance.now()
        }
      },
    }
    try {
      const idleTimeout = new Promise<never>((_, end) => {
        open = { connection, since: performance.now(), end }
      })
      const result = await Promise.race([body(tx), idleTimeout])
      hasEnded = true
      const { command } = (await connection.send({ text: 'commit', values: [] }))!
      if (command === 'ROLLBACK') throw transactionFailed()
      return result
    } catch (error) {
      hasEnded = true
      // Report the error of the body: after a restart the rollback fails because there is no transaction.
      await connection.query(sql`rollback`).catch(() => undefined)
      throw error
    } finally {
      open = undefined
    }
  }

  return {
    get current() {
      return current
    },
    async run(body) {
      while (current) await current
      let release = () => {}
      current = new Promise((resolve) => {
        release = () => {
          current = undefined
          resolve()
        }
      })
      try {
        const connection = await retryUnstarted(async () => {
          const connection = await supervisor.getConnection()
          await connection.query(sql`begin`)
          return connection
        })
        return await runIn(connection, body)
      } finally {
        release()
      }
    },
    close: () => clearInterval(watchdog),
  }
}
