import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import { eventLogMessages, eventLogStream } from '../schema/event-log.ts'
import { decodeEventPlace, encodeEventPlace } from './lib/cursor.ts'
import { defineStream, type StreamMessage } from './operation.ts'

/** Interval at which events of other processes are looked for. */
const LATEST_MS = 1_000
/** Delay before uncommitted events are looked for again. */
const SOON_MS = 20
const PAGE = 200

export const eventLogStreamOperation = defineStream({
  name: 'event_log.stream',
  summary: 'Stream events as they are committed',
  description:
    'Sends events of your writes as server-sent events until the client disconnects. To continue a stream, send the id of the last message in the header Last-Event-ID.',
  route: 'GET /api/v1/event-log/stream',
  permission: 'hooks:read',
  idempotent: true,
  input: eventLogStream,
  messages: eventLogMessages,
  async run(app, caller, { after, ...filter }, signal) {
    const seen = after === undefined ? null : decodeEventPlace(app, after, 'after')
    countStream(app, caller.user_id, signal)
    return follow(app, caller, filter, seen, signal)
  },
})

/** Counts the stream until `signal` is aborted. Throws `rate_limited` at the user's limit, because each stream polls the database. */
function countStream({ config, eventStreams }: App, userId: string, signal: AbortSignal): void {
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
 * Yields events in the order of their sequence numbers. A number is assigned before its event is committed, so a later number can be committed
 * first. Only events up to a number are sent below which all events are committed or rolled back.
 */
async function* follow(
  app: App,
  caller: Caller,
  filter: { event_type?: string | undefined; project_id?: string | undefined },
  after: number | null,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  const { events } = app.store
  const settled = watermark(app)
  let told = after ?? (await settled.reaches(await events.lastSeq(), signal))
  yield { event: 'open', id: encodeEventPlace(app, told), data: {} }
  while (!signal.aborted) {
    const last = await settled.advance()
    for (let page = PAGE; told < last && page === PAGE; ) {
      const found = await events.between(caller.user_id, { ...filter, bound: caller.bound }, told, last, PAGE)
      for (const { seq, ...event } of found) yield { event: 'event', id: encodeEventPlace(app, seq), data: event }
      page = found.length
      told = page === PAGE ? found.at(-1)!.seq : last
    }
    await app.runs.changed(settled.isSure() ? LATEST_MS : SOON_MS, signal)
  }
}

/** Determines up to which number all events are committed or rolled back. */
function watermark(app: App) {
  const { events } = app.store
  let sure = 0
  /** The last number at an earlier time. All events up to it are complete once the transactions of that time have ended. */
  let next: { seq: number; when: number } | null = null

  async function advance(): Promise<number> {
    const seq = await events.lastSeq()
    if (seq === sure) {
      next = null
      return sure
    }
    const now = await events.horizon()
    if (now.oldest === now.next) {
      next = null
      sure = seq
    } else if (!next) next = { seq, when: now.next }
    else if (now.oldest >= next.when) {
      sure = next.seq
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
