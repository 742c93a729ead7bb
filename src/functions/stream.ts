import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { onAbort } from '../platform/abort.ts'
import { readResponseHead } from '../sandbox/results.ts'
import type { StreamHead, StreamItem, StreamReceiver } from '../schema/streamed-result.ts'

/** Maximum size of a streamed result. */
const MAX_STREAM_BYTES = 100 * 1024 * 1024
const REQUEST = /^stream\.(start|write|left)$/

/**
 * Returns a function that handles the requests of user code that stream the result of one call, and returns undefined for other requests. `signal`
 * is aborted when the call ends. Throws `invalid` for a request in a wrong form, and `too_large` beyond MAX_STREAM_BYTES.
 */
export function createStreamRequests(receiver: StreamReceiver | undefined, runId: string) {
  let head: StreamHead | undefined
  let bytes = 0
  let isWriting = false

  function start(fields: Record<string, unknown>): { accepted: boolean; collected?: boolean } {
    if (head !== undefined) throw new ZeroError('invalid', 'The stream of this call has already started')
    const given = readHead(fields)
    if (!receiver?.start(given, runId)) return { accepted: false }
    head = given
    return { accepted: true, collected: receiver.isCollected ?? false }
  }

  async function write(fields: Record<string, unknown>): Promise<null> {
    if (head === undefined) throw new ZeroError('invalid', 'The stream of this call has not started')
    const item = readItem(fields)
    if (head.kind === 'response' && !('bytes' in item))
      throw new ZeroError('invalid', 'The body of a response consists of bytes')
    bytes += sizeOf(item)
    if (bytes > MAX_STREAM_BYTES)
      throw new ZeroError('too_large', `A streamed result can have at most ${MAX_STREAM_BYTES / 1024 / 1024} MB`)
    // Otherwise user code that does not wait could fill the memory of the server.
    if (isWriting) throw new ZeroError('invalid', 'A stream takes one item at a time')
    isWriting = true
    await receiver!.write(item).finally(() => {
      isWriting = false
    })
    return null
  }

  return (name: string, body: unknown, signal: AbortSignal): Promise<unknown> | undefined => {
    const request = REQUEST.exec(name)?.[1]
    if (request === undefined) return undefined
    const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
    if (request === 'write') return write(fields)
    if (request === 'left') return receiver ? whenAborted([receiver.left, signal]) : whenAborted([signal])
    return new Promise((resolve) => resolve(start(fields)))
  }
}

function readHead(fields: Record<string, unknown>): StreamHead {
  if (fields['kind'] === 'items') return { kind: 'items' }
  try {
    return { kind: 'response', ...readResponseHead(fields) }
  } catch (error) {
    throw new ZeroError('invalid', `The result is not valid: ${(error as Error).message}`)
  }
}

/** Size in bytes of an item, as it is sent. */
function sizeOf(item: StreamItem): number {
  if ('bytes' in item) return item.bytes.length
  return Buffer.byteLength('text' in item ? item.text : stringifyJson(item.json))
}

function readItem({ bytes, text, json }: Record<string, unknown>): StreamItem {
  if (typeof bytes === 'string') return { bytes: Buffer.from(bytes, 'base64') }
  return typeof text === 'string' ? { text } : { json: json ?? null }
}

/** Resolves with null when one of the signals is aborted. */
function whenAborted(signals: readonly AbortSignal[]): Promise<null> {
  return new Promise((resolve) => {
    for (const signal of signals) onAbort(signal, () => resolve(null))
  })
}
