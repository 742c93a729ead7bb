import { vi } from 'vitest'

/** Repeats `look` until it does not throw, and returns its result. The default timeout suits a busy machine. */
export function eventually<T>(look: () => T | Promise<T>, timeout = 30_000): Promise<T> {
  return vi.waitFor(look, { timeout, interval: 20 })
}
