import { type Statement, sql } from '../../db/sql.ts'
import { pathKeys } from '../filters/hook-filter.ts'

/** The expressions by which a statement reads the columns of an event. */
export interface EventColumns {
  /** Null for an event that is made from a stored row. */
  seq: Statement
  user: Statement
  event: Statement
  data: Statement
  ref: Statement
  project: Statement
}

/** The columns of `zerodb_events e`. */
export const EVENT_E: EventColumns = {
  seq: sql`e.seq`,
  user: sql`e.user_id`,
  event: sql`e.event`,
  data: sql`e.data`,
  ref: sql`e.ref`,
  project: sql`e.project_id`,
}

/** Condition: hook `h` applies to the project of event `e`. */
export const coversProject = (e: EventColumns) => sql`(h.project_id is null or h.project_id = ${e.project})`

/**
 * Condition: hook `h` subscribes to event `e` by user, event type, state and project. Does not check its filter (`passesFilter`) and its
 * age. The conditions are in the order of the index `idx_zerodb_hooks_match`.
 */
export function subscribesTo(e: EventColumns): Statement {
  return sql`h.user_id = ${e.user} and h.event_type = ${e.event} and h.is_active and ${coversProject(e)}`
}

/**
 * Builds what filters and ordering keys read of event `e`: its data, the row after the event and before it, and the fields that an update
 * changed.
 */
export function documentOf(e: EventColumns): Statement {
  return sql`
    jsonb_build_object(
      'data', ${e.data}, 'row', zerodb_row(${e.event}, ${e.ref}, ${e.project}, ${e.seq}),
      'previous', zerodb_previous(${e.event}, ${e.project}, ${e.seq}), 'changed', ${e.data} -> 'changed'
    )`
}

/**
 * Builds the document that hook `h` reads of event `e`, for a lateral join as `seen`. Filter and ordering key read `document`; `key` is the
 * value of the ordering key. The row is looked up only for hooks that need it; `offset 0` prevents a second lookup.
 */
export function seenOf(e: EventColumns): Statement {
  return sql`(
    select document, nullif(document #>> ${pathKeys(sql`h.ordering_key ->> 'path'`)}, '') as key
    from (
      select
        case
          when h.filter_path is not null or h.ordering_key is not null
          then ${documentOf(e)}
        end as document
      offset 0
    ) built
    offset 0
  ) seen`
}

/** Condition: event `seen` passes the filter of hook `h`. Never raises an error. */
export const passesFilter = sql`(h.filter_path is null or coalesce(jsonb_path_match(seen.document, h.filter_path, '{}', true), false))`

/** The stored ordering key: the value itself, or its hash if it is long. */
export const orderOf = sql`case when length(key) > 200 then md5(key) else key end`
