import { DbError } from '../db/sql.ts'
import { ERRORS, NeverRetry, RetryLater, ZeroError } from '../errors.ts'

/** SQLSTATEs for a number or time out of range, or not well-formed Unicode in JSON: what no schema of ours can tell. */
const BAD_VALUES = new Set(['22003', '22007', '22008', '22009', '22P02'])

/** Any thrown thing as an error of ours. What we did not foresee is `internal`, and says nothing of its cause to the caller. */
export function toZeroError(error: unknown): ZeroError {
  if (error instanceof ZeroError) return error
  if (error instanceof RetryLater)
    return new ZeroError('unavailable', error.message, { cause: error, retryAfter: Math.ceil(error.seconds) })
  if (error instanceof NeverRetry) return new ZeroError('provider_refused', error.message, { cause: error })
  if (error instanceof DbError) {
    if (error.code === '22021' || error.code === '22P05') {
      return new ZeroError('invalid', 'Text must not contain the character U+0000', { cause: error })
    }
    if (BAD_VALUES.has(error.code)) {
      const reason = [error.message, error.detail].filter(Boolean).join(': ')
      return new ZeroError('invalid', `A value cannot be used: ${reason}`, { cause: error })
    }
    if (error.code === '54001') return new ZeroError('invalid', 'The request is nested too deeply', { cause: error })
    if (error.code === '54000')
      return new ZeroError('too_large', `A text is too long to be indexed: ${error.message}`, { cause: error })
    if (error.code === '2201B')
      return new ZeroError('invalid', `Invalid regular expression: ${error.message}`, { cause: error })
    if (error.code.startsWith('53'))
      return new ZeroError('unavailable', 'The database has no room for this at the moment', { cause: error })
  }
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack'))
    return new ZeroError('invalid', 'The request is nested too deeply', { cause: error })
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (
    code === 'FST_ERR_CTP_INVALID_JSON_BODY' ||
    code === 'FST_ERR_CTP_EMPTY_JSON_BODY' ||
    error instanceof SyntaxError
  ) {
    return new ZeroError('validation_failed', undefined, {
      cause: error,
      fields: [
        { type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error', ctx: { error: (error as Error).message } },
      ],
    })
  }
  if (statusCode === 413) return new ZeroError('too_large', undefined, { cause: error })
  if (statusCode === 415) return new ZeroError('unsupported_media_type', undefined, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ZeroError('invalid', (error as Error).message, { cause: error })
  return new ZeroError('internal', undefined, { cause: error })
}

/** The body that clients of FastAPI read: `detail` is a sentence, or the list of fields that are wrong. */
export function toBody(error: ZeroError, requestId: string): Record<string, unknown> {
  const run = error.runId === undefined ? {} : { run_id: error.runId }
  return { detail: error.fields ?? error.message, code: error.code, request_id: requestId, ...run }
}

/** The same as RFC 9457, for those who ask for it. */
export function toProblem(error: ZeroError, requestId: string, path: string): Record<string, unknown> {
  return {
    type: `urn:zerodb:error:${error.code}`,
    title: ERRORS[error.code].message,
    status: error.status,
    detail: error.message,
    instance: path,
    ...(error.fields ? { errors: error.fields } : {}),
    request_id: requestId,
  }
}
