import type { z } from 'zod'
import { ExactNumber } from '../exact-json.ts'

type Path = readonly PropertyKey[]
type Holder = Record<PropertyKey, unknown>

/**
 * Parses like `schema.safeParse`, but converts an `ExactNumber` to the nearest double if the schema requires a number. Only values without
 * a declared type keep all digits. The input is not modified.
 */
export function safeParse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.ZodSafeParseResult<z.infer<Schema>> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed
  const paths = parsed.error.issues.flatMap((issue) => numbersAskedFor(issue, []))
  const exact = paths.filter((path) => at(input, path) instanceof ExactNumber)
  return exact.length === 0 ? parsed : schema.safeParse(withDoublesAt(input, exact))
}

function numbersAskedFor(issue: z.core.$ZodIssue, parent: Path): Path[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'invalid_union')
    return issue.errors.flatMap((branch) => branch.flatMap((inner) => numbersAskedFor(inner, path)))
  const isNumber = issue.code === 'invalid_type' && (issue.expected === 'number' || issue.expected === 'int')
  return isNumber ? [path] : []
}

function at(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (value as Holder | undefined)?.[key], input)
}

/** Returns the input with converted numbers, copying only changed parts. */
function withDoublesAt(input: unknown, paths: readonly Path[]): unknown {
  const copies = new Map<unknown, Holder>()
  const copyOf = (value: unknown): Holder => {
    const known = copies.get(value)
    if (known) return known
    const copy = (Array.isArray(value) ? [...value] : { ...(value as Holder) }) as Holder
    copies.set(value, copy).set(copy, copy)
    return copy
  }
  const root = { input }
  for (const path of paths) {
    let holder: Holder = root
    let key: PropertyKey = 'input'
    for (const next of path) {
      holder[key] = copyOf(holder[key])
      holder = holder[key] as Holder
      key = next
    }
    holder[key] = Number(holder[key])
  }
  return root.input
}
