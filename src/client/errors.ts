import type { ServerErrorCode } from './generated.ts'

/** What is wrong with one field of a request. */
export interface FieldError {
  type: string
  /** `body`, `query`, `path` or `header`, then the keys down to the field. */
  loc: (string | number)[]
  msg: string
  input?: unknown
  ctx?: Record<string, unknown>
}

/** Errors that no server has answered. */
export type LocalErrorCode =
  /** The server cannot be reached, or the connection broke: a write may have been done. */
  | 'connection_failed'
  /** No answer within `timeoutSeconds`: a write may have been done. */
  | 'timeout'
  /** What came is not what this API answers. */
  | 'unexpected_answer'
  /** No server is known, or an input cannot be sent. */
  | 'misused'

/** Why a call failed. `message` is a sentence. */
export class ZeroDBError extends Error {
  override readonly name = 'ZeroDBError'
  /** The HTTP status; 0 when no server has answered. */
  readonly status: number
  /** A server that is later than this client may answer codes that it does not know. */
  readonly code: ServerErrorCode | LocalErrorCode | (string & {})
  /** What the server says: a sentence, or the fields that are wrong. */
  readonly detail: string | FieldError[]
  /** Under which the server's log has the request; null when it has answered none. */
  readonly request_id: string | null
  /** The run of the function that has failed, which has its log; null for other errors. */
  readonly run_id: string | null
  /** Seconds after which the server asks to try again; null when it does not. */
  readonly retry_after: number | null

  constructor(fields: {
    code: ZeroDBError['code']
    detail: ZeroDBError['detail']
    status?: number
    request_id?: string | null
    run_id?: string | null
    retry_after?: number | null
    cause?: unknown
  }) {
    super(sentence(fields.detail), { cause: fields.cause })
    this.status = fields.status ?? 0
    this.code = fields.code
    this.detail = fields.detail
    this.request_id = fields.request_id ?? null
    this.run_id = fields.run_id ?? null
    this.retry_after = fields.retry_after ?? null
  }
}

function sentence(detail: string | FieldError[]): string {
  if (typeof detail === 'string') return detail
  return detail.map(({ loc, msg }) => `${loc.slice(1).join('.') || loc[0]}: ${msg}`).join('; ')
}

/** The error that a response stands for. */
export async function errorOf(response: Response): Promise<ZeroDBError> {
  const text = await response.text().catch(() => '')
  const body = parsed(text)
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const isOurs = typeof body?.['code'] === 'string' && body['detail'] !== undefined
  return new ZeroDBError({
    status: response.status,
    code: isOurs ? (body['code'] as string) : 'unexpected_answer',
    detail: isOurs
      ? (body['detail'] as string | FieldError[])
      : `${response.url} answers ${response.status}, and not as this API does: is it its address?`,
    request_id: isOurs ? (body['request_id'] as string) : null,
    run_id: isOurs && typeof body['run_id'] === 'string' ? body['run_id'] : null,
    retry_after: Number.isFinite(seconds) && seconds > 0 ? seconds : null,
  })
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : null
  } catch {
    // A proxy's page, say.
    return null
  }
}
