import { ZeroDBError } from './errors.ts'
import { type OperationName, ROUTES } from './generated.ts'

export interface Address {
  method: string
  /** Path with query. */
  path: string
  /** Body; null for GET and DELETE. */
  body: Record<string, unknown> | null
}

/**
 * Distributes the input of an operation to path, query and body. A missing project in the path becomes `-`, the project of the key. Throws
 * `misused` for a value that is not valid in a path.
 */
export function addressOf(
  operation: OperationName,
  input: Record<string, unknown>,
  projectId = '-',
  stringify: (value: unknown) => string = JSON.stringify,
): Address {
  const [method, route] = ROUTES[operation].split(' ') as [string, string]
  const rest = { ...input }
  const path = route.replace(/:(\w+)/g, (_, key: string) => {
    const value = rest[key] ?? (key === 'project_id' ? projectId : undefined)
    delete rest[key]
    return segment(operation, key, value)
  })
  if (method !== 'GET' && method !== 'DELETE') return { method, path, body: rest }
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(rest))
    if (value !== undefined && value !== null)
      query.set(key, typeof value === 'object' ? stringify(value) : String(value))
  return { method, path: query.size > 0 ? `${path}?${query}` : path, body: null }
}

function segment(operation: OperationName, key: string, value: unknown): string {
  const text = String(value ?? '')
  // URLs resolve `.` and `..` as path steps, even if they are encoded.
  if (text !== '' && text !== '.' && text !== '..') return encodeURIComponent(text)
  throw new ZeroDBError({ code: 'misused', detail: `${operation}: ${key} cannot be ${JSON.stringify(value ?? null)}` })
}
