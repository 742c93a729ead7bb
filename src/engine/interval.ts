import type { App } from '../app.ts'

export interface Timer {
  /** Does the work now, if it is not being done. */
  runNow(): void
  /** Resolves when the running work has ended. */
  stop(): Promise<void>
}

/** Calls `work` every `ms`, never twice at a time, until stopped. What it throws is logged. */
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
