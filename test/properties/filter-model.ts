import fc from 'fast-check'

// The documented rules of filters and ordering keys, in JavaScript: docs/hooks.md, "Filter events" and "Order".

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Filter = Record<string, unknown>

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Splits a path at its dots; a backslash makes a dot or a backslash part of a key. */
function keysOf(path: string): string[] {
  const keys: string[] = []
  let key = ''
  for (let i = 0; i < path.length; i++) {
    if (path[i] === '.') {
      keys.push(key)
      key = ''
      continue
    }
    if (path[i] === '\\' && (path[i + 1] === '.' || path[i + 1] === '\\')) i++
    key += path[i]
  }
  return [...keys, key]
}

const pathTo = (keys: readonly string[]) => keys.map((key) => key.replace(/[\\.]/g, '\\$&')).join('.')

/** Returns the values at the end of a path: none if the path does not exist, several if it leads through lists. */
function valuesAt(document: Json, path: string): Json[] {
  let values: Json[] = [document]
  for (const key of keysOf(path)) {
    const places = values.flatMap((value) =>
      Array.isArray(value) && /^\d+$/.test(key) && Number(key) < value.length ? [value[Number(key)]!] : [],
    )
    const objects = values.flatMap((value) => (Array.isArray(value) ? value : [value])).filter(isObject)
    values = [...places, ...objects.flatMap((object) => (Object.hasOwn(object, key) ? [object[key]!] : []))]
  }
  return values
}

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, n) => isSame(item, b[n]))
  if (!isObject(a)) return a === b
  const keys = Object.keys(a)
  return (
    isObject(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  )
}

/** Returns whether a list or an object contains `part`, another one. */
function hasPart(value: Json, part: Json): boolean {
  if (Array.isArray(part))
    return Array.isArray(value) && part.every((item) => value.some((each) => hasPart(each, item)))
  if (!isObject(part)) return value === part
  return (
    isObject(value) && Object.keys(part).every((key) => Object.hasOwn(value, key) && hasPart(value[key]!, part[key]!))
  )
}

/** Compares texts like PostgreSQL: by code points. */
function order(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const ordered = (holds: (order: number) => boolean) => (value: Json, operand: unknown) =>
  (typeof value === 'number' || typeof value === 'string') &&
  typeof value === typeof operand &&
  holds(order(value, operand as string | number))

/** Returns whether one value meets a condition. */
const CONDITIONS: Record<string, (value: Json, operand: unknown) => boolean> = {
  $eq: isSame,
  $in: (value, operand) => (operand as unknown[]).some((each) => isSame(value, each)),
  $gt: ordered((order) => order > 0),
  $gte: ordered((order) => order >= 0),
  $lt: ordered((order) => order < 0),
  $lte: ordered((order) => order <= 0),
  $contains: (value, operand) =>
    typeof operand === 'string'
      ? typeof value === 'string' && value.includes(operand)
      : typeof operand === 'object' && operand !== null
        ? typeof value === 'object' && value !== null && hasPart(value, operand as Json)
        : value === operand,
  $regex: (value, operand) => typeof value === 'string' && new RegExp(String(operand), 'su').test(value),
}

function meetsOperator(values: Json[], operator: string, operand: unknown): boolean {
  if (operator === '$exists') return values.length > 0 === operand
  if (operator === '$ne') return !meetsOperator(values, '$eq', operand)
  if (operator === '$nin') return !meetsOperator(values, '$in', operand)
  const isMissing = values.length === 0
  if (isMissing && (operator === '$eq' || operator === '$in')) return CONDITIONS[operator]!(null, operand)
  // A list counts as itself, which matters only for comparisons with a list, and by its elements.
  return values
    .flatMap((value) => (Array.isArray(value) ? [value, ...value] : [value]))
    .some((value) => CONDITIONS[operator]!(value, operand))
}

export function meets(filter: Filter, document: Json): boolean {
  return Object.entries(filter).every(([key, condition]) => {
    if (key === '$and') return (condition as Filter[]).every((part) => meets(part, document))
    if (key === '$or') return (condition as Filter[]).some((part) => meets(part, document))
    if (key === '$not') return !meets(condition as Filter, document)
    const values = valuesAt(document, key)
    if (!isObject(condition) || !Object.keys(condition).some((operator) => operator.startsWith('$')))
      return meetsOperator(values, '$eq', condition)
    return Object.entries(condition).every(([operator, operand]) => meetsOperator(values, operator, operand))
  })
}

/** Returns the value by which an event is ordered; null for none. A number within the path is a position in a list. */
export function keyAt(document: Json, path: string): string | null {
  let value: Json | undefined = document
  for (const key of keysOf(path)) {
    if (Array.isArray(value) && /^\d+$/.test(key)) value = value[Number(key)]
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  if (value === undefined || value === null || value === '') return null
  return typeof value === 'object' ? JSON.stringify(sorted(value)) : String(value)
}

/** Returns JSON with sorted object keys: the same for equal values. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

// Few keys and values, so that conditions and documents match; some are easily confused with each other.

const KEYS = ['a', 'b', 'c', '0', 'constructor', 'a b', 'a.b', 'é"\\$']
/** Includes keys that need escaping. */
export const HOSTILE_KEYS = [...KEYS, '__proto__', 'toString', 'a.', '\\', '1']
const TEXTS = ['', 'x', 'X', 'xy', '10', '9', 'true', 'null', 'é', '\u{1f600}', '\uffee', 'a\nb', '%', '.']
const NUMBERS = [0, 1, -1, 9, 10, 0.1, 1e21, 1e-7, 123456789012345]
const PATTERNS = ['x', '^x', 'y$', '.', 'a.b', '[xX]y?', 'x|é', '^$', '(x|y)+', '\\.']

const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, false),
  fc.constantFrom<Json>(...TEXTS),
  fc.constantFrom<Json>(...NUMBERS),
)
/** Any JSON that a user may store under these keys. */
export function objectsOf(keys: readonly string[]): fc.Arbitrary<Record<string, Json>> {
  return fc.dictionary(fc.constantFrom(...keys), valuesOf(keys), { maxKeys: 5, noNullPrototype: true })
}

export const anyObject = objectsOf(KEYS)

function valuesOf(keys: readonly string[]): fc.Arbitrary<Json> {
  return fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value
}

/** Paths that begin with one of `roots`, or end there if that is a path, or `isShort`. */
export function anyPath(
  roots: readonly string[],
  { keys = KEYS, isShort = false }: { keys?: readonly string[]; isShort?: boolean } = {},
): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...roots), fc.array(fc.constantFrom(...keys), { maxLength: 3 }))
    .map(([root, rest]) => (rest.length === 0 ? root : `${root}.${pathTo(rest)}`))
    .filter((path) => isShort || keysOf(path).length > 1)
}

const list = fc.array(scalar, { minLength: 1, maxLength: 3 })
const comparable = fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(...NUMBERS))
const operators = fc.oneof(
  scalar.map((value) => ({ $eq: value })),
  scalar.map((value) => ({ $ne: value })),
  list.map((values) => ({ $in: values })),
  list.map((values) => ({ $nin: values })),
  fc
    .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), comparable)
    .map(([operator, value]) => ({ [operator]: value })),
  scalar.map((value) => ({ $contains: value })),
  fc.constantFrom(...PATTERNS).map((pattern) => ({ $regex: pattern })),
  fc.boolean().map((there) => ({ $exists: there })),
)
const condition = fc.oneof(
  { weight: 1, arbitrary: scalar },
  { weight: 3, arbitrary: operators },
  { weight: 1, arbitrary: fc.tuple(operators, operators).map(([one, other]) => ({ ...one, ...other })) },
)

/** Conditions that only tables and vectors support. */
const nestedOperand = fc.oneof(fc.array(scalar, { maxLength: 2 }), objectsOf(['a', '__proto__']))
const nestedCondition = fc.oneof(
  nestedOperand,
  nestedOperand.map((value) => ({ $ne: value })),
  nestedOperand.map((value) => ({ $contains: value })),
  fc.array(fc.oneof(nestedOperand, scalar), { minLength: 1, maxLength: 30 }).map((values) => ({ $in: values })),
  fc.array(fc.oneof(nestedOperand, scalar), { minLength: 1, maxLength: 30 }).map((values) => ({ $nin: values })),
)

/** A filter over paths of `roots`. */
export function anyFilter(
  roots: readonly string[],
  { isNested = false, ...paths }: { keys?: readonly string[]; isShort?: boolean; isNested?: boolean } = {},
): fc.Arbitrary<Filter> {
  const conditions = isNested ? fc.oneof(condition, nestedCondition) : condition
  const fields = fc.dictionary(anyPath(roots, paths), conditions, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fields,
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((parts) => ({ $and: parts })),
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map((parts) => ({ $or: parts })),
      tie('filter').map((part) => ({ $not: part })),
    ),
  })).filter
}
