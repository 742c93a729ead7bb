import { z } from 'zod'
import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { createProviderClient, FaultyAnswer } from '../net/provider.ts'
import { onAbort } from '../platform/abort.ts'
import type { Embedder } from './index.ts'

const BATCH_TEXTS = 96
const BATCH_BYTES = 200_000
/** Requests under way at once. Calls that have to wait for one of them go into the next together. */
const REQUESTS = 4
/** The longest that Python servers write: 96 vectors of 16,000 numbers with 20 digits. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024

export interface OpenaiCompatibleOptions {
  baseUrl: string
  /** Undefined for a server that asks for none. */
  apiKey: string | undefined
  /** The provider's name for it, stored beside every vector. */
  model: string
  /** What the model gives; undefined: whatever its first answer has. It is checked and never sent. */
  dimensions?: number | undefined
  /** For one request. */
  timeoutSeconds?: number
  /** UTF-16 units that the model surely reads in one text; more are embedded in pieces and averaged. 6,000 fit a context of 8,192 tokens. */
  pieceCharacters?: number
  clock?: { now(): number }
}

/** One call of `embed`. */
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
 * The model of any OpenAI-compatible endpoint. Waiting calls share requests of at most 96 texts and 200 kB and take turns; what one call's
 * text makes fail does not fail the others. `dimensions` is 0 until it is configured or the first answer is there, and does not change after
 * that: an answer of another length is an error. Nothing is trusted: number, order, length and finiteness of the vectors are checked.
 * `embed` throws `invalid` for a blank text, `unavailable` when closed, the signal's reason, and what `ProviderClient.post` throws.
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
  /** Calls with pieces to send; the first one's turn is next. */
  let waiting: Call[] = []
  const underWay = new Set<{ calls: ReadonlySet<Call>; controller: AbortController }>()
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

  /** Keeps sending until nothing waits. */
  async function work(): Promise<void> {
    senders++
    // Calls made in the same turn of the event loop share the first request.
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
    underWay.add(request)
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
      underWay.delete(request)
      const mayBeOfOne = error instanceof NeverRetry || error instanceof FaultyAnswer
      for (const call of calls) {
        if (mayBeOfOne && calls.size > 1) await send(live.filter((item) => item.call === call))
        else end(call, () => call.reject(error))
      }
    } finally {
      underWay.delete(request)
    }
  }

  /** Requests whose every call has ended are given up. */
  function end(call: Call, settle: () => void): void {
    if (call.ended) return
    call.ended = true
    waiting = waiting.filter((other) => other !== call)
    settle()
    for (const { calls, controller } of underWay) if ([...calls].every(({ ended }) => ended)) controller.abort()
  }

  async function ask(input: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    // No other field: DigitalOcean answers 400 to those that it does not know.
    const answer = Answer.safeParse(
      await client.post('/embeddings', { model, input, encoding_format: 'float' }, signal),
    )
    if (!answer.success) throw new FaultyAnswer('The embedding provider answered in an unknown form')
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
      const message = `The embedding provider's "${model}" answered with ${wrong.length} dimensions in place of ${expected}`
      if (wrong.length !== options.dimensions && options.dimensions !== undefined)
        throw new RetryLater(60, `${message}: the configured number must be that of the model`)
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
      for (const call of [...waiting, ...[...underWay].flatMap(({ calls }) => [...calls])])
        end(call, () => call.reject(error))
    },
  }
}

/** In reading order, each of at most `limit` UTF-16 units and none blank; cut at white space where there is some in the second half. */
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
    // Half a character is no text that every server can read.
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

/** Little-endian floats of 4 bytes, which some servers send whatever they are asked for. */
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
    throw new FaultyAnswer('The embedding provider answered with a vector without direction, or not of numbers')
  const length = Math.sqrt(squares)
  return Float32Array.from(values as number[], (value) => value / length)
}

/** Of unit length, by length of piece. */
function mean(parts: readonly string[], vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!
  const sum: number[] = Array(vectors[0]!.length).fill(0)
  for (const [i, vector] of vectors.entries())
    for (let d = 0; d < sum.length; d++) sum[d]! += parts[i]!.length * vector[d]!
  return unit(sum)
}
