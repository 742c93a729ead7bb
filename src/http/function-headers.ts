import type { GuestResult } from '../sandbox/index.ts'
import type { StreamHead } from '../schema/streamed-result.ts'

/** Headers that concern a single connection (RFC 9110, 7.6.1). */
export const HOP_BY_HOP_HEADERS = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
/** Headers that this server sets itself, and headers that control a proxy in front of it. */
const RESERVED = new Set([
  ...HOP_BY_HOP_HEADERS,
  'alt-svc',
  'content-length',
  'date',
  'proxy-authentication-info',
  'ratelimit',
  'server',
  'www-authenticate',
  'x-accel-redirect',
  'x-content-type-options',
  'x-lighttpd-send-file',
  'x-reproxy-url',
  'x-request-id',
  'x-sendfile',
])
const RESERVED_PREFIX = /^(x-zerodb-|ratelimit-|x-ratelimit-)/
/** Headers that affect everything on the origin, not only the response. */
const ORIGIN_WIDE = new Set([
  'set-cookie',
  'service-worker-allowed',
  'clear-site-data',
  'content-security-policy',
  'strict-transport-security',
  'nel',
  'report-to',
  'reporting-endpoints',
])

export interface HeaderPolicy {
  /** The function shares its origin with the API and with other functions. */
  shared: boolean
  /** The function's config has `cors`, so the server sets the CORS headers. */
  cors: boolean
}

/** Splits the headers of a function's response into those that are sent to the caller and the names of those that are dropped. */
export function splitHeaders(
  result: GuestResult | StreamHead | null,
  { shared, cors }: HeaderPolicy,
): { passed: [string, string][]; dropped: string[] } {
  const passed: [string, string][] = []
  const dropped = new Set<string>()
  for (const header of result?.kind === 'response' ? result.headers : []) {
    const [name] = header
    const isDropped =
      RESERVED.has(name) ||
      RESERVED_PREFIX.test(name) ||
      (shared && ORIGIN_WIDE.has(name)) ||
      (cors && name.startsWith('access-control-'))
    if (isDropped) dropped.add(name)
    else passed.push(header)
  }
  return { passed, dropped: [...dropped] }
}
