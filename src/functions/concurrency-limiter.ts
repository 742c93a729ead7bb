import type { ConcurrencyLimiter, PreparedFunction } from '../app.ts'
import type { Config } from '../config.ts'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'

const RETRY_SECONDS = 1

/** Creates a limiter that counts the running calls of this process. */
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

  function limitReached({ id, name, project_id, config }: PreparedFunction): string | null {
    if (config.concurrency !== undefined && of(id) >= config.concurrency)
      return `Concurrency limit reached: function "${name}" already has ${of(id)} running calls (limit ${config.concurrency})`
    if (projectLimit !== null && of(project_id) >= projectLimit)
      return `Concurrency limit reached: the project already has ${of(project_id)} running calls (ZERODB_PROJECT_CONCURRENCY=${projectLimit})`
    return null
  }

  function take(...names: string[]): () => void {
    for (const name of names) add(name, 1)
    return () => {
      for (const name of names) add(name, -1)
      for (const recheck of waiting) recheck()
    }
  }

  return {
    acquire(fn) {
      const reason = limitReached(fn)
      if (reason !== null) throw new ZeroError('rate_limited', reason, { retryAfter: RETRY_SECONDS })
      return take(fn.id, fn.project_id)
    },
    acquireForProgram(projectId) {
      const name = `programs of ${projectId}`
      if (of(name) >= programLimit) {
        const reason = `Concurrency limit reached: the project already has ${of(name)} running executions (limit ${programLimit})`
        throw new ZeroError('rate_limited', reason, { retryAfter: RETRY_SECONDS })
      }
      return take(name)
    },
    async acquireWhenFree(fn, signal) {
      while (limitReached(fn) !== null) {
        signal.throwIfAborted()
        await new Promise<void>((resolve) => {
          const recheck = () => {
            waiting.delete(recheck)
            ignoreSignal()
            resolve()
          }
          waiting.add(recheck)
          const ignoreSignal = onAbort(signal, recheck)
        })
      }
      signal.throwIfAborted()
      return take(fn.id, fn.project_id)
    },
  }
}
