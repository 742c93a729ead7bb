import type { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import {
  AGGREGATES,
  row,
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
  rowsAggregate,
} from '../schema/table.ts'
import type { Aggregate } from '../store/data/row-aggregates.ts'
import { decodeEventPlace, decodeRowPlace, encodeEventPlace, encodeRowPlace } from './lib/cursor.ts'
import { missingField } from './lib/missing-field.ts'
import { project } from './lib/projection.ts'
import { writeRows } from './lib/row-writes.ts'
import { defineJson } from './operation.ts'

const BASE = '/api/v1/projects/:project_id/database/tables'

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
      throw missingField('row_data', 'Field required: send row_data for one row, or rows for many')
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
  const { table_id, indexes } = await app.store.tables.get(scope, input.table)
  const ready = indexes.filter(({ state }) => state === 'ready').map(({ fields }) => fields)
  const { limit, offset, cursor } = input
  const sort = input.sort ?? {}
  const list = `rows ${table_id} ${JSON.stringify(Object.entries(sort))}`
  const after = cursor === undefined ? null : decodeRowPlace(app, cursor, list)
  const asked = { filter: input.filters, sort, limit, offset, after }
  const { rows, last, ...page } = await app.store.rowPages.list(scope, table_id, asked, ready)
  const next_cursor = last && encodeRowPlace(app, last, list)
  const { projection } = input
  const data = projection ? rows.map((each) => ({ ...each, row_data: project(each.row_data, projection) })) : rows
  return { ...page, skip: offset, limit, data, rows: data, next_cursor }
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
