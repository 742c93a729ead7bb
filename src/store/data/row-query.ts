import { join, Statement, sql } from '../../db/sql.ts'
import type { Row } from '../../schema/table.ts'
import { sortValue } from '../filters/filter.ts'

/** Position of a row in a sorted list. */
export interface RowPlace {
  /** The values of the sort fields: a list of one value, or an empty one if the row lacks the field. */
  values: unknown[][]
  /** In the order of insertion. */
  position: number
}

export interface RowQuery {
  filter: Record<string, unknown>
  /** 1 for ascending, -1 for descending. Without fields: by insertion. Rows with equal values follow in the direction of the last field. */
  sort: Record<string, 1 | -1>
  limit: number
  offset: number
  after: RowPlace | null
}

/** A row with its place in the list. */
export type PlacedRow = Row & { position?: number; sorted?: unknown[][] }

export interface Statements {
  table: Statement
  matches: Statement
  /** Condition that an index supports. */
  indexed: Statement | null
  query: RowQuery
}

/** The values of the sort fields of row `r` as a list, for the place of the row. */
export function placeValues(sort: RowQuery['sort']): Statement {
  const values = Object.keys(sort).map((field) => sortValue(field, sql`r.data`))
  return sql`
    jsonb_build_array(${join(
      values.map((value) => sql`case when ${value} is null then '[]' else jsonb_build_array(${value}) end`),
      ', ',
    )})`
}

/** Ascending or descending, for both the sort fields and the position. */
export const directed = (direction: 1 | -1) => new Statement(direction === 1 ? 'asc' : 'desc', [])
