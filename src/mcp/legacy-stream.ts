import { onAbort } from '../platform/abort.ts'

const HEARTBEAT_MS = 15_000
const CHANGED = 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n'

/**
 * The stream on which clients of the older protocol wait for word from the server (2025-11-25, basic/transports, "Listening for Messages from
 * the Server"). Ends with `signal`.
 */
export function legacyStream(join: (listener: () => void) => () => void, signal: AbortSignal): Response {
  const encoder = new TextEncoder()
  let leave = () => {}
  let ignoreSignal = () => {}
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text))
      const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS)
      const withdraw = join(() => send(CHANGED))
      leave = () => {
        clearInterval(heartbeat)
        withdraw()
        ignoreSignal()
      }
      function end(): void {
        leave()
        controller.close()
      }
      send(': open\n\n')
      ignoreSignal = onAbort(signal, end)
    },
    cancel: () => leave(),
  })
  const headers = {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  }
  return new Response(body, { headers })
}
