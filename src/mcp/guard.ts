import type { IncomingHttpHeaders } from 'node:http'
import { localhostAllowedHostnames, validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server'
import type { Config } from '../config.ts'
import { ZeroError } from '../errors.ts'

/**
 * Keeps pages out that a browser on this machine, or in this network, has open: a server that listens to its own machine only is called by a
 * name of that machine, and a request that comes from a page by one of a page that may ask (DNS rebinding; 2026-07-28, basic/transports).
 */
export function createGuard({ host, allowedHosts, corsOrigins }: Config): (headers: IncomingHttpHeaders) => void {
  const local = [...localhostAllowedHostnames(), ...allowedHosts]
  const isLocal = ['localhost', '127.0.0.1', '::1'].includes(host)
  return (headers) => {
    if (isLocal && !validateHostHeader(headers.host, local).ok)
      throw new ZeroError(
        'forbidden',
        `This server is not called ${headers.host}: if it is behind a proxy, name that host in ZERODB_ALLOWED_HOSTS`,
      )
    const { origin } = headers
    if (origin === undefined || corsOrigins.includes(origin) || validateOriginHeader(origin, local).ok) return
    throw new ZeroError(
      'forbidden',
      `Pages of ${origin} may not ask: name that origin in ZERODB_CORS_ORIGINS if they shall`,
    )
  }
}
