import { type Change, changeUntil } from './change-load.ts'
import { type Answer, ask } from './client.ts'
import type { Random } from './random.ts'
import { newName, ORDERED, orderedName, UNORDERED, type Write } from './writes.ts'

export interface Load {
  /** Names of the acknowledged writes by event type, in the order of the responses. */
  readonly acknowledged: ReadonlyMap<string, string[]>
  /** Acknowledged states of the objects that are changed. */
  readonly changes: readonly Change[]
  /** Number of writes with a 503, and the slowest of these responses. */
  readonly unavailable: { count: number; slowestMs: number }
  /** Stops the load after the running writes. */
  stop(): Promise<void>
}

export interface LoadOptions {
  /** Returns the URLs of the ready servers. */
  targets(): string[]
  random: Random
  /** Number of writers of unordered writes, in addition to one writer per key. */
  writers: number
  keys: number
  /** Called with a description of each unexpected response. */
  complain(problem: string): void
}

/** Number of writers that change what they have stored. */
const CHANGERS = 4
const PAUSE_MS = { between: 8, away: 50 }

/** Writes continuously to the ready servers. A write without a response is not repeated: it may or may not be stored. */
export function startLoad({ targets, random, writers, keys, complain }: LoadOptions): Load {
  const acknowledged = new Map<string, string[]>([ORDERED, ...UNORDERED].map(({ event }) => [event, []]))
  const unavailable = { count: 0, slowestMs: 0 }
  const changes: Change[] = []
  let stopped = false

  async function one(write: Write, name: string): Promise<void> {
    const up = targets()
    if (up.length === 0) return pause(PAUSE_MS.away)
    const began = performance.now()
    let answer: Answer
    try {
      answer = await ask(random.oneOf(up), 'POST', write.path, write.body(name))
    } catch {
      // The server was killed, or is about to be.
      return pause(PAUSE_MS.away)
    }
    if (answer.status === 200 || answer.status === 201) {
      acknowledged.get(write.event)!.push(write.id(answer.body, name))
      return pause(PAUSE_MS.between)
    }
    if (answer.status !== 503) complain(`${write.path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    unavailable.count++
    unavailable.slowestMs = Math.max(unavailable.slowestMs, Math.round(performance.now() - began))
    return pause(PAUSE_MS.away)
  }

  async function anything(): Promise<void> {
    while (!stopped) await one(random.oneOf(UNORDERED), newName())
  }
  async function inOrder(key: string): Promise<void> {
    for (let n = 0; !stopped; n++) await one(ORDERED, orderedName(key, n))
  }
  const writing = [
    ...Array.from({ length: writers }, anything),
    ...Array.from({ length: CHANGERS }, () => changeUntil(() => stopped, { targets, random, complain }, changes)),
    ...Array.from({ length: keys }, (_, key) => inOrder(`k${key}`)),
  ]
  return {
    acknowledged,
    changes,
    unavailable,
    async stop() {
      stopped = true
      await Promise.all(writing)
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
