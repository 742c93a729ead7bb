import { eventHooks, eventLogKey, eventLogList, eventLogPage, loggedEvent } from '../schema/event-log.ts'
import { decodeEventPlace, encodeEventPlace } from './lib/cursor.ts'
import { defineJson } from './operation.ts'

export const eventLogListOperation = defineJson({
  name: 'event_log.list',
  summary: 'List events, newest first',
  description: 'Returns a page of the events of your writes. An event exists exactly if its write was committed.',
  route: 'GET /api/v1/event-log',
  permission: 'hooks:read',
  idempotent: true,
  input: eventLogList,
  output: eventLogPage,
  async run(app, caller, { cursor, ...filter }) {
    const before = cursor === undefined ? null : decodeEventPlace(app, cursor, 'cursor')
    const { items, last } = await app.store.events.list(caller.user_id, { ...filter, bound: caller.bound, before })
    return { items, next_cursor: last === null ? null : encodeEventPlace(app, last) }
  },
})

export const eventLogGet = defineJson({
  name: 'event_log.get',
  summary: 'Get an event',
  description: 'Returns one event of your writes.',
  route: 'GET /api/v1/event-log/:event_id',
  permission: 'hooks:read',
  idempotent: true,
  input: eventLogKey,
  output: loggedEvent,
  run: (app, caller, input) => app.store.events.get(caller.user_id, caller.bound, input.event_id),
})

export const eventLogHooks = defineJson({
  name: 'event_log.hooks',
  summary: 'Show which hooks an event fired',
  description: 'Returns every hook on events of this type, whether it fired, and the reason when it did not.',
  route: 'GET /api/v1/event-log/:event_id/hooks',
  permission: 'hooks:read',
  idempotent: true,
  input: eventLogKey,
  output: eventHooks,
  async run(app, { user_id, bound }, { event_id }) {
    await app.store.events.get(user_id, bound, event_id)
    return { event_id, hooks: await app.store.hookExplain.explain(user_id, bound, event_id) }
  },
})
