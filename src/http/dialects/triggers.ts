import { createHash } from 'node:crypto'
import { type FieldError, ZeroError } from '../../errors.ts'
import { EVENT_NAMES } from '../../schema/events.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import { snakeCase } from './names.ts'
import { escapePattern } from './regex.ts'

// Hooks of clients that name a URL instead of a handler, and select events by table or by path.

type Fields = Readonly<Record<string, unknown>>

const LABEL = /^[A-Za-z0-9_.-]{1,80}$/
const FILE_EVENT = /^zerodb\.file\./
const ROW_EVENT = /^zerodb\.table\.row_/
const CRON_TICK = 'zerodb.cron.tick'

/**
 * Converts a hook with `callback_url` or `webhook_url` to a webhook in the format `trigger`. `table_name` and `path_pattern` become its
 * filter, `metadata` a part of its configuration. Throws `validation_failed` for a hook that cannot be delivered, and for a schedule.
 */
export function withWebhook(sent: Fields): Fields {
  const fields = withSnakeCase(sent)
  rejectSchedule(fields)
  const isTrigger = Object.hasOwn(fields, 'hook_id') || Object.hasOwn(fields, 'callback_url')
  const isDialect = isTrigger || Object.hasOwn(fields, 'webhook_url')
  if (!isDialect || fields['hook_name'] != null) return sent
  const { hook_id, callback_url: _, webhook_url: __, table_name, path_pattern, metadata, active, ...rest } = fields
  const url = urlOf(fields, isTrigger ? 'callback_url' : 'webhook_url')
  if (hook_id != null && !(typeof hook_id === 'string' && LABEL.test(hook_id)))
    throw invalid('hook_id', hook_id, 'Must have 1 to 80 letters, digits or _ . -')
  if (active != null && active !== true)
    throw invalid('active', active, 'A new hook is active: send true or leave it out, and disable the hook with PATCH')
  const filter = filterOf(rest['event_type'], table_name, path_pattern)
  return {
    ...rest,
    hook_name: `webhook:${hook_id ?? labelOf(String(url))}`,
    hook_config: {
      ...configOf(rest['hook_config']),
      url,
      format: 'trigger',
      ...(metadata == null ? {} : { metadata }),
    },
    ...(filter === null ? {} : { filter: rest['filter'] == null ? filter : { $and: [rest['filter'], filter] } }),
  }
}

/** Converts a change that has `webhook_url`, `callback_url` or `active`. A URL replaces the whole configuration, as `hook_config` does. */
export function withWebhookChanges(sent: Fields): Fields {
  const { webhook_url, callback_url, active, ...rest } = withSnakeCase(sent)
  const urlName = webhook_url !== undefined ? 'webhook_url' : callback_url !== undefined ? 'callback_url' : null
  if (urlName === null && active === undefined) return sent
  return {
    ...rest,
    ...(active === undefined ? {} : { is_active: active }),
    ...(urlName === null
      ? {}
      : {
          hook_config: {
            ...configOf(rest['hook_config']),
            url: urlOf({ webhook_url, callback_url }, urlName),
            format: 'trigger',
          },
        }),
  }
}

function withSnakeCase(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value]))
}

/** Returns the URL that was sent under either name. `name` is the one to report when there is none. */
function urlOf({ callback_url, webhook_url }: Fields, name: string): unknown {
  const url = callback_url ?? webhook_url
  if (url == null) throw invalid(name, url, `A hook needs a URL to which events are delivered. ${WITHOUT_URL}`)
  if (webhook_url != null && webhook_url !== url)
    throw invalid('webhook_url', webhook_url, '"webhook_url" contradicts "callback_url": send one of them')
  return url
}

const WITHOUT_URL =
  'To handle events in this server, deploy a function with a trigger; to poll for them, use the event log'

/** Clients send schedules as hooks. A `poll_interval` for a real event type is ignored: the hook runs at the event. */
function rejectSchedule(fields: Fields): void {
  const isEvent = EVENT_NAMES.some((name) => name === fields['event_type'])
  const config = isJsonObject(fields['hook_config']) ? fields['hook_config'] : {}
  const names = isEvent ? ['cron_expression'] : ['cron_expression', 'poll_interval']
  const name = names.find((each) => fields[each] != null || config[each] != null)
  if (name === undefined && fields['event_type'] !== CRON_TICK) return
  const msg =
    'A hook with a URL or an event type cannot run by the clock. Deploy a function with a schedule, or send cron_expression with your own event_type: it is then published as a topic, to which hooks on zerodb.event.published react'
  if (name === undefined) throw invalid('event_type', CRON_TICK, msg)
  const loc = fields[name] == null ? ['hook_config', name] : [name]
  throw invalid(loc, fields[name] ?? config[name], msg)
}

function filterOf(eventType: unknown, table: unknown, path: unknown): Fields | null {
  if (table != null && typeof table !== 'string') throw invalid('table_name', table, 'Input should be a valid string')
  if (path != null && typeof path !== 'string') throw invalid('path_pattern', path, 'Input should be a valid string')
  // Validation reports a missing type.
  if (typeof eventType !== 'string') return null
  if (table != null && !ROW_EVENT.test(eventType))
    throw invalid(
      'table_name',
      table,
      `Events of type ${eventType} have no table: use a type such as zerodb.table.row_inserted`,
    )
  if (path != null && !FILE_EVENT.test(eventType))
    throw invalid(
      'path_pattern',
      path,
      `Events of type ${eventType} have no path: use a type such as zerodb.file.uploaded`,
    )
  if (path == null) return table == null ? null : { 'data.table_name': table }
  // A deleted file has no row after the event.
  const row = eventType === 'zerodb.file.deleted' ? 'previous' : 'row'
  const matches = { $regex: globPattern(path) }
  return { $or: [{ [`${row}.file_key`]: matches }, { [`${row}.folder`]: matches }] }
}

/** Converts a glob to a regular expression: `**` is any text, `*` any text without a slash, `?` one character without it. */
function globPattern(glob: string): string {
  const parts = glob.split(/(\*+|\?)/).map((part) => {
    if (part === '?') return '[^/]'
    if (part.startsWith('*')) return part === '*' ? '[^/]*' : '.*'
    return escapePattern(part)
  })
  return `^${parts.join('')}$`
}

/** Returns a label that is always the same for a URL, so that a second hook for it is a duplicate. */
function labelOf(url: string): string {
  return createHash('sha256').update(url).digest('hex').slice(0, 16)
}

function configOf(config: unknown): Fields {
  if (config == null) return {}
  if (!isJsonObject(config)) throw invalid('hook_config', config, 'Input should be a valid dictionary')
  return config
}

function invalid(field: string | string[], input: unknown, msg: string): ZeroError {
  const error: FieldError = {
    type: 'value_error',
    loc: ['body', ...(typeof field === 'string' ? [field] : field)],
    msg,
    input,
  }
  return new ZeroError('validation_failed', undefined, { fields: [error] })
}
