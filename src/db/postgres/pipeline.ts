import pg from 'pg'
import { oneTurnLater, type PipelinedRows, type Statement } from '../sql.ts'
import type { ExtensionTypes } from '../wire.ts'
import { run, withClient } from './run.ts'

/** Pause after a failed attempt to connect, so that a server without free connections is not asked at every write. */
const RECONNECT_MS = 1_000

/** Sends pairs of statements over one dedicated connection. */
export interface Pipeline {
  /** Sends two statements as `Database.pipeline` promises. */
  send<First, Next>(first: Statement, next: () => Statement | null): PipelinedRows<First, Next> | null
  end(): Promise<void>
}

/** Creates a pipeline with the options of `connection`. The connection is opened at the first `send`. */
export function openPipeline(connection: pg.PoolConfig, types: ExtensionTypes): Pipeline {
  const pool = new pg.Pool({ ...connection, max: 1, idleTimeoutMillis: 0, pipeline: true } as pg.PoolConfig)
  pool.on('error', () => undefined)

  let isConnecting = false
  const allowConnect = () => {
    isConnecting = false
  }
  function connect(): void {
    if (isConnecting) return
    isConnecting = true
    withClient(pool, async () => undefined).then(allowConnect, () => setTimeout(allowConnect, RECONNECT_MS).unref())
  }

  return {
    send<First, Next>(first: Statement, next: () => Statement | null) {
      if (pool.idleCount === 0) {
        connect()
        return null
      }
      const sent = new Promise<PipelinedRows<First, Next>>((resolve, reject) => {
        withClient(pool, async (client) => {
          const results = {
            first: run<First>(client, first, types, true),
            next: oneTurnLater(() => {
              const statement = next()
              return statement && run<Next>(client, statement, types, true)
            }),
          }
          resolve(results)
          await Promise.allSettled([results.first, results.next])
        }).catch(reject)
      })
      return { first: sent.then(({ first }) => first), next: sent.then(({ next }) => next) }
    },
    end: () => pool.end(),
  }
}
