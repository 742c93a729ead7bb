import { join, json, type Statement, sql } from '../db/sql.ts'
import { ZeroError } from '../errors.ts'

// Filters over a jsonb column. A condition on a field that is missing or of another type is simply not met: nothing here can raise.

type Compile = (value: Statement, operand: unknown) => Statement

const ordered =
  (operator: '<' | '<=' | '>' | '>='): Compile =>
  (value, operand) => {
    const other = sql`${json(operand)}::jsonb`
    // jsonb orders values of different types too; only like is compared with like.
    const comparison = { '<': sql`<`, '<=': sql`<=`, '>': sql`>`, '>=': sql`>=` }[operator]
    return sql`(jsonb_typeof(${value}) = jsonb_typeof(${other}) and ${value} ${comparison} ${other})`
  }

const OPERATORS: Record<string, Compile> = {
  $eq: (value, operand) => sql`coalesce(${value}, 'null'::jsonb) = ${json(operand)}::jsonb`,
  $ne: (value, operand) => sql`coalesce(${value}, 'null'::jsonb) <> ${json(operand)}::jsonb`,
  $gt: ordered('>'),
  $gte: ordered('>='),
  $lt: ordered('<'),
  $lte: ordered('<='),
  $in: (value, operand) =>
    sql`coalesce(${value}, 'null'::jsonb) in (select jsonb_array_elements(${json(list('$in', operand))}::jsonb))`,
  $nin: (value, operand) =>
    sql`coalesce(${value}, 'null'::jsonb) not in (select jsonb_array_elements(${json(list('$nin', operand))}::jsonb))`,
  $exists: (value, operand) => (operand ? sql`${value} is not null` : sql`${value} is null`),
  $contains: (value, operand) => sql`
    case jsonb_typeof(${value})
      when 'string' then position(${typeof operand === 'string' ? operand : JSON.stringify(operand)} in ${value} #>> '{}') > 0
      when 'array' then ${value} @> jsonb_build_array(${json(operand)}::jsonb)
      else false
    end`,
  $regex: (value, operand) => sql`
    case when jsonb_typeof(${value}) = 'string' then ${value} #>> '{}' ~ ${pattern(operand)} else false end`,
}

/** A statement has room for some 65,000 parameters, and PostgreSQL's stack for some thousand levels. */
const MAX_CONDITIONS = 500

/**
 * Conditions on the fields of the jsonb expression `column`, all of which must hold. Throws `invalid` for an operator that does not exist,
 * and for more than 500 conditions, counted over all levels.
 */
export function compileFilter(filter: Record<string, unknown>, column: Statement): Statement {
  return compile(filter, column, { left: MAX_CONDITIONS })
}

function compile(filter: Record<string, unknown>, column: Statement, budget: { left: number }): Statement {
  const conditions = Object.entries(filter).map(([key, condition]) => {
    if (--budget.left < 0) throw new ZeroError('invalid', `A filter may have at most ${MAX_CONDITIONS} conditions`)
    if (key === '$and' || key === '$or') {
      const parts = list(key, condition).map((part) => compile(object(key, part), column, budget))
      return sql`(${join(parts, key === '$and' ? ' and ' : ' or ')})`
    }
    if (key === '$not') return sql`not ${compile(object(key, condition), column, budget)}`
    if (key.startsWith('$')) throw unknownOperator(key)
    return compileField(sql`(${column} #> ${key.split('.')}::text[])`, condition)
  })
  return conditions.length === 0 ? sql`true` : sql`(${join(conditions, ' and ')})`
}

function compileField(value: Statement, condition: unknown): Statement {
  const isOperators =
    typeof condition === 'object' &&
    condition !== null &&
    !Array.isArray(condition) &&
    Object.keys(condition).some((key) => key.startsWith('$'))
  if (!isOperators) return OPERATORS['$eq']!(value, condition)
  const parts = Object.entries(condition).map(([operator, operand]) => {
    const compileOperator = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined
    if (!compileOperator) throw unknownOperator(operator)
    return compileOperator(value, operand)
  })
  return sql`(${join(parts, ' and ')})`
}

function unknownOperator(operator: string): ZeroError {
  return new ZeroError(
    'invalid',
    `Unknown filter operator "${operator}"; one of: ${[...Object.keys(OPERATORS), '$and', '$or', '$not'].join(', ')}`,
  )
}

function list(operator: string, operand: unknown): unknown[] {
  if (Array.isArray(operand) && operand.length > 0 && operand.length <= 1000) return operand
  throw new ZeroError('invalid', `The filter operator "${operator}" takes a list of 1 to 1000 values`)
}

function object(operator: string, operand: unknown): Record<string, unknown> {
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand))
    return operand as Record<string, unknown>
  throw new ZeroError('invalid', `The filter operator "${operator}" takes conditions`)
}

/** Without back references PostgreSQL matches in time linear in the text. */
function pattern(operand: unknown): string {
  if (typeof operand !== 'string' || operand.length > 200 || /\\\d/.test(operand)) {
    throw new ZeroError(
      'invalid',
      'The filter operator "$regex" takes a pattern of at most 200 characters without back references',
    )
  }
  return operand
}
