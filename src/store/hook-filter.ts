import { ZeroError } from '../errors.ts'

// A hook's filter as one jsonpath over `{data, row}`. In lax mode, which it is in, a path that leads nowhere is an empty sequence, and every
// comparison stands behind a check of the type: no document can make it fail.

const MAX_CONDITIONS = 100
const MAX_DEPTH = 10

/** What a value at the end of a path (`@`) must satisfy. */
type Compile = (operand: unknown, operator: string) => string

const ordered =
  (comparison: '<' | '<=' | '>' | '>='): Compile =>
  (operand, operator) => {
    if (typeof operand === 'number') return `(@.type() == "number" && @ ${comparison} ${scalar(operand)})`
    if (typeof operand === 'string') return `(@.type() == "string" && @ ${comparison} ${scalar(operand)})`
    throw new ZeroError('invalid', `The filter operator "${operator}" compares with a number or a text`)
  }

/** Each is met when one value at the path satisfies it: of a list, one of its elements. */
const OPERATORS: Record<string, Compile> = {
  $eq: equals,
  $gt: ordered('>'),
  $gte: ordered('>='),
  $lt: ordered('<'),
  $lte: ordered('<='),
  $in: (operand, operator) => `(${list(operator, operand).map(equals).join(' || ')})`,
  $contains: (operand) =>
    typeof operand === 'string'
      ? `(@.type() == "string" && @ like_regex ${quote(operand)} flag "q" || ${equals(operand)})`
      : equals(operand),
  $regex: (operand) => `(@.type() == "string" && @ like_regex ${quote(pattern(operand))})`,
}

/** Each is met when the operator that it stands for is not. */
const NEGATIONS: Record<string, string> = { $ne: '$eq', $nin: '$in' }

/**
 * The jsonpath of a filter in the language of table queries, over paths that begin with `data.` or `row.`. Throws `invalid` for what cannot
 * be compiled: an unknown operator, another root, a comparison with a list or an object, more than 100 conditions.
 */
export function compileHookFilter(filter: Record<string, unknown>): string {
  return conjunction(filter, { left: MAX_CONDITIONS }, 0)
}

/** Throws `invalid` unless `path` leads into `data` or `row`. Its keys, the root first. */
export function pathOf(path: string): string[] {
  const keys = path.split('.')
  const [root] = keys
  if ((root !== 'data' && root !== 'row') || keys.length < 2 || keys.includes('') || keys.length > MAX_DEPTH)
    throw new ZeroError(
      'invalid',
      `"${path.slice(0, 100)}" must lead into the event’s data or its row, like "data.namespace" or "row.metadata.tag"`,
    )
  return keys
}

function conjunction(filter: Record<string, unknown>, budget: { left: number }, depth: number): string {
  if (depth > MAX_DEPTH) throw new ZeroError('invalid', `A filter may be nested ${MAX_DEPTH} levels deep at most`)
  const parts = Object.entries(filter).map(([key, condition]) => {
    if (--budget.left < 0)
      throw new ZeroError('invalid', `A hook’s filter may have at most ${MAX_CONDITIONS} conditions`)
    if (key === '$and' || key === '$or') {
      const nested = list(key, condition).map((part) => conjunction(object(key, part), budget, depth + 1))
      return `(${nested.join(key === '$and' ? ' && ' : ' || ')})`
    }
    if (key === '$not') return `!(${conjunction(object(key, condition), budget, depth + 1)})`
    if (key.startsWith('$')) throw unknown(key)
    return field(`$.${pathOf(key).map(quote).join('.')}`, condition, budget)
  })
  return parts.length === 0 ? '(1 == 1)' : `(${parts.join(' && ')})`
}

function field(path: string, condition: unknown, budget: { left: number }): string {
  const isOperators =
    typeof condition === 'object' && condition !== null && Object.keys(condition).some((key) => key.startsWith('$'))
  if (!isOperators) return holds(path, '$eq', condition)
  const parts = Object.entries(condition).map(([operator, operand]) => {
    if (--budget.left < 0)
      throw new ZeroError('invalid', `A hook’s filter may have at most ${MAX_CONDITIONS} conditions`)
    if (operator === '$exists') return operand ? `exists(${path})` : `!exists(${path})`
    const negated = NEGATIONS[operator]
    return negated === undefined ? holds(path, operator, operand) : `!${holds(path, negated, operand)}`
  })
  return `(${parts.join(' && ')})`
}

/** Null is also what is missing. */
function holds(path: string, operator: string, operand: unknown): string {
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
  if (!compile) throw unknown(operator)
  const satisfied = `exists(${path} ? (${compile(operand, operator)}))`
  const nullable = operator === '$in' ? (operand as unknown[]).includes(null) : operator === '$eq' && operand === null
  return nullable ? `(!exists(${path}) || ${satisfied})` : `(${satisfied})`
}

function equals(operand: unknown): string {
  if (operand === null) return '(@ == null)'
  if (typeof operand === 'object' || operand === undefined)
    throw new ZeroError('invalid', 'A hook’s filter compares with a text, a number, true, false or null')
  // Values of different types are never equal in jsonpath, and comparing them is no error.
  return `(@ == ${scalar(operand as string | number | boolean)})`
}

function scalar(value: string | number | boolean): string {
  return typeof value === 'string' ? quote(value) : String(value)
}

/** A JSON string is one of jsonpath too. */
function quote(text: string): string {
  if (text.includes('\u0000')) throw new ZeroError('invalid', 'Text must not contain the character U+0000')
  return JSON.stringify(text)
}

function unknown(operator: string): ZeroError {
  const known = [...Object.keys(OPERATORS), ...Object.keys(NEGATIONS), '$exists', '$and', '$or', '$not']
  return new ZeroError('invalid', `Unknown filter operator "${operator}"; one of: ${known.join(', ')}`)
}

function list(operator: string, operand: unknown): unknown[] {
  if (Array.isArray(operand) && operand.length > 0 && operand.length <= 100) return operand
  throw new ZeroError('invalid', `The filter operator "${operator}" takes a list of 1 to 100 values`)
}

function object(operator: string, operand: unknown): Record<string, unknown> {
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand))
    return operand as Record<string, unknown>
  throw new ZeroError('invalid', `The filter operator "${operator}" takes conditions`)
}

/** Without back references PostgreSQL matches in time linear in the text. */
function pattern(operand: unknown): string {
  if (typeof operand !== 'string' || operand.length > 200 || /\\\d/.test(operand))
    throw new ZeroError(
      'invalid',
      'The filter operator "$regex" takes a pattern of at most 200 characters without back references',
    )
  return operand
}
