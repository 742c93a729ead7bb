import { randomUUID } from 'node:crypto'
import { DbError, join, json, type Statement, sql } from '../../db/sql.ts'
import {
  type Condition,
  equalitiesOf,
  type FilterRules,
  type FilterTree,
  filterRefusal,
  isNested,
  parseFilter,
  splitPath,
  toJsonpath,
  valuePaths,
} from './filter-tree.ts'

// Filters over a jsonb column, compiled to jsonpath where possible. jsonpath compares only scalars, and the elements of a list one by one.
// SQL therefore compares with lists, objects and many values.

/** 100 conditions cost about 30 us per row. */
const MAX_CONDITIONS = 100
const MAX_LIST = 1_000
/** Maximum number of values in all `$in` and `$nin` of a filter. */
const MAX_VALUES = 2_000
/**
 * A hash table is faster above this number of values. Measured for 100,000 rows: 20 values take 199 ms one by one, 21 in a table 149 ms,
 * 1,000 in a table 167 ms.
 */
const MAX_COMPARED = 15
/** Maximum length of the jsonpath of a filter. */
const MAX_LENGTH = 65_536
/** Stands for a key that only the database knows. Random, so that no filter has it. */
const KEY = randomUUID()

/**
 * Compiles a filter to a condition on the jsonb expression `column`, an object. `field` is the request field that contains the filter.
 * Throws `invalid` for an unknown operator or operand, more than 100 conditions in total, and patterns that could take long.
 */
export function compileFilter(filter: Record<string, unknown>, column: Statement, field: string): Statement {
  const tree = parse(filter, field)
  return 'all' in tree && tree.all.length === 0 ? sql`true` : compile(tree, column, field)
}

/**
 * Compiles the equalities of a filter to a condition that a GIN index with `jsonb_path_ops` supports. It holds wherever the filter holds,
 * and is used in addition to it. `document` is the indexed expression: an object with the filtered column under `key`, which may be an
 * expression too. Returns null if the filter has no equality that every match must meet.
 */
export function compileIndexCondition(
  filter: Record<string, unknown>,
  { document, key }: { document: Statement; key: string | Statement },
  field: string,
): Statement | null {
  const equalities = equalitiesOf(parse(filter, field))
  const path = equalities && toJsonpath(equalities, `$.${JSON.stringify(typeof key === 'string' ? key : KEY)}`)
  if (path === null || path.length > MAX_LENGTH) return null
  return typeof key === 'string'
    ? sql`(${document} @@ ${path}::jsonpath)`
    : sql`(${document} @@ replace(${path}, ${KEY}, ${key})::jsonpath)`
}

/** Returns the conditions of a filter that every match must meet. `isWhole` is true if the filter has no others. */
export function requiredConditions(
  filter: Record<string, unknown>,
  field: string,
): { conditions: Condition[]; isWhole: boolean } {
  const conditions: Condition[] = []
  let isWhole = true
  const collect = (tree: FilterTree) => {
    if ('all' in tree) tree.all.forEach(collect)
    else if ('operator' in tree) conditions.push(tree)
    else isWhole = false
  }
  collect(parse(filter, field))
  return { conditions, isWhole }
}

function parse(filter: Record<string, unknown>, field: string): FilterTree {
  const rules: FilterRules = {
    field,
    maxConditions: MAX_CONDITIONS,
    maxList: MAX_LIST,
    isNestedAllowed: true,
    checkKeys: () => undefined,
  }
  const tree = parseFilter(filter, rules)
  if (valuesIn(tree) > MAX_VALUES)
    throw filterRefusal(field, `its lists may have at most ${MAX_VALUES} values together`)
  return tree
}

/** Returns the result of `query`. If the database rejects a pattern, throws `invalid` for the filter in `field`. */
export async function withFilter<Result>(field: string, query: Promise<Result>): Promise<Result> {
  try {
    return await query
  } catch (error) {
    throw error instanceof DbError && error.code === '2201B' ? filterRefusal(field, error.message, error) : error
  }
}

/** Returns the jsonb value to sort by. A number in the path is an index where there is a list. */
export function sortValue(path: string, column: Statement): Statement {
  return sql`(${column} #> ${splitPath(path)}::text[])`
}

function compile(tree: FilterTree, column: Statement, field: string): Statement {
  if (isJsonpath(tree)) {
    const path = toJsonpath(tree)
    if (path.length > MAX_LENGTH) throw filterRefusal(field, 'it is too long')
    // The operator, not jsonb_path_match: the planner can estimate its selectivity, and an index can support it.
    return sql`(${column} @@ ${path}::jsonpath)`
  }
  if ('not' in tree) return sql`not ${compile(tree.not, column, field)}`
  if ('all' in tree || 'any' in tree) {
    const parts = 'all' in tree ? tree.all : tree.any
    const plain = parts.filter(isJsonpath)
    const rest = parts.filter((part) => !isJsonpath(part))
    const first: FilterTree[] = plain.length === 0 ? [] : ['all' in tree ? { all: plain } : { any: plain }]
    const compiled = [...first, ...rest].map((part) => compile(part, column, field))
    return sql`(${join(compiled, 'all' in tree ? ' and ' : ' or ')})`
  }
  return compileCondition(tree, column)
}

function compileCondition({ keys, operator, operand }: Condition, column: Statement): Statement {
  // For a list, both the list itself and its elements are compared.
  const values = valuePaths(keys).flatMap((path) => [path, `${path}[*]`])
  const value = sql`select jsonb_path_query(${column}, path, '{}', true) as value from unnest(${values}::jsonpath[]) as path`
  if (operator === '$contains') return sql`exists (select from (${value}) found where value @> ${json(operand)}::jsonb)`
  // "is true" prevents a join, which would read the list again for each row.
  return sql`
    exists (
      select from (${value}) found
      where (value in (select jsonb_array_elements(${json(operand)}::jsonb))) is true
    )`
}

function isJsonpath(tree: FilterTree): boolean {
  if ('all' in tree) return tree.all.every(isJsonpath)
  if ('any' in tree) return tree.any.every(isJsonpath)
  if ('not' in tree) return isJsonpath(tree.not)
  if (tree.operator === '$contains') return !isNested(tree.operand)
  if (tree.operator !== '$in') return true
  const values = tree.operand as unknown[]
  return values.length <= MAX_COMPARED && !values.some(isNested)
}

function valuesIn(tree: FilterTree): number {
  if ('all' in tree) return sum(tree.all.map(valuesIn))
  if ('any' in tree) return sum(tree.any.map(valuesIn))
  if ('not' in tree) return valuesIn(tree.not)
  return tree.operator === '$in' ? (tree.operand as unknown[]).length : 0
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
