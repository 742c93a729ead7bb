import leven from 'leven'
import { z } from 'zod'

const MAX_LISTED = 20

/**
 * Returns a suggestion for an unknown name: the most similar known name, otherwise all known names. Empty if no names are
 * known.
 */
export function suggestName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== undefined) return `. Did you mean "${near}"?`
  if (known.length === 0) return ''
  return `. Known: ${known.slice(0, MAX_LISTED).join(', ')}${known.length > MAX_LISTED ? ', …' : ''}`
}

/** Returns the known name that is most similar to `name`, ignoring case and separators; undefined if none is close. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const normal = normalized(name.slice(0, 100))
  const most = Math.max(1, Math.floor(normal.length / 3))
  let best: string | undefined
  let bestDistance = most + 1
  for (const candidate of known) {
    const other = normalized(candidate)
    const isPart = normal.length >= 4 && (other.startsWith(normal) || normal.startsWith(other)) && other.length >= 4
    const distance = isPart ? Math.min(1, leven(normal, other)) : leven(normal, other)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

const normalized = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Returns the field names that the schema allows at `path`; empty if it allows any. */
export function knownNames(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const names = new Set<string>()
  const visit = (type: z.ZodType, rest: readonly PropertyKey[]): void => {
    const [key, ...deeper] = rest
    if (type instanceof z.ZodObject) {
      if (rest.length === 0) for (const name of Object.keys(type.shape)) names.add(name)
      else if (typeof key === 'string' && Object.hasOwn(type.shape, key)) visit(type.shape[key] as z.ZodType, deeper)
    } else if (type instanceof z.ZodArray && rest.length > 0) visit(type.element as z.ZodType, deeper)
    else for (const inner of innerTypes(type)) visit(inner, rest)
  }
  visit(schema, path)
  return [...names]
}

/** Returns the inner types of a wrapper or union. */
export function innerTypes(type: z.ZodType): z.ZodType[] {
  if (type instanceof z.ZodUnion) return [...type.options] as z.ZodType[]
  if (type instanceof z.ZodPipe) return [type.def.in, type.def.out] as z.ZodType[]
  if (
    type instanceof z.ZodOptional ||
    type instanceof z.ZodNullable ||
    type instanceof z.ZodDefault ||
    type instanceof z.ZodPrefault
  )
    return [type.def.innerType as z.ZodType]
  return []
}
