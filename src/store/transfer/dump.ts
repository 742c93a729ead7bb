import { join, type Statement as Sql, Statement, sql } from '../../db/sql.ts'
import type { StoreContext } from '../context.ts'
import { type CatalogTable, nameOf, tableCatalog } from './table-catalog.ts'

/** Number of rows that are fetched at a time. */
const FETCHED = 100

/** Tables with the data of a project, in the order in which they are read and written. */
export const PROJECT_TABLES = [
  'tables',
  'rows',
  'vectors',
  'memories',
  'entities',
  'entity_aliases',
  'mentions',
  'edges',
  'edge_sources',
  'published_events',
  'files',
  'wheels',
  'functions',
  'function_versions',
  'schedules',
  'once',
  'hooks',
  'events',
] as const

/** Tables without a project column: the column and table that link them to a project. */
const THROUGH: Readonly<Record<string, readonly [column: string, table: string]>> = {
  mentions: ['memory_id', 'memories'],
  edge_sources: ['memory_id', 'memories'],
  function_versions: ['function_id', 'functions'],
  once: ['function_id', 'functions'],
}

/**
 * The owner can change in an import, `filter_path` is derived from `filter`, the keys of a row from its
 * data, `next_at` from the schedule and the time of the import, and `is_suspended` from the project. `origin` refers to runs, which are not
 * exported.
 */
const NOT_EXPORTED = [
  'project_id',
  'user_id',
  'is_default',
  'xid',
  'filter_path',
  'next_at',
  'origin',
  'is_suspended',
  'key_1',
  'key_2',
  'key_3',
]

/** Reads rows as lines of JSON. In a transaction, `begin` must be called first: then all reads see one snapshot. */
export function dump({ db }: StoreContext) {
  /**
   * Yields each row as `{"table", "vectors", "row"}`. PostgreSQL formats the rows, so that times keep their microseconds and numbers all
   * digits.
   */
  async function* lines(shape: CatalogTable, row: Sql, rest: Sql): AsyncGenerator<string, void> {
    const vectors = shape.vectors.map(
      (name) => sql`'"' || ${text(name)} || '":' || coalesce(t.${nameOf(name)}::text, 'null')`,
    )
    const apart = vectors.length === 0 ? sql`` : sql`'"vectors":{' || ${join(vectors, ` || ',' || `)} || '},' ||`
    const order = join(
      shape.key.map((name) => sql`t.${nameOf(name)}`),
      ', ',
    )
    await db.query(sql`
      declare zerodb_dump no scroll cursor for
      select '{"table":"' || ${text(shape.name)} || '",' || ${apart} '"row":' || (${row})::text || '}' as line
      from ${nameOf(`zerodb_${shape.name}`)} t
      ${rest}
      order by ${order}`)
    for (;;) {
      const rows = await db.query<{ line: string }>(sql`fetch ${number(FETCHED)} from zerodb_dump`)
      for (const { line } of rows) yield line
      if (rows.length < FETCHED) break
    }
    await db.query(sql`close zerodb_dump`)
  }

  return {
    async begin(): Promise<void> {
      await db.query(sql`set transaction isolation level repeatable read, read only`)
    },

    /** Returns the last migration: older programs may not understand the rows. */
    async schema(): Promise<{ number: number; name: string }> {
      const [row] = await db.query<{ number: number; name: string }>(
        sql`select number, name from zerodb_migrations order by number desc limit 1`,
      )
      return row!
    },

    shapes: () => tableCatalog(db),

    rows: (shape: CatalogTable) => lines(shape, rowOf(shape, []), sql``),

    /** Yields the rows of a table that belong to a project; the project itself is in the table `projects`. */
    async *projectRows(shape: CatalogTable, projectId: string): AsyncGenerator<string, void> {
      // A cursor takes no parameters.
      await db.query(sql`select set_config('zerodb.project', ${projectId}, true)`)
      const project = sql`current_setting('zerodb.project')::uuid`
      const row = rowOf(shape, NOT_EXPORTED)
      const through = THROUGH[shape.name]
      if (shape.name === 'projects') yield* lines(shape, row, sql`where t.id = ${project}`)
      else if (through !== undefined)
        yield* lines(
          shape,
          row,
          sql`where t.${nameOf(through[0])} in (select id from ${nameOf(`zerodb_${through[1]}`)} where project_id = ${project})`,
        )
      else if (shape.name === 'schedules')
        yield* lines(
          shape,
          row,
          sql`
            where t.project_id = ${project}
              or t.function_id in (select id from ${nameOf('zerodb_functions')} where project_id = ${project})`,
        )
      else if (shape.name === 'events')
        yield* lines(
          shape,
          sql`
            ${row} || jsonb_build_object(
              'seq', own.n, 'id', ${eventId(sql`own`)}, 'data', t.data - 'user_id' - 'project_id',
              'chain_id', case when root.id is null then t.chain_id else ${eventId(sql`root`)} end
            )`,
          sql`
            join ${numberedEvents(project)} own on own.seq = t.seq
            left join ${numberedEvents(project)} root on root.id = t.chain_id`,
        )
      else if (shape.name === 'memories')
        yield* lines(
          shape,
          sql`${row} || jsonb_build_object('event_seq', coalesce(own.n, 0))`,
          sql`left join ${numberedEvents(project)} own on own.seq = t.event_seq where t.project_id = ${project}`,
        )
      else if (shape.numbered.includes('position'))
        yield* lines(
          shape,
          sql`${row} || jsonb_build_object('position', own.n)`,
          sql`
            join (
              select position, row_number() over (order by position) as n
              from ${nameOf(`zerodb_${shape.name}`)}
              where project_id = ${project}
            ) own on own.position = t.position
            where t.project_id = ${project}`,
        )
      else yield* lines(shape, row, sql`where t.project_id = ${project}`)
    },
  }
}

/**
 * Numbers the project's events from 1. The real numbers would reveal how much other users write, and have no meaning on another server. A
 * deleted project of the same id may have left events of another user in the log.
 */
function numberedEvents(project: Sql): Sql {
  return sql`(
    select seq, id, row_number() over (order by seq) as n
    from zerodb_events
    where project_id = ${project} and user_id = (select user_id from zerodb_projects where id = ${project})
  )`
}

/**
 * Returns the id of an event in a file, which contains its number `n`. It contains no part of the real id, because an importer could
 * otherwise choose part of an id that another server creates.
 */
function eventId(event: Sql): Sql {
  return sql`'evt_' || lpad(to_hex(${event}.n), 16, '0')`
}

function rowOf(shape: CatalogTable, without: readonly string[]): Sql {
  const names = [...shape.generated, ...shape.vectors, ...without]
  return names.length === 0 ? sql`to_jsonb(t)` : sql`to_jsonb(t) - ${text(`{${names.join(',')}}`)}::text[]`
}

/** Quotes a constant of this program for a statement that takes no parameters. */
function text(words: string): Sql {
  if (words.includes("'")) throw new TypeError('our own words have no quotes')
  return new Statement(`'${words}'`, [])
}

function number(value: number): Sql {
  return new Statement(String(value), [])
}
