import { DbError } from '../../db/sql.ts'
import { NeverRetry, RetryLater, ZeroError } from '../../errors.ts'

/** SQLSTATEs for numbers or times out of range and for invalid Unicode in JSON, which the schemas cannot detect. */
const BAD_VALUES = new Set(['22003', '22007', '22008', '22009', '22P02'])

/** Converts an error of an operation to an error for the caller. Returns null for an unexpected error. */
export function knownErrorOf(error: unknown): ZeroError | null {
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
      return new ZeroError('invalid', `A value is not valid: ${reason}`, { cause: error })
    }
    // Raised by the functions that execute the operators of an update.
    if (error.code === 'ZD001') return new ZeroError('invalid', error.message, { cause: error })
    if (error.code === '54001') return new ZeroError('invalid', 'The request is nested too deeply', { cause: error })
    if (error.code === '54000')
      return new ZeroError('too_large', `A text is too long to be indexed: ${error.message}`, { cause: error })
    if (error.code === '2201B')
      return new ZeroError('invalid', `Invalid regular expression: ${error.message}`, { cause: error })
    if (error.code.startsWith('53'))
      return new ZeroError('unavailable', 'The database is out of resources at the moment', { cause: error })
  }
  if (error instanceof RangeError && error.message.startsWith('Maximum call stack'))
    return new ZeroError('invalid', 'The request is nested too deeply', { cause: error })
  return null
}
