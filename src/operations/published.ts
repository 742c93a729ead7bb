import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { publish, published, publishedKey, publishedList, publishedPage } from '../schema/published.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/events'

export const eventsPublish = defineJson({
  name: 'events.publish',
  summary: 'Publish an event of your own',
  route: `POST ${BASE}/publish`,
  permission: 'zerodb:write',
  input: publish,
  output: published,
  run: (app, caller, { project_id, ...event }) => app.store.published.publish(scopeOf(caller, project_id), event),
})

export const eventsList = defineJson({
  name: 'events.list',
  summary: 'Published events, newest first; with "after", the later ones, oldest first',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  input: publishedList,
  output: z.union([publishedPage, z.array(published)]),
  async run(app, caller, { project_id, array, ...filter }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    const events = await app.store.published.list(scope, filter)
    return array || filter.after !== undefined ? events : { events }
  },
})

export const eventsGet = defineJson({
  name: 'events.get',
  summary: 'One published event',
  route: `GET ${BASE}/:event_id`,
  permission: 'zerodb:read',
  input: publishedKey,
  output: published,
  run: (app, caller, input) => app.store.published.get(scopeOf(caller, input.project_id), input.event_id),
})
