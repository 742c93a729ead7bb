import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { App } from '../app.ts'

/** A client has at least a /64 network of IPv6 and could use a new address for each request. */
const IPV6_PREFIX_BITS = 64

/** Creates the function that returns the address by which the requests and failures of a client are counted. */
export function createClientAddress({ config, log }: Pick<App, 'config' | 'log'>): (request: FastifyRequest) => string {
  let warned = false
  return ({ ip, headers }) => {
    if (!warned && headers['x-forwarded-for'] !== undefined && config.trustedProxies.length === 0) {
      warned = true
      log.warn(
        'X-Forwarded-For is ignored, so all clients of the proxy count as one: add the proxy to ZERODB_TRUSTED_PROXIES',
      )
    }
    if (!ipaddr.isValid(ip)) return 'unknown'
    const address = ipaddr.process(ip)
    if (address.kind() === 'ipv4') return address.toString()
    return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${IPV6_PREFIX_BITS}`).toString()}/${IPV6_PREFIX_BITS}`
  }
}
