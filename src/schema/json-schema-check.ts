import { createContext, Script } from 'node:vm'
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker'
import { ZeroError } from '../errors.ts'

type Document = Readonly<Record<string, unknown>>
/** Returns what is wrong with a value, or null if it is valid. `length` is the approximate length of the value as JSON. */
type Check = (value: unknown, length: number) => string | null

/** Maximum time that one check may block the process. A schema that takes longer is not used again. */
const TIMEOUT_MS = 100
/** Checks without loops run without a timeout up to this product of the lengths of schema and value. */
const MAX_UNTIMED_WORK = 10_000_000
/** Keywords whose checks can take longer: patterns, references, and comparing each item with each. */
const LOOPS = /"(pattern|patternProperties|uniqueItems|\$ref|\$dynamicRef|\$recursiveRef)":/

// This validator interprets schemas: schemas come from users, and must not be compiled to code.
const validator = new CfWorkerJsonSchemaValidator()
const checks = new WeakMap<Document, Check>()

/**
 * Validates a value with a user's JSON Schema (2020-12, 2019-09 or draft 7). Returns what is wrong, or null. Every value is invalid by a schema
 * that is not valid or takes too long.
 */
export function validateWith(schema: Document, value: unknown, length: number): string | null {
  let check = checks.get(schema)
  if (!check) {
    check = checkOf(schema)
    checks.set(schema, check)
  }
  return check(value, length)
}

function checkOf(schema: Document): Check {
  const text = JSON.stringify(schema)
  const loops = LOOPS.test(text)
  let failure: string | null = null
  let validate: ((value: unknown) => { valid: boolean; errorMessage?: string | undefined }) | undefined
  const run = (value: unknown) => {
    validate ??= validator.getValidator(schema)
    const { valid, errorMessage } = validate(value)
    return valid ? null : (errorMessage ?? 'it does not match')
  }
  return (value, length) => {
    if (failure !== null) return failure
    try {
      return loops || text.length * length > MAX_UNTIMED_WORK ? withTimeout(() => run(value)) : run(value)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
        failure = `The schema of this tool takes more than ${TIMEOUT_MS} ms to check and is disabled until the function is deployed again`
      return failure ?? `The schema of this tool is not valid: ${message}`
    }
  }
}

/** Maximum time that the check of all values of one request may block the process. */
const MAX_REQUEST_MS = 250

/**
 * Validates values with a user's JSON Schema, and returns the first that is not valid with what is wrong; null if all are valid. Throws
 * `invalid` for a schema that is not valid, and if the check takes more than `MAX_REQUEST_MS`.
 */
export function firstInvalid(schema: Document, values: readonly unknown[]): { index: number; message: string } | null {
  try {
    return withTimeout(() => {
      const validate = validator.getValidator(schema)
      for (const [index, value] of values.entries()) {
        const { valid, errorMessage } = validate(value)
        if (!valid) return { index, message: errorMessage ?? 'it does not match' }
      }
      return null
    }, MAX_REQUEST_MS)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ZeroError(
      'invalid',
      code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
        ? `schema_definition: checking the rows takes more than ${MAX_REQUEST_MS} ms: simplify the schema, or write fewer rows at once`
        : `schema_definition: this is not a valid JSON Schema: ${message}`,
      { cause: error },
    )
  }
}

let job: () => unknown
const script = new Script('run()')
const context = createContext({ run: () => job() })

/** Executes `body` with a timeout. Node only offers this for scripts, including the functions that they call. */
function withTimeout<Value>(body: () => Value, timeout = TIMEOUT_MS): Value {
  job = body
  return script.runInContext(context, { timeout }) as Value
}
