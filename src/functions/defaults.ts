import type { PreparedFunction } from '../app.ts'
import { parseStoredJson, stringifyJson } from '../exact-json.ts'

type Fields = Record<string, unknown>

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))

/** Returns a call's payload with the defaults of the function's input schema. A call without payload gets only the defaults. */
export function withInputDefaults({ config }: Pick<PreparedFunction, 'config'>, payload: unknown): unknown {
  const schema = config.tool?.input_schema
  if (schema === undefined) return payload
  if (payload !== null) return withDefaults(schema, payload)
  const filled = withDefaults(schema, {}) as Fields
  return Object.keys(filled).length === 0 ? payload : filled
}

/**
 * Returns the value with each missing property that has a `default` in its JSON Schema. Applies `properties`, `items` and `prefixItems` at
 * any depth, and `allOf` and references within the schema. Defaults in alternatives (`anyOf`, `oneOf`, `if`) do not apply. The input is not
 * modified.
 */
export function withDefaults(schema: unknown, value: unknown): unknown {
  return fill([schema], value, schema)
}

/** Fills in the defaults of all `schemas` that apply to this value. Each is applied once, even if it is referenced several times. */
function fill(schemas: readonly unknown[], value: unknown, root: unknown): unknown {
  if (!isObject(value) && !Array.isArray(value)) return value
  const known = new Set<Fields>()
  for (const schema of schemas) collect(schema, root, known)
  return Array.isArray(value) ? fillList([...known], value, root) : fillObject([...known], value, root)
}

function fillObject(schemas: readonly Fields[], value: Fields, root: unknown): Fields {
  const ofProperties = new Map<string, unknown[]>()
  for (const { properties } of schemas)
    if (isObject(properties))
      for (const [name, schema] of Object.entries(properties))
        ofProperties.set(name, [...(ofProperties.get(name) ?? []), schema])
  const filled = { ...value }
  for (const [name, found] of ofProperties) {
    const has = Object.hasOwn(value, name)
    const given = has ? value[name] : copyOf(defaultOf(found))
    if (!has && given === undefined) continue
    // An assignment to "__proto__" would not create a property.
    const set = { value: fill(found, given, root), configurable: true, enumerable: true, writable: true }
    Object.defineProperty(filled, name, set)
  }
  return filled
}

function fillList(schemas: readonly Fields[], value: readonly unknown[], root: unknown): unknown[] {
  return value.map((item, at) => {
    const found = schemas.map(({ prefixItems, items }) => {
      const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : []
      return at < tuple.length ? tuple[at] : Array.isArray(items) ? undefined : items
    })
    return fill(found, item, root)
  })
}

const copyOf = (value: unknown) => (value === undefined ? undefined : parseStoredJson(stringifyJson(value)))

function defaultOf(schemas: readonly unknown[]): unknown {
  return schemas.filter(isObject).find((schema) => Object.hasOwn(schema, 'default'))?.['default']
}

/** Adds a schema, and the schemas that it includes with `allOf` and `$ref`. */
function collect(schema: unknown, root: unknown, known: Set<Fields>): void {
  if (!isObject(schema) || known.has(schema)) return
  known.add(schema)
  if (Array.isArray(schema['allOf'])) for (const each of schema['allOf']) collect(each, root, known)
  if (typeof schema['$ref'] === 'string') collect(resolve(schema['$ref'], root), root, known)
}

/** Resolves a JSON Pointer within the document. */
function resolve(reference: string, root: unknown): unknown {
  if (reference !== '#' && !reference.startsWith('#/')) return undefined
  let found = root
  for (const step of reference.split('/').slice(1)) {
    if (typeof found !== 'object' || found === null) return undefined
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    found = Object.hasOwn(found, name) ? (found as Fields)[name] : undefined
  }
  return found
}
