import { z } from 'zod'
import { scopeOf } from '../auth/caller.ts'
import { isUniqueViolation } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { firstInvalid } from '../schema/json-schema-check.ts'
import { table, tableCreate, tableKey, tableList, tableUpdate } from '../schema/table.ts'
import { decodeCursor, encodeCursor } from './lib/cursor.ts'
import { missingField } from './lib/missing-field.ts'
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
  if (!schema) throw missingField('schema_definition', 'Field required: strict checks rows against it')
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
