import pg from 'pg'
import type { Channel } from '../sql.ts'
import { failure } from './errors.ts'

const RECONNECT_MS = 500

/**
 * Listens on channel `name` on a dedicated connection, and reconnects when the connection is lost. Calls `onMessage` with null after a reconnect:
 * messages sent in between are lost. Returns before the first connection is established.
 */
export function listen(config: pg.ClientConfig, name: string, onMessage: (text: string | null) => void): Channel {
  let client: pg.Client | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined

  async function connect(isFirst: boolean): Promise<void> {
    const next = new pg.Client(config)
    let lost = false
    const onLost = () => {
      if (lost) return
      lost = true
      if (client === next) client = undefined
      next.end().catch(() => undefined)
      if (!closed) timer = setTimeout(() => void connect(false), RECONNECT_MS)
    }
    next.on('error', onLost)
    next.on('end', onLost)
    next.on('notification', ({ payload }) => onMessage(payload ?? ''))
    try {
      await next.connect()
      await next.query(`listen ${next.escapeIdentifier(name)}`)
      if (closed) return void (await next.end())
      client = next
      if (!isFirst) onMessage(null)
    } catch {
      onLost()
    }
  }
  const connecting = connect(true)

  return {
    async notify(text) {
      await connecting
      // Without a connection the message is dropped: the other processes find the work in their periodic sweep.
      await client?.query('select pg_notify($1, $2)', [name, text]).catch((error) => {
        throw failure(error)
      })
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await connecting
      await client?.end().catch(() => undefined)
    },
  }
}
