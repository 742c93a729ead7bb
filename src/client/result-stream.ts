import { ZeroDBError } from './errors.ts'
import { alarm } from './follow.ts'
import { following } from './send.ts'
import { readEvents } from './sse.ts'
import type { JsonCodec, ResultStream } from './transport.ts'

interface Failure {
  code: string
  detail: string
  run_id: string | null
}

/** Reads a result as a stream. `open` is called with the first read, and gets a signal that closes the connection. */
export function createResultStream(
  open: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | undefined,
  json: JsonCodec,
): ResultStream<unknown> {
  let response: ResultStream<unknown>['response'] = null
  let run: { answer: unknown } | undefined
  let failure: unknown = new ZeroDBError({ code: 'misused', detail: 'The stream was left before its end' })
  const chunks = read()

  async function* read(): AsyncGenerator<unknown, void> {
    const closing = following(signal)
    const silence = alarm(() => closing.abort())
    try {
      // The time until the response is limited by the timeout of the call.
      silence.stop()
      const opened = await open(closing.signal)
      silence.restart()
      for await (const part of readEvents(opened.body!, json, silence.restart)) {
        if (part.kind === 'retry') continue
        const { event, data } = part.message
        if (event === 'error') throw failed(data as Failure)
        if (event === 'response') response = data as typeof response
        if (event === 'run') run = { answer: data }
        if (event !== 'chunk') continue
        // The time in which the caller handles a chunk does not count as silence.
        silence.stop()
        yield data
        silence.restart()
      }
      if (run === undefined) throw broken(undefined)
    } catch (error) {
      failure = signal?.aborted ? signal.reason : error instanceof ZeroDBError ? error : broken(error)
      throw failure
    } finally {
      silence.stop()
      closing.abort()
      closing.forget()
    }
  }

  return {
    get response() {
      return response
    },
    [Symbol.asyncIterator]: () => chunks,
    async run() {
      for await (const _ of chunks);
      if (run === undefined) throw failure
      return run.answer
    },
  }
}

function failed({ code, detail, run_id }: Failure): ZeroDBError {
  return new ZeroDBError({ status: 200, code, detail, run_id })
}

function broken(cause: unknown): ZeroDBError {
  const detail = 'The connection ended before the result was complete'
  return new ZeroDBError({ code: 'connection_failed', detail, cause })
}
