import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Bytes } from '../operations/operation.ts'

/** Matches media types that are valid in a header. Clients can store any text as the type of a file. */
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/

/** Sends all bytes (200), one range (206), nothing if the caller's cached copy is current (304), or an unsatisfiable range error (416). */
export async function sendBytes(request: FastifyRequest, reply: FastifyReply, bytes: Bytes): Promise<FastifyReply> {
  void reply
    .header('cache-control', 'private, no-cache')
    .header('content-type', MEDIA_TYPE.test(bytes.content_type) ? bytes.content_type : 'application/octet-stream')
    // An uploaded file must never run as a page of this origin.
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(bytes.file_name)}`)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', 'sandbox')
  const etag = bytes.etag === null ? null : `"${bytes.etag}"`
  if (etag !== null) void reply.header('etag', etag)
  if (etag !== null && request.headers['if-none-match'] === etag) return reply.code(304).send()
  if (bytes.size === null) return reply.send(await bytes.open())

  void reply.header('accept-ranges', 'bytes')
  const range = parseRange(request.headers.range, bytes.size)
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${bytes.size}`).send()
  if (range) {
    void reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${bytes.size}`)
    void reply.header('content-length', range.end - range.start)
    return reply.send(await bytes.open(range))
  }
  void reply.header('content-length', bytes.size)
  return reply.send(await bytes.open())
}

/** Parses a Range header. Returns null (send everything) without a header or for unsupported kinds, as RFC 9110 section 14.2 allows. */
export function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return null
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size)
  if (start >= size) return 'unsatisfiable'
  return end <= start ? null : { start, end }
}
