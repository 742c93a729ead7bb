import type { Message } from './message.ts'

/** Input schemas of tools by name, from the tool lists that the server has sent. */
export type Schemas = Map<string, Record<string, unknown>>

/** The key of `_meta` under which a request of the newest revision names its revision. */
export const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'

/** The parameter that is repeated in the Mcp-Name header, by method (2026-07-28, basic/transports, "Standard Request Headers"). */
const NAME_PARAMETERS: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

export function rememberSchemas(result: unknown, schemas: Schemas): void {
  const { tools } = (result ?? {}) as { tools?: { name: string; inputSchema: Record<string, unknown> }[] }
  if (!Array.isArray(tools)) return
  schemas.clear()
  for (const { name, inputSchema } of tools) schemas.set(name, inputSchema)
}

/** Returns the headers that repeat parts of the request, as the newest revision requires. */
export function requestHeaders({ method = '', params }: Message, schemas: Schemas): Record<string, string> {
  const name: unknown = params?.[NAME_PARAMETERS[method] ?? '']
  return {
    'mcp-protocol-version': String(params?._meta?.[PROTOCOL_VERSION]),
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': encoded(name) } : {}),
    ...(method === 'tools/call' && typeof name === 'string'
      ? parameterHeaders(schemas.get(name), params?.arguments)
      : {}),
  }
}

/** Returns the headers of arguments whose schema requires them in a header as well (`x-mcp-header`). */
function parameterHeaders(schema: unknown, value: unknown): Record<string, string> {
  const { properties } = (schema ?? {}) as { properties?: Record<string, Record<string, unknown>> }
  if (typeof properties !== 'object' || typeof value !== 'object' || value === null) return {}
  const found: Record<string, string> = {}
  for (const [key, property] of Object.entries(properties)) {
    const argument = (value as Record<string, unknown>)[key]
    const header = property?.['x-mcp-header']
    if (typeof header === 'string' && ['string', 'number', 'boolean'].includes(typeof argument))
      found[`mcp-param-${header}`] = encoded(String(argument))
    else Object.assign(found, parameterHeaders(property, argument))
  }
  return found
}

/** Encodes text that is not valid in a header as base64 of its UTF-8 bytes. */
function encoded(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}
