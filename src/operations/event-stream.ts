import type { App, Caller } from '../app.ts'
import { eventLogMessages, eventLogStream } from '../schema/event-log.ts'
import { decodeEventPlace, encodeEventPlace } from './lib/cursor.ts'
import { countStream, followEvents } from './lib/event-stream.ts'
import { defineStream, type StreamMessage } from './operation.ts'

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
  async run(app, caller, { after, token: _, ...filter }, signal) {
    const seen = after === undefined ? null : decodeEventPlace(app, after, 'after')
    countStream(app, caller.user_id, signal)
    return follow(app, caller, filter, seen, signal)
  },
})

async function* follow(
  app: App,
  caller: Caller,
  filter: { event_type?: string | undefined; project_id?: string | undefined },
  after: number | null,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  const { lastSeq, between } = app.store.events
  const source = {
    lastSeq,
    between: (from: number, last: number, limit: number) =>
      between(caller.user_id, { ...filter, bound: caller.bound }, from, last, limit),
  }
  let isOpen = false
  for await (const { events, through } of followEvents(app, source, after, signal)) {
    if (!isOpen) yield { event: 'open', id: encodeEventPlace(app, through), data: {} }
    isOpen = true
    for (const { seq, ...event } of events) yield { event: 'event', id: encodeEventPlace(app, seq), data: event }
  }
}
