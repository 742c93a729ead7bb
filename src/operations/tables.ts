import { z } from 'zod'
import type { App, Caller } from '../app.ts'
import { scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import {
  row,
  rowInsert,
  rowInserted,
  rowKey,
  rowList,
  rowPage,
  rowQuery,
  rowQueryResult,
  table,
  tableCreate,
  tableKey,
  tableList,
} from '../schema/table.ts'
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
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    return app.store.tables.list(scope, input.limit, input.offset)
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
  output: rowInserted,
  status: 201,
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    if ((input.row_data === undefined) === (input.rows === undefined)) {
      throw new ZeroError('validation_failed', undefined, {
        fields: [
          {
            type: 'missing',
            loc: ['body', 'row_data'],
            msg: 'Field required: send row_data for one row, or rows for many',
          },
        ],
      })
    }
    const stored = await app.store.tables.insertRows(scope, input.table, input.rows ?? [input.row_data!])
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
  run: (app, caller, input) => query(app, caller, { ...input, filters: {}, sort: null }),
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
  const { limit, offset } = input
  const { rows, ...page } = await app.store.tables.queryRows(scope, table_id, {
    filter: input.filters,
    sort: input.sort ?? {},
    limit,
    offset,
  })
  return { ...page, skip: offset, limit, data: rows }
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
