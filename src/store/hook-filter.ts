import { DbError, type Executor, sql } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'
import { costOf } from './pattern.ts'

// A hook's filter as one jsonpath over `{data, row}`. In lax mode, which it is in, a path that leads nowhere is an empty sequence, and every
// comparison stands behind a check of the type: no document can make it fail. It is evaluated where the events of all users are dispatched:
// none may cost much either.

const MAX_DEPTH = 10
const MAX_LIST = 100
/** Of what one filter may ask for, altogether. */
const BUDGET = { conditions: 100, atoms: 200, anchors: 10 }
/** The longest text that `$contains` looks for. */
const MAX_SOUGHT = 1_000
const MAX_PATTERN = 200
/** The longest filter, compiled: each dispatch reads it anew. */
const MAX_LENGTH = 65_536

type Budget = typeof BUDGET

/** What a value at the end of a path (`@`) must satisfy. */
type Compile = (operand: unknown, operator: string, budget: Budget) => string

const ordered =
  (comparison: '<' | '<=' | '>' | '>='): Compile =>
  (operand, operator) => {
    if (typeof operand !== 'number' && typeof operand !== 'string')
      throw refusal(`"${operator}" compares with a number or a text`)
    return `(@.type() == "${typeof operand}" && @ ${comparison} ${literal(operand)})`
  }

/** Each is met when one value at the path satisfies it: of a list, one of its elements. */
const OPERATORS: Record<string, Compile> = {
  $eq: (operand) => among([operand]),
  $gt: ordered('>'),
  $gte: ordered('>='),
  $lt: ordered('<'),
  $lte: ordered('<='),
  $in: (operand, operator) => among(list(operator, operand)),
  $contains: (operand) => (typeof operand === 'string' ? contains(operand) : among([operand])),
  // flag "s": as in table queries, a dot is any character.
  $regex: (operand, _operator, budget) =>
    `(@.type() == "string" && @ like_regex ${literal(pattern(operand, budget))} flag "s")`,
}

/** Each is met when the operator that it stands for is not. */
const NEGATIONS: Record<string, string> = { $ne: '$eq', $nin: '$in' }

/**
 * The jsonpath of a filter in the language of table queries, over paths that begin with `data.` or `row.`. Throws `invalid` for what cannot
 * be compiled: an unknown operator, another root, a comparison with a list or an object, more than 100 conditions, a pattern that may take long.
 */
export function compileHookFilter(filter: Record<string, unknown>): string {
  const path = conjunction(filter, { ...BUDGET }, 0)
  if (path.length > MAX_LENGTH) throw refusal('it is too long')
  return path
}

/** The same, once the database has read it: `invalid` as well for a pattern in which it finds a mistake. Null for none. */
export async function acceptedHookFilter(
  db: Executor,
  filter: Record<string, unknown> | null | undefined,
): Promise<string | null> {
  if (!filter) return null
  const path = compileHookFilter(filter)
  try {
    await db.query(sql`select ${path}::jsonpath is null as is_null`)
  } catch (error) {
    throw error instanceof DbError ? refusal(error.message, error) : error
  }
  return path
}

/** Throws `invalid` unless `path` leads into `data` or `row`; `field` is where the caller has said so. Its keys, the root first. */
export function pathOf(path: string, field: 'filter' | 'ordering_key' = 'ordering_key'): string[] {
  const keys = path.split('.')
  const [root] = keys
  if ((root !== 'data' && root !== 'row') || keys.length < 2 || keys.includes('') || keys.length > MAX_DEPTH)
    throw new ZeroError(
      'invalid',
      `${field}: "${path.slice(0, 100)}" must lead into the event’s data or its row, like "data.namespace" or "row.metadata.tag"`,
    )
  return keys
}

function conjunction(filter: Record<string, unknown>, budget: Budget, depth: number): string {
  if (depth > MAX_DEPTH) throw refusal(`it may be nested ${MAX_DEPTH} levels deep at most`)
  const parts = Object.entries(filter).map(([key, condition]) => {
    spend(budget, 'conditions')
    if (key === '$and' || key === '$or') {
      const nested = list(key, condition).map((part) => conjunction(object(key, part), budget, depth + 1))
      return `(${nested.join(key === '$and' ? ' && ' : ' || ')})`
    }
    if (key === '$not') return `!(${conjunction(object(key, condition), budget, depth + 1)})`
    if (key.startsWith('$')) throw unknown(key)
    return field(`$.${pathOf(key, 'filter').map(literal).join('.')}`, condition, budget)
  })
  return parts.length === 0 ? '(1 == 1)' : `(${parts.join(' && ')})`
}

function field(path: string, condition: unknown, budget: Budget): string {
  const isOperators =
    typeof condition === 'object' && condition !== null && Object.keys(condition).some((key) => key.startsWith('$'))
  if (!isOperators) return holds(path, '$eq', condition, budget)
  const parts = Object.entries(condition).map(([operator, operand]) => {
    spend(budget, 'conditions')
    if (operator === '$exists') return exists(path, operand)
    const negated = Object.hasOwn(NEGATIONS, operator) ? NEGATIONS[operator] : undefined
    return negated === undefined
      ? holds(path, operator, operand, budget)
      : `!${holds(path, negated, operand, budget, operator)}`
  })
  return `(${parts.join(' && ')})`
}

function exists(path: string, operand: unknown): string {
  if (typeof operand !== 'boolean') throw refusal('"$exists" takes true or false')
  return operand ? `exists(${path})` : `!exists(${path})`
}

/** Null is also what is missing. `said`: the operator that the filter has, where it is a negation of this one. */
function holds(path: string, operator: string, operand: unknown, budget: Budget, said = operator): string {
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
  if (!compile) throw unknown(operator)
  const satisfied = `exists(${path} ? (${compile(operand, said, budget)}))`
  const nullable = operator === '$in' ? (operand as unknown[]).includes(null) : operator === '$eq' && operand === null
  return nullable ? `(!exists(${path}) || ${satisfied})` : `(${satisfied})`
}

/** Values of different types are never equal in jsonpath, and comparing them is no error. It would look into a list within a list. */
function among(values: readonly unknown[]): string {
  return `(@.type() != "array" && (${values.map((value) => `@ == ${literal(value)}`).join(' || ')}))`
}

function contains(sought: string): string {
  if (sought.length > MAX_SOUGHT) throw refusal(`"$contains" looks for at most ${MAX_SOUGHT} characters`)
  return `(@.type() == "string" && @ like_regex ${literal(sought)} flag "q")`
}

/** A JSON value is one of jsonpath too. */
function literal(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal('a number in it is too large')
    return String(value)
  }
  if (typeof value !== 'string') throw refusal('it compares with a text, a number, true, false or null')
  if (/[\0\p{Surrogate}]/u.test(value))
    throw refusal('a text in it has the character U+0000, or half of a character of two')
  return JSON.stringify(value)
}

/** Neither matching nor reading it may take long: PostgreSQL can take minutes for a few characters. */
function pattern(operand: unknown, budget: Budget): string {
  const cost = typeof operand === 'string' && operand.length <= MAX_PATTERN ? costOf(operand) : null
  if (typeof operand !== 'string' || !cost)
    throw refusal(
      `"$regex" takes a POSIX pattern of at most ${MAX_PATTERN} characters, without back references, lookaround and options other than (?i)`,
    )
  spend(budget, 'atoms', cost.atoms)
  spend(budget, 'anchors', cost.anchors)
  return operand
}

const SPENT: Record<keyof Budget, string> = {
  conditions: `it may have at most ${BUDGET.conditions} conditions`,
  atoms: `its patterns may have at most ${BUDGET.atoms} characters, with every repetition {n} written out`,
  anchors: `its patterns may have at most ${BUDGET.anchors} anchors like ^ and $, with every repetition {n} written out`,
}

function spend(budget: Budget, what: keyof Budget, amount = 1): void {
  budget[what] -= amount
  if (budget[what] < 0) throw refusal(SPENT[what])
}

function list(operator: string, operand: unknown): unknown[] {
  if (Array.isArray(operand) && operand.length > 0 && operand.length <= MAX_LIST) return operand
  throw refusal(`"${operator}" takes a list of 1 to ${MAX_LIST} values`)
}

function object(operator: string, operand: unknown): Record<string, unknown> {
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand))
    return operand as Record<string, unknown>
  throw refusal(`"${operator}" takes conditions`)
}

function unknown(operator: string): ZeroError {
  const known = [...Object.keys(OPERATORS), ...Object.keys(NEGATIONS), '$exists', '$and', '$or', '$not']
  return refusal(`unknown operator "${operator.slice(0, 100)}"; one of: ${known.join(', ')}`)
}

function refusal(reason: string, cause?: unknown): ZeroError {
  return new ZeroError('invalid', `filter: ${reason}`, { cause })
}
