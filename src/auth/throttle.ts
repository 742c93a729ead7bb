import type { Clock, Throttle } from '../app.ts'

const MAX_NAMES = 10_000

/**
 * Counts failures by name: after `most` of them within `windowSeconds` the name must wait for the window's end.
 * In the memory of this process.
 */
export function createThrottle(clock: Clock, most: number, windowSeconds: number): Throttle {
  const failures = new Map<string, { count: number; until: number }>()

  function current(name: string) {
    const entry = failures.get(name)
    return entry && entry.until > clock.now() ? entry : undefined
  }
  return {
    waitFor(name) {
      const entry = current(name)
      return entry && entry.count >= most ? Math.ceil((entry.until - clock.now()) / 1000) : 0
    },
    failed(name) {
      if (failures.size >= MAX_NAMES) for (const known of failures.keys()) if (!current(known)) failures.delete(known)
      const entry = current(name)
      if (entry) entry.count++
      else if (failures.size < MAX_NAMES) failures.set(name, { count: 1, until: clock.now() + windowSeconds * 1000 })
    },
    succeeded(name) {
      failures.delete(name)
    },
  }
}
