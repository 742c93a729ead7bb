import type { App } from '../app.ts'

export interface Timer {
  /** Does the work now, if it is not being done. */
  now(): void
  /** Resolves when the work under way has ended. */
  stop(): Promise<void>
}

/** Calls `work` every `ms`, never twice at a time, until stopped. What it throws is logged. */
export function every(app: App, ms: number, name: string, work: () => Promise<unknown>): Timer {
  let current: Promise<unknown> | undefined
  function now(): void {
    current ??= work()
      .catch((error) => app.log.error({ error }, `${name} failed; it is tried again`))
      .finally(() => {
        current = undefined
      })
  }
  const timer = setInterval(now, ms)
  return {
    now,
    async stop() {
      clearInterval(timer)
      await current
    },
  }
}
