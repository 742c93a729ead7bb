import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAddressRule } from './addresses.ts'

const rule = createAddressRule([])

/** From the registries of special-purpose addresses (RFC 6890 and its updates), independent of the code under test. */
const SPECIAL_V4: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
const SPECIAL_V6: [string, number][] = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

const v4 = (bits: number) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
const v6 = (bits: bigint) =>
  Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':')

function bitsOf(address: string): bigint {
  if (!isIPv6(address)) return address.split('.').reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n)
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const zeros = Array(8 - groups(head).length - groups(tail).length).fill('0')
  return [...groups(head), ...zeros, ...groups(tail)].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

/** Any address in one of these networks. */
const within = (networks: [string, number][], width: 32 | 128) =>
  fc
    .tuple(fc.constantFrom(...networks), fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n }))
    .map(([[base, prefix], bits]) => {
      const host = (1n << BigInt(width - prefix)) - 1n
      const address = (bitsOf(base) & ~host) | (bits & host)
      return width === 32 ? v4(Number(address)) : v6(address)
    })

describe('without allowed networks', () => {
  test('no address of a special network may be connected to', () => {
    fc.assert(fc.property(within(SPECIAL_V4, 32), (address) => !rule.permits(address)))
    fc.assert(fc.property(within(SPECIAL_V6, 128), (address) => !rule.permits(address)))
  })

  test('an IPv6 address that carries an IPv4 address is refused, whichever it carries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bits) => {
        const hex = `${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}`
        return [
          `::ffff:${v4(bits)}`,
          `::ffff:${hex}`,
          `::${v4(bits)}`,
          `64:ff9b::${v4(bits)}`,
          `2002:${hex}::1`,
          `2001:0:4136:e378:8000:63bf:${hex}`,
        ].every((address) => !rule.permits(address))
      }),
    )
  })

  test('every other IPv4 address is allowed, except a few that are assigned to infrastructure', () => {
    const special = new BlockList()
    for (const [base, prefix] of SPECIAL_V4) special.addSubnet(base, prefix, 'ipv4')
    for (const base of ['192.31.196.0', '192.52.193.0', '192.88.99.0', '192.175.48.0'])
      special.addSubnet(base, 24, 'ipv4')
    special.addAddress('168.63.129.16', 'ipv4')
    for (const { address, family } of Object.values(networkInterfaces()).flatMap((all) => all ?? []))
      if (family === 'IPv4') special.addAddress(address, 'ipv4')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(v4), (address) => {
        fc.pre(!special.check(address, 'ipv4'))
        return rule.permits(address)
      }),
    )
  })

  test.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '2a00:1450:4001:800::200e'])('%s is public', (address) =>
    expect(rule.permits(address)).toBe(true),
  )

  test.each([
    '169.254.169.254',
    'fd00:ec2::254',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '255.255.255.255',
    '4000::1',
    'fe80::1%eth0',
  ])('%s, a cloud-internal or link-local address, is not', (address) => expect(rule.permits(address)).toBe(false))

  test('the addresses of this machine are refused, public or not', () => {
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
    expect(own.length).toBeGreaterThan(0)
    for (const { address } of own) expect(rule.permits(address)).toBe(false)
  })

  test('any other text is refused', () => {
    fc.assert(fc.property(fc.string(), (text) => isIP(text) !== 0 || !rule.permits(text)))
    for (const text of ['', 'localhost', 'example.com', '8.8.8', '134744072', '0x8080808', '[2606:4700::1]'])
      expect(rule.permits(text)).toBe(false)
  })
})

test('allowed networks open what they name and nothing else', () => {
  const open = createAddressRule(['127.0.0.0/8', 'fd12:3456::/32'])
  for (const address of ['127.0.0.1', '127.255.255.255', 'fd12:3456::1', '8.8.8.8'])
    expect(open.permits(address)).toBe(true)
  for (const address of [
    '10.0.0.1',
    '128.0.0.0.1',
    '127.1',
    '::1',
    '::ffff:127.0.0.1',
    'fd12:3457::1',
    '169.254.169.254',
  ])
    expect(open.permits(address)).toBe(false)
})
