import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { DbError, join, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { parseStoredJson, withDoubles } from '../../exact-json.ts'
import { EVENT_TYPES } from '../../schema/events.ts'
import type { Scope, StoreContext } from '../context.ts'
import { acceptedHookFilter } from '../filters/hook-filter.ts'
import { eventId } from '../outbox.ts'
import { type CatalogTable, nameOf } from './table-catalog.ts'

/** A row as written by `dump`. */
export interface DumpedRow {
  /** The line number in the file. */
  line: number
  /** The JSON object with the row under `row`. PostgreSQL parses this text, so that numbers keep all digits. */
  text: string
  row: Record<string, unknown>
  vectors?: Record<string, number[] | null> | undefined
  /** New sequence numbers of this server, by column. `chain` is the number of the first event of the chain. */
  numbers?: Readonly<Record<string, number | null>>
}

/** Consecutive numbers from a sequence. */
export interface NumberRange {
  first: number
  count: number
}

/** SQL expressions that replace the values of columns. */
type Given = Record<string, Statement>

/** Required target of each foreign column, so that imported rows cannot refer to another user's rows. */
const REFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  rows: { table_id: 'tables' },
  entity_aliases: { entity_id: 'entities' },
  mentions: { memory_id: 'memories', entity_id: 'entities' },
  edges: { subject_id: 'entities', object_id: 'entities', ended_by: 'memories' },
  edge_sources: { memory_id: 'memories', edge_id: 'edges' },
  function_versions: { function_id: 'functions' },
  schedules: { function_id: 'functions' },
  once: { function_id: 'functions' },
  hooks: { function_id: 'functions' },
}

/** Columns of type uuid that are not mapped, because they refer to no row of the file: owners, and runs, which are not exported. */
const NOT_MAPPED = ['project_id', 'user_id', 'caused_by']
/** Fields of an event's data that contain the id of a row. */
const IDS_IN_DATA = ['memory_id', 'file_id', 'row_id', 'event_id', 'relation_id', 'subject_id', 'object_id']

/** Returns the new id for `id` in an import that maps ids. `mapped` is the same function in SQL. */
export function mappedId(salt: string, id: string): string {
  const hex = createHash('md5').update(`${salt}${id.toLowerCase()}`).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const mapped = (salt: string, id: Statement) => sql`md5(${salt}::text || (${id})::uuid::text)::uuid`

function isSameJson(text: unknown, value: unknown): boolean {
  if (typeof text !== 'string') return false
  try {
    return isDeepStrictEqual(withDoubles(parseStoredJson(text)), withDoubles(value))
  } catch {
    // The text is not valid JSON.
    return false
  }
}

/** Writes rows that `dump` has read. */
export function load({ db }: StoreContext) {
  /**
   * Inserts those of `rows` for which `where` is true, and returns their number. All rows must have the same fields. `values` has one list
   * per name, with a value per row, which `given` and `where` can use.
   */
  async function insert(
    shape: CatalogTable,
    rows: readonly DumpedRow[],
    { given = {}, values = {}, where = sql`true` }: { given?: Given; values?: Given; where?: Statement } = {},
  ): Promise<number> {
    const there = Object.keys(rows[0]!.row)
    const unknown = there.find((name) => !shape.columns.includes(name))
    if (unknown !== undefined)
      throw new ZeroError('invalid', `"${shape.name}" has no field "${unknown}" here: a later version has written it`)
    const plain = shape.columns.filter((name) => there.includes(name) && !(name in given))
    const columns = [...plain, ...shape.vectors, ...Object.keys(given)].map(nameOf)
    const selected = [
      ...plain.map((name) =>
        shape.documents.includes(name) ? sql`coalesce(r.${nameOf(name)}, 'null')` : sql`r.${nameOf(name)}`,
      ),
      ...shape.vectors.map((name) => sql`l.${nameOf(name)}`),
      ...Object.values(given),
    ]
    const lists = [
      sql`${rows.map(({ text }) => text)}::text[]`,
      ...shape.vectors.map((name) => sql`${rows.map((row) => vectorOf(row, name))}::vector[]`),
      ...Object.values(values),
    ]
    const names = [sql`line`, ...[...shape.vectors, ...Object.keys(values)].map(nameOf), sql`ordinality`]
    const table = nameOf(`zerodb_${shape.name}`)
    const [counted] = await db.query<{ count: number }>(sql`
      with inserted as (
        insert into ${table} (${join(columns, ', ')})
        select ${join(selected, ', ')}
        from unnest(${join(lists, ', ')}) with ordinality l(${join(names, ', ')})
        cross join lateral jsonb_populate_record(null::${table}, l.line::jsonb -> 'row') r
        where ${where}
        order by l.ordinality
        returning 1
      )
      select count(*) as count from inserted`)
    return counted!.count
  }

  return {
    /** Returns whether the database has no users yet: only then a backup can be restored. */
    async isEmpty(): Promise<boolean> {
      const [row] = await db.query<{ empty: boolean }>(sql`select not exists (select from zerodb_users) as empty`)
      return row!.empty
    },

    /** Writes rows of a whole database. Runs that were running at the time of the backup are queued again. */
    async rows(shape: CatalogTable, rows: readonly DumpedRow[]): Promise<void> {
      const given: Record<string, Given> = {
        // Transaction ids of another database have no meaning here.
        events: { xid: sql`'0'::xid8` },
        runs: { status: sql`case when r.status = 'running' then 'queued' else r.status end`, owner: sql`null` },
      }
      await insert(shape, rows, { given: given[shape.name] ?? {} })
    },

    /**
     * Takes `count` numbers from the sequence of a column, in ascending order. Call it outside of the transaction that uses them: readers
     * of the event log wait for transactions that may still use earlier numbers. A lock that made the numbers consecutive would stop all
     * writers.
     */
    async draw(table: string, column: string, count: number): Promise<NumberRange[]> {
      if (count === 0) return []
      return db.query<NumberRange>(sql`
        select min(n) as first, count(*) as count
        from (
          select n, n - row_number() over (order by n) as island
          from (
            select nextval(pg_get_serial_sequence(${`zerodb_${table}`}, ${column})::regclass) as n
            from generate_series(1, ${count}::int)
          ) drawn
        ) numbered
        group by island
        order by first`)
    },

    /** Returns the owner of a project; null if the project does not exist. */
    async ownerOf(projectId: string): Promise<string | null> {
      const [row] = await db.query<{ user_id: string }>(
        sql`select user_id from zerodb_projects where id = ${projectId}::uuid`,
      )
      return row?.user_id ?? null
    },

    /** Runs `work` in a savepoint. If it fails, its changes are rolled back and the transaction can continue. */
    async attempt(work: () => Promise<void>): Promise<void> {
      await db.query(sql`savepoint zerodb_attempt`)
      try {
        await work()
      } catch (error) {
        await db.query(sql`rollback to savepoint zerodb_attempt`)
        throw error
      } finally {
        await db.query(sql`release savepoint zerodb_attempt`)
      }
    },

    /**
     * Writes rows of a project. With `salt`, each id of the file is mapped to another. Throws `invalid` for a row that refers to something
     * outside of the project.
     */
    async projectRows(
      scope: Scope,
      shape: CatalogTable,
      rows: readonly DumpedRow[],
      salt: string | null,
    ): Promise<void> {
      const given: Given = {}
      const values: Given = {}
      const references = Object.entries(REFERENCES[shape.name] ?? {})
      const idOf = (column: string) =>
        salt === null ? sql`r.${nameOf(column)}` : mapped(salt, sql`r.${nameOf(column)}`)
      if (salt !== null)
        for (const column of shape.uuids) if (!NOT_MAPPED.includes(column)) given[column] = idOf(column)
      if (shape.name === 'projects') given['id'] = sql`${scope.project_id}::uuid`
      if (shape.columns.includes('project_id')) given['project_id'] = sql`${scope.project_id}::uuid`
      if (shape.columns.includes('user_id')) given['user_id'] = sql`${scope.user_id}::uuid`
      for (const column of Object.keys(rows[0]!.numbers ?? {})) {
        values[`new_${column}`] = sql`${rows.map(({ numbers }) => numbers?.[column] ?? null)}::bigint[]`
        if (shape.columns.includes(column)) given[column] = sql`l.${nameOf(`new_${column}`)}`
      }
      if (shape.name === 'schedules')
        given['project_id'] = sql`case when r.function_id is null then ${scope.project_id}::uuid end`
      if (shape.name === 'tables') given['strict'] = sql`coalesce(r.strict, false)`
      if (shape.name === 'entities' || shape.name === 'entity_aliases')
        given['namespace'] = sql`coalesce(r.namespace, 'global')`
      if (shape.name === 'edges') given['is_stated'] = sql`coalesce(r.is_stated, false)`
      if (shape.name === 'rows') Object.assign(given, rowFields(idOf('table_id')))
      if (shape.name === 'events') Object.assign(given, eventFields(scope, salt))
      if (shape.name === 'hooks') {
        const paths: (string | null)[] = []
        for (const { row } of rows) paths.push(await acceptedHookFilter(db, row['filter'] as never))
        values['new_filter_path'] = sql`${paths}::text[]`
        given['filter_path'] = sql`l.new_filter_path::jsonpath`
        // Columns that depend on the function are set after the function is written.
        Object.assign(given, { runtime: sql`null`, function_concurrency: sql`null` })
      }
      if (shape.name === 'function_versions') {
        // Only `config` was validated, so its text is kept only if both are equal.
        const texts = rows.map(({ row }) => (isSameJson(row['config_text'], row['config']) ? row['config_text'] : null))
        values['new_config_text'] = sql`${texts as (string | null)[]}::text[]`
        given['config_text'] = sql`l.new_config_text`
      }
      const isThere = references.map(
        ([column, parent]) => sql`(
          r.${nameOf(column)} is null
          or exists (
            select from ${nameOf(`zerodb_${parent}`)} p where p.id = ${idOf(column)} and p.project_id = ${scope.project_id}::uuid
          )
        )`,
      )
      const where = isThere.length === 0 ? sql`true` : join(isThere, ' and ')
      if ((await insert(shape, rows, { given, values, where })) < rows.length)
        throw new ZeroError('invalid', 'it refers to something that is not in the file before it')
    },

    /**
     * Sets the columns that depend on the live version of each imported function. Throws `invalid` if the live version of a function is
     * missing.
     */
    async settleFunctions({ project_id }: Scope): Promise<void> {
      const [incomplete] = await db.query<{ name: string; version: number }>(sql`
        select name, version from zerodb_functions f
        where project_id = ${project_id}::uuid
          and not exists (select from zerodb_function_versions v where v.function_id = f.id and v.version = f.version)
        limit 1`)
      if (incomplete)
        throw new ZeroError('invalid', `The file has no version ${incomplete.version} of function "${incomplete.name}"`)
      await db.query(sql`
        update zerodb_functions f set
          runtime = v.runtime, retry = nullif(v.config -> 'retry', 'null'), concurrency = (v.config ->> 'concurrency')::int
        from zerodb_function_versions v
        where f.project_id = ${project_id}::uuid and v.function_id = f.id and v.version = f.version`)
      await db.query(sql`
        update zerodb_hooks h set runtime = f.runtime, function_concurrency = f.concurrency
        from zerodb_functions f
        where h.project_id = ${project_id}::uuid and f.id = h.function_id`)
    },

    /**
     * Replaces the events that a deleted project of the same id left in the user's log. Call it after the events were imported with numbers
     * from `first`. Old runs are moved to the imported events; ended runs without an imported event are deleted.
     */
    async replaceEvents({ user_id, project_id }: Scope, first: number): Promise<void> {
      const before = sql`user_id = ${user_id}::uuid and project_id = ${project_id}::uuid and seq < ${first}::bigint`
      await db.query(sql`
        with old as (select seq, event, ref, created_at from zerodb_events where ${before})
        update zerodb_runs r set event_seq = e.seq
        from old
        join zerodb_events e using (event, ref, created_at)
        where r.event_seq = old.seq
          and e.user_id = ${user_id}::uuid
          and e.project_id = ${project_id}::uuid
          and e.seq >= ${first}::bigint`)
      await db.query(sql`
        with old as (select seq from zerodb_events where ${before})
        delete from zerodb_runs where event_seq in (select seq from old) and status not in ('queued', 'running')`)
      await db.query(sql`
        with gone as (
          delete from zerodb_events e
          where ${before} and not exists (select from zerodb_runs r where r.event_seq = e.seq)
          returning seq
        )
        delete from zerodb_outbox where seq in (select seq from gone)`)
    },

    /** Advances the sequences beyond the highest restored numbers, after all rows of a whole database are written. */
    async finish(shapes: readonly CatalogTable[]): Promise<void> {
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

/** Returns whether an error means that an id of the file already exists here. */
export function isTakenId(error: unknown): boolean {
  return error instanceof DbError && error.code === '23505' && /^zerodb_\w+_pkey$/.test(error.constraint ?? '')
}

function vectorOf({ vectors }: DumpedRow, name: string): Float32Array | null {
  const numbers = vectors?.[name]
  return numbers ? Float32Array.from(numbers) : null
}

/** Builds the columns of a row that are not in the file: its version in older exports, and the values of its unique keys. */
function rowFields(tableId: Statement): Given {
  const key = (n: Statement) =>
    sql`zerodb_row_key(r.data, (select t.unique_keys -> ${n} from zerodb_tables t where t.id = ${tableId}))`
  return { version: sql`coalesce(r.version, 1)`, key_1: key(sql`0`), key_2: key(sql`1`), key_3: key(sql`2`) }
}

/** Types whose data has no project. */
const WITHOUT_PROJECT = EVENT_TYPES.filter((type) => !('project_id' in type.data.shape)).map((type) => type.name)

/** Builds the columns of an event with its new number, and so with a new id. The first event of its chain can have a new number too. */
function eventFields({ project_id, user_id }: Scope, salt: string | null): Given {
  const ids =
    salt === null
      ? sql`'{}'::jsonb`
      : sql`coalesce(
          (
            select jsonb_object_agg(key, ${mapped(salt, sql`value`)}) from jsonb_each_text(r.data)
            where key = any(${IDS_IN_DATA}::text[]) and value is not null
          ),
          '{}'
        )`
  return {
    id: eventId(sql`l.new_seq`),
    chain_id: sql`coalesce(${eventId(sql`l.new_chain`)}, r.chain_id)`,
    xid: sql`'0'::xid8`,
    ref: salt === null ? sql`r.ref::uuid::text` : sql`${mapped(salt, sql`r.ref`)}::text`,
    data: sql`
      r.data
      || ${ids}
      || jsonb_build_object('user_id', ${user_id}::text)
      || case when r.event = any(${WITHOUT_PROJECT}::text[]) then '{}' else jsonb_build_object('project_id', ${project_id}::text) end`,
  }
}
