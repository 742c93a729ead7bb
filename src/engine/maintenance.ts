import { setTimeout } from 'node:timers/promises'
import type { App } from '../app.ts'
import { MAX_FULL_INDEX_DIMS, MAX_HALF_INDEX_DIMS } from '../store/data/embedding-indexes.ts'
import type { Store } from '../store/index.ts'
import type { Expired, Keep } from '../store/queue/maintenance.ts'

const DAY_SECONDS = 86_400
/** Maximum duration of a round. The next round continues. */
const ROUND_MS = 20_000

export interface Retention {
  /** Deletes expired rows in steps. Pauses after each step for as long as it took, so that other work can use the database. */
  expire(): Promise<Expired>
}

export function createRetention(app: App): Retention {
  const { retentionDays, deadRetentionDays } = app.config
  const keep: Keep = { seconds: secondsOf(retentionDays), deadSeconds: secondsOf(deadRetentionDays) }
  /** The number of the event after which the next round continues. */
  let after = 0

  return {
    async expire() {
      const expired: Expired = { runs: 0, events: 0 }
      if (keep.seconds === null && keep.deadSeconds === null) return expired
      const began = performance.now()
      const left = () => !app.runs.draining() && performance.now() - began < ROUND_MS

      async function step<Done extends Expired>(work: () => Promise<Done>): Promise<Done> {
        const started = performance.now()
        const done = await work()
        expired.runs += done.runs
        expired.events += done.events
        await setTimeout(performance.now() - started)
        return done
      }

      while (left() && (await step(() => app.store.maintenance.expireOthers(keep))).more);
      while (left()) {
        const { through } = await step(() => app.store.maintenance.expireEvents(after, keep))
        after = through ?? 0
        if (through === null) break
      }
      if (expired.runs + expired.events > 0) app.log.info(expired, 'deleted what was kept long enough')
      return expired
    },
  }
}

function secondsOf(days: number): number | null {
  return days === 0 ? null : days * DAY_SECONDS
}

/**
 * Number of vectors with the same dimensions at which an index is built. Lower on the embedded database, because a build blocks its only
 * connection.
 */
const INDEX_AT = { pglite: 1_000, postgres: 5_000 }
/** Only servers have indexes of half precision: the embedded database holds few vectors, and compares them exactly. */
const MAX_INDEX_DIMS = { pglite: MAX_FULL_INDEX_DIMS, postgres: MAX_HALF_INDEX_DIMS }
/** An upload stores its bytes before its row. Blobs younger than this are not deleted, even if no row refers to them. */
const ORPHAN_SECONDS = 3_600
/** A wheel of a Python package that no function uses is deleted after this time. */
const UNUSED_WHEEL_SECONDS = 86_400

/** Maximum number of instant databases that one round deletes. */
const DATABASES_AT_ONCE = 100

/** Builds vector indexes, and deletes expired responses, expired instant databases and unused blobs. This work has no deadline. */
export async function runMaintenance(app: App): Promise<void> {
  const { kind, vectorSearch, memoryEmbeddings } = app.store
  await buildIndexes(app, vectorSearch, 'vectors', MAX_INDEX_DIMS[kind])
  await buildIndexes(app, memoryEmbeddings, 'memories', MAX_FULL_INDEX_DIMS)
  await app.store.idempotency.expire()
  await app.store.uploads.removeExpired()
  await removeExpiredDatabases(app)
  await app.store.wheels.removeUnused(UNUSED_WHEEL_SECONDS)
  await app.blobs.collect((blobs) => app.store.files.blobsInUse(blobs), ORPHAN_SECONDS)
}

/** Builds and removes declared indexes of tables, in steps. Pauses after each for as long as it took, for other work. */
export async function advanceRowIndexes(app: App): Promise<void> {
  for (;;) {
    const started = performance.now()
    const isAdvanced = await app.store.transaction((tx) => tx.rowIndexes.advance())
    if (!isAdvanced || app.runs.draining()) return
    await setTimeout(performance.now() - started)
  }
}

/** Builds the missing indexes of the embeddings of a table. */
async function buildIndexes(
  app: App,
  indexes: Pick<Store['vectorSearch'], 'dimsWithoutIndex' | 'buildIndex'>,
  embeddings: string,
  maxDims: number,
): Promise<void> {
  const { kind } = app.store
  for (const dims of await indexes.dimsWithoutIndex(INDEX_AT[kind], maxDims)) {
    app.log.info({ dims, embeddings }, 'building an index of embeddings')
    await indexes.buildIndex(dims, kind === 'postgres')
  }
}

/** Deletes expired instant databases, one per transaction. */
async function removeExpiredDatabases(app: App): Promise<void> {
  let removed = 0
  while (removed < DATABASES_AT_ONCE && !app.runs.draining()) {
    if (!(await app.store.transaction((tx) => tx.instantDatabases.removeExpired()))) break
    removed++
  }
  if (removed === 0) return
  app.store.keys.forgetCached()
  app.log.info({ removed }, 'deleted expired instant databases')
}
