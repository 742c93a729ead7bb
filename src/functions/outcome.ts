import { NeverRetry, RetryLater, ZeroError } from '../errors.ts'
import { parseStoredJson } from '../exact-json.ts'
import type { GuestResult, Outcome } from '../sandbox/index.ts'
import type { RunError } from '../schema/run.ts'

/** The code of each way in which a call does not succeed. */
const CODES: Record<Exclude<Outcome['status'], 'ok'>, string> = {
  threw: 'function_threw',
  timeout: 'function_timeout',
  memory: 'function_out_of_memory',
  output_limit: 'output_limit',
  crashed: 'function_crashed',
  cancelled: 'cancelled',
}

const MAX_STACK_LENGTH = 8_000

/** Why a call did not succeed, as its run keeps it; null when it did. */
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

/** The same as an error whose kind says whether the run is tried again. */
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

/** What a caller who waits is told of a call that did not succeed. */
export function refusalOf(outcome: Outcome, runId: string): ZeroError {
  const { code, message } = runErrorOf(outcome)!
  const { retry_after_seconds: retryAfter } = outcome.error ?? {}
  const options = { runId, ...(retryAfter === undefined ? {} : { retryAfter }) }
  return new ZeroError(outcome.status === 'timeout' ? 'function_timeout' : 'function_failed', message || code, options)
}

/** A larger body is not kept with a run. */
const LARGEST_KEPT = 51_200

/** The result as a JSON document that a run keeps: an HTTP answer without its body where that is large or no text. Null for none. */
export function keptResult(result: GuestResult | null): string | null {
  if (result === null) return null
  if (result.kind === 'json')
    return result.body.length <= LARGEST_KEPT
      ? Buffer.from(result.body).toString()
      : JSON.stringify({ bytes: result.body.length })
  const { status, headers, body } = result
  const isText = /^(text\/|application\/(json|.*\+json|xml))/.test(
    headers.find(([name]) => name === 'content-type')?.[1] ?? '',
  )
  const rest = isText && body.length <= LARGEST_KEPT ? { body: Buffer.from(body).toString() } : { bytes: body.length }
  return JSON.stringify({ status, headers: Object.fromEntries(headers), ...rest })
}

/** The result as a value: an HTTP answer with its body as text, or as `{"$bytes": base64}`. */
export function resultValue(result: GuestResult | null): unknown {
  if (result === null) return null
  if (result.kind === 'json') return parseStoredJson(Buffer.from(result.body).toString())
  const { status, headers, body } = result
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? ''
  const isText = /^text\/|json|xml|javascript|x-www-form-urlencoded/.test(type)
  return {
    status,
    headers: Object.fromEntries(headers),
    body: isText ? Buffer.from(body).toString() : { $bytes: Buffer.from(body).toString('base64') },
  }
}
