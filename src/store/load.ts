import { join, json, type Statement, sql } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { remembered } from '../schema/events.ts'
import type { Scope, StoreContext } from './context.ts'
import { acceptedHookFilter } from './hook-filter.ts'
import { nameOf, type Shape } from './shapes.ts'

/** A row as `dump` has written it. */
export interface DumpedRow {
  row: Record<string, unknown>
  vectors?: Record<string, number[] | null>
}

/** What a column gets in place of what the row has. */
type Given = Record<string, Statement>

/** To what a column must refer where it is not null, so that nothing is hung on somebody else's things. */
const REFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  rows: { table_id: 'tables' },
  entity_aliases: { entity_id: 'entities' },
  mentions: { memory_id: 'memories', entity_id: 'entities' },
  edges: { subject_id: 'entities', object_id: 'entities' },
  edge_sources: { memory_id: 'memories', edge_id: 'edges' },
  function_versions: { function_id: 'functions' },
  schedules: { function_id: 'functions' },
  once: { function_id: 'functions' },
  hooks: { function_id: 'functions' },
}

/** Writes rows that `dump` has read. */
export function load({ db }: StoreContext) {
  /** How many of `rows` were written: those for which `where` holds. */
  async function insert(shape: Shape, rows: readonly DumpedRow[], given: Given, where = sql`true`): Promise<number> {
    const there = Object.keys(rows[0]!.row)
    const unknown = there.find((name) => !shape.columns.includes(name))
    if (unknown !== undefined)
      throw new ZeroError('invalid', `"${shape.name}" has no field "${unknown}" here: a later version has written it`)
    const plain = shape.columns.filter((name) => there.includes(name) && !(name in given))
    const columns = [...plain, ...shape.vectors, ...Object.keys(given)]
    const values = [
      ...plain.map((name) => sql`r.${nameOf(name)}`),
      ...shape.vectors.map((name) => sql`v.${nameOf(name)}`),
      ...Object.values(given),
    ]
    const table = nameOf(`zerodb_${shape.name}`)
    const vectors = shape.vectors.map((name) => sql`${rows.map((row) => vectorOf(row, name))}::vector[]`)
    const beside =
      vectors.length === 0
        ? sql``
        : sql`
        join unnest(${join(vectors, ', ')}) with ordinality v(${join(shape.vectors.map(nameOf), ', ')}, ordinality)
          on v.ordinality = r.ordinality`
    const [counted] = await db.query<{ count: number }>(sql`
      with inserted as (
        insert into ${table} (${join(columns.map(nameOf), ', ')})
        select ${join(values, ', ')}
        from jsonb_populate_recordset(null::${table}, ${json(rows.map(({ row }) => row))}::jsonb) with ordinality r
        ${beside}
        where ${where}
        returning 1
      )
      select count(*) as count from inserted`)
    return counted!.count
  }

  return {
    /** Whether nobody is here yet: only then a whole database can be written. */
    async isEmpty(): Promise<boolean> {
      const [row] = await db.query<{ empty: boolean }>(sql`select not exists (select from zerodb_users) as empty`)
      return row!.empty
    },

    /** Rows of a whole database. What was running when they were read is queued again. */
    async rows(shape: Shape, rows: readonly DumpedRow[]): Promise<void> {
      const given: Record<string, Given> = {
        // Numbers of transactions are another database's.
        events: { xid: sql`'0'::xid8` },
        runs: { status: sql`case when r.status = 'running' then 'queued' else r.status end`, owner: sql`null` },
      }
      await insert(shape, rows, given[shape.name] ?? {})
    },

    /**
     * Keeps the numbers of imported events free of others, in a transaction of its own. Returns how far they are moved: 0 where they are free,
     * else so that they come behind all that are there.
     */
    async reserve(first: number, last: number): Promise<number> {
      // No statement that draws a number is at work while this is held.
      await db.query(sql`lock table zerodb_events in share row exclusive mode`)
      const [row] = await db.query<{ shift: number }>(sql`
        select case
          when exists (select from zerodb_events where seq between ${first}::bigint and ${last}::bigint)
          then (select last_value from zerodb_events_seq_seq) + 1 - ${first}::bigint
          else 0
        end as shift`)
      const { shift } = row!
      await db.query(sql`
        select setval('zerodb_events_seq_seq', ${last + shift}::bigint)
        from zerodb_events_seq_seq
        where last_value < ${last + shift}::bigint`)
      return shift
    },

    /** The project itself. False when there is one of this id. */
    async project(userId: string, shape: Shape, row: DumpedRow['row']): Promise<boolean> {
      const free = sql`not exists (select from zerodb_projects p where p.id = r.id)`
      return (await insert(shape, [{ row }], { user_id: sql`${userId}::uuid` }, free)) === 1
    },

    /** Rows of a project. Throws `invalid` for one that refers to something that the project does not have. */
    async projectRows(scope: Scope, shape: Shape, rows: readonly DumpedRow[], shift: number): Promise<void> {
      const given: Given = {}
      if (shape.columns.includes('project_id')) given['project_id'] = sql`${scope.project_id}::uuid`
      if (shape.columns.includes('user_id')) given['user_id'] = sql`${scope.user_id}::uuid`
      if (shape.name === 'memories') given['event_seq'] = sql`r.event_seq + ${shift}::bigint`
      if (shape.name === 'events') Object.assign(given, eventFields(scope, shift))
      if (shape.name === 'hooks')
        for (const { row } of rows) row['filter_path'] = await acceptedHookFilter(db, row['filter'] as never)
      const references = Object.entries(REFERENCES[shape.name] ?? {}).map(
        ([column, parent]) =>
          sql`(r.${nameOf(column)} is null or exists (select from ${nameOf(`zerodb_${parent}`)} p where p.id = r.${nameOf(column)} and p.project_id = ${scope.project_id}::uuid))`,
      )
      const written = await insert(shape, rows, given, references.length === 0 ? sql`true` : join(references, ' and '))
      if (written < rows.length)
        throw new ZeroError('invalid', `A row of "${shape.name}" refers to something that is not in the file before it`)
    },

    /** Once all rows are written: what is numbered from now on gets later numbers. */
    async finish(shapes: readonly Shape[]): Promise<void> {
      for (const { name, numbered } of shapes) {
        for (const column of numbered) {
          const table = `zerodb_${name}`
          await db.query(sql`
            select setval(sequence, used)
            from (
              select
                pg_get_serial_sequence(${table}, ${column})::regclass as sequence,
                (select max(${nameOf(column)}) from ${nameOf(table)}) as used
            ) state
            where used > coalesce(pg_sequence_last_value(sequence), 0)`)
        }
      }
    },
  }
}

function vectorOf({ vectors }: DumpedRow, name: string): Float32Array | null {
  const numbers = vectors?.[name]
  return numbers ? Float32Array.from(numbers) : null
}

/** The event with another number, and so with another id; its chain may begin with one that has been moved with it. */
function eventFields({ project_id, user_id }: Scope, shift: number): Given {
  const moved = (id: Statement) =>
    sql`'evt_' || lpad(to_hex(('x' || lpad(substr(${id}, 5, length(${id}) - 10), 16, '0'))::bit(64)::bigint + ${shift}::bigint), 10, '0') || right(${id}, 6)`
  return {
    seq: sql`r.seq + ${shift}::bigint`,
    id: moved(sql`r.id`),
    chain_id: sql`case when r.chain_id is not null then ${moved(sql`r.chain_id`)} end`,
    xid: sql`'0'::xid8`,
    data: sql`
      r.data
      || jsonb_build_object('user_id', ${user_id}::text)
      || case when r.event = ${remembered.name} then '{}' else jsonb_build_object('project_id', ${project_id}::text) end`,
  }
}
