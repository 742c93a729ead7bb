/** Progress that a function reports. */
export interface ProgressUpdate {
  progress: number
  total: number | undefined
  message: string | undefined
}

export interface Progress {
  /** Sends an update, or replaces the waiting one. */
  update(update: ProgressUpdate): void
  /** Sends the waiting update. Later updates are ignored. */
  end(): void
}

/** Minimum interval between two updates. A fast loop must not fill the memory with updates for a slow client. */
const INTERVAL_MS = 20

/** Creates a throttle that sends only the latest update, and only if it increases, as the protocol requires (2026-07-28, basic/utilities/progress). */
export function createProgress(send: (update: ProgressUpdate) => void): Progress {
  let sent = Number.NEGATIVE_INFINITY
  let next: ProgressUpdate | undefined
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    timer = undefined
    if (!next) return
    send(next)
    sent = next.progress
    next = undefined
    timer = setTimeout(flush, INTERVAL_MS)
  }
  return {
    update(update) {
      if (update.progress <= (next?.progress ?? sent)) return
      next = update
      if (!timer) flush()
    },
    end() {
      clearTimeout(timer)
      if (next) send(next)
      next = undefined
      sent = Number.POSITIVE_INFINITY
    },
  }
}
