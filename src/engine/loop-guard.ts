import type { App } from '../app.ts'
import type { OwnedRun } from '../store/queue/owned-run.ts'

const WINDOW_MS = 60_000
/** More rows than this are not watched at once; the oldest window is forgotten. */
const MAX_WATCHED = 10_000

export interface LoopGuard {
  /** Why the run must not be executed: its hook has had too many runs about one row of late. Null when it may. */
  tooOften(run: OwnedRun): string | null
}

/**
 * Bounds loops that go through the outside world, where no chain can be followed: a hook that is set off by what it has caused comes back to
 * the same row again and again. Counts the first attempts per (hook, row) and minute, in this process.
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
