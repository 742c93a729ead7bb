import { join, Statement as Sql, type Statement, sql } from '../../db/sql.ts'
import { bounded, type Scope, type StoreContext } from '../context.ts'
import { compileFilter, withFilter } from '../filters/filter.ts'
import { splitPath } from '../filters/filter-tree.ts'
import { tableOf } from './tables.ts'

export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max'

export interface Aggregate {
  name: string
  function: AggregateFunction
  /** Path of the values; null counts rows. */
  path: string | null
}

export interface RowGroup {
  key: unknown[]
  values: unknown[]
}

export function rowAggregates(context: StoreContext) {
  const reads = bounded(context.db)
  return {
    /**
     * Computes aggregates over the rows that match, one group for each combination of values of `groupBy`. Groups are ordered by their key.
     * Reads all matching rows, at most as many as the time limit of a query allows. Returns one group more than `limit` if there are more.
     */
    async aggregate(
      scope: Scope,
      table: string,
      filter: Record<string, unknown>,
      groupBy: readonly string[],
      aggregates: readonly Aggregate[],
      limit: number,
    ): Promise<RowGroup[]> {
      const column = (kind: 'g' | 'v', n: number) => new Sql(`${kind}${n}`, [])
      const keys = groupBy.map((path, n) => sql`r.data #> ${splitPath(path)}::text[] as ${column('g', n)}`)
      const values = aggregates.map(({ path }, n) =>
        path === null
          ? sql`null::jsonb as ${column('v', n)}`
          : sql`r.data #> ${splitPath(path)}::text[] as ${column('v', n)}`,
      )
      const groups = groupBy.map((_, n) => column('g', n))
      const grouped = groups.length === 0 ? sql`` : sql`group by ${join(groups, ', ')} order by ${join(groups, ', ')}`
      const rows = await withFilter(
        'filters',
        reads.query<RowGroup>(sql`
          select
            jsonb_build_array(${join(groups, ', ')}) as key,
            jsonb_build_array(${join(
              aggregates.map((each, n) => computed(each, column('v', n))),
              ', ',
            )}) as values
          from (
            select ${join([...keys, ...values], ', ')}
            from zerodb_rows r
            join (${tableOf(scope, table)}) t on t.id = r.table_id
            where ${compileFilter(filter, sql`r.data`, 'filters')}
          ) x
          ${grouped}
          limit ${limit + 1}::int`),
      )
      return rows
    },
  }
}

/** The aggregate of the jsonb values `value`. Values of other types than the function takes are left out; without any it is null. */
function computed({ function: name, path }: Aggregate, value: Statement): Statement {
  if (name === 'count') return path === null ? sql`count(*)` : sql`count(nullif(${value}, 'null'))`
  const numbers = sql`((${value} #>> '{}')::numeric) filter (where jsonb_typeof(${value}) = 'number')`
  if (name === 'sum') return sql`sum${numbers}`
  // trim_scale: the average of integers has 16 digits after the point.
  if (name === 'avg') return sql`trim_scale(avg${numbers})`
  const texts = sql`((${value} #>> '{}') collate "C") filter (where jsonb_typeof(${value}) = 'string')`
  const extreme = new Sql(name, [])
  return sql`coalesce(to_jsonb(${extreme}${numbers}), to_jsonb(${extreme}${texts}))`
}
