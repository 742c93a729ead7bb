import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'
import { ERRORS, ZeroError } from '../errors.ts'
import { stringifyJson } from '../exact-json.ts'
import { knownErrorOf } from '../operations/lib/known-errors.ts'

/** Maximum length of a URL that is repeated in a response. */
const MAX_URL_CHARACTERS = 1024

/** Logs an error and sends it, as a problem (RFC 9457) if the client accepts that, else in the form of `bodyOf`. */
export function sendError(
  app: App,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyOf: (error: ZeroError, requestId: string) => Record<string, unknown> = toBody,
): void {
  const error = toZeroError(thrown)
  const detail = { request_id: request.id, method: request.method, url: request.url.split('?')[0], code: error.code }
  // The error of a function is stored in its run, where its author finds it, so it is not an error of the server.
  if (error.runId !== undefined) app.log.info({ ...detail, run_id: error.runId }, 'function failed')
  else if (error.status >= 500) app.log.error({ ...detail, error: error.cause ?? error }, 'request failed')
  else app.log.debug(detail, 'request rejected')

  void reply.code(error.status).header('vary', 'accept').header('x-request-id', request.id)
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer')
  const retryAfter = error.retryAfter ?? (error.status === 503 ? 1 : undefined)
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter))
  const wantsProblem = request.headers.accept?.includes('application/problem+json')
  if (wantsProblem)
    void reply.type('application/problem+json').send(stringifyJson(toProblem(error, request.id, request.url)))
  else void reply.send(bodyOf(error, request.id))
}

/** Converts any thrown value to an error of the API. Unexpected errors become `internal`, which does not reveal the cause to the caller. */
function toZeroError(error: unknown): ZeroError {
  const known = knownErrorOf(error)
  if (known) return known
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
  if (statusCode === 414) return new ZeroError('address_too_long', undefined, { cause: error })
  if (statusCode === 413) return new ZeroError('too_large', undefined, { cause: error })
  if (statusCode === 415) return new ZeroError('unsupported_media_type', undefined, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new ZeroError('invalid', (error as Error).message, { cause: error })
  return new ZeroError('internal', undefined, { cause: error })
}

/** Returns the error for a path that cannot be decoded. */
export function badPath(url: string): ZeroError {
  const path = url.split('?')[0]!.slice(0, MAX_URL_CHARACTERS)
  return new ZeroError(
    'invalid',
    `The path "${path}" cannot be decoded: each % must be followed by two hexadecimal digits of UTF-8 bytes (write % itself as %25)`,
  )
}

/** Returns an error body in the form of FastAPI: `detail` is a sentence, or a list of invalid fields. */
export function toBody(error: ZeroError, requestId: string): Record<string, unknown> {
  const run = error.runId === undefined ? {} : { run_id: error.runId }
  return { detail: error.fields ?? error.message, code: error.code, request_id: requestId, ...run }
}

/** Returns an error body in the form of RFC 9457, for clients that accept it. */
function toProblem(error: ZeroError, requestId: string, path: string): Record<string, unknown> {
  return {
    type: `urn:zerodb:error:${error.code}`,
    title: ERRORS[error.code].message,
    status: error.status,
    detail: error.message,
    instance: withoutSecrets(path).slice(0, MAX_URL_CHARACTERS),
    ...(error.fields ? { errors: error.fields } : {}),
    request_id: requestId,
  }
}

/** Removes credentials from a URL that is repeated in a response. */
function withoutSecrets(url: string): string {
  return url.replace(/([?&](?:token|signature)=)[^&]*/g, '$1[redacted]')
}
