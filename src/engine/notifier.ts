import { randomUUID } from 'node:crypto'
import type { App } from '../app.ts'
import type { Database } from '../db/sql.ts'

/** Minimum time between messages, because a server that commits thousands of times a second must not notify as often. */
const APART_MS = 4
const CHANNEL = 'zerodb_wake'
const WAKE = 'wake'

export interface Notifier {
  /** Notifies the other processes of queued runs. */
  send(): void
  stop(): Promise<void>
}

/**
 * Wakes other processes and is woken by them; processes also notify each other of changed functions. Messages are only hints: if one is lost, the
 * next sweep finds the work. Does nothing on the embedded database, which has one process.
 */
export async function openNotifier(app: App, database: Database, onSignal: () => void): Promise<Notifier> {
  if (!database.listen) return { send() {}, async stop() {} }
  const me = randomUUID()
  const channel = await database.listen(CHANNEL, (text) => {
    if (text === WAKE || text === null) onSignal()
    if (text === WAKE) return
    const [sender, projectId] = text?.split(' ') ?? []
    if (sender !== me) app.functions.changedElsewhere(projectId ?? null)
  })
  const notify = (text: string) => {
    channel
      .notify(text)
      .catch((error) => app.log.debug({ error }, 'others could not be told; they find it with their next sweep'))
  }
  const unwatch = app.functions.watch((projectId, elsewhere) => {
    if (!elsewhere) notify(`${me} ${projectId}`)
  })
  let timer: NodeJS.Timeout | undefined
  let again = false

  function wake(): void {
    again = false
    notify(WAKE)
    timer = setTimeout(() => {
      timer = undefined
      if (again) wake()
    }, APART_MS)
  }

  return {
    send() {
      if (timer) again = true
      else wake()
    },
    async stop() {
      unwatch()
      clearTimeout(timer)
      if (again) notify(WAKE)
      await channel.close()
    },
  }
}
