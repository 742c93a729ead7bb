import type { App } from '../app.ts'

/** Vectors of one number of dimensions from which on an index pays. Early on the embedded database, whose only connection a build blocks. */
const INDEX_AT = { pglite: 1_000, postgres: 5_000 }
/** An upload that has stored its bytes and not yet its row is left alone for this long. */
const ORPHAN_SECONDS = 3_600

/** Maintenance without a deadline: builds indexes that pay, deletes expired answers and blobs that no file refers to. */
export async function keepHouse(app: App): Promise<void> {
  for (const dims of await app.store.vectors.dimsWithoutIndex(INDEX_AT[app.store.kind])) {
    app.log.info({ dims }, 'building a vector index')
    await app.store.vectors.buildIndex(dims, app.store.kind === 'postgres')
  }
  await app.store.idempotency.expire()
  await app.blobs.collect((blobs) => app.store.files.blobsInUse(blobs), ORPHAN_SECONDS)
}
