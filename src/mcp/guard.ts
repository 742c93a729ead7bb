import type { IncomingHttpHeaders } from 'node:http'
import { localhostAllowedHostnames, validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server'
import type { Config } from '../config.ts'
import { ZeroError } from '../errors.ts'

/**
 * Creates the check against DNS rebinding (2026-07-28, basic/transports). A server that listens on loopback only accepts the host names of this
 * machine. A request with an `Origin` must come from this machine or an allowed origin. Throws `forbidden`.
 */
export function createGuard({ host, allowedHosts, corsOrigins }: Config): (headers: IncomingHttpHeaders) => void {
  const local = [...localhostAllowedHostnames(), ...allowedHosts]
  const isLocal = ['localhost', '127.0.0.1', '::1'].includes(host)
  return (headers) => {
    if (isLocal && !validateHostHeader(headers.host, local).ok)
      throw new ZeroError(
        'forbidden',
        `Host ${headers.host} is not allowed: if the server is behind a proxy, add this host to ZERODB_ALLOWED_HOSTS`,
      )
    const { origin } = headers
    if (origin === undefined || corsOrigins.includes(origin) || validateOriginHeader(origin, local).ok) return
    throw new ZeroError(
      'forbidden',
      `Origin ${origin} is not allowed: add it to ZERODB_CORS_ORIGINS to allow its pages`,
    )
  }
}
