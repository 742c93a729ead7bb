import type { FunctionGate, PreparedFunction } from '../app.ts'
import { ZeroError } from '../errors.ts'

const RETRY_SECONDS = 1

/** `projectLimit`: calls of one project at once; null: any number. */
export function createGate(projectLimit: number | null): FunctionGate {
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

  function letIn({ id, project_id }: PreparedFunction): () => void {
    add(id, 1)
    add(project_id, 1)
    return () => {
      add(id, -1)
      add(project_id, -1)
      for (const look of waiting) look()
    }
  }

  return {
    enter(fn) {
      const reason = full(fn)
      if (reason !== null) throw new ZeroError('rate_limited', reason, { retryAfter: RETRY_SECONDS })
      return letIn(fn)
    },
    async wait(fn, signal) {
      while (full(fn) !== null) {
        signal.throwIfAborted()
        await new Promise<void>((resolve) => {
          const look = () => {
            waiting.delete(look)
            signal.removeEventListener('abort', look)
            resolve()
          }
          waiting.add(look)
          signal.addEventListener('abort', look)
        })
      }
      signal.throwIfAborted()
      return letIn(fn)
    },
  }
}
