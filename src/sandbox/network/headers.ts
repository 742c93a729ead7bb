import type http from 'node:http'

/** Headers that concern one connection only (RFC 9110, section 7.6.1), and `host`, which the proxy sets. */
const HOP_HEADERS = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
])

/** Returns the headers that are forwarded, as alternating names and values. */
export function headersOf(message: http.IncomingMessage, without: readonly string[] = []): string[] {
  const named = (message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const { rawHeaders } = message
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!HOP_HEADERS.has(name) && !named.includes(name) && !without.includes(name)) kept.push(name, rawHeaders[i + 1]!)
  }
  return kept
}
