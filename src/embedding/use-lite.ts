import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import { lazyWorker } from '../platform/workers.ts'
import { chunks } from './chunks.ts'
import type { Embedder } from './index.ts'

const MODEL = 'use-lite'
const DIMENSIONS = 512
const BATCH_CHUNKS = 32
/** Eight full chunks, about a third of a second, which a short query may have to wait. Larger batches of long chunks are not faster. */
const BATCH_CHARACTERS = 2400

/** A call of `embed`. Its chunks are sent in order, in one or more batches. */
interface Job {
  readonly chunks: readonly string[]
  readonly vectors: Float32Array[]
  sent: number
  received: number
  resolve(vectors: Float32Array[]): void
  reject(reason: unknown): void
}

/**
 * Creates the driver for Universal Sentence Encoder lite from an npm package: English, 512 dimensions, without network and key. The model
 * runs in a worker thread that starts with the first call and ends after `idleSeconds` (600 by default) without calls. Loading takes half a
 * second and 150 to 250 MB. The vector of a text is the mean of its chunks, weighted by length. Of more than 200 chunks (about 60,000
 * characters), only 200 evenly spread chunks count. Waiting calls are served in turn, so a short text does not wait for all of a long one.
 * `embed` throws `invalid` for a blank text, `unavailable` if the model cannot run or is closed, and the reason of the signal.
 */
export function useLite({ idleSeconds = 600 }: { idleSeconds?: number } = {}): Embedder {
  const worker = lazyWorker<string[], Float32Array[]>('embedding', idleSeconds)
  /** Jobs with chunks to send; the first one is next. */
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
    // Calls of the same event loop turn share the first batch.
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
    canRead,
    async close() {
      closed = true
      await worker.terminate()
    },
  }
}

/** Returns whether at least half of the letters of a text are Latin. The vocabulary of the model has hardly any others. */
function canRead(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0
  return 2 * latin >= letters
}

/** Averages vectors to a unit vector, weighted by length, so that a short last chunk counts less than a full one. */
function mean(parts: readonly string[], vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(DIMENSIONS)
  for (const [i, vector] of vectors.entries()) {
    if (vector.length !== DIMENSIONS)
      throw new Error(`${MODEL} answered with ${vector.length} dimensions instead of ${DIMENSIONS}`)
    const weight = parts[i]!.length
    for (let d = 0; d < DIMENSIONS; d++) sum[d]! += weight * vector[d]!
  }
  const length = Math.hypot(...sum)
  if (!(length > 0 && length < Number.POSITIVE_INFINITY))
    throw new Error(`${MODEL} answered with a vector of length ${length}`)
  return Float32Array.from(sum, (value) => value / length)
}
