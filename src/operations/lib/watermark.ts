import type { App } from '../../app.ts'

/** Delay before uncommitted events are looked for again. */
export const SOON_MS = 20
/** Maximum time that a poll waits for transactions that are running. */
const MAX_WAIT_MS = 1_000

export type Watermark = ReturnType<typeof createWatermark>

/**
 * Determines up to which number all events are committed or rolled back. A number is assigned before its event is committed, so a later
 * number can be committed first. `lastSeq` returns the last assigned number.
 */
export function createWatermark(app: App, lastSeq: () => Promise<number>) {
  let sure = 0
  /** The last number at an earlier time. All events up to it are complete once the transactions of that time have ended. */
  let next: { seq: number; when: number } | null = null

  async function advance(): Promise<number> {
    const seq = await lastSeq()
    if (seq === sure) {
      next = null
      return sure
    }
    const now = await app.store.events.horizon()
    if (now.oldest === now.next) {
      next = null
      // Of two concurrent calls, the one with the earlier number can end last.
      sure = Math.max(sure, seq)
    } else if (!next) next = { seq, when: now.next }
    else if (now.oldest >= next.when) {
      sure = Math.max(sure, next.seq)
      next = { seq, when: now.next }
    }
    return sure
  }

  return {
    advance,
    isSure: () => next === null,
    /** Resolves with `seq` when all events up to it are complete. */
    async reaches(seq: number, signal: AbortSignal): Promise<number> {
      while (!signal.aborted && (await advance()) < seq) await app.runs.changed(SOON_MS, signal)
      return seq
    },
  }
}

const watermarks = new WeakMap<App, Record<'events' | 'published', Watermark>>()

/**
 * Returns a number up to which all events are complete, so that a client that polls for later numbers misses none. Waits up to a second for
 * running transactions.
 */
export async function completeSeq(app: App, kind: 'events' | 'published'): Promise<number> {
  const known = watermarks.get(app) ?? {
    events: createWatermark(app, app.store.events.lastSeq),
    published: createWatermark(app, app.store.published.lastSeq),
  }
  watermarks.set(app, known)
  await known[kind].reaches(await app.store[kind].lastSeq(), AbortSignal.timeout(MAX_WAIT_MS))
  return known[kind].advance()
}
