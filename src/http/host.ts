import type { IncomingHttpHeaders } from 'node:http'
import { hostname } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { App } from '../app.ts'
import { ZeroError } from '../errors.ts'

/** Matches names that an attacker cannot own in public DNS: single labels, such as a container's name, and reserved domains. */
const NEVER_PUBLIC = /^[^.]+$|\.(localhost|local|internal|svc)$/
const MAX_WARNED_HOSTS = 20

/**
 * Creates the check of the Host header for requests without a key. A browser that follows a rebound DNS name sends that name as Host, so only
 * known names are allowed. IP addresses, which cannot be rebound, and requests without Host, which browsers never send, are allowed for health
 * checks.
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
      log.warn({ host: shown }, 'request without a key rejected because of its Host header: see ZERODB_ALLOWED_HOSTS')
    }
    throw new ZeroError(
      'forbidden',
      `Requests without a key are not allowed for host ${shown}: add this host to ZERODB_ALLOWED_HOSTS`,
    )
  }
}
