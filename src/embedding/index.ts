import { openaiCompatible } from './openai-compatible.ts'
import { useLite } from './use-lite.ts'

/** Converts texts to vectors. Vectors of different `model`s are not comparable. */
export interface Embedder {
  /** Name of the model, stored with every vector. */
  readonly model: string
  /** Number of dimensions. 0 until the first answer if it is neither built in nor configured. */
  readonly dimensions: number
  /**
   * Returns one unit vector of `dimensions` floats per text, in the same order. Texts can have up to 1 MB and must not be blank. A long text is
   * embedded in chunks, whose vectors are averaged. Concurrent calls are batched. Throws `unavailable` if the model cannot be loaded; drivers for
   * a provider also throw `RetryLater` and `NeverRetry`.
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>
  /** Returns false for a text in a script that the model does not know: all such texts have nearly the same vector. Absent: it reads all. */
  canRead?(text: string): boolean
  close(): Promise<void>
}

/** Embedding drivers by their name in the configuration. */
export const EMBEDDERS = { 'use-lite': useLite, 'openai-compatible': openaiCompatible }
