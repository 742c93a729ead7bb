import { json, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { rowDeleted, rowInserted, rowUpdated } from '../../schema/events.ts'
import type { Row, RowState } from '../../schema/table.ts'
import { deleteLocked, deleteOne, updateLocked } from '../before-images.ts'
import { found, given, type Scope, type StoreContext, write } from '../context.ts'
import { compileFilter, compileIndexCondition, withFilter } from '../filters/filter.ts'
import { emit, emitChanges } from '../outbox.ts'
import { derivedKeys, indexedDocument, ROW_EVENT_DATA, rowColumns, rowKeys, tableOf } from './tables.ts'

/** Maximum number of rows that one statement changes. */
export const MAX_CHANGED_ROWS = 10_000

/** Operators of an update, in the order of execution: `[operator, path, value]`. */
export type UpdateStep = readonly [operator: string, path: readonly string[], value: unknown]

/** New fields of a row: all of them, those to merge into the old ones, or operators. */
export type RowChange =
  | { kind: 'replace'; data: Record<string, unknown> }
  | { kind: 'merge'; data: Record<string, unknown> }
  | { kind: 'operators'; steps: readonly UpdateStep[] }

/** Rows that a change selects. `limit` is null for all, of which there may be at most `MAX_CHANGED_ROWS`. */
export interface RowSelection {
  filter: Record<string, unknown>
  limit: number | null
}

export interface ManyChanged {
  matched: number
  row_ids: string[]
  /** New fields of the rows; empty for deletions. */
  data: Record<string, unknown>[]
  has_more: boolean
}

const UPDATE_DATA = { ...ROW_EVENT_DATA, changed: sql`stored.changed` }

function newData(change: RowChange): Statement {
  if (change.kind === 'replace') return sql`${json(change.data)}::jsonb`
  if (change.kind === 'merge') return sql`old.data || ${json(change.data)}::jsonb`
  return sql`zerodb_update_document(old.data, ${json(change.steps)}::jsonb)`
}

export function rowChanges(context: StoreContext) {
  const { db } = context

  /** Updates the rows that `old` selects and locks. */
  function updated(scope: Scope, old: Statement, change: RowChange, where: Statement, order?: 'position'): Statement {
    return sql`
      ${updateLocked('zerodb_rows', {
        userId: scope.user_id,
        old,
        set: { data: newData(change), version: sql`old.version + 1`, updated_at: sql`now()` },
        derived: derivedKeys,
        compared: 'data',
        where,
        order,
      })},
      ${emitChanges(scope, rowUpdated, UPDATE_DATA)}`
  }

  /** Selects and locks the rows of a filter, at most one more than may be changed. */
  function selected({ filter, limit }: RowSelection): Statement {
    const index = { document: indexedDocument, key: sql`(select id::text from t)` }
    const indexed = compileIndexCondition(filter, index, 'filter')
    return sql`
      select r.* from zerodb_rows r
      where r.table_id = (select id from t)
        and ${compileFilter(filter, sql`r.data`, 'filter')}
        ${given(indexed, sql`and ${indexed ?? sql``}`)}
      order by ${indexed === null ? sql`r.position` : sql`r.position + 0`}
      limit ${(limit ?? MAX_CHANGED_ROWS) + 1}::int
      for update`
  }

  /** Condition on a row of `old`: it is within the limit, and all matching rows are if there is none. */
  const allowed = ({ limit }: RowSelection, row: Statement) =>
    limit === null
      ? sql`(select count(*) from old) <= ${MAX_CHANGED_ROWS}::int`
      : sql`${row}.id in (select id from old order by position limit ${limit}::int)`

  /** Runs a change of many rows. Throws `invalid` if too many rows match. */
  async function changeMany(table: string, selection: RowSelection, statement: Statement): Promise<ManyChanged> {
    interface Changed {
      event_seq: number | null
      row_id: string | null
      data: Record<string, unknown> | null
      matched: number
    }
    const changed = withFilter('filter', write<Changed>(context, statement, `Table "${table}" not found`))
    const rows = await changed
    const { matched } = rows[0]
    const most = selection.limit ?? MAX_CHANGED_ROWS
    if (selection.limit === null && matched > most)
      throw new ZeroError(
        'invalid',
        `More than ${MAX_CHANGED_ROWS} rows match: send a limit of at most ${MAX_CHANGED_ROWS}, and repeat the request while has_more is true`,
      )
    return {
      matched: Math.min(matched, most),
      row_ids: rows.flatMap((row) => (row.row_id === null ? [] : [row.row_id])),
      data: rows.flatMap((row) => (row.data === null ? [] : [row.data])),
      has_more: matched > most,
    }
  }

  return {
    /**
     * Changes one row and returns it. A row that already has these fields is not written and emits no event. Throws `not_found`, and
     * `version_conflict` if the row has another version than `version`.
     */
    async updateRow(
      scope: Scope,
      table: string,
      id: string,
      change: RowChange,
      version: number | undefined,
      isChecked: boolean,
    ): Promise<Row> {
      const old = sql`
        select r.* from zerodb_rows r where r.id = ${id}::uuid and r.table_id = (select id from t) for update`
      const [{ event_seq: _, old_version, ...row }] = await write<
        Row & { event_seq: number | null; old_version: number }
      >(
        context,
        sql`
        with t as (${tableOf(scope, table, isChecked)}),
        ${updated(scope, old, change, sql`(${version}::int is null or new.version = ${version}::int)`)}
        select ${rowColumns}, old.version as old_version, stored.seq as event_seq
        from old
        left join stored on stored.id = old.id
        cross join lateral (
          select
            old.id, old.project_id, old.table_id, old.created_at, coalesce(stored.data, old.data) as data,
            coalesce(stored.version, old.version) as version, coalesce(stored.updated_at, old.updated_at) as updated_at
        ) r
        cross join t`,
        'Row not found',
      )
      if (version !== undefined && old_version !== version) throw versionConflict(old_version, version)
      return row as Row
    },

    /** Deletes one row. Throws `not_found`, and `version_conflict` if the row has another version than `version`. */
    async removeRow(scope: Scope, table: string, id: string, version: number | undefined): Promise<void> {
      const where = sql`
        old.id = ${id}::uuid and old.table_id = (select id from t) and (${version}::int is null or old.version = ${version}::int)`
      const rows = await context.commit<{ event_seq: number }>(sql`
        with t as (${tableOf(scope, table)}),
        ${deleteOne('zerodb_rows', scope.user_id, where)},
        ${emitChanges(scope, rowDeleted, ROW_EVENT_DATA)}
        select seq as event_seq from stored`)
      if (rows.length === 0) throw versionConflict(await this.versionOf(scope, table, id), version)
    },

    /**
     * Changes the rows of a filter, all or none, oldest first. `row_ids` has the rows whose fields changed, and `data` their new fields if
     * `isChecked`.
     */
    async updateRows(
      scope: Scope,
      table: string,
      selection: RowSelection,
      change: RowChange,
      isChecked: boolean,
    ): Promise<ManyChanged> {
      return changeMany(
        table,
        selection,
        sql`
        with t as (${tableOf(scope, table, isChecked)}),
        ${updated(scope, selected(selection), change, allowed(selection, sql`new`), 'position')}
        select stored.seq as event_seq, stored.id as row_id, ${isChecked ? sql`stored.data` : sql`null::jsonb`} as data, (select count(*)::int from old) as matched
        from t left join stored on true
        order by stored.position`,
      )
    },

    /**
     * Returns the changes of a row, newest first, and the number of the last one if there may be more. `before` is the number at which the
     * last page ended. The insertion follows the oldest change, if its state is known. Throws `not_found` for an unknown row.
     */
    async history(
      scope: Scope,
      table: string,
      id: string,
      { before, limit }: { before: number | null; limit: number },
    ): Promise<{ items: RowState[]; last: number | null }> {
      const rows = await db.query<RowState & { seq: number | null }>(sql`
        with t as (${tableOf(scope, table)}),
        change as (
          select c.seq, c.row_id, c.before
          from zerodb_changes c
          where c.row_id = ${id}::uuid
            and c.before ->> 'table_id' = (select id::text from t)
            and (${before}::bigint is null or c.seq < ${before}::bigint)
          order by c.row_id, c.seq desc
          limit ${limit}::int
        ),
        live as (
          select r.data, r.version, r.created_at from zerodb_rows r where r.id = ${id}::uuid and r.table_id = (select id from t)
        ),
        state as (
          select
            c.seq, e.id as event_id, e.event, e.created_at as at, c.before -> 'data' as before,
            case
              when e.event = ${rowDeleted.name} then null
              else coalesce(
                (
                  select n.before -> 'data' from zerodb_changes n
                  where n.row_id = c.row_id and n.seq > c.seq
                  order by n.row_id, n.seq
                  limit 1
                ),
                (select data from live)
              )
            end as after,
            e.caused_by
          from change c
          join zerodb_events e on e.seq = c.seq
          union all
          select null, null, ${rowInserted.name}, first.created_at, null, first.data, null
          from (
            select data, version, created_at from (
              select before -> 'data' as data, (before ->> 'version')::int as version, (before ->> 'created_at')::timestamptz as created_at
              from zerodb_changes
              where row_id = ${id}::uuid and before ->> 'table_id' = (select id::text from t)
              order by row_id, seq
              limit 1
            ) oldest
            union all
            select data, version, created_at from live
            limit 1
          ) first
          where first.version = 1 and (select count(*) from change) < ${limit}::int
        )
        select
          seq, event_id, event, at, before, after,
          array(select jsonb_array_elements_text(zerodb_changed(coalesce(before, '{}'), coalesce(after, '{}')))) as changed, caused_by
        from state
        order by seq desc nulls last`)
      if (rows.length === 0 && before === null) await this.versionOf(scope, table, id)
      const last = rows.length >= limit ? (rows[limit - 1]?.seq ?? null) : null
      return { items: rows.map(({ seq: _, ...state }) => state), last }
    },

    /** Returns the version of a row. Throws `not_found`. */
    async versionOf(scope: Scope, table: string, id: string): Promise<number> {
      const rows = await db.query<{ version: number }>(sql`
        with t as (${tableOf(scope, table)}) select version from zerodb_rows where id = ${id}::uuid and table_id = (select id from t)`)
      return found(rows, 'Row').version
    },

    /**
     * Inserts the row that an update would have made of a row with the fields `data`. Returns its id and fields. Throws `not_found` for an
     * unknown table.
     */
    async insertUpdated(
      scope: Scope,
      table: string,
      data: Record<string, unknown>,
      change: RowChange,
    ): Promise<{ row_id: string; data: Record<string, unknown> }> {
      const changed =
        change.kind === 'operators'
          ? sql`zerodb_update_document(${json(data)}::jsonb, ${json(change.steps)}::jsonb)`
          : sql`${json({ ...data, ...change.data })}::jsonb`
      const [{ row_id, data: inserted }] = await write<{
        row_id: string
        data: Record<string, unknown>
        event_seq: number
      }>(
        context,
        sql`
        with t as (${tableOf(scope, table)}),
        stored as (
          insert into zerodb_rows (table_id, project_id, data, key_1, key_2, key_3)
          select t.id, t.project_id, item.data, ${rowKeys(sql`item.data`)}
          from t
          cross join (select ${changed} as data) item
          returning *, id::text as ref, ${scope.user_id}::uuid as user_id
        ),
        ${emit(scope, rowInserted, ROW_EVENT_DATA)}
        select stored.id as row_id, stored.data, event.seq as event_seq from stored, event`,
        `Table "${table}" not found`,
      )
      return { row_id, data: inserted }
    },

    /** Deletes the rows of a filter, all or none, oldest first. */
    async removeRows(scope: Scope, table: string, selection: RowSelection): Promise<ManyChanged> {
      return changeMany(
        table,
        selection,
        sql`
        with t as (${tableOf(scope, table)}),
        ${deleteLocked('zerodb_rows', {
          userId: scope.user_id,
          old: selected(selection),
          where: allowed(selection, sql`old`),
          order: 'position',
        })},
        ${emitChanges(scope, rowDeleted, ROW_EVENT_DATA)}
        select stored.seq as event_seq, stored.id as row_id, null::jsonb as data, (select count(*)::int from old) as matched
        from t left join stored on true
        order by stored.position`,
      )
    },
  }
}

function versionConflict(version: number, expected: number | undefined): ZeroError {
  return new ZeroError(
    'version_conflict',
    `The row has version ${version}, and if_match is ${expected}: read the row again`,
  )
}
