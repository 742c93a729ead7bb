import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'

/** What no registry lists as special: Azure answers the questions of its machines here, from a public address. */
const CLOUD_INTERNAL = ['168.63.129.16']
/** All that is handed out of IPv6; the rest is reserved, mapped, local or translated. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** This machine, by its addresses that no other machine reaches. */
export const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128'] as const

/** Decides to which IP addresses a request of a user's making may go. */
export interface AddressRule {
  /** Whether `address`, the text of an IPv4 or IPv6 address, may be connected to. False for what is no address. */
  permits(address: string): boolean
}

/**
 * Public unicast addresses that are not this machine's own, and those in `allowed`, networks like `10.0.0.0/8`. IPv6 addresses that carry an IPv4
 * address (mapped, 6to4, NAT64, Teredo) are never public: where they lead depends on the network. Throws for what is no network.
 */
export function createAddressRule(allowed: readonly string[]): AddressRule {
  const networks = allowed.map((network) => ipaddr.parseCIDR(network))
  return {
    permits(text) {
      // Stricter than the parser, which takes 127.1 too.
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

/** What listens on all addresses of this machine is reached from here past every firewall in front of it. */
function isOurs(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const text = address.toNormalizedString()
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some((own) => ipaddr.parse(own.address).toNormalizedString() === text)
}
