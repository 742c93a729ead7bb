import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import type { GuestResult, Outcome } from '../sandbox/index.ts'
import type { RunError } from '../schema/run.ts'
import { isTextType } from '../schema/streamed-result.ts'

/** Error codes of unsuccessful calls. */
const CODES: Record<Exclude<Outcome['status'], 'ok'>, string> = {
  threw: 'function_threw',
  timeout: 'function_timeout',
  memory: 'function_out_of_memory',
  output_limit: 'output_limit',
  crashed: 'function_crashed',
  cancelled: 'cancelled',
}

const MAX_STACK_LENGTH = 8_000

/** Returns the error of a call in the form stored with its run; null for success. */
export function runErrorOf({ status, error }: Outcome): RunError | null {
  if (status === 'ok') return null
  const { name, message, stack } = error ?? { name: 'Error', message: status, stack: undefined }
  const sentence = message === '' ? name : `${name}: ${message}`
  return {
    code: CODES[status],
    message: status === 'threw' ? sentence : message,
    ...(stack === undefined ? {} : { stack: stack.slice(0, MAX_STACK_LENGTH) }),
  }
}

/** Returns the error of a call as an exception; its class decides whether the run is retried. */
export function failureOf(outcome: Outcome): Error {
  const { code, message, stack } = runErrorOf(outcome)!
  const { retry_after_seconds, never_retry } = outcome.error ?? {}
  const error =
    never_retry || outcome.status === 'output_limit'
      ? new NeverRetry(message)
      : retry_after_seconds !== undefined
        ? new RetryLater(retry_after_seconds, message)
        : new Error(message)
  return Object.assign(error, { code, functionStack: stack })
}

/** Returns the error for the waiting caller of an unsuccessful call. */
export function refusalOf(outcome: Outcome, runId: string): ZeroError {
  const { code, message } = runErrorOf(outcome)!
  const { retry_after_seconds: retryAfter } = outcome.error ?? {}
  const options = { runId, ...(retryAfter === undefined ? {} : { retryAfter }) }
  return new ZeroError(outcome.status === 'timeout' ? 'function_timeout' : 'function_failed', message || code, options)
}

/** A larger body is not stored with the run. */
const MAX_KEPT_BYTES = 51_200

/** Returns the result as JSON to store with the run; null without a result. Omits the body of an HTTP response if it is large or not text. */
export function keptResult(result: GuestResult | null): string | null {
  if (result === null) return null
  if (result.kind === 'json')
    return result.body.length <= MAX_KEPT_BYTES
      ? Buffer.from(result.body).toString()
      : JSON.stringify({ bytes: result.body.length })
  const { status, headers, body } = result
  const isText = /^(text\/|application\/(json|.*\+json|xml))/.test(
    headers.find(([name]) => name === 'content-type')?.[1] ?? '',
  )
  const rest = isText && body.length <= MAX_KEPT_BYTES ? { body: Buffer.from(body).toString() } : { bytes: body.length }
  return JSON.stringify({ status, headers: Object.fromEntries(headers), ...rest })
}

/** Returns the result as a value. The body of an HTTP response becomes text or `{"$bytes": base64}`. */
export function resultValue(result: GuestResult | null): unknown {
  if (result === null) return null
  if (result.kind === 'json') return parseStoredJson(Buffer.from(result.body).toString())
  const { status, headers, body } = result
  const isText = isTextType(headers.find(([name]) => name === 'content-type')?.[1])
  return {
    status,
    headers: Object.fromEntries(headers),
    body: isText ? Buffer.from(body).toString() : { $bytes: Buffer.from(body).toString('base64') },
  }
}
