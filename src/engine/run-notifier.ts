import { onAbort } from '../platform/abort.ts'

/** Notifies waiting code in this process of changes to runs. */
export interface RunNotifier {
  notify(): void
  /** Starts to watch immediately, so that a change before the call of `within` counts. */
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
