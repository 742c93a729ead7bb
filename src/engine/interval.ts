import type { App } from '../app.ts'

export interface Timer {
  /** Starts the work now, unless it is running. */
  runNow(): void
  /** Stops the interval. Resolves when running work has ended. */
  stop(): Promise<void>
}

/** Calls `work` every `ms` until stopped, never concurrently. Logs its errors. */
export function startInterval(app: App, ms: number, name: string, work: () => Promise<unknown>): Timer {
  let current: Promise<unknown> | undefined
  function runNow(): void {
    current ??= work()
      .catch((error) => app.log.error({ error }, `${name} failed; it is tried again`))
      .finally(() => {
        current = undefined
      })
  }
  const timer = setInterval(runNow, ms)
  return {
    runNow: runNow,
    async stop() {
      clearInterval(timer)
      await current
    },
  }
}
