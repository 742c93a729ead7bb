import { openaiCompatible } from './openai-compatible.ts'
import { useLite } from './use-lite.ts'

/** Turns texts into vectors. Vectors of different `model`s are never comparable. */
export interface Embedder {
  /** Stored beside every vector that this embedder makes. */
  readonly model: string
  /** 0 until the first answer, where it is neither built in nor configured. */
  readonly dimensions: number
  /**
   * One unit-length vector of `dimensions` floats per text, in the same order. Texts of any length up to 1 MB, none of them blank;
   * a long text is embedded in chunks and averaged. Calls that overlap are batched together.
   * Throws `unavailable` when the model cannot be loaded; a driver that asks a provider throws `RetryLater` and `NeverRetry`.
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>
  close(): Promise<void>
}

/** Every embedding driver, by the name that configuration uses. */
export const EMBEDDERS = { 'use-lite': useLite, 'openai-compatible': openaiCompatible }
