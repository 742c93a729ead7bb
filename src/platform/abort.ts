/** Calls `listener` once `signal` is aborted, at once if it is aborted already. Returns a function that removes the listener. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal?.aborted) listener()
  else signal?.addEventListener('abort', listener, { once: true })
  return () => signal?.removeEventListener('abort', listener)
}

/** Settles as `promise` does, or rejects with the reason of `signal` as soon as that is aborted. The work behind `promise` goes on. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = onAbort(signal, () => reject(signal.reason))
  })
  try {
    return await Promise.race([aborted, promise])
  } finally {
    stop()
  }
}

export interface Deadline {
  readonly signal: AbortSignal
  /** Stops the timer and forgets the caller's signal. */
  clear(): void
}

/**
 * A signal that is aborted with `reason` after `ms`, or with the reason of `signal` when that is aborted first.
 * Node 20 can collect `AbortSignal.any([signal, AbortSignal.timeout(ms)])` before it fires; this holds its timer until `clear`.
 */
export function deadline(ms: number, signal: AbortSignal | undefined, reason?: Error): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(reason), ms)
  const stop = onAbort(signal, () => controller.abort(signal!.reason))
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer)
      stop()
    },
  }
}

/** Settles as `promise` does, or resolves to `'late'` after `ms`. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late')
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
