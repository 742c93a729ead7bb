import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { publish, published, publishedKey, publishedList, publishedPage } from '../schema/published.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/events'

export const eventsPublish = defineJson({
  name: 'events.publish',
  summary: 'Publish an event',
  description: 'Stores an event under a topic. Emits `zerodb.event.published`, so that hooks can react.',
  route: `POST ${BASE}/publish`,
  permission: 'zerodb:write',
  idempotent: false,
  input: publish,
  output: published,
  run: (app, caller, { project_id, ...event }) => app.store.published.publish(scopeOf(caller, project_id), event),
})

export const eventsList = defineJson({
  name: 'events.list',
  summary: 'List published events, newest first',
  description:
    'Returns a page of the published events of the project. With `after`, returns the later ones, oldest first, as a bare array.',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  idempotent: true,
  input: publishedList,
  output: z
    .union([publishedPage, z.array(published)])
    .describe('A page of events, or with `after` or `array` a bare array'),
  async run(app, caller, { project_id, array, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const events = await app.store.published.list(scope, filter)
    return array || filter.after !== undefined ? events : { events }
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
