import type { ConcurrencyLimiter, PreparedFunction } from '../app.ts'
import type { Config } from '../config.ts'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'

const RETRY_SECONDS = 1

/** Counts what is at work in this process. */
export function createConcurrencyLimiter({
  projectLimit,
  sandboxConcurrency,
}: Pick<Config, 'projectLimit' | 'sandboxConcurrency'>): ConcurrencyLimiter {
  const programLimit = Math.max(1, Math.floor(sandboxConcurrency / 2))
  const running = new Map<string, number>()
  const waiting = new Set<() => void>()

  const of = (name: string) => running.get(name) ?? 0
  const add = (name: string, n: number) => {
    const count = of(name) + n
    if (count === 0) running.delete(name)
    else running.set(name, count)
  }

  function full({ id, name, project_id, config }: PreparedFunction): string | null {
    if (config.concurrency !== undefined && of(id) >= config.concurrency)
      return `The function "${name}" has ${config.concurrency} calls at work, which is its concurrency`
    if (projectLimit !== null && of(project_id) >= projectLimit)
      return `The project has ${projectLimit} calls at work, which is as many as it may (ZERODB_PROJECT_CONCURRENCY)`
    return null
  }

  function letIn(...names: string[]): () => void {
    for (const name of names) add(name, 1)
    return () => {
      for (const name of names) add(name, -1)
      for (const look of waiting) look()
    }
  }

  return {
    acquire(fn) {
      const reason = full(fn)
      if (reason !== null) throw new ZeroError('rate_limited', reason, { retryAfter: RETRY_SECONDS })
      return letIn(fn.id, fn.project_id)
    },
    acquireForProgram(projectId) {
      const name = `programs of ${projectId}`
      if (of(name) >= programLimit) {
        const reason = `This project has ${of(name)} executions under way, and may have ${programLimit}`
        throw new ZeroError('rate_limited', reason, { retryAfter: RETRY_SECONDS })
      }
      return letIn(name)
    },
    async acquireWhenFree(fn, signal) {
      while (full(fn) !== null) {
        signal.throwIfAborted()
        await new Promise<void>((resolve) => {
          const look = () => {
            waiting.delete(look)
            ignoreSignal()
            resolve()
          }
          waiting.add(look)
          const ignoreSignal = onAbort(signal, look)
        })
      }
      signal.throwIfAborted()
      return letIn(fn.id, fn.project_id)
    },
  }
}
