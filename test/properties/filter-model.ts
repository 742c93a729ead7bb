import fc from 'fast-check'

// What the documentation says of filters and ordering keys, in JavaScript: docs/hooks.md, "Which events" and "Order".

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Filter = Record<string, unknown>

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The values at the end of a path: none where it leads nowhere, several where it leads through lists. */
function valuesAt(document: Json, path: string): Json[] {
  let values: Json[] = [document]
  for (const key of path.split('.')) {
    const objects = values.flatMap((value) => (Array.isArray(value) ? value : [value])).filter(isObject)
    values = objects.flatMap((object) => (Object.hasOwn(object, key) ? [object[key]!] : []))
  }
  return values
}

/** As PostgreSQL orders texts: by code points. */
function order(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const ordered = (holds: (order: number) => boolean) => (value: Json, operand: unknown) =>
  (typeof value === 'number' || typeof value === 'string') &&
  typeof value === typeof operand &&
  holds(order(value, operand as string | number))

/** Whether one value meets a condition. */
const CONDITIONS: Record<string, (value: Json, operand: unknown) => boolean> = {
  $eq: (value, operand) => value === operand,
  $in: (value, operand) => (operand as unknown[]).includes(value),
  $gt: ordered((order) => order > 0),
  $gte: ordered((order) => order >= 0),
  $lt: ordered((order) => order < 0),
  $lte: ordered((order) => order <= 0),
  $contains: (value, operand) =>
    typeof operand === 'string' ? typeof value === 'string' && value.includes(operand) : value === operand,
  $regex: (value, operand) => typeof value === 'string' && new RegExp(String(operand), 'su').test(value),
}

function meetsOperator(values: Json[], operator: string, operand: unknown): boolean {
  if (operator === '$exists') return values.length > 0 === operand
  if (operator === '$ne') return !meetsOperator(values, '$eq', operand)
  if (operator === '$nin') return !meetsOperator(values, '$in', operand)
  const isMissing = values.length === 0
  if (isMissing && (operator === '$eq' || operator === '$in')) return CONDITIONS[operator]!(null, operand)
  return values
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .some((value) => CONDITIONS[operator]!(value, operand))
}

export function meets(filter: Filter, document: Json): boolean {
  return Object.entries(filter).every(([key, condition]) => {
    if (key === '$and') return (condition as Filter[]).every((part) => meets(part, document))
    if (key === '$or') return (condition as Filter[]).some((part) => meets(part, document))
    if (key === '$not') return !meets(condition as Filter, document)
    const values = valuesAt(document, key)
    if (!isObject(condition)) return meetsOperator(values, '$eq', condition)
    return Object.entries(condition).every(([operator, operand]) => meetsOperator(values, operator, operand))
  })
}

/** What stands for the value by which an event is ordered; null for none. A number within the path is a place in a list. */
export function keyAt(document: Json, path: string): string | null {
  let value: Json | undefined = document
  for (const key of path.split('.')) {
    if (Array.isArray(value) && /^\d+$/.test(key)) value = value[Number(key)]
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }
  if (value === undefined || value === null || value === '') return null
  return typeof value === 'object' ? JSON.stringify(sorted(value)) : String(value)
}

/** With the keys of objects in order: the same for the same value. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

// Few keys and values, so that conditions and documents meet; some of each that are easily taken for another.

const KEYS = ['a', 'b', 'c', '0', 'constructor', 'a b', 'é"\\$']
const TEXTS = ['', 'x', 'X', 'xy', '10', '9', 'true', 'null', 'é', '\u{1f600}', '\uffee', 'a\nb', '%', '.']
const NUMBERS = [0, 1, -1, 9, 10, 0.1, 1e21, 1e-7, 123456789012345]
const PATTERNS = ['x', '^x', 'y$', '.', 'a.b', '[xX]y?', 'x|é', '^$', '(x|y)+', '\\.']

const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, false),
  fc.constantFrom<Json>(...TEXTS),
  fc.constantFrom<Json>(...NUMBERS),
)
const { value: nested } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

/** Whatever a user may store. */
export const anyObject = fc.dictionary(fc.constantFrom(...KEYS), nested, { maxKeys: 5, noNullPrototype: true })

/** Paths that begin with one of `roots`, or end there if that is a path. */
export function anyPath(roots: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...roots), fc.array(fc.constantFrom(...KEYS), { maxLength: 3 }))
    .map(([root, keys]) => [root, ...keys].join('.'))
    .filter((path) => path.includes('.'))
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

/** A filter over paths of `roots`. */
export function anyFilter(roots: readonly string[]): fc.Arbitrary<Filter> {
  const fields = fc.dictionary(anyPath(roots), condition, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
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
