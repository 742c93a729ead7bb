import type { App } from '../app.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'

const WINDOW_MS = 60_000
/** Maximum number of watched rows. Above this, the oldest window is dropped. */
const MAX_WATCHED = 10_000

export interface LoopGuard {
  /** Returns the reason if the run must not be executed because its hook ran too often for the same row; null otherwise. */
  tooOften(run: OwnedRun): string | null
}

/**
 * Limits loops through external systems, in which no chain connects the events: the hook causes an event that triggers it again for the
 * same row. Counts the first attempts per hook, row and minute in this process.
 */
export function createLoopGuard({ clock, config }: Pick<App, 'clock' | 'config'>): LoopGuard {
  const windows = new Map<string, { began: number; count: number }>()
  return {
    tooOften(run) {
      if (run.hook_id === null || run.synthetic || run.attempts - run.base_attempts > 1) return null
      const name = `${run.hook_id} ${run.ref}`
      const now = clock.now()
      let window = windows.get(name)
      if (!window || now - window.began >= WINDOW_MS) {
        windows.delete(name)
        window = { began: now, count: 0 }
        windows.set(name, window)
        if (windows.size > MAX_WATCHED) windows.delete(windows.keys().next().value!)
      }
      window.count++
      if (window.count <= config.loopLimit) return null
      return `This hook has run more than ${config.loopLimit} times within a minute for the same row (ZERODB_LOOP_LIMIT): it may set off itself`
    },
  }
}
