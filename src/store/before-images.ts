import { join, Statement as Sql, type Statement, sql } from '../db/sql.ts'
import { NEXT_SEQ } from './outbox.ts'

interface ChangedTable {
  /** Stored columns without vectors and generated columns, which a before-image contains. */
  columns: readonly string[]
  hasVectors: boolean
}

/** The tables whose rows can be changed with an event and a before-image. */
export const CHANGED_TABLES = {
  zerodb_rows: {
    columns: [
      'id',
      'table_id',
      'project_id',
      'position',
      'data',
      'created_at',
      'updated_at',
      'version',
      'key_1',
      'key_2',
      'key_3',
    ],
    hasVectors: false,
  },
  zerodb_vectors: {
    columns: [
      'id',
      'project_id',
      'namespace',
      'vector_id',
      'model',
      'requested_model',
      'next_model',
      'document',
      'summary',
      'metadata',
      'source',
      'batch_id',
      'created_at',
      'updated_at',
    ],
    hasVectors: true,
  },
  zerodb_memories: {
    columns: [
      'id',
      'event_seq',
      'user_id',
      'project_id',
      'kind',
      'content',
      'agent_id',
      'session_id',
      'role',
      'entity_id',
      'memory_type',
      'namespace',
      'importance',
      'tags',
      'metadata',
      'model',
      'requested_model',
      'next_model',
      'created_at',
      'updated_at',
      'end_user_id',
      'run_id',
    ],
    hasVectors: true,
  },
  zerodb_files: {
    columns: [
      'id',
      'project_id',
      'file_key',
      'file_name',
      'content_type',
      'size_bytes',
      'folder',
      'metadata',
      'blob',
      'summary',
      'summary_model',
      'model',
      'next_model',
      'created_at',
      'updated_at',
    ],
    hasVectors: true,
  },
} as const satisfies Record<string, ChangedTable>
type ChangedTableName = keyof typeof CHANGED_TABLES

/** The column by which the events of one statement are ordered. */
type Order = 'id' | 'position' | 'created_at'

/** A column that is an object whose fields are compared, or columns by the names of their fields in the API. */
type Compared = string | Readonly<Record<string, string>>

/** Selects the before-image of `row`, an alias of a row of `table`, as `before` and `before_vectors`. */
export function beforeImage(table: ChangedTableName, row: 'old'): Statement {
  const { columns, hasVectors } = CHANGED_TABLES[table]
  const fields = columns.map((column) => `'${column}', ${row}.${column}`).join(', ')
  const vectors = hasVectors ? `array[${row}.embedding, ${row}.next_embedding]` : 'null::vector[]'
  return new Sql(`jsonb_build_object(${fields}) as before, ${vectors} as before_vectors`, [])
}

/**
 * Common table expressions that update rows. `old` selects and locks them. `set` has the new values, as expressions over `old`; `derived` has columns that depend on
 * them, as expressions over `new`, where they are called `new_<column>`. A row whose
 * `compared` fields all keep their values is not written. The last expression is `stored`, for `emitChanges`: the updated rows with
 * `changed`, the names of the fields that differ. `where` limits the rows that are written, as a condition over `new`,
 * which has the columns of `old`. `order` orders the events, if `old` can select several rows.
 */
export function updateLocked(
  table: ChangedTableName,
  {
    userId,
    old,
    set,
    derived = {},
    compared,
    where = sql`true`,
    order,
  }: {
    userId: string
    old: Statement
    set: Readonly<Record<string, Statement>>
    derived?: Readonly<Record<string, Statement>>
    compared: Compared
    where?: Statement
    order?: Order | undefined
  },
): Statement {
  const columns = Object.entries(set)
  const assigned = [
    ...columns.map(([column]) => new Sql(`${column} = new.new_${column}`, [])),
    ...Object.entries(derived).map(([column, value]) => sql`${new Sql(column, [])} = ${value}`),
  ]
  const values = columns.map(([column, value]) => sql`${value} as ${new Sql(`new_${column}`, [])}`)
  // Without "offset 0", the new values would be computed for each use.
  return sql`
    old as materialized (
      select new.*, ${changedFields(compared, set)} as changed
      from (
        select old.*, ${beforeImage(table, 'old')}, ${join(values, ', ')} from (${old}) old offset 0
      ) new
    ),
    ${storedAs(
      sql`
      update ${new Sql(table, [])} t set ${join(assigned, ', ')}
      from old new
      where t.id = new.id and new.changed <> '[]' and ${where}
      returning t.*, new.before, new.before_vectors, new.changed`,
      table,
      userId,
      order,
    )}`
}

/**
 * The expression `stored`: the rows that `written` returns, with the numbers of their events. Ordering costs two plan nodes, which an
 * update of a single row does without.
 */
function storedAs(written: Statement, table: ChangedTableName, userId: string, order: Order | undefined): Statement {
  const columns = added('t', table, userId)
  if (order === undefined) return sql`stored as materialized (${written}, ${columns})`
  return sql`
    written as (${written}),
    stored as materialized (
      select t.*, ${columns} from (select * from written order by ${new Sql(order, [])}, id offset 0) t
    )`
}

/** The names of the fields that differ between the columns of `new` and its new values. */
function changedFields(compared: Compared, set: Readonly<Record<string, Statement>>): Statement {
  if (typeof compared === 'string') return new Sql(`zerodb_changed(new.${compared}, new.new_${compared})`, [])
  const fields = Object.entries(compared)
  const before = fields.map(([name, column]) => `'${name}', new.${column}`)
  const after = fields.map(([name, column]) => `'${name}', new.${set[column] ? 'new_' : ''}${column}`)
  return new Sql(`zerodb_changed(jsonb_build_object(${before}), jsonb_build_object(${after}))`, [])
}

/** The columns of `stored` that a row of the table does not have. */
function added(row: 't' | 'old', table: ChangedTableName, userId: string): Statement {
  const columns: readonly string[] = CHANGED_TABLES[table].columns
  const user = columns.includes('user_id') ? sql`` : sql`, ${userId}::uuid as user_id`
  return sql`${NEXT_SEQ} as seq, ${new Sql(row, [])}.id::text as ref${user}`
}

/** The new value of a text column for `updateLocked`. Undefined keeps the old value; null removes it. */
export function newText(value: string | null | undefined, column: string): Statement {
  return value === undefined ? new Sql(`old.${column}`, []) : sql`${value}::text`
}

/**
 * Common table expressions that delete rows. `old` selects and locks them, and `where` limits them, as a condition over `old`. The last
 * expression is `stored`, for `emitChanges`: the deleted rows. `order` orders the events, if `old` can select several rows.
 */
export function deleteLocked(
  table: ChangedTableName,
  {
    userId,
    old,
    where = sql`true`,
    order,
  }: {
    userId: string
    old: Statement
    where?: Statement
    order?: Order | undefined
  },
): Statement {
  return sql`
    old as materialized (
      select old.*, ${beforeImage(table, 'old')} from (${old}) old
    ),
    ${storedAs(
      sql`
      delete from ${new Sql(table, [])} t using old
      where t.id = old.id and ${where}
      returning t.*, old.before, old.before_vectors`,
      table,
      userId,
      order,
    )}`
}

/**
 * The common table expression `stored`, for `emitChanges`, that deletes the row that meets `where`, a condition over `old`. A deletion
 * returns the row as it was, so that a single row need not be locked first.
 */
export function deleteOne(table: ChangedTableName, userId: string, where: Statement): Statement {
  return sql`
    stored as materialized (
      delete from ${new Sql(table, [])} old
      where ${where}
      returning old.*, ${beforeImage(table, 'old')}, ${added('old', table, userId)}
    )`
}
