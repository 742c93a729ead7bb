import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Public addresses with internal services, which no registry lists as special. Azure serves its virtual machines at this one. */
const CLOUD_INTERNAL = ['168.63.129.16']
/** The only IPv6 range with public addresses; the rest is reserved, mapped, local or translated. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** Loopback addresses of this machine. */
export const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128'] as const

/** Decides which IP addresses a user's request may connect to. */
export interface AddressRule {
  /** Returns whether a connection to `address`, an IPv4 or IPv6 address as text, is allowed. False for any other text. */
  permits(address: string): boolean
}

/**
 * Creates a rule that permits public unicast addresses other than this machine's own, and the networks in `allowed`, such as `10.0.0.0/8`. IPv6
 * addresses that embed an IPv4 address (mapped, 6to4, NAT64, Teredo) are never public: their route depends on the network. Throws for an
 * invalid network.
 */
export function createAddressRule(allowed: readonly string[]): AddressRule {
  const networks = allowed.map((network) => ipaddr.parseCIDR(network))
  return {
    permits(text) {
      // Stricter than the parser, which also accepts 127.1.
      if (!isIP(text)) return false
      const address = ipaddr.parse(text)
      const isAllowed = networks.some(
        (network) => network[0].kind() === address.kind() && address.match(network as [ipaddr.IPv4, number]),
      )
      return isAllowed || (isPublic(address) && !isOurs(address))
    },
  }
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false
  if (address instanceof ipaddr.IPv6) return address.match(GLOBAL_UNICAST)
  return !CLOUD_INTERNAL.includes(address.toString())
}

/** Returns whether the address belongs to this machine. From here, its services are reachable behind any firewall. */
function isOurs(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const text = address.toNormalizedString()
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some((own) => ipaddr.parse(own.address).toNormalizedString() === text)
}
