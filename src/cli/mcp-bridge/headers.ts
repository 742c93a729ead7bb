import type { Message } from './bridge.ts'

/** Input schemas of tools, by name, of the lists that have passed. */
export type Schemas = Map<string, Record<string, unknown>>

/** Whose name stands in which field (2026-07-28, basic/transports, "Standard Request Headers"). */
const NAMED: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

export function rememberSchemas(result: unknown, schemas: Schemas): void {
  const { tools } = (result ?? {}) as { tools?: { name: string; inputSchema: Record<string, unknown> }[] }
  if (!Array.isArray(tools)) return
  schemas.clear()
  for (const { name, inputSchema } of tools) schemas.set(name, inputSchema)
}

/** The headers of a request of the newest revision (else null), which repeat what stands in it. */
export function headersOf(
  base: Record<string, string>,
  request: Message | null,
  schemas: Schemas,
): Record<string, string> {
  if (request === null) return base
  const { method = '', params } = request
  const name: unknown = params?.[NAMED[method] ?? '']
  return {
    ...base,
    'mcp-protocol-version': String(params?._meta?.['io.modelcontextprotocol/protocolVersion']),
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': encoded(name) } : {}),
    ...(method === 'tools/call' && typeof name === 'string' ? repeated(schemas.get(name), params?.arguments) : {}),
  }
}

/** Arguments whose schema asks for them in a header as well (`x-mcp-header`). */
function repeated(schema: unknown, value: unknown): Record<string, string> {
  const { properties } = (schema ?? {}) as { properties?: Record<string, Record<string, unknown>> }
  if (typeof properties !== 'object' || typeof value !== 'object' || value === null) return {}
  const found: Record<string, string> = {}
  for (const [key, property] of Object.entries(properties)) {
    const argument = (value as Record<string, unknown>)[key]
    const header = property?.['x-mcp-header']
    if (typeof header === 'string' && ['string', 'number', 'boolean'].includes(typeof argument))
      found[`mcp-param-${header}`] = encoded(String(argument))
    else Object.assign(found, repeated(property, argument))
  }
  return found
}

/** What a header cannot hold as it is goes as base64 of UTF-8. */
function encoded(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}
