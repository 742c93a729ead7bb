import { ZeroDBError } from './errors.ts'
import { following, sleep } from './send.ts'
import { readEvents } from './sse.ts'
import type { JsonCodec, Message } from './transport.ts'

/** The server sends a sign of life every 15 seconds. */
const SILENCE_MS = 45_000
/** How often a stream that has been cut off is opened again without a single message. */
const MAX_REOPENINGS = 10

/**
 * The messages of a stream. One that is cut off is opened again behind the last message that had an id: until its `end`, or for ever when it
 * has none. `open` is given that id, and a signal that closes the connection.
 */
export async function* follow(
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<Response>,
  ends: boolean,
  signal: AbortSignal | undefined,
  json: JsonCodec,
): AsyncGenerator<Message, void> {
  let lastId: string | undefined
  let pauseMs = 2_000
  let reopenings = MAX_REOPENINGS
  for (;;) {
    const closing = following(signal)
    const silence = alarm(() => closing.abort())
    try {
      const response = await open(lastId, closing.signal)
      for await (const part of readEvents(response.body!, json, silence.restart)) {
        if (part.kind === 'retry') {
          pauseMs = part.ms
          continue
        }
        reopenings = 0
        lastId = part.id ?? lastId
        // Whoever takes time over a message must not make the server look silent.
        silence.stop()
        yield part.message
        silence.restart()
        if (ends && part.message.event === 'end') return
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // The first opening is as any other call; and what the server refuses it will refuse again.
      if (++reopenings > MAX_REOPENINGS || isRefusal(error)) throw error
    } finally {
      silence.stop()
      closing.abort()
      closing.forget()
    }
    await sleep(pauseMs, signal)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ZeroDBError && error.status >= 200 && error.status < 500 && error.status !== 429
}

function alarm(ring: () => void): { restart(): void; stop(): void } {
  let timer = setTimeout(ring, SILENCE_MS)
  const stop = () => clearTimeout(timer)
  return {
    restart() {
      stop()
      timer = setTimeout(ring, SILENCE_MS)
    },
    stop,
  }
}
