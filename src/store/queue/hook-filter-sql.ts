import { type Statement, sql } from '../../db/sql.ts'
import { pathKeys } from '../filters/hook-filter.ts'

/**
 * What hook `h` sees of event `e`, to be joined laterally as `seen`: `document`, which filter and ordering key look into, and `key`, the value
 * of the latter. The row is looked up only for hooks that ask for it; `offset 0` keeps it from being looked up twice.
 */
export function seenOf(e: { event: Statement; data: Statement; ref: Statement; project: Statement }): Statement {
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
