import { join, json, type Statement, sql } from '../../db/sql.ts'
import type { Row } from '../../schema/table.ts'
import { bounded, given, type Scope, type StoreContext } from '../context.ts'
import { compileFilter, compileIndexCondition, sortValue, withFilter } from '../filters/filter.ts'
import { type Page, pageOf, totalOf } from './count.ts'
import { indexedDocument, rowColumns, tableOf } from './tables.ts'

/**
 * Number of rows that a query reads in the order of insertion before it turns to the index. A value that one row in a hundred has fills a
 * page by then, in 2 ms. For such a value the index would read and sort ten thousand rows of a million.
 */
const WALKED_ROWS = 2_000

/**
 * Number of matches among the walked rows from which counting them without the index takes less time. At one in five, 10,000 matches are
 * among 50,000 rows: 65 ms, and 150 ms with the index of a million rows.
 */
const FREQUENT_HITS = WALKED_ROWS / 5

/** Position of a row in a sorted list. */
export interface RowPlace {
  /** The values of the sort fields: a list of one value, or an empty one if the row lacks the field. */
  values: unknown[][]
  /** In the order of insertion. */
  position: number
}

export interface RowQuery {
  filter: Record<string, unknown>
  /** 1 for ascending, -1 for descending. Without fields: by insertion. */
  sort: Record<string, 1 | -1>
  limit: number
  offset: number
  after: RowPlace | null
}

/** A row with its place in the list. */
type PlacedRow = Row & { position?: number; sorted?: unknown[][] }

export function rowPages({ db }: StoreContext) {
  const reads = bounded(db)

  return {
    /** Returns a page of the rows of a table that match the filter. `last` is the end of a page that is not the last. */
    async list(scope: Scope, tableId: string, query: RowQuery): Promise<Page<Row> & { last: RowPlace | null }> {
      const matches = compileFilter(query.filter, sql`r.data`, 'filters')
      const indexed = compileIndexCondition(query.filter, { document: indexedDocument, key: tableId }, 'filters')
      const statements = { table: tableOf(scope, tableId), matches, indexed, query }
      const walked = indexed !== null && Object.keys(query.sort).length === 0 ? await walk(statements) : null
      const stored = walked?.rows ?? (await withFilter('filters', reads.query<PlacedRow>(page(statements))))
      // Frequent matches are counted in less time by reading the table until the maximum.
      const counted = walked?.isFrequent || indexed === null ? matches : sql`${matches} and ${indexed}`
      const end = stored.length > query.limit ? stored[query.limit - 1] : undefined
      const last = end ? { values: end.sorted!, position: end.position! } : null
      for (const row of stored) {
        delete row.position
        delete row.sorted
      }
      const count = async (most: number) => {
        const [row] = await reads.query<{ total: number }>(sql`
          with t as (${statements.table})
          select count(*) as total
          from (
            select from zerodb_rows r
            where r.table_id = (select id from t) and ${counted}
            limit ${most}::int
          ) counted`)
        return row!.total
      }
      const rows = await pageOf<Row>(stored, query, count)
      return { ...rows, ...(query.after ? await totalOf(count) : {}), last }
    },
  }

  /** Looks for the page among the first rows. `rows` is null if it may be incomplete. */
  async function walk({
    table,
    matches,
    query,
  }: Statements): Promise<{ rows: PlacedRow[] | null; isFrequent: boolean }> {
    const found = await withFilter(
      'filters',
      reads.query<PlacedRow & { is_end: boolean; hits: number }>(sql`
        with t as (${table}),
        walked as materialized (
          select * from zerodb_rows
          where table_id = (select id from t) ${given(query.after, sql`and position > ${query.after?.position}::bigint`)}
          order by position
          limit ${WALKED_ROWS}::int
        ),
        hits as materialized (
          select * from walked r where ${matches}
        )
        select walk.is_end, walk.hits, hit.*
        from (select count(*) < ${WALKED_ROWS}::int as is_end, (select count(*) from hits) as hits from walked) walk
        left join (
          select ${rowColumns}, r.position, '[]'::jsonb as sorted
          from hits r, t
          order by r.position
          limit ${query.limit + 1}::int offset ${query.offset}::int
        ) hit on true
        order by hit.position`),
    )
    const { is_end, hits } = found[0]!
    const rows = found.filter(({ id }) => id !== null).map(({ is_end: _, hits: __, ...row }) => row)
    return { rows: is_end || rows.length > query.limit ? rows : null, isFrequent: hits >= FREQUENT_HITS }
  }
}

interface Statements {
  table: Statement
  matches: Statement
  indexed: Statement | null
  query: RowQuery
}

function page({ table, matches, indexed, query }: Statements): Statement {
  const fields = Object.entries(query.sort).map(([field, direction]) => ({
    value: sortValue(field, sql`r.data`),
    direction,
  }))
  const order = fields.map(({ value, direction }) =>
    direction === 1 ? sql`${value} asc nulls last` : sql`${value} desc nulls last`,
  )
  // With the index, the matches are sorted. The order by position alone would let the planner walk the table for a few matches.
  const position = indexed === null ? sql`r.position` : sql`r.position + 0`
  return sql`
    with t as (${table})
    select ${rowColumns}, r.position, jsonb_build_array(${join(
      fields.map(({ value }) => sql`case when ${value} is null then '[]' else jsonb_build_array(${value}) end`),
      ', ',
    )}) as sorted
    from zerodb_rows r, t
    where r.table_id = (select id from t)
      and ${matches}
      ${given(indexed, sql`and ${indexed ?? sql``}`)}
      ${query.after === null ? sql`` : sql`and (${isBeyond(fields, query.after)})`}
    order by ${join([...order, position], ', ')}
    limit ${query.limit + 1}::int offset ${query.offset}::int`
}

/** Condition: a row comes after `place` in the order of the sort fields and the position. */
function isBeyond(
  fields: readonly { value: Statement; direction: 1 | -1 }[],
  { values, position }: RowPlace,
): Statement {
  const beyond: Statement[] = []
  const equal: Statement[] = []
  const next = (condition: Statement) => beyond.push(sql`(${join([...equal, condition], ' and ')})`)
  fields.forEach(({ value, direction }, n) => {
    const end = values[n]!.length === 0 ? null : sql`${json(values[n]![0])}::jsonb`
    // Rows without the field come last in both directions.
    if (end)
      next(
        direction === 1 ? sql`(${value} > ${end} or ${value} is null)` : sql`(${value} < ${end} or ${value} is null)`,
      )
    equal.push(end ? sql`${value} = ${end}` : sql`${value} is null`)
  })
  next(sql`r.position > ${position}::bigint`)
  return join(beyond, ' or ')
}
