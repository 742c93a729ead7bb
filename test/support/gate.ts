import type { Embedder } from '../../src/embedding/index.ts'

/** Embeds at once, with one dimension. */
export const instant: Embedder['embed'] = async (texts) => texts.map(() => new Float32Array([1]))

/** An embedder that waits: it tells which texts have come, and lets each of them go on, fail, or be aborted. */
export interface Gate {
  embed: Embedder['embed']
  /** In the order in which they came. */
  readonly started: string[]
  readonly aborted: string[]
  open(text: string): void
  fail(text: string, message?: string): void
}

export function gated(): Gate {
  const started: string[] = []
  const aborted: string[] = []
  const waiting = new Map<string, { resolve(): void; reject(error: Error): void }>()
  return {
    started,
    aborted,
    async embed(texts, signal) {
      // What a hook's making loads the model with.
      if (texts[0] === 'warm') return instant(texts)
      started.push(...texts)
      await new Promise<void>((resolve, reject) => {
        for (const text of texts) waiting.set(text, { resolve, reject })
        signal?.addEventListener('abort', () => {
          aborted.push(...texts)
          reject(signal.reason as Error)
        })
      })
      return instant(texts)
    },
    open: (text) => waiting.get(text)!.resolve(),
    fail: (text, message = 'model down') => waiting.get(text)!.reject(new Error(message)),
  }
}
