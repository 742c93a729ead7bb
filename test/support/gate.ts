import type { Embedder } from '../../src/embedding/index.ts'

/** Returns embeddings with one dimension immediately. */
export const instant: Embedder['embed'] = async (texts) => texts.map(() => new Float32Array([1]))

/** An embedder under the control of the test: it records the texts and waits until each of them is opened, failed or aborted. */
export interface Gate {
  embed: Embedder['embed']
  /** Texts in the order of their arrival. */
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
      // Creating a hook embeds this text to load the model.
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
