import { type CallToolResult, isCallToolResult } from '@modelcontextprotocol/server'
import { markNumbers, parseStoredJson } from '../exact-json.ts'
import type { GuestResult } from '../sandbox/index.ts'

/**
 * Converts the result of a function to the content of a tool result. An object `{content: […]}`, or a single block such as
 * `{type: 'image', data, mimeType}`, is passed through. Bytes of `ctx.response` become an image, audio or a resource. Other values become text,
 * non-strings as JSON. With `structured`, for a tool with an output schema, the value is also sent as structured content. Numbers with more
 * digits than a double are marked for `unmarkNumbers`.
 */
export function contentOf(result: GuestResult | null, structured: boolean, runId: string): CallToolResult {
  if (result === null) return { content: [] }
  if (result.kind === 'response') return responseContent(result, runId)
  const text = Buffer.from(result.body).toString()
  const value = markNumbers(parseStoredJson(text))
  if (isToolResult(value)) return value
  if (!structured && looksLikeBlock(value)) {
    const block = { content: [value] }
    if (isToolResult(block)) return block
  }
  if (structured) return { content: [{ type: 'text', text }], structuredContent: value as object }
  if (value === null) return { content: [] }
  return { content: [{ type: 'text', text: typeof value === 'string' ? value : text }] }
}

/** Tells whether a value is a tool result of the protocol. `isCallToolResult` alone accepts any object, because `content` is optional there. */
function isToolResult(value: unknown): value is CallToolResult {
  return typeof value === 'object' && value !== null && 'content' in value && isCallToolResult(value)
}

/** A cheap check before the full validation. */
function looksLikeBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function responseContent(
  { status, headers, body }: Extract<GuestResult, { kind: 'response' }>,
  runId: string,
): CallToolResult {
  const bytes = Buffer.from(body)
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? 'text/plain'
  const mimeType = type.replace(/;.*/s, '').trim()
  const failed = status >= 400 ? { isError: true } : {}
  const data = () => bytes.toString('base64')
  if (mimeType.startsWith('image/')) return { content: [{ type: 'image', data: data(), mimeType }], ...failed }
  if (mimeType.startsWith('audio/')) return { content: [{ type: 'audio', data: data(), mimeType }], ...failed }
  if (/^text\/|json|xml|javascript/.test(mimeType))
    return { content: [{ type: 'text', text: bytes.toString() }], ...failed }
  return {
    content: [{ type: 'resource', resource: { uri: `zerodb://runs/${runId}/result`, mimeType, blob: data() } }],
    ...failed,
  }
}
