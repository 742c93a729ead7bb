import { ZeroError } from '../../errors.ts'
import { ExactNumber } from '../../exact-json.ts'
import { isJsonObject } from '../../schema/json-object.ts'
import { costOf } from './pattern.ts'

// The filter language of table rows, vector metadata and hooks. `parseFilter` parses a filter, `toJsonpath` compiles it to a jsonpath in
// lax mode. No document can make the jsonpath fail: a missing path is an empty sequence, and a type check precedes every comparison.

/** A condition on the values at the end of a path. One matching value is enough; if a value is a list, one matching element. */
export interface Condition {
  keys: readonly string[]
  operator: '$in' | '$gt' | '$gte' | '$lt' | '$lte' | '$contains' | '$regex' | '$exists'
  /** For `$in` a list of values of any type; absent for `$exists`. */
  operand?: unknown
}

export type FilterTree = { all: FilterTree[] } | { any: FilterTree[] } | { not: FilterTree } | Condition

/** Totals of one filter, which are limited. */
interface Budget {
  conditions: number
  atoms: number
  transitions: number
  anchors: number
}

export interface FilterRules {
  /** The request field that contains the filter, for error messages. */
  field: string
  maxConditions: number
  /** Maximum number of values of one `$in` or `$nin`. */
  maxList: number
  /** Whether values may be compared with a list or an object. */
  isNestedAllowed: boolean
  /** Throws `invalid` if conditions may not use this path. */
  checkKeys(keys: readonly string[], path: string): void
}

const MAX_LEVELS = 10
const MAX_KEYS = 20
/** Maximum length of the text of `$contains`. */
const MAX_SOUGHT = 1_000
const MAX_PATTERN = 200
const MAX_ATOMS = 200
/**
 * Limits the cost of patterns. Of 3,900 generated patterns within all limits, the slowest took PGlite 80 ms; without this limit, up to 2.2
 * s.
 */
const MAX_TRANSITIONS = 10_000
const MAX_ANCHORS = 10

const NEGATIONS: Record<string, string> = { $ne: '$eq', $nin: '$in' }
const KNOWN = ['$eq', '$gt', '$gte', '$lt', '$lte', '$in', '$contains', '$regex', '$ne', '$nin', '$exists']

/** Splits a path into keys at dots. In a key, `\.` stands for a dot and `\\` for a backslash; other backslashes stand for themselves. */
export function splitPath(path: string): string[] {
  const keys: string[] = []
  let key = ''
  for (const [token] of path.matchAll(/\\[.\\]|./gsu)) {
    if (token === '.') {
      keys.push(key)
      key = ''
    } else key += token === '\\.' || token === '\\\\' ? token.slice(1) : token
  }
  return [...keys, key]
}

/** Parses a filter. Throws `invalid` for an unknown operator, a wrong operand, or an exceeded limit. */
export function parseFilter(filter: Record<string, unknown>, rules: FilterRules): FilterTree {
  return new FilterParser(rules).conjunction(filter, 0)
}

class FilterParser {
  readonly #rules: FilterRules
  readonly #left: Budget

  constructor(rules: FilterRules) {
    this.#rules = rules
    this.#left = {
      conditions: rules.maxConditions,
      atoms: MAX_ATOMS,
      transitions: MAX_TRANSITIONS,
      anchors: MAX_ANCHORS,
    }
  }

  conjunction(filter: Record<string, unknown>, level: number): FilterTree {
    if (level > MAX_LEVELS) throw this.#refusal(`it may be nested ${MAX_LEVELS} levels deep at most`)
    const all = Object.entries(filter).map(([key, condition]): FilterTree => {
      this.#spend('conditions')
      if (key === '$and' || key === '$or') {
        const parts = this.#list(key, condition).map((part) => this.conjunction(this.#object(key, part), level + 1))
        return key === '$and' ? { all: parts } : { any: parts }
      }
      if (key === '$not') return { not: this.conjunction(this.#object(key, condition), level + 1) }
      if (key.startsWith('$')) throw this.#unknown(key)
      return this.#field(this.#keys(key), condition)
    })
    return { all }
  }

  #keys(path: string): string[] {
    const keys = splitPath(path)
    this.#rules.checkKeys(keys, path)
    if (keys.length > MAX_KEYS) throw this.#refusal(`a path may have ${MAX_KEYS} keys at most`)
    for (const key of keys) this.#checkText(key)
    // A number in a path is a key or an index of a list, so each further number doubles the paths to check.
    this.#spend('conditions', 2 ** keys.slice(1).filter(isPlace).length - 1)
    return keys
  }

  #field(keys: string[], condition: unknown): FilterTree {
    const isOperators =
      typeof condition === 'object' &&
      condition !== null &&
      !Array.isArray(condition) &&
      Object.keys(condition).some((key) => key.startsWith('$'))
    if (!isOperators) return this.#holds(keys, '$eq', condition)
    const all = Object.entries(condition).map(([operator, operand]): FilterTree => {
      this.#spend('conditions')
      const negated = Object.hasOwn(NEGATIONS, operator) ? NEGATIONS[operator] : undefined
      return negated === undefined
        ? this.#holds(keys, operator, operand)
        : { not: this.#holds(keys, negated, operand, operator) }
    })
    return { all }
  }

  /** `said` is the operator in the filter, which can be the negation of `operator`. */
  #holds(keys: string[], operator: string, operand: unknown, said = operator): FilterTree {
    switch (operator) {
      case '$eq':
        return this.#among(keys, [operand])
      case '$in':
        return this.#among(keys, this.#list(said, operand))
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        if (!isNumber(operand) && typeof operand !== 'string')
          throw this.#refusal(`"${operator}" compares with a number or a text`)
        this.#checkScalar(operand)
        return { keys, operator, operand }
      case '$contains':
        if (typeof operand === 'string' && operand.length > MAX_SOUGHT)
          throw this.#refusal(`"$contains" looks for at most ${MAX_SOUGHT} characters`)
        if (isNested(operand)) this.#checkNested()
        else this.#checkScalar(operand)
        return { keys, operator, operand }
      case '$regex':
        return { keys, operator, operand: this.#pattern(operand) }
      case '$exists':
        if (typeof operand !== 'boolean') throw this.#refusal('"$exists" takes true or false')
        return operand ? { keys, operator } : { not: { keys, operator } }
      default:
        throw this.#unknown(operator)
    }
  }

  /** A missing field counts as null. */
  #among(keys: string[], values: unknown[]): FilterTree {
    for (const value of values) {
      if (isNested(value)) this.#checkNested()
      else this.#checkScalar(value)
    }
    const among: Condition = { keys, operator: '$in', operand: values }
    return values.includes(null) ? { any: [{ not: { keys, operator: '$exists' } }, among] } : among
  }

  #checkNested(): void {
    if (!this.#rules.isNestedAllowed) throw this.#refusal('it compares with a text, a number, true, false or null')
  }

  #checkScalar(value: unknown): void {
    if (typeof value === 'number' && !Number.isFinite(value)) throw this.#refusal('a number in it is too large')
    if (typeof value === 'string') this.#checkText(value)
  }

  #checkText(text: string): void {
    if (/[\0\p{Surrogate}]/u.test(text))
      throw this.#refusal('a text in it has the character U+0000, or half of a character of two')
  }

  /** Checks the cost of a pattern, because PostgreSQL can take minutes to compile or match a few characters. */
  #pattern(operand: unknown): string {
    const cost = typeof operand === 'string' && operand.length <= MAX_PATTERN ? costOf(operand) : null
    if (typeof operand !== 'string' || !cost)
      throw this.#refusal(
        `"$regex" takes a POSIX pattern of at most ${MAX_PATTERN} characters, without back references, lookaround and options other than (?i)`,
      )
    this.#checkText(operand)
    this.#spend('atoms', cost.atoms)
    this.#spend('transitions', cost.transitions)
    this.#spend('anchors', cost.anchors)
    return operand
  }

  #spend(what: keyof Budget, amount = 1): void {
    this.#left[what] -= amount
    if (this.#left[what] >= 0) return
    const reasons: Record<keyof Budget, string> = {
      conditions: `it may have at most ${this.#rules.maxConditions} conditions`,
      atoms: `its patterns may have at most ${MAX_ATOMS} characters, with every repetition {n} written out`,
      transitions: `its patterns are too complex: write (a?){50}, or another repetition of what may be empty, as a{0,50}`,
      anchors: `its patterns may have at most ${MAX_ANCHORS} anchors like ^ and $, with every repetition {n} written out; one counts four times in a repetition of what may be empty, like (^a?){2}`,
    }
    throw this.#refusal(reasons[what])
  }

  #list(operator: string, operand: unknown): unknown[] {
    const { maxList } = this.#rules
    if (Array.isArray(operand) && operand.length > 0 && operand.length <= maxList) return operand
    throw this.#refusal(`"${operator}" takes a list of 1 to ${maxList} values`)
  }

  #object(operator: string, operand: unknown): Record<string, unknown> {
    if (isJsonObject(operand)) return operand
    throw this.#refusal(`"${operator}" takes conditions`)
  }

  #unknown(operator: string): ZeroError {
    const known = [...KNOWN, '$and', '$or', '$not'].join(', ')
    return this.#refusal(`unknown operator "${operator.slice(0, 100)}"; one of: ${known}`)
  }

  #refusal(reason: string): ZeroError {
    return filterRefusal(this.#rules.field, reason)
  }
}

export function filterRefusal(field: string, reason: string, cause?: unknown): ZeroError {
  return new ZeroError('invalid', `${field}: ${reason}`, { cause })
}

/** Returns whether a value is a list or an object. jsonpath compares only scalars. */
export const isNested = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof ExactNumber)

const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber

/** Returns whether a key may also be an index of a list. */
const isPlace = (key: string): boolean => /^(0|[1-9]\d{0,8})$/.test(key)

/**
 * Returns the jsonpaths to the values at the end of a path. A number among the keys doubles them, because it is a key of an object or an
 * index of a list. A list in the middle of the path stands for its elements. `root` must be an object.
 */
export function valuePaths(keys: readonly string[], root = '$'): string[] {
  let paths = [{ base: root, guards: [] as string[], tail: '' }]
  keys.forEach((key, n) => {
    paths = paths.flatMap((path) => {
      const member = { base: whole(path), guards: [], tail: `.${JSON.stringify(key)}` }
      if (n === 0 || !isPlace(key)) return [member]
      // Without this check, lax mode would treat any value as a list of one element.
      const guards = [...path.guards, `@${path.tail}.type() == "array"`]
      return [member, { base: path.base, guards, tail: `${path.tail}[${key}]` }]
    })
  })
  return paths.map(whole)
}

function whole({ base, guards, tail }: { base: string; guards: readonly string[]; tail: string }): string {
  if (guards.length === 0) return base + tail
  return `${base} ? (@.type() == "object" && ${guards.join(' && ')})${tail}`
}

/** Compiles the tree to a predicate over `root`. The tree must not compare with a list or an object. */
export function toJsonpath(tree: FilterTree, root = '$'): string {
  const compile = (part: FilterTree) => toJsonpath(part, root)
  if ('all' in tree) return tree.all.length === 0 ? '(1 == 1)' : `(${tree.all.map(compile).join(' && ')})`
  if ('any' in tree) return `(${tree.any.map(compile).join(' || ')})`
  if ('not' in tree) return `!(${compile(tree.not)})`
  const satisfied = tree.operator === '$exists' ? '' : ` ? (${satisfies(tree)})`
  return `(${valuePaths(tree.keys, root)
    .map((path) => `exists(${path}${satisfied})`)
    .join(' || ')})`
}

/**
 * Returns a weaker filter of equalities only, which an index supports: it holds wherever `tree` holds. Null if there is none. `$in` with
 * the operand null is not an equality, because it holds for missing fields too.
 */
export function equalitiesOf(tree: FilterTree): FilterTree | null {
  if ('not' in tree) return null
  if ('all' in tree) {
    const all = tree.all.map(equalitiesOf).filter((part) => part !== null)
    return all.length === 0 ? null : { all }
  }
  if ('any' in tree) {
    const any = tree.any.map(equalitiesOf)
    return any.length === 0 || any.includes(null) ? null : { any: any as FilterTree[] }
  }
  const { operator, operand } = tree
  const values = operator === '$in' ? (operand as unknown[]) : operator === '$contains' ? [operand] : []
  // `$contains` with a text looks for a part of a text.
  const isText = operator === '$contains' && typeof operand === 'string'
  return values.length === 0 || isText || values.some(isNested) ? null : tree
}

const COMPARISONS = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' }

/** Returns the condition on a value, `@`. */
function satisfies({ operator, operand }: Condition): string {
  switch (operator) {
    case '$regex':
      // Flag "s": a dot matches any character, including a line feed.
      return `@.type() == "string" && @ like_regex ${literal(operand)} flag "s"`
    case '$contains':
      return typeof operand === 'string'
        ? `@.type() == "string" && @ like_regex ${literal(operand)} flag "q"`
        : among([operand])
    case '$in':
      return among(operand as unknown[])
    case '$exists':
      throw new TypeError('$exists has no operand')
    default:
      return `@.type() == "${isNumber(operand) ? 'number' : 'string'}" && @ ${COMPARISONS[operator]} ${literal(operand)}`
  }
}

/**
 * Values of different types are never equal in jsonpath, and comparing them does not fail. The type check excludes nested lists, which
 * jsonpath would unwrap.
 */
function among(values: readonly unknown[]): string {
  return `@.type() != "array" && (${values.map((value) => `@ == ${literal(value)}`).join(' || ')})`
}

/** Scalars of JSON are also scalars of jsonpath. */
const literal = (value: unknown): string => (isNumber(value) ? String(value) : JSON.stringify(value))
