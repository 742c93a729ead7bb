import { z } from 'zod'
import type { App } from '../app.ts'
import { NeverRetry } from '../errors.ts'
import { memoryStored, remembered, vectorBatchStored, vectorStored } from '../schema/events.ts'
import { defineHandler, type HandlerRun } from './handler.ts'

/** Embeds a stored text that has no embedding. */
export const autoEmbed = defineHandler({
  name: 'auto_embed',
  on: [vectorStored.name, vectorBatchStored.name, memoryStored.name, remembered.name],
  config: z.looseObject({
    model: z.string().min(1).max(255).optional(),
    dimensions: z.number().int().min(1).max(16_000).optional(),
  }),

  warm: (app) => app.embedder.embed(['warm']),

  async run(app, run, config) {
    const used = app.embedder.model
    const requested = config.model ?? used
    if (requested !== used) {
      if (!app.config.modelFallback) {
        throw new NeverRetry(
          `The model "${requested}" is not configured and ZERODB_MODEL_FALLBACK is off: use "${used}", or configure the model`,
        )
      }
      run.log(`the model "${requested}" is not configured: using "${used}" instead`)
    }
    const embedded = await embed(app, run, { used, requested })
    return { requested, used, dimensions: app.embedder.dimensions, embedded }
  },
})

/** Embeds the texts of the event. Returns the number of rows that got an embedding. */
async function embed(app: App, run: HandlerRun, model: { used: string; requested: string }): Promise<number> {
  const { event, ref, project_id, signal } = run
  if (event.event === vectorStored.name || event.event === vectorBatchStored.name) {
    const items = await app.store.vectors.toEmbed(
      project_id,
      event.event === vectorStored.name ? { id: ref } : { batch_id: ref },
    )
    const texts = items.filter((item) => item.document.trim() !== '')
    if (texts.length === 0) return 0
    const embeddings = await app.embedder.embed(
      texts.map((item) => item.document),
      signal,
    )
    return app.store.vectors.setEmbeddings(texts, embeddings, model)
  }
  const memory = await app.store.memories.text(project_id, ref)
  if (
    !memory ||
    memory.has_embedding ||
    memory.content.trim() === '' ||
    app.embedder.canRead?.(memory.content) === false
  )
    return 0
  const [embedding] = await app.embedder.embed([memory.content], signal)
  return (await app.store.memories.setEmbedding(memory.id, embedding!, model)) ? 1 : 0
}
