import { ZeroDBError } from './errors.ts'
import { type OperationName, ROUTES } from './generated.ts'

export interface Address {
  method: string
  /** With the query. */
  path: string
  /** What is sent as the body; null for a GET or DELETE. */
  body: Record<string, unknown> | null
}

/**
 * Where and how an operation's input is sent: the keys of the path, then the query or the body. A path's project that is not given is the
 * caller's own (`-`). Throws `misused` for what no path can hold.
 */
export function addressOf(operation: OperationName, input: Record<string, unknown>, projectId = '-'): Address {
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
    if (value !== undefined && value !== null) query.set(key, String(value))
  return { method, path: query.size > 0 ? `${path}?${query}` : path, body: null }
}

function segment(operation: OperationName, key: string, value: unknown): string {
  const text = String(value ?? '')
  // An address takes these two for steps up and down, however they are written.
  if (text !== '' && text !== '.' && text !== '..') return encodeURIComponent(text)
  throw new ZeroDBError({ code: 'misused', detail: `${operation}: ${key} cannot be ${JSON.stringify(value ?? null)}` })
}
