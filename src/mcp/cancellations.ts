import { randomUUID } from 'node:crypto'

/** The fields of a message that identify the cancelled request. */
interface Message {
  method?: unknown
  params?: { requestId?: unknown } | undefined
}

/**
 * Running calls of clients that cancel with a separate notification (revisions until 2025-11-25). Every client numbers its requests from 0, so a
 * session id tells the clients apart; no other session state exists. Both requests must reach the same process.
 */
export interface Cancellations {
  newSession(): string
  /** Registers `cancel` to be called when `owner` cancels the request. Call the returned function when the request ends. */
  register(owner: string, requestId: unknown, cancel: () => void): () => void
  /** Handles the cancel notifications among the messages. */
  handle(owner: string, messages: readonly Message[]): void
}

export function createCancellations(): Cancellations {
  const running = new Map<string, () => void>()
  const keyOf = (owner: string, id: unknown) => `${owner} ${typeof id} ${id}`
  return {
    newSession: randomUUID,
    register(owner, requestId, cancel) {
      const key = keyOf(owner, requestId)
      running.set(key, cancel)
      return () => {
        if (running.get(key) === cancel) running.delete(key)
      }
    },
    handle(owner, messages) {
      for (const { method, params } of messages)
        if (method === 'notifications/cancelled') running.get(keyOf(owner, params?.requestId))?.()
    },
  }
}
