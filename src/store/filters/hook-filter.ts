import { DbError, type Executor, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { type FilterRules, filterRefusal, parseFilter, splitPath, toJsonpath } from './filter-tree.ts'

// A hook's filter as one jsonpath over `{data, row}`. It is evaluated where the events of all users are dispatched: none may cost much.

/** Longest filter, compiled: each dispatch reads it again. */
const MAX_LENGTH = 65_536
const MAX_KEYS = 10
/** Placeholders for dots and backslashes while SQL splits a path (`pathKeys`). */
const RESERVED = ['\u0001', '\u0002', '\u0003']

const RULES: FilterRules = {
  field: 'filter',
  maxConditions: 100,
  maxList: 100,
  isNestedAllowed: false,
  checkKeys: (keys, path) => checkRoot(keys, path, 'filter'),
}

/**
 * The jsonpath of a filter in the language of table queries, over paths that begin with `data.` or `row.`. Throws `invalid` for what cannot
 * be compiled: an unknown operator, another root, a comparison with a list or an object, more than 100 conditions, a pattern that may take long.
 */
export function compileHookFilter(filter: Record<string, unknown>): string {
  const path = toJsonpath(parseFilter(filter, RULES))
  if (path.length > MAX_LENGTH) throw filterRefusal('filter', 'it is too long')
  return path
}

/** Compiles a filter and lets the database parse it: also throws `invalid` for a pattern that the database rejects. Null without a filter. */
export async function acceptedHookFilter(
  db: Executor,
  filter: Record<string, unknown> | null | undefined,
): Promise<string | null> {
  if (!filter) return null
  const path = compileHookFilter(filter)
  try {
    await db.query(sql`select ${path}::jsonpath is null as is_null`)
  } catch (error) {
    throw error instanceof DbError ? filterRefusal('filter', error.message, error) : error
  }
  return path
}

/** The keys of an ordering key's path, the root first. Throws `invalid` unless it leads into `data` or `row`. */
export function pathOf(path: string): string[] {
  const keys = splitPath(path)
  checkRoot(keys, path, 'ordering_key')
  if (keys.some((key) => RESERVED.some((character) => key.includes(character))))
    throw filterRefusal('ordering_key', 'its path has one of the characters U+0001 to U+0003')
  return keys
}

function checkRoot(keys: readonly string[], path: string, field: 'filter' | 'ordering_key'): void {
  const [root] = keys
  if ((root !== 'data' && root !== 'row') || keys.length < 2 || keys.includes('') || keys.length > MAX_KEYS)
    throw new ZeroError(
      'invalid',
      `${field}: "${path.slice(0, 100)}" must lead into the event’s data or its row, like "data.namespace" or "row.metadata.tag"`,
    )
}

/** The keys of the path in the text expression `path`, split as `pathOf` does, as a `text[]`. */
export function pathKeys(path: Statement): Statement {
  return sql`
    string_to_array(
      replace(replace(replace(replace(replace(${path}, '\\\\', chr(1)), '\\.', chr(2)), '.', chr(3)), chr(2), '.'), chr(1), '\\'),
      chr(3)
    )`
}
