import { splitPath } from '../../store/filters/filter-tree.ts'

/** Fields to keep, or fields to leave out, as paths. */
export type Projection = readonly string[] | Readonly<Record<string, 0 | 1 | boolean>>

/** Returns a row's fields that a projection keeps. Paths lead through objects; a path into a list keeps the whole list. */
export function project(row: Record<string, unknown>, projection: Projection): Record<string, unknown> {
  const isList = Array.isArray(projection)
  const fields = Object.entries(projection as Readonly<Record<string, 0 | 1 | boolean>>)
  const kept = isList ? (projection as readonly string[]) : fields.flatMap(([path, keep]) => (keep ? [path] : []))
  if (isList || kept.length > 0) return pick(row, kept.map(splitPath))
  return omit(
    row,
    fields.map(([path]) => splitPath(path)),
  )
}

function pick(row: Record<string, unknown>, paths: readonly string[][]): Record<string, unknown> {
  const picked: [string, unknown][] = []
  for (const key of new Set(paths.map(([first]) => first!))) {
    if (!Object.hasOwn(row, key)) continue
    const value = row[key]
    const deeper = paths.filter(([first]) => first === key).map(([, ...rest]) => rest)
    const isWhole = !isPlainObject(value) || deeper.some((path) => path.length === 0)
    picked.push([key, isWhole ? value : pick(value, deeper)])
  }
  return Object.fromEntries(picked)
}

function omit(row: Record<string, unknown>, paths: readonly string[][]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([key, value]) => {
      const deeper = paths.filter(([first]) => first === key).map(([, ...rest]) => rest)
      if (deeper.some((path) => path.length === 0)) return []
      return [[key, deeper.length > 0 && isPlainObject(value) ? omit(value, deeper) : value]]
    }),
  )
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
