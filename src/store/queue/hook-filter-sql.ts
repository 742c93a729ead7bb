import { type Statement, sql } from '../../db/sql.ts'
import { pathKeys } from '../filters/hook-filter.ts'

/** Where a statement finds the columns of an event. */
export interface EventColumns {
  user: Statement
  event: Statement
  data: Statement
  ref: Statement
  project: Statement
}

/** The columns of `zerodb_events e`. */
export const EVENT_E: EventColumns = {
  user: sql`e.user_id`,
  event: sql`e.event`,
  data: sql`e.data`,
  ref: sql`e.ref`,
  project: sql`e.project_id`,
}

/** Whether hook `h` applies to the project of event `e`. */
export const coversProject = (e: EventColumns) => sql`(h.project_id is null or h.project_id = ${e.project})`

/**
 * Whether hook `h` subscribes to event `e`, apart from its filter (`passesFilter`) and its age: user, event type, active, project. The
 * order is that of the index `idx_zerodb_hooks_match`.
 */
export function subscribesTo(e: EventColumns): Statement {
  return sql`h.user_id = ${e.user} and h.event_type = ${e.event} and h.is_active and ${coversProject(e)}`
}

/**
 * What hook `h` sees of event `e`, to be joined laterally as `seen`: `document`, which filter and ordering key look into, and `key`, the value
 * of the latter. The row is looked up only for hooks that ask for it; `offset 0` keeps it from being looked up twice.
 */
export function seenOf(e: EventColumns): Statement {
  return sql`(
    select document, nullif(document #>> ${pathKeys(sql`h.ordering_key ->> 'path'`)}, '') as key
    from (
      select
        case
          when h.filter_path is not null or h.ordering_key is not null
          then jsonb_build_object('data', ${e.data}, 'row', zerodb_row(${e.event}, ${e.ref}, ${e.project}))
        end as document
      offset 0
    ) built
    offset 0
  ) seen`
}

/** Whether hook `h` takes the event that it sees as `seen`. Never raises. */
export const passesFilter = sql`(h.filter_path is null or coalesce(jsonb_path_match(seen.document, h.filter_path, '{}', true), false))`

/** A value's place among those that are ordered: itself, or where it is long what stands for it. */
export const orderOf = sql`case when length(key) > 200 then md5(key) else key end`
