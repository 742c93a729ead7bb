import pg from 'pg'
import { run, withClient } from './postgres-run.ts'
import type { Pair, Statement } from './sql.ts'
import type { ExtensionTypes } from './wire.ts'

/** A server that has no connection left is not asked for one with every write. */
const AGAIN_MS = 1_000

/** Sends two statements at once over a connection that is kept for this. */
export interface Pairs {
  /** As `Database.pair` does. */
  send<First, Next>(first: Statement, next: () => Statement): Pair<First, Next> | null
  end(): Promise<void>
}

/** One connection like `connection`, there from the first pair that is asked for. */
export function openPairs(connection: pg.PoolConfig, types: ExtensionTypes): Pairs {
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
    send<First, Next>(first: Statement, next: () => Statement) {
      if (pool.idleCount === 0) {
        prepare()
        return null
      }
      const sent = new Promise<[Promise<First[]>, Promise<Next[]>]>((resolve, reject) => {
        withClient(pool, async (client) => {
          const answers = [run<First>(client, first, types, true), run<Next>(client, next(), types, true)] as const
          resolve([...answers])
          await Promise.allSettled(answers)
        }).catch(reject)
      })
      return { first: sent.then(([answer]) => answer), next: sent.then(([, answer]) => answer) }
    },
    end: () => pool.end(),
  }
}
