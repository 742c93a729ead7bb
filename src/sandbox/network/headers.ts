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

/** Headers that say where a body ends. Without them, a body could be read as a further request. */
const FRAMING_HEADERS = new Set(['content-length', 'transfer-encoding'])

/** Returns the headers that are forwarded, as alternating names and values. */
export function headersOf(message: http.IncomingMessage, without: readonly string[] = []): string[] {
  const named = (message.headers.connection ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => !FRAMING_HEADERS.has(name))
  const { rawHeaders } = message
  const kept: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!HOP_HEADERS.has(name) && !named.includes(name) && !without.includes(name)) kept.push(name, rawHeaders[i + 1]!)
  }
  return kept
}
