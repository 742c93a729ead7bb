import type { z } from 'zod'
import type { FieldError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { knownNames, suggestName } from './nearest-name.ts'

const MAX_INPUT_CHARACTERS = 200
/** Fields whose values are never repeated in responses. */
const SECRET_FIELDS = ['secret', 'password', 'refresh_token', 'value']

/**
 * Converts a parse error to the error format of FastAPI. `placeOf` returns the origin of a top-level key: `path`, `query` or `body`. With
 * `schema`, errors about unknown keys suggest a similar name.
 */
export function shapeErrors(
  error: z.ZodError,
  input: unknown,
  placeOf: (key: string) => string,
  schema?: z.ZodType,
): FieldError[] {
  return error.issues
    .flatMap((issue) => flatten(issue))
    .map((issue) => {
      const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
      const given = path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], input)
      const shown = SECRET_FIELDS.includes(String(path.at(-1))) ? undefined : excerpt(given)
      return {
        ...describe(issue, given, schema),
        loc: [placeOf(String(path[0] ?? '')), ...path],
        ...(shown === undefined ? {} : { input: shown }),
      }
    })
}

/** Splits issues: each unknown key becomes one issue. Of a union, the issues of the closest branch are used: the one with the deepest error, or the first. */
function flatten(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ ...issue, keys: [key], path: [...issue.path, key] }))
  // The path of an invalid key ends with the key itself.
  if (issue.code === 'invalid_key')
    return issue.issues.flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] }))
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const branches = issue.errors.map((branch) => branch.flatMap(flatten))
  const nearest =
    branches.find((branch) => branch.some((inner) => inner.path.length > 0 || inner.code !== 'invalid_type')) ??
    branches[0]!
  return nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
}

const TYPES: Record<string, string> = {
  string: 'string_type',
  int: 'int_type',
  number: 'float_type',
  boolean: 'bool_type',
  array: 'list_type',
  object: 'dict_type',
  record: 'dict_type',
}
const NAMES: Record<string, string> = { object: 'dictionary', record: 'dictionary', int: 'integer', array: 'list' }

function describe(
  issue: z.core.$ZodIssue,
  given: unknown,
  schema: z.ZodType | undefined,
): Pick<FieldError, 'type' | 'msg' | 'ctx'> {
  switch (issue.code) {
    case 'invalid_type':
      if (given === undefined) return { type: 'missing', msg: 'Field required' }
      return {
        type: TYPES[issue.expected] ?? `${issue.expected}_type`,
        msg: `Input should be a valid ${NAMES[issue.expected] ?? issue.expected}`,
      }
    case 'too_small':
      if (issue.origin === 'string') {
        return {
          type: 'string_too_short',
          msg: `String should have at least ${plural(issue.minimum, 'character')}`,
          ctx: { min_length: issue.minimum },
        }
      }
      if (issue.origin === 'array') {
        return {
          type: 'too_short',
          msg: `List should have at least ${plural(issue.minimum, 'item')}`,
          ctx: { min_length: issue.minimum },
        }
      }
      return {
        type: 'greater_than_equal',
        msg: `Input should be greater than or equal to ${issue.minimum}`,
        ctx: { ge: issue.minimum },
      }
    case 'too_big':
      if (issue.origin === 'string') {
        return {
          type: 'string_too_long',
          msg: `String should have at most ${plural(issue.maximum, 'character')}`,
          ctx: { max_length: issue.maximum },
        }
      }
      if (issue.origin === 'array') {
        return {
          type: 'too_long',
          msg: `List should have at most ${plural(issue.maximum, 'item')}`,
          ctx: { max_length: issue.maximum },
        }
      }
      return {
        type: 'less_than_equal',
        msg: `Input should be less than or equal to ${issue.maximum}`,
        ctx: { le: issue.maximum },
      }
    case 'invalid_value': {
      const choices = issue.values
        .map((value) => `'${String(value)}'`)
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')
      return {
        type: issue.values.length === 1 ? 'literal_error' : 'enum',
        msg: `Input should be ${choices}`,
        ctx: { expected: choices },
      }
    }
    case 'invalid_format':
      if (issue.format === 'guid' || issue.format === 'uuid')
        return { type: 'uuid_parsing', msg: 'Input should be a valid UUID', ctx: { error: issue.message } }
      if (issue.format === 'datetime')
        return { type: 'datetime_parsing', msg: 'Input should be a valid datetime', ctx: { error: issue.message } }
      return { type: 'value_error', msg: issue.message }
    case 'unrecognized_keys':
      return { type: 'extra_forbidden', msg: `Extra inputs are not permitted${suggestionFor(issue, schema)}` }
    default:
      return { type: 'value_error', msg: issue.message }
  }
}

/** Returns a suggestion for the unknown key at the end of the path. */
function suggestionFor({ path }: z.core.$ZodIssue, schema: z.ZodType | undefined): string {
  return schema === undefined ? '' : suggestName(String(path.at(-1)), knownNames(schema, path.slice(0, -1)))
}

function plural(count: number | bigint, noun: string): string {
  return `${count} ${noun}${Number(count) === 1 ? '' : 's'}`
}

/** Returns the value if it is short enough to be repeated in a response, otherwise its beginning. */
export function excerpt(value: unknown): unknown {
  if (value === undefined) return undefined
  const text = stringifyJson(value)
  if (text === undefined || text.length <= MAX_INPUT_CHARACTERS) return value
  return `${(typeof value === 'string' ? value : text).slice(0, MAX_INPUT_CHARACTERS)}…`
}
