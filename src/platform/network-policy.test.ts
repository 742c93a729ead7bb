import { describe, expect, test } from 'vitest'
import { allows, normalizeHost, parseHostPattern, patternsBeyond } from './network-policy.ts'

const problemOf = (text: string) => {
  const parsed = parseHostPattern(text)
  return 'problem' in parsed ? parsed.problem : null
}

describe('parseHostPattern', () => {
  test.each([
    ['API.Example.com', { text: 'api.example.com', host: 'api.example.com', isWildcard: false, port: null }],
    ['api.example.com.', { text: 'api.example.com', host: 'api.example.com', isWildcard: false, port: null }],
    ['*.slack.com', { text: '*.slack.com', host: 'slack.com', isWildcard: true, port: null }],
    ['*.slack.com:8443', { text: '*.slack.com:8443', host: 'slack.com', isWildcard: true, port: 8443 }],
    ['db.example.com:5432', { text: 'db.example.com:5432', host: 'db.example.com', isWildcard: false, port: 5432 }],
    [
      'münchen.example',
      { text: 'xn--mnchen-3ya.example', host: 'xn--mnchen-3ya.example', isWildcard: false, port: null },
    ],
    ['localhost:8080', { text: 'localhost:8080', host: 'localhost', isWildcard: false, port: 8080 }],
    ['10.0.0.5:5432', { text: '10.0.0.5:5432', host: '10.0.0.5', isWildcard: false, port: 5432 }],
    ['[2001:DB8:0::1]:443', { text: '[2001:db8::1]:443', host: '2001:db8::1', isWildcard: false, port: 443 }],
    [' my_service ', { text: 'my_service', host: 'my_service', isWildcard: false, port: null }],
  ])('%s', (text, expected) => {
    expect(parseHostPattern(text)).toEqual(expected)
    // The normal form is its own normal form.
    expect(parseHostPattern(expected.text)).toEqual(expected)
  })

  test.each([
    ['', 'must not be empty'],
    ['https://api.example.com', 'without a scheme'],
    ['api.example.com/v1', 'without a path'],
    ['user@api.example.com', 'without a path'],
    ['*', 'must name a host'],
    ['*:443', 'must name a host'],
    ['*.com', 'is too wide'],
    ['*.1.2.3.4', 'must not combine'],
    ['api.*.com', 'only as the whole first part'],
    ['api*.example.com', 'only as the whole first part'],
    ['api.example.com:0', 'from 1 to 65535'],
    ['api.example.com:65536', 'from 1 to 65535'],
    ['api.example.com:', 'from 1 to 65535'],
    ['api.example.com:https', 'from 1 to 65535'],
    ['a:b:c', 'must be host, *.host or host:port'],
    ['::1', 'in brackets: [::1]'],
    ['[::1%eth0]', 'host that is not valid'],
    ['[api.example.com]', 'host that is not valid'],
    ['127.1', 'host that is not valid'],
    ['2130706433', 'host that is not valid'],
    ['0x7f000001', 'host that is not valid'],
    ['0177.0.0.1', 'host that is not valid'],
    ['-a.example.com', 'host that is not valid'],
    ['a..example.com', 'host that is not valid'],
    ['a b.example.com', 'host that is not valid'],
    ['a\r\nb.example.com', 'host that is not valid'],
    [`${'a'.repeat(64)}.example.com`, 'host that is not valid'],
    [`${'a.'.repeat(130)}com`, 'host that is not valid'],
  ])('%j is refused', (text, problem) => {
    expect(problemOf(text) ?? '').toContain(problem)
  })
})

describe('allows', () => {
  const policy = {
    allow: ['api.example.com', '*.slack.com', 'db.example.com:5432', '*.lab.example:9000', '[::1]:8080'],
  }
  test.each([
    ['api.example.com', 443, true],
    ['API.EXAMPLE.COM.', 80, true],
    ['api.example.com', 8443, false],
    ['x.api.example.com', 443, false],
    ['apixexample.com', 443, false],
    ['api.example.com.evil.example', 443, false],
    ['slack.com', 443, false],
    ['hooks.slack.com', 443, true],
    ['a.b.slack.com', 443, true],
    ['evilslack.com', 443, false],
    ['db.example.com', 5432, true],
    ['db.example.com', 443, false],
    ['a.lab.example', 9000, true],
    ['a.lab.example', 443, false],
    ['::1', 8080, true],
    ['0:0:0:0:0:0:0:1', 8080, true],
    ['::1', 443, false],
    ['api.example.com\0', 443, false],
    ['', 443, false],
  ])('%j:%i is %s', (host, port, expected) => {
    expect(allows(policy, host, port)).toBe(expected)
  })

  test('an empty list and an invalid pattern allow nothing', () => {
    expect(allows({ allow: [] }, 'api.example.com', 443)).toBe(false)
    expect(allows({ allow: ['*'] }, 'api.example.com', 443)).toBe(false)
  })
})

describe('patternsBeyond', () => {
  const maximum = { allow: ['*.example.com', 'db.example.net:5432', 'api.example.org'] }
  test.each([
    ['api.example.com', true],
    ['*.api.example.com', true],
    ['*.example.com', true],
    ['api.example.com:443', true],
    ['api.example.com:8443', false],
    ['example.com', false],
    ['db.example.net:5432', true],
    ['db.example.net', false],
    ['*.example.org', false],
    ['api.example.org:80', true],
  ])('%s is within the maximum: %s', (text, isWithin) => {
    expect(patternsBeyond({ allow: [text] }, maximum)).toEqual(isWithin ? [] : [text])
  })
})

test('a host is not normalized twice to another host', () => {
  for (const host of ['api.example.com', '1.2.3.4', '2001:db8::1', 'xn--mnchen-3ya.example'])
    expect(normalizeHost(normalizeHost(host)!)).toBe(host)
})
