import { ZeroDBError } from './errors.ts'
import { following, sleep } from './send.ts'
import { readEvents } from './sse.ts'
import type { JsonCodec, Message } from './transport.ts'

/** A stream without data for this time counts as lost. The server sends a heartbeat every 15 seconds. */
const SILENCE_MS = 45_000
/** Maximum number of consecutive reconnects without a message. */
const MAX_RECONNECTS = 10

/**
 * Yields the messages of a stream. Reopens a lost stream after the last message with an id, until the message `end` if the stream `ends`,
 * otherwise without limit. `open` gets this id and a signal that closes the connection.
 */
export async function* follow(
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<Response>,
  ends: boolean,
  signal: AbortSignal | undefined,
  json: JsonCodec,
): AsyncGenerator<Message, void> {
  let lastId: string | undefined
  let pauseMs = 2_000
  let reconnects = MAX_RECONNECTS
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
        reconnects = 0
        lastId = part.id ?? lastId
        // The time in which the caller handles a message does not count as silence.
        silence.stop()
        yield part.message
        silence.restart()
        if (ends && part.message.event === 'end') return
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // A failure of the first request is thrown like that of any call. Rejections by the server would repeat.
      if (++reconnects > MAX_RECONNECTS || isRejection(error)) throw error
    } finally {
      silence.stop()
      closing.abort()
      closing.forget()
    }
    await sleep(pauseMs, signal)
  }
}

function isRejection(error: unknown): boolean {
  return error instanceof ZeroDBError && error.status >= 200 && error.status < 500 && error.status !== 429
}

/** Calls `ring` after a time without a restart. */
export function alarm(ring: () => void): { restart(): void; stop(): void } {
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
