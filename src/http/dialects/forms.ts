import { withSchedule } from './cron-hooks.ts'
import { escapePattern } from './regex.ts'
import { withWebhook, withWebhookChanges } from './triggers.ts'

/** Converts fields that other clients send in another form. A field with an unknown form is left unchanged. */
export function rewriteFields(
  operation: string,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  switch (operation) {
    case 'embeddings.generate':
    case 'embeddings.embed_and_store':
      return withTexts(fields)
    case 'rows.insert':
      return withoutNullKey(fields)
    case 'rows.query':
      return withSort(withFilter(fields))
    case 'rows.update_many':
    case 'rows.delete_many':
      return withFilter(fields)
    case 'vectors.delete_many':
      return withIdList(fields)
    case 'files.presign_upload':
      return withoutOperation(fields)
    case 'hooks.create':
      return withWebhook(fields)
    case 'schedules.create':
      return withSchedule(fields)
    case 'hooks.update':
      return withWebhookChanges(fields)
    default:
      return fields
  }
}

/** Leaves out `operation: "upload"`, which has selected this operation. */
function withoutOperation({
  operation,
  ...fields
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return operation === undefined || operation === 'upload' ? fields : { operation, ...fields }
}

/** Leaves out an `upsert_key` that is null. Any other selects another operation. */
function withoutNullKey(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== null || !/^upsert(_k|K)ey$/.test(name)),
  )
}

/** Converts a filter that is a list of conditions. */
function withFilter(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const converted: Record<string, unknown> = { ...fields }
  for (const name of ['filters', 'filter']) {
    const conditions = fields[name]
    if (Array.isArray(conditions)) converted[name] = filterOf(conditions) ?? conditions
  }
  return converted
}

/** Converts ids in one text, separated by commas, and a single `id` to a list. Ids with commas need a list. */
function withIdList(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value]
      if (name === 'id') return [name, [value]]
      const isList = ['ids', 'vector_ids', 'vectorIds'].includes(name)
      return [name, isList ? value.split(',').map((id) => id.trim()) : value]
    }),
  )
}

function withSort(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { order, sort_by, ...rest } = fields
  const sort = sortOf(order, sort_by)
  return sort === undefined ? fields : { ...rest, sort }
}

/** Converts a single `text` with its `metadata`, or an `input` that is a text, to lists. */
function withTexts({ text, metadata, ...rest }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { input } = rest
  return {
    ...rest,
    ...(typeof input === 'string' ? { input: [input] } : {}),
    ...(text === undefined ? {} : { texts: [text] }),
    ...(metadata === undefined ? {} : text === undefined ? { metadata } : { metadata_list: [metadata] }),
  }
}

const OPERATORS: Readonly<Record<string, string>> = {
  eq: '$eq',
  neq: '$ne',
  gt: '$gt',
  gte: '$gte',
  lt: '$lt',
  lte: '$lte',
  in: '$in',
}

/** Converts `[{column, op, value}]` to a filter. Returns undefined if an item has another form. */
function filterOf(conditions: readonly unknown[]): Record<string, unknown> | undefined {
  const parts: Record<string, unknown>[] = []
  for (const condition of conditions) {
    if (typeof condition !== 'object' || condition === null) return undefined
    const { column, op = 'eq', value, ...rest } = condition as Record<string, unknown>
    if (typeof column !== 'string' || typeof op !== 'string' || Object.keys(rest).length > 0) return undefined
    if (op === 'like' && typeof value === 'string') parts.push({ [column]: { $regex: likePattern(value) } })
    else if (OPERATORS[op] !== undefined) parts.push({ [column]: { [OPERATORS[op]]: value } })
    else return undefined
  }
  return parts.length === 0 ? {} : { $and: parts }
}

/** Converts a pattern of SQL's LIKE to a regular expression: `%` is any text, `_` one character. */
function likePattern(text: string): string {
  return `^${escapePattern(text).replace(/%/g, '.*').replace(/_/g, '.')}$`
}

/** Converts `{column, ascending}`, or `sort_by` with `order` `asc` or `desc`, to a sort. Returns undefined for another form. */
function sortOf(order: unknown, sortBy: unknown): Record<string, 1 | -1> | undefined {
  if (typeof sortBy === 'string') {
    if (order === undefined || order === 'asc') return { [sortBy]: 1 }
    return order === 'desc' ? { [sortBy]: -1 } : undefined
  }
  if (sortBy !== undefined || typeof order !== 'object' || order === null) return undefined
  const { column, ascending = true, ...rest } = order as Record<string, unknown>
  if (typeof column !== 'string' || typeof ascending !== 'boolean' || Object.keys(rest).length > 0) return undefined
  return { [column]: ascending ? 1 : -1 }
}
