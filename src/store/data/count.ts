/** Rows that a page counts, beside those that it shows. */
const MAX_COUNT = 10_000

interface Total {
  total: number
  /** False when there are more than `total` says. */
  total_is_exact: boolean
}

export interface Page<Row> extends Total {
  rows: Row[]
  has_more: boolean
}

/**
 * The page of `limit` rows after `offset`, out of `rows`, which has one more if there are more. They are counted only where the page itself does
 * not tell how many there are, and up to `max`: to count all would cost more with each row that is stored. `count(n)` counts up to n.
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
