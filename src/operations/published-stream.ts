import type { App, Caller } from '../app.ts'
import { require as requirePermission, scopeOf } from '../auth/caller.ts'
import { signStreamToken } from '../auth/tokens.ts'
import { ZeroError } from '../errors.ts'
import { uuid } from '../schema/common.ts'
import type { LoggedEvent } from '../schema/event-log.ts'
import { EVENT_NAMES, type EventName, eventTypeOf } from '../schema/events.ts'
import {
  createdStreamToken,
  type Published,
  polledEvents,
  publishedMessages,
  publishedPoll,
  publishedStream,
  streamTokenCreate,
} from '../schema/published.ts'
import type { Scope } from '../store/context.ts'
import { decodePublishedPlace, encodePublishedPlace } from './lib/cursor.ts'
import { countStream, followEvents } from './lib/event-stream.ts'
import { completeSeq } from './lib/watermark.ts'
import { defineJson, defineStream, type StreamMessage } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/events'
const PING_MS = 30_000

interface Poll {
  topic?: string | undefined
  after?: string | undefined
  since?: string | undefined
  limit: number
}

export const eventsPoll = defineJson({
  name: 'events.poll',
  summary: 'Poll for events, oldest first',
  description:
    'Returns the next events of the project after the last one that you have seen, oldest first. No event is missed: an event whose write is still running is returned before later ones. `topic` can also be the name of an event type, whose events come from the event log; types of memories need `memory:read`.',
  route: `GET ${BASE}/poll`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedPoll,
  output: polledEvents,
  async run(app, caller, { project_id, ...poll }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const type = EVENT_NAMES.find((name) => name === poll.topic)
    const events =
      type === undefined ? await pollPublished(app, scope, poll) : await pollLog(app, caller, scope, type, poll)
    return { events }
  },
})

async function pollPublished(app: App, scope: Scope, { topic, after, since, limit }: Poll): Promise<Published[]> {
  const { published } = app.store
  const from = after ? await publishedPlace(app, scope, after) : 0
  const last = await completeSeq(app, 'published')
  const events = await published.between(scope, { topic, since }, from, last, limit)
  return events.map(({ seq: _, ...event }) => event)
}

/** Returns the position of an event by its id. Throws `not_found` for a deleted event, because polling would return nothing forever. */
async function publishedPlace(app: App, scope: Scope, id: string): Promise<number> {
  const parsed = uuid.safeParse(id)
  const position = parsed.success ? await app.store.published.positionOf(scope, parsed.data) : null
  if (position !== null) return position
  throw new ZeroError(
    'not_found',
    `after: no published event of the project has the id "${id}": it can have been deleted. Leave out "after" to begin with the first event`,
  )
}

/** Returns events of the log in the form of published events. */
async function pollLog(
  app: App,
  caller: Caller,
  scope: Scope,
  type: EventName,
  { after, since, limit }: Poll,
): Promise<Published[]> {
  if (eventTypeOf(type).channel === 'zeromemory') requirePermission(caller, 'memory:read')
  const { events } = app.store
  const last = await completeSeq(app, 'events')
  let from = since === undefined ? 0 : await events.seqBefore(scope.user_id, since, last)
  if (after) {
    const seq = await events.seqOf(after)
    if (seq === null)
      throw new ZeroError(
        'not_found',
        `after: "${after}" is not the id of an event of the event log, which ${type} events come from. Leave out "after" to begin with the first event`,
      )
    from = Math.max(from, seq)
  }
  const filter = { event_type: type, project_id: scope.project_id, since, bound: caller.bound }
  return (await events.between(scope.user_id, filter, from, last, limit)).map((event) => toPublished(event, scope))
}

function toPublished({ id, event, data, timestamp }: LoggedEvent, { project_id }: Scope): Published {
  return {
    event_id: id,
    id,
    project_id,
    topic: event,
    event_type: event,
    type: event,
    event_payload: data,
    data,
    source: null,
    correlation_id: null,
    published_at: timestamp,
    timestamp,
  }
}

export const eventsStream = defineStream({
  name: 'events.stream',
  summary: 'Stream published events',
  description:
    'Sends published events of the project as server-sent events until the client disconnects. The data of the first message is `{"type": "connection", "status": "connected", "project_id"}`. To continue a stream, send the id of the last message in the header Last-Event-ID.',
  route: `GET ${BASE}/stream`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedStream,
  messages: publishedMessages,
  async run(app, caller, { project_id, topic, after, from_timestamp }, signal) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const start = await startOf(app, scope, after, from_timestamp)
    countStream(app, caller.user_id, signal)
    return follow(app, scope, topic, start, signal)
  },
})

/** Returns the position after which the stream begins; null for events from now on. */
async function startOf(
  app: App,
  scope: Scope,
  after: string | undefined,
  since: string | undefined,
): Promise<number | null> {
  if (after !== undefined) return decodePublishedPlace(app, after) ?? (await publishedPlace(app, scope, after))
  return since === undefined ? null : await app.store.published.positionBefore(scope, since)
}

async function* follow(
  app: App,
  scope: Scope,
  topic: string | undefined,
  after: number | null,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  const { lastSeq, between } = app.store.published
  const source = {
    lastSeq,
    between: (from: number, last: number, limit: number) => between(scope, { topic }, from, last, limit),
  }
  let isConnected = false
  let sentAt = app.clock.now()
  for await (const { events, through } of followEvents(app, source, after, signal)) {
    const messages: StreamMessage[] = events.map(({ seq, ...event }) => message(event, encodePublishedPlace(app, seq)))
    if (!isConnected) {
      const connection = { type: 'connection', status: 'connected', project_id: scope.project_id }
      messages.unshift(message(connection, encodePublishedPlace(app, through)))
    } else if (messages.length === 0 && app.clock.now() - sentAt >= PING_MS)
      messages.push(message({ type: 'ping', timestamp: new Date(app.clock.now()).toISOString() }))
    isConnected = true
    if (messages.length > 0) sentAt = app.clock.now()
    yield* messages
  }
}

const message = (data: unknown, id?: string): StreamMessage => ({
  event: 'message',
  ...(id === undefined ? {} : { id }),
  data,
})

export const eventsStreamToken = defineJson({
  name: 'events.stream_token',
  summary: 'Create a token for the stream of published events',
  description:
    'Returns a token for clients that cannot send headers, such as EventSource in a browser. It only permits to read the stream of published events of this project. It is valid until it expires, also if the key is revoked.',
  route: `POST ${BASE}/stream-token`,
  permission: 'zerodb:read',
  idempotent: true,
  input: streamTokenCreate,
  output: createdStreamToken,
  async run(app, caller, { project_id, expires_in }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const expiresAt = Math.floor(app.clock.now() / 1000) + Math.ceil(expires_in)
    const token = await signStreamToken(app.jwtSecret, scope, expiresAt)
    return {
      token,
      expires_in: Math.ceil(expires_in),
      expires_at: new Date(expiresAt * 1000).toISOString(),
      url_path: `/api/v1/projects/${scope.project_id}/database/events/stream?token=${token}`,
    }
  },
})
