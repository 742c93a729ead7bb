import type { App } from '../app.ts'

/** Pause after a failure of the database. */
const RETRY_MS = 1_000

export interface BatchWriter<Item> {
  add(item: Item): void
  /** Returns the items that are not yet written. */
  pending(): readonly Item[]
  /** Resolves when nothing is pending; undefined if nothing is pending now. */
  writing(): Promise<void> | undefined
  /** From now on, a batch that cannot be written is dropped and not retried. */
  stop(): void
}

export interface BatchWriterOptions<Item> {
  log: App['log']
  /** How long the first item of a batch waits for others. A crash can lose the items of this time. */
  waitMs: number
  maxItems: number
  write(batch: readonly Item[]): Promise<void>
  /**
   * Returns whether the values of an item can cause `error`. If so, the items are written one by one, so that the other items are not
   * blocked.
   */
  isItemError(error: unknown): boolean
  /** Writes as much as possible of an item that cannot be written. */
  writeReduced(item: Item, error: unknown): Promise<void>
  /** Called after each attempt to write a batch. */
  onWritten(batch: readonly Item[]): void
}

/** Collects items for a few milliseconds and writes them together, because a statement costs about the same for one or many results. */
export function createBatchWriter<Item>(options: BatchWriterOptions<Item>): BatchWriter<Item> {
  const { log, waitMs, maxItems, write, isItemError, writeReduced, onWritten } = options
  let items: Item[] = []
  let writing: Promise<void> | undefined
  let isStopped = false

  async function writeAll(): Promise<void> {
    await pause(waitMs)
    while (items.length > 0) {
      const batch = items.slice(0, maxItems)
      try {
        await writeBatch(batch)
        items = items.slice(batch.length)
      } catch (error) {
        log.error({ error }, 'results cannot be written; trying again')
        await pause(RETRY_MS)
        // The database is stopping too. The next start recovers the runs without an owner.
        if (isStopped) items = []
      }
      onWritten(batch)
    }
    writing = undefined
  }

  async function writeBatch(batch: readonly Item[]): Promise<void> {
    try {
      await write(batch)
    } catch (error) {
      if (!isItemError(error)) throw error
      if (batch.length === 1) await writeReduced(batch[0]!, error)
      else for (const item of batch) await writeBatch([item])
    }
  }

  return {
    add(item) {
      items.push(item)
      writing ??= writeAll()
    },
    pending: () => items,
    writing: () => writing,
    stop() {
      isStopped = true
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
