import { setTimeout } from 'node:timers/promises'
import type { App } from '../app.ts'
import { NeverRetry, ZeroError } from '../errors.ts'

/** Number of texts in one call of the model. */
const TEXTS_AT_ONCE = 32
/** Pause after the model was not available. */
const PAUSE_MS = 30_000

/**
 * Embeds remembered texts that have no embedding. The texts themselves are the queue, so a crash loses nothing. It emits no events and
 * creates no runs. `embed` returns whether it has done anything; a round ends when no text is left, when the process stops, or when the model is not available.
 */
export function createMemoryEmbedder(app: App): { embed(): Promise<boolean> } {
  const { embedder, store } = app
  const { memoryEmbeddings } = store
  let hasReset = false
  let pausedUntil = 0

  async function embedBatch(): Promise<boolean> {
    const found = await memoryEmbeddings.missing(TEXTS_AT_ONCE)
    const isReadable = ({ content }: { content: string }) =>
      content.trim() !== '' && (embedder.canRead?.(content) ?? true)
    const unreadable = found.filter((memory) => !isReadable(memory)).map(({ id }) => id)
    if (unreadable.length > 0) await memoryEmbeddings.markUnreadable(unreadable, embedder.model)
    const texts = found.filter(isReadable)
    if (texts.length > 0) await embedTexts(texts)
    return found.length > 0
  }

  /** Embeds the texts together; if the model refuses them, one by one, to find out which it refuses. */
  async function embedTexts(texts: readonly { id: string; content: string }[]): Promise<void> {
    const ids = texts.map(({ id }) => id)
    try {
      const embeddings = await embedder.embed(texts.map(({ content }) => content))
      await memoryEmbeddings.keep(ids, embeddings, embedder.model)
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (texts.length > 1) for (const text of texts) await embedTexts([text])
      else {
        app.log.warn({ error, memory_id: ids[0] }, 'the embedding model refuses a memory: recall finds it by its words')
        await memoryEmbeddings.markUnreadable(ids, embedder.model)
      }
    }
  }

  return {
    async embed() {
      if (!app.config.memoryEmbed || performance.now() < pausedUntil) return false
      try {
        if (!hasReset) await memoryEmbeddings.retryOthers(embedder.model)
        hasReset = true
        let hasWorked = false
        while (!app.runs.draining()) {
          const started = performance.now()
          if (!(await embedBatch())) break
          hasWorked = true
          // Leaves half of the time to other work: after an upgrade, many memories can wait.
          await setTimeout(performance.now() - started)
        }
        return hasWorked
      } catch (error) {
        pausedUntil = performance.now() + PAUSE_MS
        throw error
      }
    },
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof NeverRetry || (error instanceof ZeroError && error.code === 'invalid')
