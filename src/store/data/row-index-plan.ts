import { join, json, type Statement, sql } from '../../db/sql.ts'
import { ExactNumber } from '../../exact-json.ts'
import type { Condition } from '../filters/filter-tree.ts'

/** Maximum length of a text, or digits of a number, that differs from all others in an index; see `zerodb_sort_key`. */
const MAX_EXACT_LENGTH = 150

/** Range of the values of one type. */
interface Range {
  type: 'text' | 'number'
  conditions: { operator: '$gt' | '$gte' | '$lt' | '$lte'; operand: unknown }[]
}

/** How a query can use a declared index. */
export interface IndexPlan {
  fields: readonly string[]
  /** The required values of the first fields. */
  equal: readonly unknown[]
  /** Required range of the next field. */
  range: Range | null
  /** Whether the index gives the order of the query, in the direction of `direction`. */
  isOrdered: boolean
  direction: 1 | -1
  /** Whether the index decides the whole filter. */
  isComplete: boolean
}

/** Conditions of a filter that must all hold. `isWhole` is false if the filter has other conditions. */
export interface Conjunction {
  conditions: readonly Condition[]
  isWhole: boolean
}

/** Returns the plan of each index that the query could use, the best one first. */
export function planIndexes(
  indexes: readonly (readonly string[])[],
  { conditions, isWhole }: Conjunction,
  sort: Record<string, 1 | -1>,
): IndexPlan[] {
  const order = Object.entries(sort)
  const direction = order.at(-1)?.[1] ?? 1
  const plans = indexes.map((fields): IndexPlan => {
    const equal: unknown[] = []
    let used = 0
    for (const field of fields) {
      const equality = conditions.find(({ keys, operator, operand }) => {
        const values = operator === '$in' ? (operand as unknown[]) : []
        return keys.length === 1 && keys[0] === field && values.length === 1 && isExact(values[0])
      })
      if (!equality) break
      equal.push((equality.operand as unknown[])[0])
      used++
    }
    const range = rangeOf(fields[equal.length], conditions)
    used += range?.conditions.length ?? 0
    // The order by a field that has one value is the order by the other fields.
    const rest = order.filter(([field]) => !fields.slice(0, equal.length).includes(field))
    // Rows that lack a field come last in both directions. Backwards, the index has them first among rows with equal values before it.
    const isOrdered =
      rest.length === fields.length - equal.length &&
      (direction === 1 || rest.length <= 1) &&
      rest.every(([field, each], n) => field === fields[equal.length + n] && each === direction)
    return { fields, equal, range, isOrdered, direction, isComplete: isWhole && used === conditions.length }
  })
  const worth = ({ equal, range, isComplete }: IndexPlan) => (isComplete ? 100 : 0) + 2 * equal.length + (range ? 1 : 0)
  return plans.sort((a, b) => worth(b) - worth(a))
}

function rangeOf(field: string | undefined, conditions: readonly Condition[]): Range | null {
  let range: Range | null = null
  for (const { keys, operator, operand } of conditions) {
    if (keys.length !== 1 || keys[0] !== field || !isComparison(operator) || !isExact(operand)) continue
    const type = typeof operand === 'string' ? 'text' : 'number'
    range ??= { type, conditions: [] }
    if (range.type === type) range.conditions.push({ operator, operand })
  }
  return range
}

const isComparison = (operator: string): operator is '$gt' | '$gte' | '$lt' | '$lte' =>
  ['$gt', '$gte', '$lt', '$lte'].includes(operator)

/** Returns whether no other value has the same sort key as a value. Null is excluded: as an operand, it holds for missing fields too. */
function isExact(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= MAX_EXACT_LENGTH
  if (typeof value === 'number' || value instanceof ExactNumber) return String(value).length <= MAX_EXACT_LENGTH
  return typeof value === 'boolean'
}

/**
 * Returns whether the index gives the place of a row among its neighbors. `values` are the values of the sort fields, each a list of one or,
 * if the row lacks the field, of none.
 */
export function isPlaced({ fields, equal }: IndexPlan, values: ReadonlyMap<string, unknown[]>): boolean {
  return fields.slice(equal.length).every((field) => {
    const [value] = values.get(field)!
    return value === undefined || value === null || isExact(value)
  })
}

const valueKey = (value: unknown): Statement => sql`zerodb_sort_key(${json(value)}::jsonb)`

/** The sort key of values; undefined stands for a missing value. */
export function keyOf(values: readonly unknown[]): Statement {
  if (values.length === 0) return sql`''`
  return join(
    values.map((value) => (value === undefined ? sql`zerodb_sort_key(null)` : valueKey(value))),
    ' || ',
  )
}

/** Collation of the keys. Bounds name it, because an expression has that of the database. */
const bound = (key: Statement) => sql`(${key}) collate "C"`

/** Condition on the entries `e`: the values of the first fields are equal, and that of the next field is within the range. */
export function withinPlan({ equal, range }: IndexPlan): Statement {
  const prefix = keyOf(equal)
  const [first, next] = range === null ? ['', '~'] : range.type === 'text' ? ['2', '3'] : ['3', '4']
  const ends = (range?.conditions ?? []).map(({ operator, operand }) => {
    const key = sql`${prefix} || ${valueKey(operand)}`
    // No key of a further field begins with "~" or a later character.
    if (operator === '$gt') return sql`e.key > ${bound(sql`${key} || '~'`)}`
    if (operator === '$gte') return sql`e.key >= ${bound(key)}`
    if (operator === '$lt') return sql`e.key < ${bound(key)}`
    return sql`e.key < ${bound(sql`${key} || '~'`)}`
  })
  return sql`(${join([between(prefix, first!, next!), ...ends], ' and ')})`
}

/** Condition on the entries `e`: their keys begin with `prefix`, and go on with `first` or later, but before `next`. */
function between(prefix: Statement, first: string, next: string): Statement {
  return sql`e.key >= ${bound(sql`${prefix} || ${first}`)} and e.key < ${bound(sql`${prefix} || ${next}`)}`
}

/** Condition on the entries `e` within the plan: the next field has a value, or lacks one. */
export function hasNext({ equal }: IndexPlan, isPresent: boolean): Statement {
  return isPresent ? between(keyOf(equal), '', '9') : between(keyOf(equal), '9', '~')
}

/** Conditions on the entries `e`: a field of the plan is a list. A condition holds for a list if it holds for one of its elements. */
export function listConditions({ equal, range }: IndexPlan): Statement[] {
  const constrained = equal.length + (range ? 1 : 0)
  return Array.from({ length: constrained }, (_, n) => between(keyOf(equal.slice(0, n)), '5', '6'))
}

/** Selects the id of the plan's index of a table, if it is complete. */
export function readyIndex({ fields }: IndexPlan, tableId: Statement): Statement {
  return sql`
    select id from zerodb_row_indexes
    where table_id = ${tableId} and fields = ${fields}::text[] and state = 'ready'`
}

/** Condition on the row `r`: it can match. Holds for all matching rows if the index is ready. */
export function canMatch(plan: IndexPlan, tableId: Statement): Statement {
  const positions = [withinPlan(plan), ...listConditions(plan)].map(
    (condition) => sql`
      select e.position from zerodb_row_index_entries e
      where e.index_id = (${readyIndex(plan, tableId)}) and ${condition}`,
  )
  return sql`r.position in (${join(positions, ' union all ')})`
}
