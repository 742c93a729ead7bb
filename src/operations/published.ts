import type { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import {
  clearedEvents,
  consumedEvents,
  eventCount,
  eventStats,
  type Published,
  publish,
  publishBatch,
  published,
  publishedBatch,
  publishedClear,
  publishedConsume,
  publishedCount,
  publishedKey,
  publishedList,
  publishedPage,
  publishedStats,
} from '../schema/published.ts'
import type { Scope } from '../store/context.ts'
import { MAX_COUNT } from '../store/data/count.ts'
import { cursorError, decodePublishedPlace, encodePublishedPlace } from './lib/cursor.ts'
import { dueOnce } from './lib/due-time.ts'
import { checkPendingEvents } from './lib/pending-events.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/events'

export const eventsPublish = defineJson({
  name: 'events.publish',
  summary: 'Publish an event',
  description:
    'Stores an event under a topic. Emits `zerodb.event.published`, so that hooks can react. With `delay` or `run_at`, both happen then and not before; until then `schedules.delete` with the id of the event cancels it.',
  route: `POST ${BASE}/publish`,
  permission: 'zerodb:write',
  idempotent: false,
  input: publish,
  output: published,
  async run(app, caller, { project_id, delay, run_at, ...event }) {
    const scope = scopeOf(caller, project_id)
    const due = dueOnce(app, { delay, run_at })
    if (due === null) return app.store.published.publish(scope, event)
    await checkPendingEvents(app.store, scope, 1)
    const [pending] = await app.store.published.publishLater(scope, [{ ...event, due }])
    return pending
  },
})

export const eventsPublishBatch = defineJson({
  name: 'events.publish_batch',
  summary: 'Publish several events',
  description:
    'Stores up to 100 events, all or none. Emits one `zerodb.event.published` for each. An event with `delay` or `run_at` is published then.',
  route: `POST ${BASE}/batch`,
  permission: 'zerodb:write',
  idempotent: false,
  input: publishBatch,
  array: 'events',
  output: publishedBatch,
  async run(app, caller, { project_id, events }) {
    const stored = await publishAll(app, scopeOf(caller, project_id), events)
    return { events: stored, event_ids: stored.map(({ event_id }) => event_id), published_count: stored.length }
  },
})

type NewEvents = z.infer<typeof publishBatch>['events']

async function publishAll(app: App, scope: Scope, events: NewEvents): Promise<Published[]> {
  const due = events.map((event, i) => dueOnce(app, event, ['events', i]))
  const delayed = due.filter((time) => time !== null).length
  const plain = events.map(({ delay: _, run_at: __, ...event }) => event)
  if (delayed === 0) return app.store.published.publishAll(scope, plain)
  await checkPendingEvents(app.store, scope, delayed)
  return app.store.published.publishLater(
    scope,
    plain.map((event, i) => ({ ...event, due: due[i]! })),
  )
}

export const eventsList = defineJson({
  name: 'events.list',
  summary: 'List published events, newest first',
  description: 'Returns a page of the published events of the project.',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedList,
  output: publishedPage,
  async run(app, caller, { project_id, cursor, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const before = cursor === undefined ? null : decodePublishedPlace(app, cursor)
    if (cursor !== undefined && before === null) throw cursorError()
    const events = await app.store.published.list(scope, { ...filter, before })
    const last = events.length === filter.limit ? events.at(-1) : undefined
    return {
      events: events.map(({ seq: _, ...event }) => event),
      next_cursor: last ? encodePublishedPlace(app, last.seq) : null,
    }
  },
})

export const eventsConsume = defineJson({
  name: 'events.consume',
  summary: 'Take published events out of a topic',
  description:
    'Deletes the oldest events and returns them: of concurrent requests, exactly one gets each event. Without `topic`, takes events of all topics. Use it as a queue whose messages may be lost with a consumer; a hook retries.',
  route: `POST ${BASE}/consume`,
  permission: 'zerodb:write',
  idempotent: false,
  input: publishedConsume,
  output: consumedEvents,
  async run(app, caller, { project_id, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return { events: await app.store.published.consume(scope, filter) }
  },
})

export const eventsCount = defineJson({
  name: 'events.count',
  summary: 'Count published events',
  description: 'Counts the published events of the project or of one topic, up to 10,000.',
  route: `GET ${BASE}/count`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedCount,
  output: eventCount,
  async run(app, caller, { project_id, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const count = await app.store.published.count(scope, filter)
    return { count: Math.min(count, MAX_COUNT), count_is_exact: count <= MAX_COUNT }
  },
})

export const eventsClear = defineJson({
  name: 'events.clear',
  summary: 'Delete the events of a topic',
  description:
    'Deletes all published events of a topic that existed when the request began, in steps of 5,000. Events of the event log and runs stay.',
  route: `DELETE ${BASE}`,
  permission: 'zerodb:write',
  idempotent: false,
  input: publishedClear,
  output: clearedEvents,
  async run(app, caller, { project_id, topic }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const { lastSeq, clear } = app.store.published
    const last = await lastSeq()
    let deleted = 0
    for (let step = { deleted: 0, has_more: true }; step.has_more; deleted += step.deleted)
      step = await clear(scope, topic, last)
    return { deleted }
  },
})

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

export const eventsStats = defineJson({
  name: 'events.stats',
  summary: 'Count published events by topic',
  description: 'Counts the published events of a time range by topic, over the newest 10,000 of them.',
  route: `GET ${BASE}/stats`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedStats,
  output: eventStats,
  async run(app, caller, { project_id, time_range }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const length = Number.parseInt(time_range, 10) * UNIT_MS[time_range.at(-1)!]!
    const since = time_range === 'all' ? undefined : new Date(app.clock.now() - length).toISOString()
    return { project_id: scope.project_id, time_range, ...(await app.store.published.stats(scope, since)) }
  },
})

export const eventsGet = defineJson({
  name: 'events.get',
  summary: 'Get a published event',
  description: 'Returns one published event by its id.',
  route: `GET ${BASE}/:event_id`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedKey,
  output: published,
  run: (app, caller, input) => app.store.published.get(scopeOf(caller, input.project_id), input.event_id),
})
