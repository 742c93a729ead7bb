import type { IncomingHttpHeaders } from 'node:http'
import { hostname } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'

/** Names that public DNS cannot give to an attacker: of one label, such as a container's, or under a reserved domain. */
const NEVER_PUBLIC = /^[^.]+$|\.(localhost|local|internal|svc)$/
const MAX_WARNED_HOSTS = 20

/**
 * Checks the Host header of requests that send no key. A browser that follows a rebound DNS name sends that name as Host, so only known names
 * are answered. An IP address cannot be rebound, and a request without Host is not from a browser: both are answered, as health checks need.
 */
export function createHostCheck({ config, log }: Pick<App, 'config' | 'log'>): (headers: IncomingHttpHeaders) => void {
  const known = new Set([hostname().toLowerCase(), config.host.toLowerCase(), ...config.allowedHosts])
  if (config.functionsOrigin !== undefined) known.add(new URL(config.functionsOrigin).hostname)
  const warned = new Set<string>()

  return ({ host }) => {
    if (host === undefined || host === '') return
    const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : null
    if (name !== null && (known.has(name) || NEVER_PUBLIC.test(name) || ipaddr.isValid(name.replace(/^\[|\]$/g, ''))))
      return
    const shown = host.slice(0, 255)
    if (!warned.has(shown) && warned.size < MAX_WARNED_HOSTS) {
      warned.add(shown)
      log.warn({ host: shown }, 'request without a key refused for its Host header: see ZERODB_ALLOWED_HOSTS')
    }
    throw new ZeroError(
      'forbidden',
      `Requests without a key are not answered for host ${shown}: name that host in ZERODB_ALLOWED_HOSTS`,
    )
  }
}
