import { DbError, join, json, type Statement, sql } from '../../db/sql.ts'
import {
  type Condition,
  type FilterRules,
  type FilterTree,
  filterRefusal,
  isNested,
  parseFilter,
  splitPath,
  toJsonpath,
  valuePaths,
} from './filter-tree.ts'

// Filters over a jsonb column, compiled to jsonpath as far as that goes. jsonpath compares with scalars only, and with the values of a list
// one by one: equality with a list or an object, and long lists, are SQL around it.

/** 100 conditions cost some 30 us a row. */
const MAX_CONDITIONS = 100
const MAX_LIST = 1_000
/** Values of all `$in` and `$nin` of a filter. */
const MAX_VALUES = 2_000
/** Above this many values a hash table is faster: in 100,000 rows, 20 values take 199 ms one by one, 21 in a table 149 ms, 1,000 in one 167. */
const MAX_COMPARED = 15
/** Longest jsonpath of a filter. */
const MAX_LENGTH = 65_536

/**
 * Whether the jsonb expression `column`, an object, meets `filter`. `field` is where the request has it. Throws `invalid` for an unknown
 * operator or operand, for more than 100 conditions counted over all levels, and for patterns that could take long.
 */
export function compileFilter(filter: Record<string, unknown>, column: Statement, field: string): Statement {
  const rules: FilterRules = {
    field,
    maxConditions: MAX_CONDITIONS,
    maxList: MAX_LIST,
    isNestedAllowed: true,
    checkKeys: () => undefined,
  }
  const tree = parseFilter(filter, rules)
  if ('all' in tree && tree.all.length === 0) return sql`true`
  if (valuesIn(tree) > MAX_VALUES)
    throw filterRefusal(field, `its lists may have at most ${MAX_VALUES} values together`)
  return compile(tree, column, field)
}

/** What `query` answers. Throws `invalid` for a pattern in which the database finds a mistake: the fault of the filter in `field`. */
export async function withFilter<Result>(field: string, query: Promise<Result>): Promise<Result> {
  try {
    return await query
  } catch (error) {
    throw error instanceof DbError && error.code === '2201B' ? filterRefusal(field, error.message, error) : error
  }
}

/** The jsonb value by which rows are sorted: of a path, a number in it being a place in a list. */
export function sortValue(path: string, column: Statement): Statement {
  return sql`(${column} #> ${splitPath(path)}::text[])`
}

function compile(tree: FilterTree, column: Statement, field: string): Statement {
  if (isJsonpath(tree)) {
    const path = toJsonpath(tree)
    if (path.length > MAX_LENGTH) throw filterRefusal(field, 'it is too long')
    // The operator, and not jsonb_path_match: the planner estimates how many rows it leaves, and an index can answer it.
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
  // Of a list both itself and its elements count.
  const values = valuePaths(keys).flatMap((path) => [path, `${path}[*]`])
  const value = sql`select jsonb_path_query(${column}, path, '{}', true) as value from unnest(${values}::jsonpath[]) as path`
  if (operator === '$contains') return sql`exists (select from (${value}) found where value @> ${json(operand)}::jsonb)`
  // "is true" keeps the planner from a join, which would read the list again for each row.
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
