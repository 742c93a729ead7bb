import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import ipaddr from 'ipaddr.js'

/** Ports of a pattern that names no port: https and http. */
export const DEFAULT_PORTS: readonly number[] = [443, 80]
/** Maximum number of patterns in one policy. */
export const MAX_HOST_PATTERNS = 100

/** Lower ports need privileges that sandboxes do not have. */
const MIN_FORWARDED_PORT = 1_024
/** Each one takes descriptors of the sandbox. */
const MAX_FORWARDED_HOSTS = 32

/** Hosts that a function may connect to. */
export interface NetworkPolicy {
  /** Patterns in the form that `parseHostPattern` returns as `text`: `host`, `*.host`, and both with `:port`. */
  readonly allow: readonly string[]
  /** Hosts whose requests the proxy adds headers to. */
  readonly inject?: readonly InjectedHost[] | undefined
}

/** A host whose requests get additional headers, which the program does not know. */
export interface InjectedHost {
  /** In the form that `normalizeHost` returns. */
  readonly host: string
  readonly port: number
  /** Values by name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The values of secrets in the headers, by the names of the secrets. */
  readonly secrets: Readonly<Record<string, string>>
  /** Why the headers cannot be made, as a sentence. The host cannot be reached until they can. Null if they are complete. */
  readonly problem: string | null
}

/** A host name or address, with or without subdomains and port. */
export interface HostPattern {
  /** The normal form: lower case, and international names as punycode. */
  text: string
  /** Host name without a final dot, or address. An IPv6 address has no brackets. */
  host: string
  /** True for `*.host`: every subdomain of `host`, at any depth, but not `host` itself. */
  isWildcard: boolean
  /** Null if the pattern names no port: then ports 443 and 80 are allowed. */
  port: number | null
}

/** A label of a host name: letters, digits and `-`, and also `_`, which names of services use. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/
const PARTS = /^(\*\.)?(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/

/** Parses a pattern. Returns a clause that says what is wrong if it is not valid. */
export function parseHostPattern(text: string): HostPattern | { problem: string } {
  const given = text.trim()
  if (given === '') return { problem: 'must not be empty' }
  if (given.includes('://')) return { problem: 'must be a host without a scheme, such as api.example.com' }
  if (/[/?#@]/.test(given)) return { problem: 'must be a host without a path, such as api.example.com' }
  if (given === '*' || given.startsWith('*:'))
    return { problem: 'must name a host: "*" alone would allow all hosts, but "*.example.com" is possible' }
  if (isIP(given) === 6) return { problem: `must have the address in brackets: [${given}]` }
  const parts = PARTS.exec(given)
  if (!parts) return { problem: 'must be host, *.host or host:port' }
  const [, star, name = '', digits] = parts
  const isWildcard = star !== undefined
  if (name.includes('*')) return { problem: 'may have "*" only as the whole first part, such as *.example.com' }
  const port = digits === undefined ? null : portOf(digits)
  if (port === undefined) return { problem: 'has a port that is not a number from 1 to 65535' }
  const host = normalizeHost(name)
  if (host === null) return { problem: 'has a host that is not valid' }
  if (isWildcard && isIP(host)) return { problem: 'must not combine "*" with an address' }
  if (isWildcard && !host.includes('.'))
    return { problem: 'is too wide: "*." must be followed by at least two parts, such as *.example.com' }
  return { text: `${star ?? ''}${formatAuthority(host, port)}`, host, isWildcard, port }
}

/**
 * Returns a host in the form that patterns have: lower case, punycode, without a final dot and without brackets. Null if the text is neither a
 * host name nor an address in its usual form. Other forms of addresses (decimal, octal, shortened) are not valid, because programs read them
 * differently.
 */
export function normalizeHost(text: string): string | null {
  if (text.startsWith('[')) {
    const inner = text.endsWith(']') ? text.slice(1, -1) : ''
    return isIP(inner) === 6 && !inner.includes('%') ? ipaddr.IPv6.parse(inner).toRFC5952String() : null
  }
  const version = isIP(text)
  if (version === 4) return text
  if (version === 6) return text.includes('%') ? null : ipaddr.IPv6.parse(text).toRFC5952String()
  // domainToASCII drops line breaks and decodes percent signs instead of refusing them.
  if (/[\0-\x20%\x7f]/.test(text)) return null
  const isAscii = /^[!-~]*$/.test(text)
  const host = (isAscii ? text : domainToASCII(text)).toLowerCase().replace(/\.$/, '')
  if (host === '' || host.length > 253) return null
  const labels = host.split('.')
  if (!labels.every((label) => LABEL.test(label))) return null
  // A last part that is a number makes an address in most programs: 127.1, 2130706433, 0x7f000001.
  return /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!) ? null : host
}

/** Returns whether the policy allows connections to a host, in any case and with or without a final dot, at a port. */
export function allows({ allow }: Pick<NetworkPolicy, 'allow'>, host: string, port: number): boolean {
  const name = normalizeHost(host)
  return name !== null && allow.some((text) => matches(text, name, port))
}

/**
 * Returns the patterns of `policy` that allow more than `maximum` does. Empty if `maximum` allows everything that the policy allows. Each pattern is
 * compared with one pattern of the maximum at a time.
 */
export function patternsBeyond(policy: Pick<NetworkPolicy, 'allow'>, maximum: Pick<NetworkPolicy, 'allow'>): string[] {
  return policy.allow.filter((text) => !maximum.allow.some((wider) => covers(wider, text)))
}

/** A host that also programs with their own network code reach: inside the sandbox, its name has this address of the loopback interface. */
export interface Forward {
  host: string
  port: number
  address: string
}

/** Returns the hosts to forward: named exactly, with a port that a process without privileges can listen on. */
export function forwardsOf({ allow }: NetworkPolicy): Forward[] {
  const addresses = new Map<string, string>()
  return allow.flatMap((text) => {
    const pattern = parse(text)
    if (!pattern || pattern.isWildcard || isIP(pattern.host) || (pattern.port ?? 0) < MIN_FORWARDED_PORT) return []
    const { host, port } = pattern
    if (host === 'localhost' || (!addresses.has(host) && addresses.size >= MAX_FORWARDED_HOSTS)) return []
    const address = addresses.get(host) ?? `127.1.0.${addresses.size + 1}`
    addresses.set(host, address)
    return [{ host, port: port!, address }]
  })
}

/** Returns whether two policies are written the same. */
export function isSamePolicy(one: NetworkPolicy | null, other: NetworkPolicy | null): boolean {
  if (one === other) return true
  return one !== null && other !== null && JSON.stringify(one) === JSON.stringify(other)
}

/** Formats host and port as in a URL. An IPv6 address gets brackets. */
export function formatAuthority(host: string, port: number | null): string {
  const name = isIP(host) === 6 ? `[${host}]` : host
  return port === null ? name : `${name}:${port}`
}

function portOf(digits: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

function parse(text: string): HostPattern | null {
  const pattern = parseHostPattern(text)
  return 'problem' in pattern ? null : pattern
}

const includesHost = (pattern: HostPattern, host: string) =>
  pattern.isWildcard ? host.endsWith(`.${pattern.host}`) && !isIP(host) : host === pattern.host

function matches(text: string, host: string, port: number): boolean {
  const pattern = parse(text)
  if (!pattern || !includesHost(pattern, host)) return false
  return pattern.port === null ? DEFAULT_PORTS.includes(port) : pattern.port === port
}

function covers(wider: string, narrower: string): boolean {
  const [outer, inner] = [parse(wider), parse(narrower)]
  if (!outer || !inner) return false
  const hosts = inner.isWildcard
    ? outer.isWildcard && (inner.host === outer.host || inner.host.endsWith(`.${outer.host}`))
    : includesHost(outer, inner.host)
  if (!hosts) return false
  return outer.port === null ? inner.port === null || DEFAULT_PORTS.includes(inner.port) : outer.port === inner.port
}
