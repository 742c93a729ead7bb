import { z } from 'zod'
import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { createProviderClient, FaultyAnswer } from '../net/provider.ts'
import { onAbort } from '../platform/abort.ts'
import type { Embedder } from './index.ts'

const BATCH_TEXTS = 96
const BATCH_BYTES = 200_000
/** Maximum number of concurrent requests. Waiting calls share the next request. */
const REQUESTS = 4
/** Maximum size of a response: 96 vectors of 16,000 numbers with 20 digits, which Python servers write. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024

export interface OpenaiCompatibleOptions {
  baseUrl: string
  /** API key; undefined for a server without authentication. */
  apiKey: string | undefined
  /** The provider's name of the model, stored with every vector. */
  model: string
  /** Expected number of dimensions, which is checked but not sent. If undefined, the number of the first answer. */
  dimensions?: number | undefined
  /** Timeout of one request. */
  timeoutSeconds?: number
  /** Maximum number of UTF-16 units per text. Longer texts are embedded in pieces and averaged. 6,000 fit a context of 8,192 tokens. */
  pieceCharacters?: number
  clock?: { now(): number }
}

/** A call of `embed`. */
interface Call {
  readonly pieces: readonly string[]
  readonly vectors: Float32Array[]
  sent: number
  received: number
  ended: boolean
  resolve(vectors: Float32Array[]): void
  reject(reason: unknown): void
}

interface Item {
  readonly call: Call
  readonly position: number
  readonly text: string
}

const Answer = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.union([z.string(), z.array(z.unknown())]) })),
})

/**
 * Creates the driver for any OpenAI-compatible endpoint. Waiting calls share requests of at most 96 texts and 200 kB and are served in
 * turn. A text that fails does not affect other calls. `dimensions` is 0 until it is configured or known from the first answer, and then
 * fixed: an answer with another number is an error. Number, order, length and finiteness of the vectors are checked. `embed` throws
 * `invalid` for a blank text, `unavailable` after close, the reason of the signal, and the errors of `ProviderClient.post`.
 */
export function openaiCompatible(options: OpenaiCompatibleOptions): Embedder {
  const { model, pieceCharacters = 6000, timeoutSeconds = 30 } = options
  const client = createProviderClient({
    name: 'embedding provider',
    maxResponseBytes: MAX_RESPONSE_BYTES,
    ...options,
    timeoutSeconds,
  })
  let dimensions = options.dimensions ?? 0
  /** Calls with pieces to send; the first one is next. */
  let waiting: Call[] = []
  const running = new Set<{ calls: ReadonlySet<Call>; controller: AbortController }>()
  let senders = 0
  let closed = false

  function nextItems(): Item[] {
    const items: Item[] = []
    let bytes = 0
    for (let call = waiting[0]; call && items.length < BATCH_TEXTS; call = waiting[0]) {
      const text = call.pieces[call.sent]!
      bytes += Buffer.byteLength(text)
      if (items.length > 0 && bytes > BATCH_BYTES) break
      items.push({ call, position: call.sent++, text })
      waiting.shift()
      if (call.sent < call.pieces.length) waiting.push(call)
    }
    return items
  }

  /** Sends requests until no call waits. */
  async function work(): Promise<void> {
    senders++
    // Calls of the same event loop turn share the first request.
    await Promise.resolve()
    for (let items = nextItems(); items.length > 0; items = nextItems()) {
      if (waiting.length > 0 && senders < REQUESTS) void work()
      await send(items)
    }
    senders--
  }

  async function send(items: readonly Item[]): Promise<void> {
    const live = items.filter(({ call }) => !call.ended)
    if (live.length === 0) return
    const calls = new Set(live.map(({ call }) => call))
    const request = { calls, controller: new AbortController() }
    running.add(request)
    try {
      const vectors = await ask(
        live.map(({ text }) => text),
        request.controller.signal,
      )
      for (const [i, { call, position }] of live.entries()) {
        call.vectors[position] = vectors[i]!
        if (++call.received === call.pieces.length) end(call, () => call.resolve(call.vectors))
      }
    } catch (error) {
      running.delete(request)
      const mayBeOfOne = error instanceof NeverRetry || error instanceof FaultyAnswer
      for (const call of calls) {
        if (mayBeOfOne && calls.size > 1) await send(live.filter((item) => item.call === call))
        else end(call, () => call.reject(error))
      }
    } finally {
      running.delete(request)
    }
  }

  /** Aborts requests whose calls have all ended. */
  function end(call: Call, settle: () => void): void {
    if (call.ended) return
    call.ended = true
    waiting = waiting.filter((other) => other !== call)
    settle()
    for (const { calls, controller } of running) if ([...calls].every(({ ended }) => ended)) controller.abort()
  }

  async function ask(input: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    // No other fields: DigitalOcean answers 400 to unknown ones.
    const answer = Answer.safeParse(
      await client.post('/embeddings', { model, input, encoding_format: 'float' }, signal),
    )
    if (!answer.success) throw new FaultyAnswer('The embedding provider answered in an unknown format')
    const { data } = answer.data
    const ordered = [...data].sort((a, b) => a.index - b.index)
    if (data.length !== input.length || ordered.some(({ index }, i) => index !== i))
      throw new FaultyAnswer(
        `The embedding provider answered ${input.length} texts with ${data.length} vectors, or not each with its own`,
      )
    const vectors = ordered.map(({ embedding }) => unit(typeof embedding === 'string' ? decoded(embedding) : embedding))
    checkDimensions(vectors)
    return vectors
  }

  function checkDimensions(vectors: readonly Float32Array[]): void {
    const expected = dimensions || vectors[0]!.length
    const wrong = vectors.find((vector) => vector.length !== expected)
    if (wrong) {
      const message = `The embedding provider's "${model}" answered with ${wrong.length} dimensions instead of ${expected}`
      if (wrong.length !== options.dimensions && options.dimensions !== undefined)
        throw new RetryLater(60, `${message}: configure the number of dimensions of the model`)
      throw new FaultyAnswer(message)
    }
    dimensions = expected
  }

  function vectorsOf(pieces: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    let ignoreSignal = () => {}
    const vectors = new Promise<Float32Array[]>((resolve, reject) => {
      const call: Call = {
        pieces,
        vectors: new Array(pieces.length),
        sent: 0,
        received: 0,
        ended: false,
        resolve,
        reject,
      }
      ignoreSignal = onAbort(signal, () => end(call, () => reject(signal!.reason)))
      waiting.push(call)
      if (senders < REQUESTS) void work()
    })
    return vectors.finally(ignoreSignal)
  }

  return {
    model,
    get dimensions() {
      return dimensions
    },
    async embed(texts, signal) {
      signal?.throwIfAborted()
      if (closed) throw new ZeroError('unavailable', 'The connection to the embedding provider is closed')
      const pieces = texts.map((text) => piecesOf(text, pieceCharacters))
      const blank = pieces.findIndex((parts) => parts.length === 0)
      if (blank !== -1) throw new ZeroError('invalid', `Text ${blank + 1} of ${texts.length} to embed is blank`)
      if (texts.length === 0) return []
      const vectors = await vectorsOf(pieces.flat(), signal)
      return pieces.map((parts) => mean(parts, vectors.splice(0, parts.length)))
    },
    async close() {
      closed = true
      const error = new ZeroError('unavailable', 'The connection to the embedding provider is closed')
      for (const call of [...waiting, ...[...running].flatMap(({ calls }) => [...calls])])
        end(call, () => call.reject(error))
    },
  }
}

/** Splits a text into non-blank pieces of at most `limit` UTF-16 units, at white space if there is some in the second half. */
function piecesOf(text: string, limit: number): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + limit, text.length)
    if (end < text.length) {
      let space = end
      while (space > start + limit / 2 && !/\s/.test(text[space]!)) space--
      if (space > start + limit / 2) end = space
      else if (end > start + 1 && text.codePointAt(end - 1)! > 0xffff) end--
    }
    // Some servers cannot read lone surrogates.
    pieces.push(
      text
        .slice(start, end)
        .replace(/\p{Cs}/gu, '\ufffd')
        .trim(),
    )
    start = end
  }
  return pieces.filter((piece) => piece !== '')
}

/** Decodes base64 of little-endian floats of 4 bytes, which some servers send for any requested encoding. */
function decoded(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length % 4 !== 0)
    throw new FaultyAnswer('The embedding provider answered with a vector that cannot be decoded')
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}

function unit(values: readonly unknown[]): Float32Array {
  let squares = 0
  for (const value of values) squares += typeof value === 'number' ? value * value : Number.NaN
  if (!(squares > 0 && squares < Number.POSITIVE_INFINITY))
    throw new FaultyAnswer(
      'The embedding provider answered with a vector of length 0 or with values that are not numbers',
    )
  const length = Math.sqrt(squares)
  return Float32Array.from(values as number[], (value) => value / length)
}

/** Averages vectors, weighted by the length of their pieces, to a unit vector. */
function mean(parts: readonly string[], vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!
  const sum: number[] = Array(vectors[0]!.length).fill(0)
  for (const [i, vector] of vectors.entries())
    for (let d = 0; d < sum.length; d++) sum[d]! += parts[i]!.length * vector[d]!
  return unit(sum)
}
