import { type CallToolResult, isCallToolResult } from '@modelcontextprotocol/server'
import { markNumbers, parseStoredJson } from '../exact-json.ts'
import type { GuestResult } from '../sandbox/index.ts'

/**
 * What a function has returned, as a client is shown it. An object `{content: […]}`, or a single block like `{type: 'image', data, mimeType}`,
 * is in the protocol's own form; bytes of `ctx.response` are an image, a sound or a resource; all else is text, JSON if it is none.
 * `structured`: the tool has said what its results look like, so that the value is sent as such too. Numbers with more digits than a double are
 * marked, for `unmarkNumbers`.
 */
export function contentOf(result: GuestResult | null, structured: boolean, runId: string): CallToolResult {
  if (result === null) return { content: [] }
  if (result.kind === 'response') return responseContent(result, runId)
  const text = Buffer.from(result.body).toString()
  const value = markNumbers(parseStoredJson(text))
  if (isInForm(value)) return value
  if (!structured && looksLikeBlock(value)) {
    const block = { content: [value] }
    if (isInForm(block)) return block
  }
  if (structured) return { content: [{ type: 'text', text }], structuredContent: value as object }
  if (value === null) return { content: [] }
  return { content: [{ type: 'text', text: typeof value === 'string' ? value : text }] }
}

/** Whether a value is a result in the protocol's own form. Any object would be one to `isCallToolResult`, which lets `content` be absent. */
function isInForm(value: unknown): value is CallToolResult {
  return typeof value === 'object' && value !== null && 'content' in value && isCallToolResult(value)
}

/** Told before it is told for sure, which takes longer. */
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
