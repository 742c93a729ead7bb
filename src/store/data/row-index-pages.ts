import { join, Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { bounded, given, type StoreContext } from '../context.ts'
import { withFilter } from '../filters/filter.ts'
import {
  canMatch,
  hasNext,
  type IndexPlan,
  isPlaced,
  keyOf,
  listConditions,
  readyIndex,
  withinPlan,
} from './row-index-plan.ts'
import { directed, type PlacedRow, placeValues, type RowPlace, type RowQuery, type Statements } from './row-query.ts'
import { rowColumns } from './tables.ts'

/** Number of entries that a query reads in the order of an index, if rows must meet other conditions too. */
const WALKED_ENTRIES = 2_000

export interface IndexedPage {
  /** The rows of the page, and one more if it is not the last. */
  rows: PlacedRow[]
  /** Statement that counts the matches up to a maximum. */
  counting(most: number): Statement
}

type FoundRow = PlacedRow & { is_ready: boolean; has_lists: boolean; is_end: boolean }

/** Pages of rows in the order of a declared index. */
export function rowIndexPages({ db }: StoreContext) {
  const reads = bounded(db)
  return {
    /**
     * Reads a page in the order of the index of `plan`. Returns null if the index does not decide which rows the page has: because it is not
     * ready, values at this place are lists, objects or long, or few of the rows meet the other conditions.
     */
    async read({ table, matches, indexed, query }: Statements, plan: IndexPlan): Promise<IndexedPage | null> {
      const { after, sort, limit, offset } = query
      if (after && !isPlaced(plan, valuesOf(sort, after.values))) return null
      const index = readyIndex(plan, sql`(select id from t)`)
      const direction = directed(plan.direction)
      const read = plan.isComplete ? offset + limit + 1 : WALKED_ENTRIES
      const parts = partsOf(plan, sort, after).map(
        (part, n) => sql`
          (
            select ${n}::int as part, e.key, e.position from zerodb_row_index_entries e
            where e.index_id = (select id from i) and ${part}
            order by e.key ${direction}, e.position ${direction}
            limit ${read}::int
          )`,
      )
      const lists = listConditions(plan).map(
        (isList) =>
          sql`exists (select from zerodb_row_index_entries e where e.index_id = (select id from i) and ${isList})`,
      )
      // "offset 0" keeps the plan a look-up for each entry: an estimate of many rows would read the table.
      const found = await withFilter(
        'filters',
        reads.query<FoundRow>(sql`
          with t as (${table}),
          i as materialized (${index}),
          entry as materialized (
            select * from (${join(parts, ' union all ')}) parts
            order by part, key ${direction}, position ${direction}
            limit ${plan.isComplete ? limit + 1 : WALKED_ENTRIES}::int offset ${plan.isComplete ? offset : 0}::int
          ),
          hit as (
            select r.*, entry.part, entry.key
            from entry
            cross join lateral (
              select * from zerodb_rows r
              where r.table_id = (select id from t) and r.position = entry.position
              offset 0
            ) r
            where ${matches}
            order by entry.part, entry.key ${direction}, entry.position ${direction}
            limit ${limit + 1}::int offset ${plan.isComplete ? 0 : offset}::int
          )
          select state.*, listed.*
          from (
            select
              exists (select from i) as is_ready,
              (${join([sql`false`, ...lists], ' or ')}) as has_lists,
              (select count(*) from entry) < ${read}::int as is_end
          ) state
          left join (
            select ${rowColumns}, r.position, ${placeValues(sort)} as sorted, r.part, r.key from hit r, t
          ) listed on true
          order by part, key ${direction}, position ${direction}`),
      )
      const { is_ready, has_lists, is_end } = found[0]!
      const rows = found.filter(({ id }) => id !== null).map(withoutState)
      if (!is_ready || has_lists || !(plan.isComplete || is_end || rows.length > limit)) return null
      if (!rows.slice(0, limit).every(({ sorted }) => isPlaced(plan, valuesOf(sort, sorted!)))) return null
      return { rows, counting: (most) => counted({ table, matches, indexed }, plan, most) }
    },
  }
}

/** Conditions on the entries `e` after a place, in the order of the parts. */
function partsOf(plan: IndexPlan, sort: RowQuery['sort'], after: RowPlace | null): Statement[] {
  const within = withinPlan(plan)
  const fields = plan.fields.slice(plan.equal.length)
  const ends = after && valuesOf(sort, after.values)
  const compared = new Sql(plan.direction === 1 ? '>' : '<', [])
  const key = keyOf([...plan.equal, ...fields.map((field) => ends?.get(field)?.[0])])
  const beyond = given(
    after,
    sql`and (e.key, e.position) ${compared} ((${key}) collate "C", ${after?.position}::bigint)`,
  )
  if (plan.direction === 1 || fields.length === 0 || plan.range !== null) return [sql`${within} ${beyond}`]
  // Rows that lack the field come last, though their keys are the highest.
  const present = sql`${within} and ${hasNext(plan, true)}`
  const missing = sql`${within} and ${hasNext(plan, false)}`
  if (ends?.get(fields[0]!)?.length === 0) return [sql`${missing} ${beyond}`]
  return [sql`${present} ${beyond}`, missing]
}

/** The values of a place by field. */
function valuesOf(sort: RowQuery['sort'], values: unknown[][]): Map<string, unknown[]> {
  return new Map(Object.keys(sort).map((field, n) => [field, values[n]!]))
}

/** Counts the matches up to `most`. The entries alone tell the number if the index decides the whole filter. */
function counted(
  { table, matches, indexed }: Pick<Statements, 'table' | 'matches' | 'indexed'>,
  plan: IndexPlan,
  most: number,
): Statement {
  const rows =
    plan.isComplete && plan.equal.length + (plan.range ? 1 : 0) > 0
      ? sql`
        select from zerodb_row_index_entries e
        where e.index_id = (${readyIndex(plan, sql`(select id from t)`)}) and ${withinPlan(plan)}`
      : sql`
        select from zerodb_rows r
        where r.table_id = (select id from t)
          and ${matches}
          and ${indexed ?? (plan.range ? canMatch(plan, sql`(select id from t)`) : sql`true`)}`
  return sql`
    with t as (${table})
    select count(*) as total from (${rows} limit ${most}::int) counted`
}

function withoutState({ is_ready: _, has_lists: __, is_end: ___, ...row }: FoundRow): PlacedRow {
  const { part: ____, key: _____, ...placed } = row as PlacedRow & { part: number; key: string }
  return placed
}
