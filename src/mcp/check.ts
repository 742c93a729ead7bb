import { createContext, Script } from 'node:vm'
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker'

type Document = Readonly<Record<string, unknown>>
/** What is wrong with a value; null when nothing is. `length` is about how long it is as JSON. */
type Check = (value: unknown, length: number) => string | null

/** For as long one check may keep everybody waiting. A schema that takes longer is never asked again. */
const TIMEOUT_MS = 100
/** Length of the schema times length of the value: the work of a check without loops in it, and what is done without a watch over it. */
const UNWATCHED_WORK = 10_000_000
/** What makes a check take longer than that: a pattern, a schema that is named more than once, each item compared with each. */
const LOOPS = /"(pattern|patternProperties|uniqueItems|\$ref|\$dynamicRef|\$recursiveRef)":/

// An interpreter: schemas come from users, and no code is made of them.
const validator = new CfWorkerJsonSchemaValidator()
const checks = new WeakMap<Document, Check>()

/**
 * Checks a value by a user's JSON Schema (2020-12, 2019-09 or draft 7). A schema that cannot be used, or takes too long, is what is wrong with
 * every value.
 */
export function checkBy(schema: Document, value: unknown, length: number): string | null {
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
  let refused: string | null = null
  let validate: ((value: unknown) => { valid: boolean; errorMessage?: string | undefined }) | undefined
  const run = (value: unknown) => {
    validate ??= validator.getValidator(schema)
    const { valid, errorMessage } = validate(value)
    return valid ? null : (errorMessage ?? 'it does not match')
  }
  return (value, length) => {
    if (refused !== null) return refused
    try {
      return loops || text.length * length > UNWATCHED_WORK ? watched(() => run(value)) : run(value)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
        refused = `The schema of this tool takes more than ${TIMEOUT_MS} ms to check, and is used no more until the function is deployed again`
      return refused ?? `The schema of this tool cannot be used: ${message}`
    }
  }
}

let job: () => unknown
const script = new Script('run()')
const context = createContext({ run: () => job() })

/** Executes `body` and ends it when it takes too long: only a script is watched so, whatever it calls. */
function watched<Value>(body: () => Value): Value {
  job = body
  return script.runInContext(context, { timeout: TIMEOUT_MS }) as Value
}
