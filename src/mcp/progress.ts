/** Progress of a call. */
export interface ProgressUpdate {
  progress: number
  total: number | undefined
  message: string | undefined
}

export interface Progress {
  /** Sends an update, or replaces the waiting one. */
  update(update: ProgressUpdate): void
  /** Sends a part of a streamed result as the message of an update. Parts that wait are joined, so that none is lost. */
  add(part: string): void
  /** Sends the waiting update. Later updates are ignored. */
  end(): void
}

/** Minimum interval between two updates. A fast loop must not fill the memory with updates for a slow client. */
const INTERVAL_MS = 20

/** Creates a throttle that sends only the latest update, and only if it increases, as the protocol requires (2026-07-28, basic/utilities/progress). */
export function createProgress(send: (update: ProgressUpdate) => void): Progress {
  let sent = Number.NEGATIVE_INFINITY
  let next: ProgressUpdate | undefined
  let hasParts = false
  let isEnded = false
  let timer: NodeJS.Timeout | undefined

  function sendNext(): void {
    if (!next) return
    send(next)
    sent = next.progress
    next = undefined
    hasParts = false
  }
  function flush(): void {
    timer = undefined
    if (!next) return
    sendNext()
    timer = setTimeout(flush, INTERVAL_MS)
  }
  function wait(update: ProgressUpdate): void {
    next = update
    if (!timer) flush()
  }
  return {
    update(update) {
      if (isEnded || update.progress <= (next?.progress ?? sent)) return
      if (hasParts) sendNext()
      wait(update)
    },
    add(part) {
      if (isEnded) return
      if (hasParts) next!.message += part
      else {
        sendNext()
        hasParts = true
        wait({ progress: Math.max(0, Math.floor(sent)) + 1, total: undefined, message: part })
      }
    },
    end() {
      clearTimeout(timer)
      sendNext()
      isEnded = true
    },
  }
}
