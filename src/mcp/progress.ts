/** How far a call is, as its function says. */
export interface Made {
  progress: number
  total: number | undefined
  message: string | undefined
}

export interface Progress {
  made(made: Made): void
  /** Tells what has not been told, and nothing after that. */
  end(): void
}

/** So often at most: a function that tells each step of a loop shall not fill our memory for a client that reads slowly. */
const EVERY_MS = 20

/** Tells the latest, as far as it goes on from what was told before (2026-07-28, basic/utilities/progress). */
export function createProgress(tell: (made: Made) => void): Progress {
  let told = Number.NEGATIVE_INFINITY
  let next: Made | undefined
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    timer = undefined
    if (!next) return
    tell(next)
    told = next.progress
    next = undefined
    timer = setTimeout(flush, EVERY_MS)
  }
  return {
    made(made) {
      if (made.progress <= (next?.progress ?? told)) return
      next = made
      if (!timer) flush()
    },
    end() {
      clearTimeout(timer)
      if (next) tell(next)
      next = undefined
      told = Number.POSITIVE_INFINITY
    },
  }
}
