import { Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

/** Returns the addresses of a host name, the preferred one first. Rejects or returns none if there are none. */
export type Resolve = (host: string) => Promise<string[]>

const TIMEOUT_MS = 2_500
const TRIES = 2

/**
 * Creates a resolver that asks /etc/hosts and then the name servers of the system. getaddrinfo is not used: it occupies one of the four threads
 * that the whole server shares for files and hashing, and a function could occupy all of them with names that its name server answers slowly.
 */
export function createResolve(): Resolve {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  return async (host) => {
    const local = await addressesInHosts(host)
    if (local.length > 0) return local
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (addresses.length === 0 && found[0].status === 'rejected') throw found[0].reason
    return addresses
  }
}

async function addressesInHosts(host: string): Promise<string[]> {
  const text = await readFile('/etc/hosts', 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([address = '', ...names]) => isIP(address) && names.some((name) => name.toLowerCase() === host))
    .map(([address]) => address!)
}
