import { join, json, Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import type { Row } from '../../schema/table.ts'
import { bounded, given, type Scope, type StoreContext } from '../context.ts'
import { compileFilter, compileIndexCondition, requiredConditions, sortValue, withFilter } from '../filters/filter.ts'
import { type Page, pageOf, totalOf } from './count.ts'
import { type IndexedPage, rowIndexPages } from './row-index-pages.ts'
import { canMatch, planIndexes, readyIndex } from './row-index-plan.ts'
import { directed, type PlacedRow, placeValues, type RowPlace, type RowQuery, type Statements } from './row-query.ts'
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

export function rowPages(context: StoreContext) {
  const reads = bounded(context.db)
  const indexPages = rowIndexPages(context)

  /** Returns whether a declared index is ready, after a query that has used it: it was ready during the query then. */
  async function isReady(index: Statement): Promise<boolean> {
    return (await context.db.query(index)).length > 0
  }

  /** Returns the page without a declared index in the order of the query. `isUsable` is false if the index of `ready` was removed during the query. */
  async function read(statements: Statements, ready: Statement | null): Promise<IndexedPage & { isUsable: boolean }> {
    const { indexed, matches, query, table } = statements
    const walked = indexed !== null && Object.keys(query.sort).length === 0 ? await walk(statements) : null
    const rows = walked?.rows ?? (await withFilter('filters', reads.query<PlacedRow>(page(statements))))
    // Frequent matches are counted in less time by reading the table until the maximum.
    const counted = walked?.isFrequent || indexed === null ? matches : sql`${matches} and ${indexed}`
    const counting = (most: number) => sql`
      with t as (${table})
      select count(*) as total
      from (
        select from zerodb_rows r
        where r.table_id = (select id from t) and ${counted}
        limit ${most}::int
      ) counted`
    return { rows, counting, isUsable: ready === null || (await isReady(ready)) }
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

  return {
    /**
     * Returns a page of the rows of a table that match the filter. `last` is the end of a page that is not the last. `indexes` are the
     * fields of the table's indexes that are ready.
     */
    async list(
      scope: Scope,
      tableId: string,
      query: RowQuery,
      indexes: readonly (readonly string[])[] = [],
    ): Promise<Page<Row> & { last: RowPlace | null }> {
      const id = sql`${tableId}::uuid`
      const plans = planIndexes(indexes, requiredConditions(query.filter, 'filters'), query.sort)
      const matches = compileFilter(query.filter, sql`r.data`, 'filters')
      const equal = compileIndexCondition(query.filter, { document: indexedDocument, key: tableId }, 'filters')
      const statements = { table: tableOf(scope, tableId), matches, indexed: equal, query }
      const ordered = plans.find(({ isOrdered }) => isOrdered)
      let paged: IndexedPage | null = ordered ? await indexPages.read(statements, ordered) : null
      const ranged = plans.find(({ equal: values, range }) => range && (equal === null || values.length > 0))
      if (!paged && ranged) {
        const { isUsable, ...ofRange } = await read(
          { ...statements, indexed: canMatch(ranged, id) },
          readyIndex(ranged, id),
        )
        if (isUsable) paged = ofRange
      }
      const { rows: stored, counting } = paged ?? (await read(statements, null))
      const end = stored.length > query.limit ? stored[query.limit - 1] : undefined
      const last = end ? { values: end.sorted!, position: end.position! } : null
      for (const row of stored) {
        delete row.position
        delete row.sorted
      }
      const count = async (most: number) => {
        const [row] = await reads.query<{ total: number }>(counting(most))
        return row!.total
      }
      const rows = await pageOf<Row>(stored, query, count)
      return { ...rows, ...(query.after ? await totalOf(count) : {}), last }
    },
  }
}

function page({ table, matches, indexed, query }: Statements): Statement {
  const fields = Object.entries(query.sort).map(([field, direction]) => ({
    value: sortValue(field, sql`r.data`),
    direction,
  }))
  const order = fields.flatMap(({ value, direction }) =>
    sortKeys(value).map((key) => sql`${key} ${directed(direction)} nulls last`),
  )
  const last = fields.at(-1)?.direction ?? 1
  // With the index, the matches are sorted. The order by position alone would let the planner walk the table for a few matches.
  const position = sql`${indexed === null ? sql`r.position` : sql`r.position + 0`} ${directed(last)}`
  return sql`
    with t as (${table})
    select ${rowColumns}, r.position, ${placeValues(query.sort)} as sorted
    from zerodb_rows r, t
    where r.table_id = (select id from t)
      and ${matches}
      ${given(indexed, sql`and ${indexed ?? sql``}`)}
      ${query.after === null ? sql`` : sql`and (${isBeyond(fields, query.after)})`}
    order by ${join([...order, position], ', ')}
    limit ${query.limit + 1}::int offset ${query.offset}::int`
}

/**
 * The expressions to sort a value by, in the order of `zerodb_sort_key`: null, texts by code points in every database, numbers, booleans,
 * lists, objects. Null for a missing value. They take a sixth of the time of that function.
 */
function sortKeys(value: Statement): Statement[] {
  const type = sql`jsonb_typeof(${value})`
  return [
    sql`case ${type} when 'null' then 1 when 'string' then 2 when 'number' then 3 when 'boolean' then 4 when 'array' then 5 when 'object' then 6 end`,
    sql`case when ${type} = 'string' then 'null'::jsonb else ${value} end`,
    sql`case when ${type} = 'string' then ${value} #>> '{}' else '' end collate "C"`,
  ]
}

/** Condition: a row comes after `place` in the order of the sort fields and the position. */
function isBeyond(
  fields: readonly { value: Statement; direction: 1 | -1 }[],
  { values, position }: RowPlace,
): Statement {
  const beyond: Statement[] = []
  const equal: Statement[] = []
  const next = (condition: Statement) => beyond.push(sql`(${join([...equal, condition], ' and ')})`)
  const compared = (direction: 1 | -1) => new Sql(direction === 1 ? '>' : '<', [])
  fields.forEach(({ value, direction }, n) => {
    const end = values[n]!.length === 0 ? null : sql`${json(values[n]![0])}::jsonb`
    // Rows without the field come last in both directions.
    if (end) {
      const [own, ends] = [sortKeys(value), sortKeys(end)].map((keys) => join(keys, ', '))
      next(sql`((${own!}) ${compared(direction)} (${ends!}) or ${value} is null)`)
    }
    equal.push(end ? sql`${value} = ${end}` : sql`${value} is null`)
  })
  next(sql`r.position ${compared(fields.at(-1)?.direction ?? 1)} ${position}::bigint`)
  return join(beyond, ' or ')
}
