import type { ServerErrorCode } from './generated.ts'

/** A validation error of one field of a request. */
export interface FieldError {
  type: string
  /** `body`, `query`, `path` or `header`, followed by the keys that lead to the field. */
  loc: (string | number)[]
  msg: string
  input?: unknown
  ctx?: Record<string, unknown>
}

/** Codes of errors that the client detects itself. */
export type LocalErrorCode =
  /** The server is not reachable, or the connection broke. A write may have been executed. */
  | 'connection_failed'
  /** The server did not respond within `timeoutSeconds`. A write may have been executed. */
  | 'timeout'
  /** The response is not one of this API. */
  | 'unexpected_answer'
  /** No server is configured, or an input cannot be sent. */
  | 'misused'

/** The error of a failed call. */
export class ZeroDBError extends Error {
  override readonly name = 'ZeroDBError'
  /** HTTP status; 0 without a response. */
  readonly status: number
  /** Error code. A newer server can send codes that this client does not know. */
  readonly code: ServerErrorCode | LocalErrorCode | (string & {})
  /** A sentence, or a list of invalid fields. */
  readonly detail: string | FieldError[]
  /** Id of the request in the log of the server; null without a response. */
  readonly request_id: string | null
  /** Run of the failed function, which has its log; null for other errors. */
  readonly run_id: string | null
  /** Seconds after which the server requests a retry; null if it requests none. */
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

/** Converts an error response to an error. */
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
      : `${response.url} responded with ${response.status} but is not a server of this API: check the address`,
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
    // For example an error page of a proxy.
    return null
  }
}
