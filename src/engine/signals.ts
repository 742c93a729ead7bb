import type { App } from '../app.ts'
import type { Database } from '../db/sql.ts'

/** One message for all that happens within this time: a server that commits thousands of times a second must not notify as often. */
const COALESCE_MS = 4
const CHANNEL = 'zerodb_wake'

export interface Signals {
  /** Tells the other processes that there are runs to be claimed. */
  send(): void
  stop(): Promise<void>
}

/**
 * Wakes other processes, and is woken by them. Only a hint: what a message would have said the next sweep finds. On the embedded database
 * there is nobody to tell.
 */
export async function openSignals(app: App, database: Database, onSignal: () => void): Promise<Signals> {
  if (!database.listen) return { send() {}, async stop() {} }
  const channel = await database.listen(CHANNEL, onSignal)
  let timer: NodeJS.Timeout | undefined
  return {
    send() {
      timer ??= setTimeout(() => {
        timer = undefined
        channel
          .notify()
          .catch((error) => app.log.debug({ error }, 'others could not be woken; they find it with their next sweep'))
      }, COALESCE_MS)
    },
    async stop() {
      clearTimeout(timer)
      await channel.close()
    },
  }
}
