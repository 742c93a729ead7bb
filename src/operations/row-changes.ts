import type { z } from 'zod'
import type { App } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { isJsonObject } from '../schema/json-object.ts'
import {
  row,
  rowDelete,
  rowDeleted,
  rowReplace,
  rowsDeleted,
  rowsDeleteMany,
  rowsUpdated,
  rowsUpdateMany,
  rowsUpsert,
  rowsUpserted,
  rowUpdate,
} from '../schema/table.ts'
import type { Scope } from '../store/context.ts'
import type { RowChange } from '../store/data/row-changes.ts'
import type { UpsertItem } from '../store/data/row-upserts.ts'
import { splitPath } from '../store/filters/filter-tree.ts'
import { missingField } from './lib/missing-field.ts'
import { writeRows } from './lib/row-writes.ts'
import { parseUpdate } from './lib/update-operators.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/tables'

export const rowsReplace = defineJson({
  name: 'rows.replace',
  summary: 'Replace a row',
  description:
    'Replaces all fields of a row. Emits `zerodb.table.row_updated`, unless the row has these fields already.',
  route: `PUT ${BASE}/:table/rows/:row_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowReplace,
  errors: ['version_conflict', 'row_exists'],
  output: row,
  run: (app, caller, { project_id, table, row_id, row_data, if_match }) =>
    updateRow(app, scopeOf(caller, project_id), table, row_id, { kind: 'replace', data: row_data }, if_match),
})

function updateRow(
  app: App,
  scope: Scope,
  table: string,
  id: string,
  change: RowChange,
  version: number | undefined,
): Promise<z.infer<typeof row>> {
  return writeRows(app, scope, table, {
    run: (store, isChecked) => store.rowChanges.updateRow(scope, table, id, change, version, isChecked),
    written: ({ row_data }) => [row_data],
  })
}

export const rowsUpdate = defineJson({
  name: 'rows.update',
  summary: 'Update a row',
  description:
    'Changes fields of a row; other fields stay. Emits `zerodb.table.row_updated`, unless the row has these fields already.',
  route: `PATCH ${BASE}/:table/rows/:row_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowUpdate,
  errors: ['version_conflict', 'row_exists'],
  output: row,
  async run(app, caller, { project_id, table, row_id, row_data, update, if_match }) {
    if ((row_data === undefined) === (update === undefined))
      throw missingField('row_data', 'Field required: send row_data, or update with operators')
    const change = update === undefined ? { kind: 'merge' as const, data: row_data! } : parseUpdate(update)
    return updateRow(app, scopeOf(caller, project_id), table, row_id, change, if_match)
  },
})

export const rowsDelete = defineJson({
  name: 'rows.delete',
  summary: 'Delete a row',
  description: 'Deletes one row by its id. Emits `zerodb.table.row_deleted`.',
  route: `DELETE ${BASE}/:table/rows/:row_id`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowDelete,
  errors: ['version_conflict'],
  output: rowDeleted,
  async run(app, caller, { project_id, table, row_id, if_match }) {
    await app.store.rowChanges.removeRow(scopeOf(caller, project_id), table, row_id, if_match)
    return { row_id, deleted: true as const, deleted_count: 1 as const }
  },
})

export const rowsUpdateManyOperation = defineJson({
  name: 'rows.update_many',
  summary: 'Update the rows of a filter',
  description:
    'Changes all rows that match, or none. Emits one `zerodb.table.row_updated` for each row whose fields change, and `zerodb.table.row_inserted` for a row that `upsert` inserts.',
  route: `PUT ${BASE}/:table/rows`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowsUpdateMany,
  output: rowsUpdated,
  async run(app, caller, { project_id, table, update, upsert, ...input }) {
    const scope = scopeOf(caller, project_id)
    const selection = selectionOf(input)
    const change = parseUpdate(update)
    const { matched, row_ids, has_more, upserted } = await writeRows(app, scope, table, {
      needsTransaction: upsert,
      async run(store, isChecked) {
        if (upsert) await store.rowUpserts.lockFilter(scope, table, selection.filter)
        const changed = await store.rowChanges.updateRows(scope, table, selection, change, isChecked)
        const isMissing = upsert && changed.matched === 0
        const inserted = isMissing
          ? await store.rowChanges.insertUpdated(scope, table, requiredValues(selection.filter), change)
          : null
        return { ...changed, upserted: inserted }
      },
      written: ({ data, upserted }) => (upserted === null ? data : [upserted.data]),
    })
    return {
      matched_count: matched,
      modified_count: row_ids.length,
      row_ids,
      upserted_id: upserted?.row_id ?? null,
      has_more,
    }
  },
})

/** Returns the values that a filter requires of top-level fields, with which an upsert inserts a row. */
function requiredValues(filter: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values = Object.entries(filter).flatMap(([path, condition]): [string, unknown][] => {
    const keys = splitPath(path)
    if (path.startsWith('$') || keys.length !== 1) return []
    if (!isJsonObject(condition)) return [[keys[0]!, condition]]
    return '$eq' in condition ? [[keys[0]!, condition['$eq']]] : []
  })
  return Object.fromEntries(values)
}

export const rowsUpsertOperation = defineJson({
  name: 'rows.upsert',
  summary: 'Insert rows, or update those that exist',
  description:
    'For each row, merges its fields into the row with the same values in `upsert_key`, or inserts it; all or none. Emits one `zerodb.table.row_inserted` or `zerodb.table.row_updated` for each row that changes.',
  route: `POST ${BASE}/:table/rows/upsert`,
  permission: 'zerodb:write',
  idempotent: true,
  input: rowsUpsert,
  errors: ['row_exists'],
  output: rowsUpserted,
  async run(app, caller, { project_id, table, row_data, rows, upsert_key }) {
    if ((row_data === undefined) === (rows === undefined))
      throw missingField('row_data', 'Field required: send row_data for one row, or rows for many')
    const scope = scopeOf(caller, project_id)
    const items = upsertItems(rows ?? [row_data!], upsert_key, rows !== undefined)
    const stored = await writeRows(app, scope, table, {
      needsTransaction: true,
      run: (store, isChecked) => store.rowUpserts.upsert(scope, table, upsert_key, items, isChecked),
      written: (result) => result.rows.map((each) => each.row_data),
    })
    return {
      rows: stored.rows,
      row_ids: stored.rows.map((each) => each.row_id),
      inserted_count: stored.inserted,
      modified_count: stored.updated,
    }
  },
})

/** Adds its key to each row. Throws `validation_failed` for a row without a value in the key, and for two rows with one key. */
function upsertItems(
  rows: readonly Record<string, unknown>[],
  fields: readonly string[],
  isList: boolean,
): UpsertItem[] {
  const places = new Map<string, number>()
  return rows.map((data, n) => {
    const loc = ['body', ...(isList ? ['rows', n] : ['row_data'])]
    const refuse = (at: (string | number)[], type: string, msg: string) =>
      new ZeroError('validation_failed', undefined, { fields: [{ type, loc: [...loc, ...at], msg }] })
    for (const field of fields)
      if (!Object.hasOwn(data, field) || data[field] === null)
        throw refuse([field], 'missing', 'Field required: it is part of upsert_key')
    const key = Object.fromEntries(fields.map((field) => [field, data[field]]))
    const text = stringifyJson(key)
    const other = places.get(text)
    if (other !== undefined) throw refuse([], 'value_error', `Has the same ${fields.join(', ')} as row ${other}`)
    places.set(text, n)
    return { key, data }
  })
}

export const rowsDeleteManyOperation = defineJson({
  name: 'rows.delete_many',
  summary: 'Delete the rows of a filter',
  description: 'Deletes all rows that match, or none. Emits one `zerodb.table.row_deleted` for each row.',
  route: `DELETE ${BASE}/:table/rows`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowsDeleteMany,
  output: rowsDeleted,
  async run(app, caller, { project_id, table, ...input }) {
    const { row_ids, has_more } = await app.store.rowChanges.removeRows(
      scopeOf(caller, project_id),
      table,
      selectionOf(input),
    )
    return { deleted_count: row_ids.length, row_ids, has_more }
  },
})

/** Throws `validation_failed` for an empty filter, which is likely a mistake, unless the request says that it is meant. */
function selectionOf(input: {
  filter: Record<string, unknown>
  limit?: number | null | undefined
  confirm_large_operation: boolean
}) {
  const { filter, limit, confirm_large_operation: isMeant } = input
  if (Object.keys(filter).length === 0 && !isMeant && limit === undefined)
    throw new ZeroError('validation_failed', undefined, {
      fields: [
        {
          type: 'value_error',
          loc: ['body', 'filter'],
          msg: 'An empty filter selects all rows: send conditions, or confirm_large_operation: true',
        },
      ],
    })
  return { filter, limit: limit || null }
}
