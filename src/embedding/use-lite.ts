import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import { lazyWorker } from '../platform/workers.ts'
import { chunks } from './chunks.ts'
import type { Embedder } from './index.ts'

const MODEL = 'use-lite'
const DIMENSIONS = 512
const BATCH_CHUNKS = 32
/** Eight full chunks, about a third of a second: what a short query may have to wait for. Larger batches of long chunks are no faster. */
const BATCH_CHARACTERS = 2400

/** One call of `embed`: its chunks are sent in order, over as many batches as it takes. */
interface Job {
  readonly chunks: readonly string[]
  readonly vectors: Float32Array[]
  sent: number
  received: number
  resolve(vectors: Float32Array[]): void
  reject(reason: unknown): void
}

/**
 * Universal Sentence Encoder lite from an npm package: English, 512 dimensions, no network and no key. The model runs in a thread of its own,
 * which starts with the first call and ends after `idleSeconds` (600 unless given) without one; it takes about half a second to load and
 * 150 to 250 MB. A text of several chunks gets their mean, weighted by length; beyond 200 chunks (some 60,000 characters), that of 200 chunks
 * spread evenly over it. Waiting calls take turns, so a short text is never queued behind the whole of a long one.
 * `embed` throws `invalid` for a blank text, `unavailable` when the model cannot run or is closed, and the signal's reason.
 */
export function useLite({ idleSeconds = 600 }: { idleSeconds?: number } = {}): Embedder {
  const worker = lazyWorker<string[], Float32Array[]>('embedding', idleSeconds)
  /** Jobs with chunks to send; the first one's turn is next. */
  let waiting: Job[] = []
  let sending = false
  let closed = false

  function nextBatch(): { job: Job; position: number; chunk: string }[] {
    const batch = []
    let characters = 0
    while (waiting[0] && batch.length < BATCH_CHUNKS && characters < BATCH_CHARACTERS) {
      const job = waiting.shift()!
      const position = job.sent++
      const chunk = job.chunks[position]!
      batch.push({ job, position, chunk })
      characters += chunk.length
      if (job.sent < job.chunks.length) waiting.push(job)
    }
    return batch
  }

  function fail(job: Job, reason: unknown): void {
    waiting = waiting.filter((other) => other !== job)
    job.reject(reason)
  }

  async function send(): Promise<void> {
    sending = true
    // Calls made in the same turn of the event loop share the first batch.
    await Promise.resolve()
    for (let batch = nextBatch(); batch.length > 0; batch = nextBatch()) {
      try {
        const vectors = await worker
          .call(batch.map(({ chunk }) => chunk))
          .catch((cause) => Promise.reject(explained(cause)))
        if (vectors.length !== batch.length)
          throw new Error(`${MODEL} answered ${batch.length} chunks with ${vectors.length} vectors`)
        for (const [i, { job, position }] of batch.entries()) {
          job.vectors[position] = vectors[i]!
          if (++job.received === job.chunks.length) job.resolve(job.vectors)
        }
      } catch (error) {
        for (const { job } of batch) fail(job, error)
      }
    }
    sending = false
  }

  function explained(cause: unknown): unknown {
    const { fromWorker, whileLoading } = cause as { fromWorker?: boolean; whileLoading?: boolean }
    if (closed) return new ZeroError('unavailable', `The embedding model ${MODEL} is closed`, { cause })
    if (fromWorker && !whileLoading) return cause
    return new ZeroError(
      'unavailable',
      `The embedding model ${MODEL} cannot run: check that the server's npm packages are complete ("npm ci", then "npm run build") and that 300 MB of memory are free`,
      { cause },
    )
  }

  function vectorsOf(chunks: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    let ignoreSignal = () => {}
    const vectors = new Promise<Float32Array[]>((resolve, reject) => {
      const job: Job = { chunks, vectors: new Array(chunks.length), sent: 0, received: 0, resolve, reject }
      ignoreSignal = onAbort(signal, () => fail(job, signal!.reason))
      waiting.push(job)
      if (!sending) void send()
    })
    return vectors.finally(ignoreSignal)
  }

  return {
    model: MODEL,
    dimensions: DIMENSIONS,
    async embed(texts, signal) {
      signal?.throwIfAborted()
      const chunked = texts.map(chunks)
      const blank = chunked.findIndex((parts) => parts.length === 0)
      if (blank !== -1) throw new ZeroError('invalid', `Text ${blank + 1} of ${texts.length} to embed is blank`)
      if (texts.length === 0) return []
      const vectors = await vectorsOf(chunked.flat(), signal)
      return chunked.map((parts) => mean(parts, vectors.splice(0, parts.length)))
    },
    async close() {
      closed = true
      await worker.terminate()
    },
  }
}

/** Of unit length. By length of chunk, so that the few words of a last chunk do not count as much as a full one. */
function mean(parts: readonly string[], vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(DIMENSIONS)
  for (const [i, vector] of vectors.entries()) {
    if (vector.length !== DIMENSIONS)
      throw new Error(`${MODEL} answered with ${vector.length} dimensions in place of ${DIMENSIONS}`)
    const weight = parts[i]!.length
    for (let d = 0; d < DIMENSIONS; d++) sum[d]! += weight * vector[d]!
  }
  const length = Math.hypot(...sum)
  if (!(length > 0 && length < Number.POSITIVE_INFINITY))
    throw new Error(`${MODEL} answered with a vector of length ${length}`)
  return Float32Array.from(sum, (value) => value / length)
}
