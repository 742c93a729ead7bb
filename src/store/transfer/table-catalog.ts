import { type Executor, Statement, sql } from '../../db/sql.ts'

/** A table of this program, as described in the system catalog. */
export interface CatalogTable {
  /** The name without the prefix `zerodb_`. */
  name: string
  /** Columns with stored values, by name; generated columns are not included. */
  columns: readonly string[]
  /** Generated columns. */
  generated: readonly string[]
  /** Columns of type vector, which are exported separately. */
  vectors: readonly string[]
  /** Columns numbered by a sequence. */
  numbered: readonly string[]
  /** Columns of type uuid. */
  uuids: readonly string[]
  /** Columns of type jsonb that are not null: a null in the file is stored as a JSON null. */
  documents: readonly string[]
  /** Columns of the primary key. */
  key: readonly string[]
}

/** Tables with data about processes and requests, or that triggers derive from other tables. They are not exported. */
const NOT_DATA = [
  'zerodb_migrations',
  'zerodb_instances',
  'zerodb_idempotency_keys',
  'zerodb_uploads',
  'zerodb_row_indexes',
  'zerodb_row_index_entries',
]

/** Returns all tables with data. A table comes after the tables that it refers to. */
export async function tableCatalog(db: Executor): Promise<CatalogTable[]> {
  const columns = await db.query<{
    table: string
    column: string
    type: string
    is_generated: boolean
    is_numbered: boolean
    is_required: boolean
    key_place: number | null
  }>(sql`
    select
      c.relname::text as table,
      a.attname::text as column,
      format_type(a.atttypid, null) as type,
      a.attgenerated <> '' as is_generated,
      a.attidentity <> '' as is_numbered,
      a.attnotnull as is_required,
      array_position(i.indkey::int2[], a.attnum) as key_place
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relnamespace = current_schema()::regnamespace
      and c.relkind = 'r'
      and c.relname like 'zerodb\\_%'
    order by c.relname, a.attnum`)
  const tables = [...new Set(columns.map(({ table }) => table))].filter((table) => !NOT_DATA.includes(table))
  return (await inOrder(db, tables)).map((table) => {
    const own = columns.filter((column) => column.table === table)
    const named = (some: typeof own) => some.map(({ column }) => column)
    const keys = own.filter(({ key_place }) => key_place !== null).sort((a, b) => a.key_place! - b.key_place!)
    return {
      name: table.slice('zerodb_'.length),
      columns: named(own.filter(({ is_generated }) => !is_generated)),
      generated: named(own.filter(({ is_generated }) => is_generated)),
      vectors: named(own.filter(({ type, is_generated }) => type === 'vector' && !is_generated)),
      numbered: named(own.filter(({ is_numbered }) => is_numbered)),
      uuids: named(own.filter(({ type }) => type === 'uuid')),
      documents: named(own.filter(({ type, is_required }) => type === 'jsonb' && is_required)),
      key: named(keys),
    }
  })
}

/** Sorts tables so that each comes after the tables that it refers to. */
async function inOrder(db: Executor, tables: readonly string[]): Promise<string[]> {
  const references = await db.query<{ child: string; parent: string }>(sql`
    select child.relname::text as child, parent.relname::text as parent
    from pg_constraint k
    join pg_class child on child.oid = k.conrelid
    join pg_class parent on parent.oid = k.confrelid
    where k.contype = 'f' and child.relnamespace = current_schema()::regnamespace`)
  const ordered: string[] = []
  const add = (table: string) => {
    if (ordered.includes(table) || !tables.includes(table)) return
    for (const { child, parent } of references) if (child === table && parent !== table) add(parent)
    ordered.push(table)
  }
  for (const table of tables) add(table)
  return ordered
}

/** Returns a name from the system catalog as SQL. */
export function nameOf(name: string): Statement {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`${name} is not a valid table or column name`)
  return new Statement(name, [])
}
