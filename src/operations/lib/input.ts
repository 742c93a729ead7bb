import { z } from 'zod'
import type { Caller } from '../../app.ts'
import { type FieldError, ZeroError } from '../../errors.ts'
import { stringifyJson } from '../../exact-json.ts'
import { uuid } from '../../schema/common.ts'
import { suggestName } from '../../schema/nearest-name.ts'
import { safeParse } from '../../schema/safe-parse.ts'
import { excerpt, shapeErrors } from '../../schema/shape-errors.ts'
import type { Operation } from '../operation.ts'
import { IGNORED_FIELDS } from './ignored-fields.ts'

/** The part of a request that a field is in. */
export type Place = 'path' | 'query' | 'body'

export interface Origin {
  /** Keys of the path. A field of the same name must have the same value. */
  path?: Readonly<Record<string, string>>
  placeOf?(name: string): Place
  /** Returns the name under which a field was sent, which can be an alias of `name`. */
  sentAs?(name: string): string
}

/** Validated input of an operation, with remarks about fields without effect. */
export interface Admitted<Input = Record<string, unknown>> {
  input: Input
  /** A sentence for each ignored field. */
  warnings: string[]
  /** Read-only fields with the values that were sent. */
  readOnly: Record<string, unknown>
  /** The caller, with the project of the request if the operation has no field for the project. */
  caller: Caller
}

/**
 * Validates the fields of a request against the input of an operation. Throws `validation_failed` with all unknown,
 * missing and invalid fields, and `not_found` for a project that the key is not bound to. Fields of `IGNORED_FIELDS` are
 * left out with a warning. A PUT or PATCH can also repeat the read-only fields of the object.
 */
export function admitInput<Schema extends z.ZodObject>(
  operation: Operation & { input: Schema },
  caller: Caller,
  fields: Readonly<Record<string, unknown>>,
  { path = {}, placeOf = () => 'body', sentAs = (name) => name }: Origin = {},
): Admitted<z.infer<Schema>> {
  const { known, ignored, readOnly: readOnlyNames, nullIsAbsent } = traitsOf(operation)
  const given: Record<string, unknown> = {}
  const readOnly: Record<string, unknown> = {}
  const warnings: string[] = []
  const wrong: FieldError[] = []
  let project_id: unknown
  checkProject(caller, fields['project_id'])
  for (const [name, value] of Object.entries(fields)) {
    const sent = sentAs(name)
    if (Object.hasOwn(path, name)) {
      if (isSameKey(path[name]!, value)) continue
      const msg = `Input should be the same as in the address, which says "${path[name]}"`
      wrong.push({ type: 'value_error', loc: [placeOf(name), sent], msg, ...shown(value) })
    } else if (known.has(name)) {
      if (value !== null || !nullIsAbsent.has(name)) given[name] = value
    } else if (readOnlyNames.has(name)) readOnly[name] = value
    else if (ignored.has(name)) {
      if (value !== null) warnings.push(ignoredField(sent))
    } else if (name === 'project_id') project_id = value ?? undefined
    else wrong.push({ ...unknownField(placeOf(name), sent, known), ...shown(value) })
  }
  const project = uuid.optional().safeParse(project_id)
  if (!project.success)
    wrong.push(...shapeErrors(project.error, project_id, () => placeOf('project_id')).map(inField('project_id')))
  const complete = { ...given, ...path }
  const parsed = safeParse(operation.input, complete)
  if (parsed.success && wrong.length === 0) {
    const asking = project.data === undefined ? caller : { ...caller, project_id: project.data }
    return { input: parsed.data as z.infer<Schema>, warnings, readOnly, caller: asking }
  }
  const place = (name: string) => (Object.hasOwn(path, name) ? 'path' : placeOf(name))
  const shape = parsed.success ? [] : shapeErrors(parsed.error, complete, place, operation.input)
  throw new ZeroError('validation_failed', undefined, { fields: [...wrong, ...shape] })
}

/**
 * Tells whether an operation accepts the text field `name` of a multipart body, which was sent as `sent`. Adds a warning
 * for an ignored field. Throws `validation_failed` for an unknown field, and for one that was already sent as `earlier`.
 */
export function admitPart(
  operation: Operation,
  name: string,
  sent: string,
  earlier: string | undefined,
  warnings: string[],
): boolean {
  const { known, ignored } = traitsOf(operation)
  if (earlier !== undefined)
    throw fieldError({ type: 'value_error', loc: ['body', sent], msg: `Sent twice, first as "${earlier}"` })
  if (known.has(name)) return true
  if (!ignored.has(name)) throw fieldError(unknownField('body', sent, known))
  warnings.push(ignoredField(sent))
  return false
}

const fieldError = (field: FieldError) => new ZeroError('validation_failed', undefined, { fields: [field] })
const ignoredField = (sent: string) => `"${sent}" has no effect here and was ignored`

function unknownField(place: Place, sent: string, known: ReadonlySet<string>): FieldError {
  const msg = `Extra inputs are not permitted${suggestName(sent, [...known])}`
  return { type: 'extra_forbidden', loc: [place, sent], msg }
}

/** Adds the warnings of a request to a response that is an object. */
export function withWarnings<Answer>(
  answer: Answer,
  { warnings, readOnly }: Pick<Admitted, 'warnings' | 'readOnly'>,
): Answer {
  const all = [...warnings, ...unchangedOf(answer, readOnly)]
  if (all.length === 0 || typeof answer !== 'object' || answer === null || Array.isArray(answer)) return answer
  const own = (answer as { warnings?: string[] }).warnings ?? []
  return { ...answer, warnings: [...own, ...all] }
}

/** Fields that change with each write, so an object that a client sends back has older values. */
const TIMES = ['created_at', 'updated_at']

/** Returns warnings about read-only fields that were sent with different values. */
function unchangedOf(answer: unknown, readOnly: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(readOnly)
    .filter(([name, value]) => {
      const current = (answer as Record<string, unknown> | null)?.[name]
      return !TIMES.includes(name) && current !== undefined && stringifyJson(current) !== stringifyJson(value)
    })
    .map(([name]) => `"${name}" cannot be changed here and was ignored`)
}

/** Throws `not_found` if the request names a project other than that of a bound key. */
function checkProject({ bound }: Caller, named: unknown): void {
  const project = uuid.safeParse(named).data
  if (bound !== null && project !== undefined && project !== bound)
    throw new ZeroError('not_found', 'Project not found')
}

/** Returns the fields of an operation's body for which null counts as absent. */
export function nullableFields(operation: Operation): ReadonlySet<string> {
  return traitsOf(operation).nullIsAbsent
}

interface Traits {
  known: ReadonlySet<string>
  ignored: ReadonlySet<string>
  /** Fields in the response of a PUT or PATCH that are not in its input. */
  readOnly: ReadonlySet<string>
  /** Optional fields that do not accept null, for which null counts as absent. Empty for PUT and PATCH, where null clears a field. */
  nullIsAbsent: ReadonlySet<string>
}
const traits = new WeakMap<Operation, Traits>()

function traitsOf(operation: Operation): Traits {
  const found = traits.get(operation)
  if (found) return found
  const { shape } = operation.input
  const known = new Set(Object.keys(shape))
  const answers = 'output' in operation && operation.output instanceof z.ZodObject ? operation.output.shape : {}
  const isChange = /^(PUT|PATCH) /.test(operation.route)
  const made: Traits = {
    known,
    ignored: new Set(IGNORED_FIELDS[operation.name]),
    readOnly: new Set(isChange ? Object.keys(answers) : []),
    nullIsAbsent: new Set(
      Object.entries(isChange ? {} : shape)
        .filter(([, type]) => !accepts(type as z.ZodType, null) && accepts(type as z.ZodType, undefined))
        .map(([name]) => name),
    ),
  }
  traits.set(operation, made)
  return made
}

const inField = (name: string) => (error: FieldError) => ({ ...error, loc: [error.loc[0]!, name] })

const accepts = (type: z.ZodType, value: unknown) => type.safeParse(value).success

function isSameKey(inPath: string, value: unknown): boolean {
  return String(value).toLowerCase() === inPath.toLowerCase()
}

function shown(value: unknown): { input?: unknown } {
  const input = excerpt(value)
  return input === undefined ? {} : { input }
}
