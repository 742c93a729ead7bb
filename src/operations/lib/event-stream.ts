import type { App } from '../../app.ts'
import { ZeroError } from '../../errors.ts'
import { onAbort } from '../../platform/abort.ts'
import { createWatermark, SOON_MS } from './watermark.ts'

/** Interval at which events of other processes are looked for. */
const LATEST_MS = 1_000
const PAGE = 200

/** A source of numbered events. */
interface EventSource<Event extends { seq: number }> {
  /** Returns the last assigned number; its event may not be committed. */
  lastSeq(): Promise<number>
  /** Returns events with a number above `after` and up to `last`, in the order of their numbers. */
  between(after: number, last: number, limit: number): Promise<Event[]>
}

/** Counts a stream until `signal` is aborted. Throws `rate_limited` at the user's limit, because each stream polls the database. */
export function countStream({ config, eventStreams }: App, userId: string, signal: AbortSignal): void {
  const open = eventStreams.get(userId) ?? 0
  const { eventStreams: limit } = config.quotas
  if (open >= limit)
    throw new ZeroError(
      'rate_limited',
      `Event stream limit reached: this user has ${limit} open event streams (ZERODB_QUOTA_EVENT_STREAMS). Close some`,
      { retryAfter: 60 },
    )
  eventStreams.set(userId, open + 1)
  const leave = () => {
    const left = eventStreams.get(userId)! - 1
    if (left > 0) eventStreams.set(userId, left)
    else eventStreams.delete(userId)
  }
  onAbort(signal, leave)
}

/**
 * Yields pages of events in the order of their numbers, first an empty page with the number after which events follow. Only events up to a
 * number are sent below which all events are committed or rolled back. A page is empty if nothing happened for a second.
 */
export async function* followEvents<Event extends { seq: number }>(
  app: App,
  source: EventSource<Event>,
  after: number | null,
  signal: AbortSignal,
): AsyncGenerator<{ events: Event[]; through: number }> {
  const settled = createWatermark(app, source.lastSeq)
  let told = after ?? (await settled.reaches(await source.lastSeq(), signal))
  yield { events: [], through: told }
  while (!signal.aborted) {
    const last = await settled.advance()
    let isFull = told < last
    while (isFull) {
      const events = await source.between(told, last, PAGE)
      isFull = events.length === PAGE
      told = isFull ? events.at(-1)!.seq : last
      yield { events, through: told }
    }
    await app.runs.changed(settled.isSure() ? LATEST_MS : SOON_MS, signal)
    yield { events: [], through: told }
  }
}
