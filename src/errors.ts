/** One thing that is wrong with one field, in the form that FastAPI's clients read. */
export interface FieldError {
  type: string
  /** Where: `body`, `query`, `path` or `header`, then the keys down to the field. */
  loc: (string | number)[]
  msg: string
  input?: unknown
  ctx?: Record<string, unknown>
}

/** All errors of the API: code, HTTP status and default message. */
export const ERRORS = {
  malformed_request: { status: 400, message: 'The request is not valid HTTP' },
  unauthorized: {
    status: 401,
    message: 'Not authenticated: send an API key as "Authorization: Bearer <key>" or "X-API-Key: <key>"',
  },
  forbidden: { status: 403, message: 'This API key has no right to do that' },
  quota_exceeded: { status: 403, message: 'A quota is used up' },
  route_not_found: { status: 404, message: 'Not Found' },
  not_found: { status: 404, message: 'Not found' },
  method_not_allowed: { status: 405, message: 'Method Not Allowed' },
  email_taken: { status: 409, message: 'An account with this e-mail address exists already' },
  chain_too_deep: { status: 409, message: 'This chain of calls is too long' },
  function_disabled: { status: 409, message: 'This function is disabled' },
  function_hooked: { status: 409, message: 'Hooks ask for this function' },
  hook_exists: { status: 409, message: 'This hook exists already' },
  idempotency_mismatch: { status: 409, message: 'This Idempotency-Key came with another request' },
  idempotency_running: { status: 409, message: 'The first request with this Idempotency-Key has no answer yet' },
  project_exists: { status: 409, message: 'This project is here already' },
  project_suspended: {
    status: 409,
    message: 'This project is suspended and refuses writes: activate it first (projects.activate)',
  },
  replay_final: { status: 409, message: 'This replay has ended already' },
  run_final: { status: 409, message: 'This run has ended already' },
  run_not_final: { status: 409, message: 'This run cannot be tried again as it is' },
  row_exists: { status: 409, message: 'A row with this unique key exists already' },
  schedule_exists: { status: 409, message: 'A schedule of this name exists already' },
  table_exists: { status: 409, message: 'A table of this name exists already' },
  version_conflict: { status: 409, message: 'The row has another version' },
  request_timeout: { status: 408, message: 'The request took too long to arrive' },
  too_large: { status: 413, message: 'The request is too large' },
  address_too_long: { status: 414, message: 'A part of the address is longer than 1,024 characters' },
  unsupported_media_type: { status: 415, message: 'Send application/json or multipart/form-data' },
  validation_failed: { status: 422, message: 'The request has fields that are missing or wrong' },
  invalid: { status: 422, message: 'The request cannot be carried out as it is' },
  dimension_mismatch: { status: 422, message: 'No stored vector has this number of dimensions' },
  rate_limited: { status: 429, message: 'Too many requests: wait and try again' },
  headers_too_large: { status: 431, message: 'The headers of the request are too large' },
  internal: { status: 500, message: 'Internal Server Error' },
  sandbox_unavailable: { status: 503, message: 'User code cannot be run here' },
  sandbox_busy: { status: 503, message: 'All sandboxes are busy' },
  unavailable: { status: 503, message: 'Not available at the moment' },
  function_failed: { status: 502, message: 'The function has failed' },
  function_timeout: { status: 504, message: 'The function took too long' },
  provider_refused: { status: 502, message: 'The model provider refuses this request' },
  query_timeout: { status: 503, message: 'The database took too long and the statement was ended' },
} as const satisfies Record<string, { status: number; message: string }>

export type ErrorCode = keyof typeof ERRORS

/** An expected error. `message` is for the caller and names the remedy; `cause` is only logged. */
export class ZeroError extends Error {
  override readonly name = 'ZeroError'
  readonly code: ErrorCode
  /** For `validation_failed`: the fields at fault. */
  readonly fields: readonly FieldError[] | undefined
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined
  /** The run that has failed. */
  readonly runId: string | undefined

  constructor(
    code: ErrorCode,
    message?: string,
    options: { cause?: unknown; fields?: readonly FieldError[]; retryAfter?: number; runId?: string } = {},
  ) {
    super(message ?? ERRORS[code].message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.fields = options.fields
    this.retryAfter = options.retryAfter
    this.runId = options.runId
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}

/** The server cannot start. `message` is one sentence with the remedy; the command line prints it without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Thrown by a handler: retry this run, after `seconds` at the earliest. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater'
  readonly seconds: number

  constructor(seconds: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.seconds = seconds
  }
}

/** Thrown by a handler: no further attempt can succeed. The run is `dead` at once, with this message. */
export class NeverRetry extends Error {
  override readonly name = 'NeverRetry'
}
