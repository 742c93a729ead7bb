import { json, type Statement, sql } from '../../db/sql.ts'
import { rowInserted } from '../../schema/events.ts'
import type { Row, Table } from '../../schema/table.ts'
import { found, isAfter, type Place, type Scope, type StoreContext, userProject, write } from '../context.ts'
import { emit } from '../outbox.ts'

/**
 * The columns of a table. `added` is the state of an index that the same statement declares, because the statement does not see what its
 * triggers have stored.
 */
const columnsWith = (added: 'building' | 'ready') => sql`
  id as table_id, id, project_id, name as table_name, schema_definition, strict, coalesce(unique_keys, '[]') as unique_keys,
  coalesce(
    (
      select jsonb_agg(jsonb_build_object('fields', declared.fields, 'state', coalesce(i.state, ${added})) order by declared.n)
      from jsonb_array_elements(indexes) with ordinality declared (fields, n)
      left join zerodb_row_indexes i
        on i.table_id = zerodb_tables.id and to_jsonb(i.fields) = declared.fields and i.state <> 'removing'
    ),
    '[]'
  ) as indexes,
  description, created_at`
const columns = columnsWith('building')
export const rowColumns = sql`
  r.id as row_id, r.id, r.project_id, r.table_id, t.name as table_name, r.data as row_data, r.version, r.created_at, r.updated_at`

/** The expression that the index of rows is over: the row under the id of its table. */
export const indexedDocument = sql`jsonb_set('{}', array[r.table_id::text], r.data)`

/**
 * Selects the table with this name or id in the scope's project. Writes whose rows were not checked pass false for `isChecked`, and do not
 * find a strict table.
 */
export function tableOf(scope: Scope, table: string, isChecked = true): Statement {
  return sql`
    select t.id, t.name, t.project_id, t.unique_keys, owner.user_id
    from zerodb_tables t join (${userProject(scope)}) owner using (project_id)
    where (t.name = ${table} or t.id::text = ${table.toLowerCase()}) ${isChecked ? sql`` : sql`and not t.strict`}
    order by t.name = ${table} desc
    limit 1`
}

/** Selects the values of the unique keys of `data`, a row of table `t`. */
export const rowKeys = (data: Statement) => sql`
  zerodb_row_key(${data}, t.unique_keys -> 0), zerodb_row_key(${data}, t.unique_keys -> 1), zerodb_row_key(${data}, t.unique_keys -> 2)`

/** The columns of the unique keys after an update of a row of table `t`. */
export const derivedKeys = {
  key_1: sql`zerodb_row_key(new.new_data, (select unique_keys -> 0 from t))`,
  key_2: sql`zerodb_row_key(new.new_data, (select unique_keys -> 1 from t))`,
  key_3: sql`zerodb_row_key(new.new_data, (select unique_keys -> 2 from t))`,
}

/** The data of an event about a row of table `t`. */
export const ROW_EVENT_DATA = {
  table_name: sql`(select name from t)`,
  row_id: sql`stored.id`,
  project_id: sql`stored.project_id`,
  user_id: sql`stored.user_id`,
}

interface IndexFields {
  fields: readonly string[]
}

const storedIndexes = (indexes: readonly IndexFields[] | undefined) =>
  sql`${indexes?.length ? json(indexes.map(({ fields }) => fields)) : null}::jsonb`

export function tables(context: StoreContext) {
  const { db } = context
  return {
    /** Creates a table. Throws `DbError` 23505 if the project already has a table of this name. */
    async create(
      scope: Scope,
      table: {
        name: string
        schema_definition?: object | null | undefined
        strict?: boolean
        unique_keys?: readonly (readonly string[])[]
        indexes?: readonly IndexFields[]
        description?: string | null | undefined
      },
    ): Promise<Table> {
      const rows = await db.query<Table>(sql`
        insert into zerodb_tables (project_id, name, schema_definition, strict, unique_keys, indexes, description)
        select
          project_id, ${table.name}, ${table.schema_definition ? json(table.schema_definition) : null}::jsonb, ${table.strict ?? false}::bool,
          ${table.unique_keys?.length ? json(table.unique_keys) : null}::jsonb, ${storedIndexes(table.indexes)}, ${table.description}
        from (${userProject(scope)}) owner
        returning ${columnsWith('ready')}`)
      return found(rows, 'Project')
    },

    async list(
      scope: Scope,
      { limit, offset, after }: { limit: number; offset: number; after: Place | null },
    ): Promise<Table[]> {
      return db.query<Table>(sql`
        select ${columns} from zerodb_tables
        where project_id = (select project_id from (${userProject(scope)}) owner) ${isAfter(after, 'oldest first')}
        order by created_at, id
        limit ${limit}::int offset ${offset}::int`)
    },

    async get(scope: Scope, table: string): Promise<Table> {
      const rows = await db.query<Table>(sql`
        select ${columns} from zerodb_tables where id = (select id from (${tableOf(scope, table)}) t)`)
      return found(rows, 'Table')
    },

    /** Changes the given fields of a table. Other fields keep their values. Throws `not_found`. */
    async update(
      scope: Scope,
      table: string,
      fields: {
        schema_definition?: object | null | undefined
        strict?: boolean | undefined
        indexes?: readonly IndexFields[] | undefined
        description?: string | null | undefined
      },
    ): Promise<Table> {
      const { schema_definition: schema, strict, indexes, description } = fields
      const rows = await db.query<Table>(sql`
        update zerodb_tables set
          schema_definition = ${schema === undefined ? sql`schema_definition` : sql`${schema && json(schema)}::jsonb`},
          strict = coalesce(${strict}::bool, strict),
          indexes = ${indexes === undefined ? sql`indexes` : storedIndexes(indexes)},
          description = ${description === undefined ? sql`description` : sql`${description}::text`}
        where id = (select id from (${tableOf(scope, table)}) t)
        returning ${columns}`)
      return found(rows, 'Table')
    },

    async remove(scope: Scope, table: string): Promise<boolean> {
      const rows = await db.query(sql`
        with gone as (
          delete from zerodb_tables where id = (select id from (${tableOf(scope, table)}) t) returning id
        ),
        rows as (
          delete from zerodb_rows where table_id in (select id from gone)
        )
        select id from gone`)
      return rows.length > 0
    },

    /** Inserts all rows or none, with one event per row. */
    async insertRows(
      scope: Scope,
      table: string,
      data: readonly Record<string, unknown>[],
      isChecked = true,
    ): Promise<Row[]> {
      const rows = await write<Row & { event_seq: number }>(
        context,
        sql`
        with t as (${tableOf(scope, table, isChecked)}),
        stored as (
          insert into zerodb_rows (table_id, project_id, data, key_1, key_2, key_3)
          select t.id, t.project_id, item.data, ${rowKeys(sql`item.data`)}
          from t, jsonb_array_elements(${json(data)}::jsonb) with ordinality as item (data, n)
          order by item.n
          returning *, id::text as ref, ${scope.user_id}::uuid as user_id, (select name from t) as table_name
        ),
        ${emit(scope, rowInserted, {
          table_name: sql`stored.table_name`,
          row_id: sql`stored.id`,
          project_id: sql`stored.project_id`,
          user_id: sql`stored.user_id`,
        })}
        select
          r.id as row_id, r.id, r.project_id, r.table_id, r.table_name, r.data as row_data, r.version, r.created_at, r.updated_at, event.seq as event_seq
        from stored r join event using (ref)
        order by r.position`,
        `Table "${table}" not found`,
      )
      return rows.map(({ event_seq: _, ...row }) => row)
    },

    async getRow(scope: Scope, table: string, id: string): Promise<Row> {
      const rows = await db.query<Row>(sql`
        with t as (${tableOf(scope, table)})
        select ${rowColumns} from zerodb_rows r join t on t.id = r.table_id where r.id = ${id}::uuid`)
      return found(rows, 'Row')
    },
  }
}
