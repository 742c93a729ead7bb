import { join } from 'node:path'
import { parentPort, Worker } from 'node:worker_threads'
import { packageRoot } from './package.ts'

/** Names of our worker threads. The build writes one file for each to `dist/workers/`. */
export type WorkerName = 'pglite' | 'embedding' | 'language'

interface Request<Q> {
  id: number
  request: Q
}

type Reply<A> = { id: number; value: A } | { id: number; error: Record<string, unknown> }

export interface WorkerHandle<Q, A> {
  /** Sends a request. Rejects with the error that the worker threw, or when the worker ends first. Requests arrive in call order. */
  call(request: Q): Promise<A>
  /** Number of requests without a reply. */
  readonly pending: number
  /** Stops the thread at once. Pending calls reject. */
  terminate(): Promise<void>
}

/** Starts the worker thread `name`. If the build is missing, the first `call` rejects. */
export function spawnWorker<Q, A>(name: WorkerName, workerData?: unknown): WorkerHandle<Q, A> {
  const worker = new Worker(join(packageRoot(), 'dist', 'workers', `${name}.js`), { workerData, name })
  const waiting = new Map<number, { resolve: (value: A) => void; reject: (error: Error) => void }>()
  let lastId = 0
  let ended: Error | undefined

  function end(cause: Error): void {
    ended ??= cause
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  worker.on('message', (reply: Reply<A>) => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('error' in reply) call?.reject(Object.assign(new Error(), reply.error))
    else call?.resolve(reply.value)
  })
  worker.on('error', end)
  worker.on('exit', (code) => end(new Error(`the ${name} worker ended (exit code ${code})`)))

  return {
    call(request) {
      if (ended) return Promise.reject(ended)
      const id = ++lastId
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        worker.postMessage({ id, request } satisfies Request<Q>)
      })
    },
    get pending() {
      return waiting.size
    },
    async terminate() {
      end(new Error(`the ${name} worker was stopped`))
      await worker.terminate()
    },
  }
}

/** Creates a worker that starts with the first call and stops after `idleSeconds` without one, so that a model needs memory only while in use. */
export function lazyWorker<Q, A>(name: WorkerName, idleSeconds: number): Omit<WorkerHandle<Q, A>, 'pending'> {
  let worker: WorkerHandle<Q, A> | undefined
  let idle: NodeJS.Timeout | undefined
  let closed = false

  async function terminate(): Promise<void> {
    clearTimeout(idle)
    const ending = worker
    worker = undefined
    await ending?.terminate()
  }
  return {
    async call(request) {
      if (closed) throw new Error(`the ${name} worker was stopped`)
      clearTimeout(idle)
      worker ??= spawnWorker<Q, A>(name)
      const current = worker
      try {
        return await current.call(request)
      } catch (error) {
        // After a crash of the thread, for example out of memory, the next call starts a new one.
        if (current.pending === 0 && worker === current && !(error as { fromWorker?: boolean }).fromWorker)
          worker = undefined
        throw error
      } finally {
        if (worker?.pending === 0) idle = setTimeout(() => void terminate(), idleSeconds * 1000).unref()
      }
    },
    async terminate() {
      closed = true
      await terminate()
    },
  }
}

/** Converts an error to plain data: `Error` objects lose their custom fields when they are sent between threads. */
export function plainError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error), fromWorker: true }
  return { ...error, name: error.name, message: error.message, stack: error.stack, fromWorker: true }
}

/** Runs inside a worker thread: replies to every request with the result of `handle`. Requests may overlap. */
export function serveWorker<Q, A>(handle: (request: Q) => Promise<A>): void {
  parentPort!.on('message', async ({ id, request }: Request<Q>) => {
    try {
      parentPort!.postMessage({ id, value: await handle(request) } satisfies Reply<A>)
    } catch (error) {
      parentPort!.postMessage({ id, error: plainError(error) } satisfies Reply<A>)
    }
  })
}
