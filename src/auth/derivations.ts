import { ZeroError } from '../errors.ts'

/** One password derivation uses 128 MB and one of the four threads that file access and DNS share with it. */
const MAX_RUNNING = 2
/** About two seconds of work. */
const MAX_QUEUED = 20
const RETRY_SECONDS = 2

let running = 0
const queue: (() => void)[] = []

/**
 * Runs a password derivation when fewer than two run in this process. Throws `rate_limited` when the queue is full, so that many logins at
 * once can neither occupy the thread pool nor use up the memory.
 */
export async function withDerivationSlot<Result>(derive: () => Promise<Result>): Promise<Result> {
  if (running < MAX_RUNNING) running++
  else if (queue.length < MAX_QUEUED) await new Promise<void>((resolve) => queue.push(resolve))
  else
    throw new ZeroError('rate_limited', `Too many logins at once: try again in ${RETRY_SECONDS} s`, {
      retryAfter: RETRY_SECONDS,
    })
  try {
    return await derive()
  } finally {
    // A waiting derivation takes over the slot.
    const next = queue.shift()
    if (next) next()
    else running--
  }
}
