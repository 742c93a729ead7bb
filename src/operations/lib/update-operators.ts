import { ZeroError } from '../../errors.ts'
import { ExactNumber } from '../../exact-json.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import { suggestName } from '../../schema/nearest-name.ts'
import type { RowChange, UpdateStep } from '../../store/data/row-changes.ts'
import { splitPath } from '../../store/filters/filter-tree.ts'

const OPERATORS = ['$set', '$unset', '$inc', '$push', '$pull'] as const
type Operator = (typeof OPERATORS)[number]

/** Maximum number of paths in an update, and of keys in a path. */
const MAX_PATHS = 100
const MAX_KEYS = 20

/**
 * Reads an update: operators with paths and values, or fields to set without operators. The paths are those of filters. Throws
 * `validation_failed` for an unknown operator, a value that an operator does not take, and two paths of which one leads into the other.
 */
export function parseUpdate(update: Readonly<Record<string, unknown>>): RowChange {
  const names = Object.keys(update)
  if (names.length === 0) throw refusal([], 'An update needs at least one operator or field')
  if (!names.some((name) => name.startsWith('$'))) return { kind: 'merge', data: update }
  const steps: UpdateStep[] = []
  for (const [name, fields] of Object.entries(update)) {
    if (!isOperator(name))
      throw refusal(
        [name],
        name.startsWith('$')
          ? `Unknown operator${suggestName(name, OPERATORS)}; one of: ${OPERATORS.join(', ')}`
          : 'An update has either operators or fields: use $set for fields',
      )
    for (const [path, value] of pathsOf(name, fields))
      steps.push([name, keysOf(name, path), operandOf(name, path, value)])
  }
  if (steps.length > MAX_PATHS) throw refusal([], `An update has at most ${MAX_PATHS} paths`)
  checkConflicts(steps)
  return { kind: 'operators', steps }
}

const isOperator = (name: string): name is Operator => OPERATORS.some((operator) => operator === name)

function pathsOf(operator: Operator, fields: unknown): [string, unknown][] {
  // $unset also takes a list of paths.
  if (operator === '$unset' && Array.isArray(fields) && fields.every((path) => typeof path === 'string'))
    return fields.map((path) => [path, null])
  if (!isJsonObject(fields)) throw refusal([operator], 'Input should be an object of values by path')
  return Object.entries(fields)
}

function keysOf(operator: Operator, path: string): string[] {
  const keys = splitPath(path)
  if (keys.length > MAX_KEYS) throw refusal([operator, path], `A path has at most ${MAX_KEYS} keys`)
  return keys
}

/** Returns the operand in the form that the database takes: a list of the values to add or remove for `$push` and `$pull`. */
function operandOf(operator: Operator, path: string, value: unknown): unknown {
  if (operator === '$unset') return null
  if (operator === '$inc' && typeof value !== 'number' && !(value instanceof ExactNumber))
    throw refusal([operator, path], 'Input should be a valid number')
  if (operator !== '$push' && operator !== '$pull') return value
  const each = isJsonObject(value) ? value['$each'] : undefined
  if (each === undefined) return [value]
  if (!Array.isArray(each)) throw refusal([operator, path, '$each'], 'Input should be a valid list')
  return each
}

function checkConflicts(steps: readonly UpdateStep[]): void {
  const seen = new Map<string, string>()
  for (const [operator, keys] of steps) {
    const path = JSON.stringify(keys)
    for (const [other, its] of seen) {
      const [short, long] = other.length < path.length ? [other, path] : [path, other]
      if (short === long || long.startsWith(`${short.slice(0, -1)},`))
        throw refusal([operator, keys.join('.')], `Conflicts with ${its}, which changes the same value`)
    }
    seen.set(path, `${operator} of "${keys.join('.')}"`)
  }
}

function refusal(at: readonly string[], msg: string): ZeroError {
  return new ZeroError('validation_failed', undefined, {
    fields: [{ type: 'value_error', loc: ['body', 'update', ...at], msg }],
  })
}
