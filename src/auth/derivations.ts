import { ZeroError } from '../errors.ts'

/** One password derivation uses 128 MB and one of the four threads of Node's pool, which file access and DNS also need. */
const MAX_RUNNING = 2
/** About two seconds of work. */
const MAX_QUEUED = 20
const RETRY_SECONDS = 2

let running = 0
const queue: (() => void)[] = []

/**
 * Runs a password derivation as soon as fewer than two are running in this process. Throws `rate_limited` when the queue is full, so that many
 * concurrent logins can neither block the thread pool nor exhaust the memory.
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
    const next = queue.shift()
    if (next) next()
    else running--
  }
}
