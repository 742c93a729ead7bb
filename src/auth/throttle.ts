import type { Clock, Throttle } from '../app.ts'

const MAX_NAMES = 10_000

/**
 * Creates a throttle that counts in the memory of this process. A name that was counted `limit` times within `windowSeconds` has to wait
 * until the window ends. A full table evicts the oldest of the names with the lowest counts. A flood of new names therefore does not
 * release the names that have to wait.
 */
export function createThrottle(clock: Clock, limit: number, windowSeconds: number): Throttle {
  const counts = new Map<string, { count: number; until: number }>()
  /** Names grouped by count, oldest first. The last group has all names with `limit` or more. */
  const byCount = Array.from({ length: limit + 1 }, () => new Set<string>())

  function remove(name: string): void {
    const entry = counts.get(name)
    if (!entry) return
    counts.delete(name)
    byCount[entry.count]!.delete(name)
  }

  function current(name: string) {
    const entry = counts.get(name)
    if (!entry || entry.until > clock.now()) return entry
    remove(name)
    return undefined
  }

  function makeRoom(): void {
    for (const names of byCount) for (const name of names) if (current(name)) break
    if (counts.size < MAX_NAMES) return
    const [oldest] = byCount.find((names) => names.size > 0)!
    remove(oldest!)
  }

  return {
    waitFor(name) {
      const entry = current(name)
      return entry && entry.count >= limit ? Math.ceil((entry.until - clock.now()) / 1000) : 0
    },
    count(name) {
      const known = current(name)
      const count = Math.min((known?.count ?? 0) + 1, limit)
      const until = known?.until ?? clock.now() + windowSeconds * 1000
      remove(name)
      if (counts.size >= MAX_NAMES) makeRoom()
      counts.set(name, { count, until })
      byCount[count]!.add(name)
    },
    clear: remove,
  }
}
