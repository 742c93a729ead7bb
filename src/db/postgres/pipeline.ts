import pg from 'pg'
import { oneTurnLater, type PipelinedRows, type Statement } from '../sql.ts'
import type { ExtensionTypes } from '../wire.ts'
import { run, withClient } from './run.ts'

/** A server that has no connection left is not asked for one with every write. */
const AGAIN_MS = 1_000

/** Sends two statements at once over a connection that is kept for this. */
export interface Pipeline {
  /** As `Database.pair` does. */
  send<First, Next>(first: Statement, next: () => Statement | null): PipelinedRows<First, Next> | null
  end(): Promise<void>
}

/** One connection like `connection`, there from the first pair that is asked for. */
export function openPipeline(connection: pg.PoolConfig, types: ExtensionTypes): Pipeline {
  const pool = new pg.Pool({ ...connection, max: 1, idleTimeoutMillis: 0, pipeline: true } as pg.PoolConfig)
  pool.on('error', () => undefined)

  let preparing = false
  const prepared = () => {
    preparing = false
  }
  function prepare(): void {
    if (preparing) return
    preparing = true
    withClient(pool, async () => undefined).then(prepared, () => setTimeout(prepared, AGAIN_MS).unref())
  }

  return {
    send<First, Next>(first: Statement, next: () => Statement | null) {
      if (pool.idleCount === 0) {
        prepare()
        return null
      }
      const sent = new Promise<PipelinedRows<First, Next>>((resolve, reject) => {
        withClient(pool, async (client) => {
          const pair = {
            first: run<First>(client, first, types, true),
            next: oneTurnLater(() => {
              const statement = next()
              return statement && run<Next>(client, statement, types, true)
            }),
          }
          resolve(pair)
          await Promise.allSettled([pair.first, pair.next])
        }).catch(reject)
      })
      return { first: sent.then(({ first }) => first), next: sent.then(({ next }) => next) }
    },
    end: () => pool.end(),
  }
}
