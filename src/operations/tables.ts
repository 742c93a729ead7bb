import { z } from 'zod'
import type { App } from '../app.ts'
import { type Caller, scopeOf } from '../auth/caller.ts'
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
  route: `POST ${BASE}`,
  permission: 'zerodb:write',
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
  summary: 'Tables, oldest first',
  route: `GET ${BASE}`,
  permission: 'zerodb:read',
  input: tableList,
  output: z.array(table),
  async run(app, caller, input) {
    const scope = scopeOf(caller, input.project_id)
    await app.store.projects.get(scope)
    return app.store.tables.list(scope, input.limit, input.offset)
  },
})

export const tablesGet = defineJson({
  name: 'tables.get',
  summary: 'One table, by name or id',
  route: `GET ${BASE}/:table`,
  permission: 'zerodb:read',
  input: tableKey,
  output: table,
  run: (app, caller, input) => app.store.tables.get(scopeOf(caller, input.project_id), input.table),
})

export const tablesDelete = defineJson({
  name: 'tables.delete',
  summary: 'Delete a table and its rows',
  route: `DELETE ${BASE}/:table`,
  permission: 'zerodb:write',
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
  summary: 'Insert one row (row_data) or many (rows), all or none',
  route: `POST ${BASE}/:table/rows`,
  permission: 'zerodb:write',
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
  summary: 'Rows in the order of their insertion',
  route: `GET ${BASE}/:table/rows`,
  permission: 'zerodb:read',
  input: rowList,
  output: rowPage,
  run: (app, caller, input) => query(app, caller, { ...input, filters: {}, sort: null }),
})

export const rowsQuery = defineJson({
  name: 'rows.query',
  summary: 'Rows that meet conditions',
  route: `POST ${BASE}/:table/query`,
  permission: 'zerodb:read',
  input: rowQuery,
  output: rowPage.extend({ execution_time_ms: z.number() }),
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
  summary: 'One row',
  route: `GET ${BASE}/:table/rows/:row_id`,
  permission: 'zerodb:read',
  input: rowKey,
  output: row,
  run: (app, caller, input) => app.store.tables.getRow(scopeOf(caller, input.project_id), input.table, input.row_id),
})
