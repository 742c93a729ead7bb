import { onAbort } from '../platform/abort.ts'

const HEARTBEAT_MS = 15_000
const CHANGED = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'

/**
 * Opens the stream on which clients of the older protocol receive notifications (2025-11-25, basic/transports, "Listening for Messages from the
 * Server"). The stream ends with `signal`.
 */
export function legacyStream(subscribe: (listener: () => void) => () => void, signal: AbortSignal): Response {
  const encoder = new TextEncoder()
  let stop = () => {}
  let ignoreSignal = () => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text))
      const heartbeat = setInterval(() => send(': heartbeat\n\n'), HEARTBEAT_MS)
      const unsubscribe = subscribe(() => send(CHANGED))
      stop = () => {
        clearInterval(heartbeat)
        unsubscribe()
        ignoreSignal()
      }
      function end(): void {
        stop()
        controller.close()
      }
      send(': open\n\n')
      ignoreSignal = onAbort(signal, end)
    },
    cancel: () => stop(),
  })
  const headers = {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  }
  return new Response(body, { headers })
}
