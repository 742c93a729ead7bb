import { onAbort } from '../platform/abort.ts'

/** Lets many wait until something has happened in this process. */
export interface RunNotifier {
  notify(): void
  /** Begins to watch at once: what happens before `within` is called counts. */
  next(): { within(ms: number, signal?: AbortSignal): Promise<void>; forget(): void }
}

export function createRunNotifier(): RunNotifier {
  const watchers = new Set<() => void>()
  return {
    notify() {
      for (const wakeUp of watchers) wakeUp()
    },
    next() {
      let wakeUp = () => {}
      const change = new Promise<void>((resolve) => {
        wakeUp = resolve
      })
      watchers.add(wakeUp)
      return {
        async within(ms, signal) {
          const timer = setTimeout(wakeUp, ms)
          const ignoreSignal = onAbort(signal, wakeUp)
          await change
          ignoreSignal()
          clearTimeout(timer)
          watchers.delete(wakeUp)
        },
        forget: () => watchers.delete(wakeUp),
      }
    },
  }
}
