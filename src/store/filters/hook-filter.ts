import { DbError, type Executor, type Statement, sql } from '../../db/sql.ts'
import { ZeroError } from '../../errors.ts'
import { type FilterRules, filterRefusal, parseFilter, splitPath, toJsonpath } from './filter-tree.ts'

// Compiles the filter of a hook to one jsonpath over `{data, row, previous, changed}`. It is evaluated where the events of all users are dispatched, so its
// cost is limited.

/** Maximum length of a compiled filter, because each dispatch reads it. */
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
 * Compiles a filter in the language of table queries, with paths that begin with `data.`, `row.` or `previous.`, or that are `changed`. Throws `invalid` for an unknown
 * operator, another root, or a comparison with a list or an object. Also throws it for more than 100 conditions and for a pattern that may
 * take long.
 */
export function compileHookFilter(filter: Record<string, unknown>): string {
  const path = toJsonpath(parseFilter(filter, RULES))
  if (path.length > MAX_LENGTH) throw filterRefusal('filter', 'it is too long')
  return path
}

/** Compiles a filter and lets the database parse it, which can also reject a pattern with `invalid`. Returns null without a filter. */
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

/** Splits the path of an ordering key. The first key is the root. Throws `invalid` unless it is `data`, `row` or `previous`. */
export function pathOf(path: string): string[] {
  const keys = splitPath(path)
  checkRoot(keys, path, 'ordering_key')
  if (keys.some((key) => RESERVED.some((character) => key.includes(character))))
    throw filterRefusal('ordering_key', 'its path has one of the characters U+0001 to U+0003')
  return keys
}

const ROOTS: readonly (string | undefined)[] = ['data', 'row', 'previous']

function checkRoot(keys: readonly string[], path: string, field: 'filter' | 'ordering_key'): void {
  const [root] = keys
  if (field === 'filter' && root === 'changed' && keys.length === 1) return
  if (!ROOTS.includes(root) || keys.length < 2 || keys.includes('') || keys.length > MAX_KEYS) {
    const changed = field === 'filter' ? ', or be "changed"' : ''
    throw new ZeroError(
      'invalid',
      `${field}: "${path.slice(0, 100)}" must lead into the event’s data, its row or the previous row, like "data.namespace" or "row.metadata.tag"${changed}`,
    )
  }
}

/** Splits the text expression `path` as `pathOf` does, into a `text[]`. */
export function pathKeys(path: Statement): Statement {
  return sql`
    string_to_array(
      replace(replace(replace(replace(replace(${path}, '\\\\', chr(1)), '\\.', chr(2)), '.', chr(3)), chr(2), '.'), chr(1), '\\'),
      chr(3)
    )`
}
