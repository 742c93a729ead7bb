import type { App } from '../../app.ts'
import { isUniqueViolation } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { withDoubles } from '../../exact-json.ts'
import { firstInvalid } from '../../schema/json-schema-check.ts'
import type { Table } from '../../schema/table.ts'
import type { Scope } from '../../store/context.ts'
import type { Tables } from '../../store/index.ts'

interface RowWrite<Result> {
  /** Writes the rows. With `isChecked` false, a strict table counts as not found. */
  run(store: Tables, isChecked: boolean): Promise<Result>
  /** Returns the fields of the rows that were written. */
  written(result: Result): readonly Record<string, unknown>[]
  /** Whether `run` needs a transaction. */
  needsTransaction?: boolean
}

/**
 * Writes rows of a table. Rows of a strict table are checked against its schema before the commit. Throws `validation_failed` for a row that
 * the schema refuses, and `row_exists` for a row with the unique key of another row. A table without rules costs no further statement.
 */
export async function writeRows<Result>(
  app: App,
  scope: Scope,
  table: string,
  { run, written, needsTransaction = false }: RowWrite<Result>,
): Promise<Result> {
  try {
    return await (needsTransaction ? app.store.transaction((tx) => run(tx, false)) : run(app.store, false))
  } catch (error) {
    if (isUniqueViolation(error)) throw rowExists(error, await app.store.tables.get(scope, table))
    if (!(error instanceof ZeroError) || error.code !== 'not_found') throw error
    const found = await app.store.tables.get(scope, table)
    if (!found.strict) throw error
    return await writeChecked(app, found, { run, written })
  }
}

async function writeChecked<Result>(app: App, table: Table, { run, written }: RowWrite<Result>): Promise<Result> {
  try {
    return await app.store.transaction(async (tx) => {
      const result = await run(tx, true)
      const rows = written(result)
      const invalid = firstInvalid(table.schema_definition ?? {}, rows.map(withDoubles))
      if (invalid !== null) throw refusal(table, rows.length, invalid)
      return result
    })
  } catch (error) {
    throw isUniqueViolation(error) ? rowExists(error, table) : error
  }
}

function refusal(table: Table, count: number, { index, message }: { index: number; message: string }): ZeroError {
  const which = count === 1 ? 'The row' : `Row ${index}`
  return new ZeroError('validation_failed', undefined, {
    fields: [
      {
        type: 'value_error',
        loc: ['body', ...(count === 1 ? ['row_data'] : ['rows', index])],
        msg: `${which} does not match the schema of table "${table.table_name}": ${message}`,
      },
    ],
  })
}

function rowExists(error: unknown, { table_name, unique_keys }: Table): ZeroError {
  const { constraint } = error as { constraint?: string }
  const fields = unique_keys[Number(/_key_(\d)$/.exec(constraint ?? '')?.[1]) - 1] ?? []
  return new ZeroError(
    'row_exists',
    `Table "${table_name}" has a row with the same ${fields.map((field) => `"${field}"`).join(' and ')}: update that row, or upsert`,
    { cause: error },
  )
}
