import type { z } from 'zod'
import { OPERATIONS } from '../../src/operations/index.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { type JsonSchema, toInlineJsonSchema, toJsonSchema } from '../../src/schema/json-schema.ts'

const RIGHTS: Readonly<Record<string, string>> = { any: 'any key', public: 'none' }

/** The generated part of docs/operations.md: a list of all operations, then the fields of each. */
export function operationsPage(): string {
  const rows = OPERATIONS.map(
    ({ name, route, permission, summary }) =>
      `| [\`${name}\`](#${anchorOf(name)}) | \`${route}\` | ${RIGHTS[permission] ?? `\`${permission}\``} | ${summary} |`,
  )
  const list = ['| operation | address | right | does |', '|---|---|---|---|', ...rows].join('\n')
  return `${list}\n\n${OPERATIONS.map(sectionOf).join('\n')}`
}

/** The anchor that GitHub makes of a heading: letters, digits, hyphens and underscores stay. */
function anchorOf(name: string): string {
  return name.replace(/[^\w-]/g, '').toLowerCase()
}

function sectionOf(operation: Operation): string {
  const { name, route, description, input } = operation
  const fields = fieldsOf(toInlineJsonSchema(input, 'input'), '')
  const table =
    fields.length === 0
      ? 'No fields.\n'
      : ['| field | type | default | meaning |', '|---|---|---|---|', ...fields, ''].join('\n')
  const text = `\`${route}\`: ${cell(description)} ${returnsOf(operation)}`
  return `## ${name}\n\n${text.trimEnd()}\n\n${table}`
}

/** What an operation returns, by the name of its schema. */
function returnsOf(operation: Operation): string {
  if (operation.kind === 'bytes') return 'Returns bytes.'
  if (operation.kind === 'stream') return 'Returns a stream of server-sent events.'
  const name = nameOf(operation.output)
  return name === null ? '' : `Returns \`${name}\` of \`/openapi.json\`.`
}

function nameOf(output: z.ZodType): string | null {
  const { $ref, type, items } = toJsonSchema(output, 'output') as { $ref?: string; type?: string; items?: JsonSchema }
  const reference = $ref ?? (type === 'array' ? (items?.['$ref'] as string | undefined) : undefined)
  const name = reference?.split('/').at(-1)
  return name === undefined ? null : type === 'array' ? `${name}[]` : name
}

/** A row for each field, and for each field of a nested object with known fields. */
function fieldsOf(schema: JsonSchema, prefix: string): string[] {
  const required = (schema['required'] ?? []) as string[]
  return Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>).flatMap(([name, field]) => {
    const isRequired = required.includes(name) && field['default'] === undefined
    const fallback =
      field['default'] === undefined ? (isRequired ? 'required' : '') : `\`${cell(JSON.stringify(field['default']))}\``
    const row = `| \`${prefix}${name}\` | ${cell(typeOf(field))} | ${fallback} | ${cell(String(field['description']))} |`
    return [row, ...fieldsOf(objectIn(field), `${prefix}${name}.`)]
  })
}

/** The object with known fields that a schema allows; an empty schema when there is none. */
function objectIn(schema: JsonSchema): JsonSchema {
  const choices = [schema, ...((schema['anyOf'] ?? []) as JsonSchema[])]
  return choices.find(({ properties }) => properties !== undefined) ?? {}
}

function typeOf(schema: JsonSchema): string {
  const {
    anyOf,
    enum: values,
    const: only,
    type,
    items,
    minimum,
    maximum,
    format,
  } = schema as {
    [key: string]: unknown
    anyOf?: JsonSchema[]
    enum?: unknown[]
    items?: JsonSchema
    minimum?: number
    maximum?: number
  }
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(' or ')
  if (values) return values.map((value) => `\`${String(value)}\``).join(', ')
  if (only !== undefined) return `\`${String(only)}\``
  if (type === 'array') return `array of ${items ? typeOf(items) : 'any'}`
  if (type === 'integer' || type === 'number') return `${type}${rangeOf(minimum, maximum)}`
  if (format === 'uuid') return 'UUID'
  return typeof type === 'string' ? type : 'any'
}

/** The bounds of a number. Bounds that only repeat what a number can hold are left out. */
function rangeOf(minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY): string {
  const isBound = (value: number) => Math.abs(value) < Number.MAX_SAFE_INTEGER
  if (isBound(minimum) && isBound(maximum)) return ` ${minimum} to ${maximum}`
  if (isBound(minimum)) return ` from ${minimum}`
  return isBound(maximum) ? ` to ${maximum}` : ''
}

/** Text for one cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
