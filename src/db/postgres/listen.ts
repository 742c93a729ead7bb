import pg from 'pg'
import type { Channel } from '../sql.ts'
import { failure } from './errors.ts'

const RECONNECT_MS = 500

/**
 * Listens on `name` with a connection of its own, which is opened anew whenever it is lost. `onMessage` is called with null after that: what
 * was sent meanwhile is gone. The first connection is not waited for.
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
      // Who cannot be reached now is told by the sweep.
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
