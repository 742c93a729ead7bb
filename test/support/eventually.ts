import { vi } from 'vitest'

/** What `look` returns, once it does not throw: for what happens in its own time. As long as a busy machine may need, unless told otherwise. */
export function eventually<T>(look: () => T | Promise<T>, timeout = 30_000): Promise<T> {
  return vi.waitFor(look, { timeout, interval: 20 })
}
