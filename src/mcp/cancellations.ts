import { randomUUID } from 'node:crypto'

/** What of a message tells which request it is about. */
interface Message {
  method?: unknown
  params?: { requestId?: unknown } | undefined
}

/**
 * Calls at work of clients that cancel by a request of its own (until 2025-11-25). They count their requests from 0 each, so that it takes a
 * session to tell them apart: its id is all that there is of it. Works where both requests reach this process.
 */
export interface Cancellations {
  newSession(): string
  /** Has `cancel` called when `owner` cancels this request; call the answer when it has ended. */
  begin(owner: string, requestId: unknown, cancel: () => void): () => void
  /** Cancels what these messages ask to be cancelled. */
  take(owner: string, messages: readonly Message[]): void
}

export function createCancellations(): Cancellations {
  const working = new Map<string, () => void>()
  const keyOf = (owner: string, id: unknown) => `${owner} ${typeof id} ${id}`
  return {
    newSession: randomUUID,
    begin(owner, requestId, cancel) {
      const key = keyOf(owner, requestId)
      working.set(key, cancel)
      return () => {
        if (working.get(key) === cancel) working.delete(key)
      }
    },
    take(owner, messages) {
      for (const { method, params } of messages)
        if (method === 'notifications/cancelled') working.get(keyOf(owner, params?.requestId))?.()
    },
  }
}
