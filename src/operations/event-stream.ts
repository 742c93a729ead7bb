import type { App, Caller } from '../app.ts'
import { ZeroError } from '../errors.ts'
import { onAbort } from '../platform/abort.ts'
import { eventLogMessages, eventLogStream } from '../schema/event-log.ts'
import { decodeEventPlace, encodeEventPlace } from './lib/cursor.ts'
import { defineStream, type StreamMessage } from './operation.ts'

/** How soon an event is seen that another process has written. */
const LATEST_MS = 1_000
/** How soon it is looked again for what was being written a moment ago. */
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
    takePlace(app, caller.user_id, signal)
    return follow(app, caller, filter, seen, signal)
  },
})

/** Counts the stream until `signal` fires. Throws `rate_limited` when the user has as many open as it may: each of them polls the database. */
function takePlace({ config, eventStreams }: App, userId: string, signal: AbortSignal): void {
  const open = eventStreams.get(userId) ?? 0
  const { eventStreams: limit } = config.quotas
  if (open >= limit)
    throw new ZeroError(
      'rate_limited',
      `This user has ${limit} event streams open, as many as it may (ZERODB_QUOTA_EVENT_STREAMS): close some`,
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
 * Events in the order of their numbers. A number is drawn before its event is committed, and so a later one may be there first: told are only
 * those up to a number of which all are known to be there, or never to come.
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

/** Up to which number all events are there. */
function watermark(app: App) {
  const { events } = app.store
  let sure = 0
  /** A number that will be sure when the transactions are over that were at work when it was the last. */
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
    /** `seq`, as soon as it is sure. */
    async reaches(seq: number, signal: AbortSignal): Promise<number> {
      while (!signal.aborted && (await advance()) < seq) await app.runs.changed(SOON_MS, signal)
      return seq
    },
  }
}
