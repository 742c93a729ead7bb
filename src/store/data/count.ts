/** Maximum number of rows that a page counts, in addition to those that it shows. */
export const MAX_COUNT = 10_000

export interface Total {
  total: number
  /** False if there are more than `total` rows. */
  total_is_exact: boolean
}

export interface Page<Row> extends Total {
  rows: Row[]
  has_more: boolean
}

/** Returns the total of what `count(n)` counts up to n. */
export async function totalOf(count: (most: number) => Promise<number>): Promise<Total> {
  const counted = await count(MAX_COUNT + 1)
  return { total: Math.min(counted, MAX_COUNT), total_is_exact: counted <= MAX_COUNT }
}

/**
 * Returns the page of `limit` rows after `offset`. `rows` are the rows after `offset`, with one row more than `limit` if there are more.
 * Calls `count(n)`, which counts up to n, only if the page itself does not tell the total. Counts up to `max`, because counting all would
 * cost more with each stored row.
 */
export async function pageOf<Row>(
  rows: Row[],
  { limit, offset, max = MAX_COUNT }: { limit: number; offset: number; max?: number },
  count: (most: number) => Promise<number>,
): Promise<Page<Row>> {
  const has_more = rows.length > limit
  const shown = { rows: has_more ? rows.slice(0, limit) : rows, has_more }
  const seen = offset + rows.length
  if (!has_more && (rows.length > 0 || offset === 0)) return { ...shown, total: seen, total_is_exact: true }
  const counted = await count(max + 1)
  if (counted <= max) return { ...shown, total: counted, total_is_exact: true }
  return { ...shown, total: rows.length > 0 ? Math.max(max, seen) : max, total_is_exact: false }
}
