import { setTimeout } from 'node:timers/promises'
import { type Message, toolsChanged } from './message.ts'
import type { Session } from './session.ts'
import { messagesOf, type Transport } from './transport.ts'

/** Delays in seconds before an ended stream is opened again; the last one repeats. */
const RECONNECT_DELAYS = [0.5, 1, 2, 5, 10, 30]

export interface NotificationOptions {
  transport: Transport
  session: Session
  /** Ends all streams. */
  closing: AbortSignal
  /** Sends a message to the client. */
  send(message: Message): void
}

/**
 * Keeps a subscription open across restarts of the server until `stop` or `closing` is aborted. After a reconnect, notifies the client of possibly
 * missed changes.
 */
export async function keepSubscribed(
  request: Message,
  stop: AbortSignal,
  { transport, session, closing, send }: NotificationOptions,
): Promise<void> {
  let isAcknowledged = false
  for (let failures = 0; !stop.aborted && !closing.aborted; failures++) {
    let rejection: Message | undefined
    await transport.post(request, session.newestHeaders(request), stop, (received) => {
      if (received.error) rejection = received
      else if (received.method === 'notifications/subscriptions/acknowledged') {
        failures = 0
        send(isAcknowledged ? toolsChanged(request) : received)
        isAcknowledged = true
      } else if (received.method !== undefined) send(received)
    })
    if (rejection && !isAcknowledged) return send(rejection)
    await waitToReconnect(failures, AbortSignal.any([stop, closing]))
  }
}

/** Keeps the stream open on which a server of an older revision sends notifications, until `closing` is aborted. */
export async function keepNotified({ transport, closing, send }: NotificationOptions): Promise<void> {
  for (let failures = 0, times = 0; !closing.aborted; ) {
    try {
      const response = await transport.openNotifications()
      // The server does not offer such a stream.
      if (response.status === 405) return
      if (response.ok && response.body) {
        if (times++ > 0) send(toolsChanged())
        failures = 0
        for await (const received of messagesOf(response.body)) send(received)
      }
    } catch {
      // The connection failed or was lost: it is opened again after a delay.
    }
    await waitToReconnect(failures++, closing)
  }
}

async function waitToReconnect(failures: number, signal: AbortSignal): Promise<void> {
  const seconds = RECONNECT_DELAYS[Math.min(failures, RECONNECT_DELAYS.length - 1)]!
  await setTimeout(seconds * 1000, undefined, { signal }).catch(() => {})
}
