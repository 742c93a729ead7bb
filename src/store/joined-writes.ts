import { DbError } from '../db/sql.ts'
import type { Scope } from './context.ts'

/** Number of statements of one key that run at once; further writes wait for one of them to end. */
const MAX_RUNNING = 2
/** Number of waiting writes that one statement takes. */
const MAX_JOINED = 64
/** A large write gains nothing from company. */
const MAX_JOINED_CHARACTERS = 262_144

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

interface Writes<Item, Result> {
  one(item: Item): Promise<Result>
  all(items: readonly Item[]): Promise<readonly Result[]>
  sizeOf(item: Item): number
}

/** Writes of one scope that are running or wait. */
class JoinedWrites<Item, Result> {
  readonly #writes: Writes<Item, Result>
  #running = 0
  #waiting: Waiting<Item, Result>[] = []
  /** Number of callers. */
  callers = 0

  constructor(writes: Writes<Item, Result>) {
    this.#writes = writes
  }

  write(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#startNext()
    })
  }

  #startNext(): void {
    while (this.#running < MAX_RUNNING && this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      this.#running++
      void this.#writeBatch(batch).finally(() => {
        this.#running--
        this.#startNext()
      })
    }
  }

  #takeBatch(): Waiting<Item, Result>[] {
    let size = 0
    let count = 0
    for (const { item } of this.#waiting.slice(0, MAX_JOINED)) {
      size += this.#writes.sizeOf(item)
      if (count > 0 && size > MAX_JOINED_CHARACTERS) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #writeBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const { one, all } = this.#writes
    const writeEach = () => Promise.all(batch.map(({ item, resolve, reject }) => one(item).then(resolve, reject)))
    if (batch.length === 1) {
      await writeEach()
      return
    }
    try {
      const results = await all(batch.map(({ item }) => item))
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!)
    } catch (error) {
      if (hasWrittenNothing(error)) await writeEach()
      else for (const { reject } of batch) reject(error)
    }
  }
}

/** Returns whether a failed statement certainly wrote nothing. After a lost connection that is unknown, and the write must not be repeated. */
function hasWrittenNothing(error: unknown): boolean {
  return error instanceof DbError
}

/**
 * Joins small writes of many callers in a scope: writes that wait while `MAX_RUNNING` others are running are sent in one statement. A lone
 * write is sent at once.
 *
 * `one` writes one item. `all` writes several, all or none, and returns their results in order. If one item makes it fail, each is written by
 * `one`, so that each caller gets the result or the error for its item. Writes with a cause or a trace are sent alone, because their events
 * store these.
 */
export function joinedByScope<Item, Result>(
  one: (scope: Scope, item: Item) => Promise<Result>,
  all: (scope: Scope, items: readonly Item[]) => Promise<readonly Result[]>,
  sizeOf: (item: Item) => number,
): (scope: Scope, item: Item) => Promise<Result> {
  const scopes = new Map<string, JoinedWrites<Item, Result>>()
  return async (scope, item) => {
    if (scope.cause || scope.trace) return one(scope, item)
    const key = `${scope.user_id} ${scope.project_id} ${scope.writes_data ?? false}`
    const writes =
      scopes.get(key) ??
      new JoinedWrites<Item, Result>({ one: (each) => one(scope, each), all: (items) => all(scope, items), sizeOf })
    scopes.set(key, writes)
    writes.callers++
    try {
      return await writes.write(item)
    } finally {
      if (--writes.callers === 0) scopes.delete(key)
    }
  }
}
