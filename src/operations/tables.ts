import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { isJsonObject } from '../schema/json-object.ts'
import { firstInvalid } from '../schema/json-schema-check.ts'
import {
  AGGREGATES,
  row,
  rowDelete,
  rowDeleted,
  rowGroups,
  rowHistory,
  rowHistoryPage,
  rowInsert,
  rowInserted,
  rowKey,
  rowList,
  rowPage,
  rowQuery,
  rowQueryResult,
  rowReplace,
  rowsAggregate,
  rowsDeleted,
  rowsDeleteMany,
  rowsUpdated,
  rowsUpdateMany,
  rowsUpsert,
  rowsUpserted,
  rowUpdate,
  table,
  tableCreate,
  tableKey,
  tableList,
  tableUpdate,
} from '../schema/table.ts'
import type { Scope } from '../store/context.ts'
import type { Aggregate } from '../store/data/row-aggregates.ts'
import type { RowChange } from '../store/data/row-changes.ts'
import type { UpsertItem } from '../store/data/row-upserts.ts'
import { splitPath } from '../store/filters/filter-tree.ts'
import {
  decodeCursor,
  decodeEventPlace,
  decodeRowPlace,
  encodeCursor,
  encodeEventPlace,
  encodeRowPlace,
} from './lib/cursor.ts'
import { project } from './lib/projection.ts'
import { writeRows } from './lib/row-writes.ts'
import { parseUpdate } from './lib/update-operators.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/tables'

export const tablesCreate = defineJson({
  name: 'tables.create',
  summary: 'Create a table',
  description: 'Creates an empty table for JSON rows. A name that exists in the project is 409 `table_exists`.',
  route: `POST ${BASE}`,
  permission: 'zerodb:write',
  idempotent: false,
  input: tableCreate,
  errors: ['table_exists'],
  output: table,
  status: 201,
  async run(app, caller, { project_id, table_name, ...fields }) {
    checkStrict(fields.strict, fields.schema_definition)
    try {
      const scope = scopeOf(caller, project_id)
      return await app.store.transaction(async (tx) => {
        const created = await tx.tables.create(scope, { name: table_name, ...fields })
        await tx.quotas.check(scope, 'tables')
        return created
      })
    } catch (error) {
      if (!isUniqueViolation(error, 'uix_zerodb_tables')) throw error
      throw new ZeroError('table_exists', `A table "${table_name}" exists already`, { cause: error })
    }
  },
})

export const tablesList = defineJson({
  name: 'tables.list',
  summary: 'List tables, oldest first',
  description: 'Returns a page of the tables of the project.',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  idempotent: true,
  input: tableList,
  output: z.array(table).describe('The tables, oldest first'),
  nextCursor: (tables, { limit }) => encodeCursor(tables, limit),
  async run(app, caller, { project_id, cursor, ...page }) {
    const scope = scopeOf(caller, project_id)
    await app.store.projects.get(scope)
    return app.store.tables.list(scope, { ...page, after: decodeCursor(cursor) })
  },
})

export const tablesGet = defineJson({
  name: 'tables.get',
  summary: 'Get a table',
  description: 'Returns one table by its name or id.',
  route: `GET ${BASE}/:table`,
  permission: 'zerodb:read',
  idempotent: true,
  input: tableKey,
  output: table,
  run: (app, caller, input) => app.store.tables.get(scopeOf(caller, input.project_id), input.table),
})

export const tablesUpdate = defineJson({
  name: 'tables.update',
  summary: 'Update a table',
  description: 'Changes schema, rules or description of a table. Rows that exist are not checked.',
  route: `PATCH ${BASE}/:table`,
  permission: 'zerodb:write',
  idempotent: true,
  input: tableUpdate,
  output: table,
  async run(app, caller, { project_id, table: name, ...fields }) {
    const scope = scopeOf(caller, project_id)
    const { strict, schema_definition } = await app.store.tables.get(scope, name)
    checkStrict(
      fields.strict ?? strict,
      fields.schema_definition === undefined ? schema_definition : fields.schema_definition,
    )
    return app.store.tables.update(scope, name, fields)
  },
})

/** Throws `validation_failed` for a strict table without a schema, and `invalid` for a schema that is not valid. */
function checkStrict(strict: boolean, schema: Record<string, unknown> | null | undefined): void {
  if (!strict) return
  if (!schema) throw missing('schema_definition', 'Field required: strict checks rows against it')
  firstInvalid(schema, [{}])
}

export const tablesDelete = defineJson({
  name: 'tables.delete',
  summary: 'Delete a table and its rows',
  description: 'Deletes the table with all its rows.',
  route: `DELETE ${BASE}/:table`,
  permission: 'zerodb:write',
  idempotent: false,
  input: tableKey,
  output: z.null(),
  status: 204,
  async run(app, caller, input) {
    if (!(await app.store.tables.remove(scopeOf(caller, input.project_id), input.table)))
      throw new ZeroError('not_found', 'Table not found')
    return null
  },
})

export const rowsInsert = defineJson({
  name: 'rows.insert',
  summary: 'Insert rows',
  description:
    'Stores one row (`row_data`) or many (`rows`), all or none. Emits one `zerodb.table.row_inserted` for each row.',
  route: `POST ${BASE}/:table/rows`,
  permission: 'zerodb:write',
  idempotent: false,
  input: rowInsert,
  errors: ['row_exists'],
  output: rowInserted,
  status: 201,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    if ((input.row_data === undefined) === (input.rows === undefined)) {
      throw missing('row_data', 'Field required: send row_data for one row, or rows for many')
    }
    const rows = input.rows ?? [input.row_data!]
    const stored = await writeRows(app, scope, input.table, {
      run: (store, isChecked) => store.tables.insertRows(scope, input.table, rows, isChecked),
      written: () => rows,
    })
    if (input.row_data !== undefined) return stored[0]!
    return { rows: stored, row_ids: stored.map((row) => row.row_id), inserted_count: stored.length }
  },
})

function missing(field: string, msg: string): ZeroError {
  return new ZeroError('validation_failed', undefined, { fields: [{ type: 'missing', loc: ['body', field], msg }] })
}

export const rowsList = defineJson({
  name: 'rows.list',
  summary: 'List rows, in the order of insertion',
  description: 'Returns a page of the rows of a table.',
  route: `GET ${BASE}/:table/rows`,
  permission: 'zerodb:read',
  idempotent: true,
  input: rowList,
  output: rowPage,
  run: (app, caller, input) => query(app, caller, { ...input, filters: {}, sort: null, projection: null }),
})

export const rowsQuery = defineJson({
  name: 'rows.query',
  summary: 'Query rows',
  description: 'Returns a page of the rows that meet all conditions, sorted as asked for.',
  route: `POST ${BASE}/:table/query`,
  permission: 'zerodb:read',
  idempotent: true,
  input: rowQuery,
  output: rowQueryResult,
  async run(app, caller, input) {
    const start = app.clock.now()
    const page = await query(app, caller, input)
    return { ...page, execution_time_ms: app.clock.now() - start }
  },
})

async function query(app: App, caller: Caller, input: z.infer<typeof rowQuery>): Promise<z.infer<typeof rowPage>> {
  const scope = scopeOf(caller, input.project_id)
  const { table_id } = await app.store.tables.get(scope, input.table)
  const { limit, offset, cursor } = input
  const sort = input.sort ?? {}
  const list = `rows ${table_id} ${JSON.stringify(Object.entries(sort))}`
  const { rows, last, ...page } = await app.store.rowPages.list(scope, table_id, {
    filter: input.filters,
    sort,
    limit,
    offset,
    after: cursor === undefined ? null : decodeRowPlace(app, cursor, list),
  })
  const next_cursor = last && encodeRowPlace(app, last, list)
  const { projection } = input
  const data = projection ? rows.map((each) => ({ ...each, row_data: project(each.row_data, projection) })) : rows
  return { ...page, skip: offset, limit, data, rows: data, next_cursor }
}

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
      throw missing('row_data', 'Field required: send row_data, or update with operators')
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
      throw missing('row_data', 'Field required: send row_data for one row, or rows for many')
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

export const rowsHistory = defineJson({
  name: 'rows.history',
  summary: 'List the changes of a row, newest first',
  description:
    'Returns the states of a row, also of a deleted one, as far back as its events are kept. The last item is the insertion, when its state is known.',
  route: `GET ${BASE}/:table/rows/:row_id/history`,
  permission: 'zerodb:read',
  idempotent: true,
  input: rowHistory,
  output: rowHistoryPage,
  async run(app, caller, { project_id, table, row_id, limit, cursor }) {
    const before = cursor === undefined ? null : decodeEventPlace(app, cursor, 'cursor')
    const { items, last } = await app.store.rowChanges.history(scopeOf(caller, project_id), table, row_id, {
      before,
      limit,
    })
    return { items, next_cursor: last === null ? null : encodeEventPlace(app, last) }
  },
})

export const rowsAggregateOperation = defineJson({
  name: 'rows.aggregate',
  summary: 'Count, sum and average rows',
  description:
    'Computes aggregates over the rows that meet all conditions, for each group. Reads all these rows, for at most 5 seconds.',
  route: `POST ${BASE}/:table/aggregate`,
  permission: 'zerodb:read',
  idempotent: true,
  input: rowsAggregate,
  output: rowGroups,
  async run(app, caller, { project_id, table, filters, group_by, aggregates, limit }) {
    const scope = scopeOf(caller, project_id)
    const { table_id } = await app.store.tables.get(scope, table)
    const wanted = Object.entries(aggregates).map(([name, by]) => aggregateOf(name, by))
    const groups = await app.store.rowAggregates.aggregate(scope, table_id, filters, group_by, wanted, limit)
    return {
      groups: groups.slice(0, limit).map(({ key, values }) => ({
        key: Object.fromEntries(group_by.map((path, n) => [path, key[n]])),
        values: Object.fromEntries(wanted.map(({ name }, n) => [name, values[n]])),
      })),
      has_more: groups.length > limit,
    }
  },
})

function aggregateOf(name: string, by: Readonly<Record<string, unknown>>): Aggregate {
  const entries = Object.entries(by)
  const [known, path] = entries[0] ?? []
  const fn = AGGREGATES.find((each) => each === known)
  const isRight = fn !== undefined && entries.length === 1 && (fn === 'count' || typeof path === 'string')
  if (!isRight)
    throw new ZeroError('validation_failed', undefined, {
      fields: [
        {
          type: 'value_error',
          loc: ['body', 'aggregates', name],
          msg: `Input should be one function with a path, such as {"sum": "total"}; functions: ${AGGREGATES.join(', ')}`,
        },
      ],
    })
  return { name, function: fn, path: typeof path === 'string' ? path : null }
}

export const rowsGet = defineJson({
  name: 'rows.get',
  summary: 'Get a row',
  description: 'Returns one row by its id.',
  route: `GET ${BASE}/:table/rows/:row_id`,
  permission: 'zerodb:read',
  idempotent: true,
  input: rowKey,
  output: row,
  run: (app, caller, input) => app.store.tables.getRow(scopeOf(caller, input.project_id), input.table, input.row_id),
})
