import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { App, Caller, PreparedFunction } from '../app.ts'
import { require as requirePermission } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson } from '../exact-json.ts'
import { withInputDefaults } from '../functions/defaults.ts'
import { refusalOf } from '../functions/outcome.ts'
import type { GuestResult, Outcome } from '../sandbox/index.ts'
import { uuid } from '../schema/common.ts'
import { functionName, type METHODS } from '../schema/function.ts'
import type { StreamHead } from '../schema/streamed-result.ts'
import { type HeaderPolicy, HOP_BY_HOP_HEADERS, splitHeaders } from './function-headers.ts'
import { createResponseStream } from './function-stream.ts'
import type { RateLimiter } from './rate-limit.ts'

const MAX_BODY_BYTES = 6 * 1024 * 1024
/** Headers of a request that are not passed to functions. */
const HIDDEN_HEADERS = new Set([...HOP_BY_HOP_HEADERS, 'content-length', 'date', 'server'])

interface Call {
  fn: PreparedFunction
  /** Null if the function allows calls without a key. */
  caller: Caller | null
  /** Whether the API and functions of other users are on the same origin. */
  shared: boolean
}

type Authenticate = (headers: FastifyRequest['headers']) => Promise<Caller>

interface Checks {
  authenticate: Authenticate
  /** Throws `forbidden` if requests without a key are not allowed for this Host header. */
  checkHost(headers: FastifyRequest['headers']): void
  limitRate: RateLimiter
}

/** Adds the routes of functions with an HTTP trigger, `/fn/{project}/{name}` and all paths below. */
export async function addFunctionRoutes(
  server: FastifyInstance,
  app: App,
  { authenticate, checkHost, limitRate }: Checks,
): Promise<void> {
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_, body, done) =>
      done(null, body),
    )
    const calls = new WeakMap<FastifyRequest, Call>()
    for (const url of ['/fn/:project_id/:name', '/fn/:project_id/:name/*']) {
      scope.all(url, {
        config: { operation: 'functions.http' },
        async onRequest(request, reply) {
          const call = await admit(app, authenticate, request)
          if (call.caller === null) checkHost(request.headers)
          // Calls without a key have their own bucket: a flood of them must not use up the rate limit of the owner.
          limitRate(reply, call.caller === null ? `project ${call.fn.project_id}` : `user ${call.caller.user_id}`)
          if (allowOrigin(call.fn, request, reply)) return reply.code(204).send()
          const { methods } = call.fn.config.http!
          if (!methods.includes(methodOf(call.fn, request))) {
            const allowed = [
              ...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))),
            ].join(', ')
            void reply.header('allow', allowed)
            throw new ZeroError('method_not_allowed', `The function "${call.fn.name}" only accepts ${allowed}`)
          }
          calls.set(request, call)
        },
        handler: (request, reply) => callFunction(app, calls.get(request)!, request, reply),
      })
    }
  })
}

/** Returns the method that the function sees: HEAD becomes GET if the function does not handle HEAD (RFC 9110, 9.3.2). */
function methodOf({ config }: PreparedFunction, { method }: FastifyRequest): (typeof METHODS)[number] {
  const { methods } = config.http!
  return method === 'HEAD' && !methods.includes('HEAD') ? 'GET' : (method as (typeof METHODS)[number])
}

/** Finds the function and authenticates the caller before the body is read. Callers without a key cannot probe which names exist. */
async function admit(app: App, authenticate: Authenticate, request: FastifyRequest): Promise<Call> {
  const { project_id, name } = request.params as { project_id: string; name: string }
  const known = uuid.safeParse(project_id).success && functionName.safeParse(name).success
  const fn = known ? await app.functions.byName(project_id.toLowerCase(), name) : null
  const shared =
    app.config.functionsOrigin === undefined || new URL(app.config.functionsOrigin).host !== request.headers.host
  const http = fn?.is_active ? fn.config.http : undefined
  if (fn !== null && http?.auth === 'none') return { fn, caller: null, shared }
  const preflight = request.method === 'OPTIONS' && http?.cors
  if (fn !== null && preflight) return { fn, caller: null, shared }
  const caller = await authenticate(request.headers)
  if (fn === null || fn.user_id !== caller.user_id || (caller.bound !== null && caller.bound !== fn.project_id))
    throw new ZeroError('not_found', 'Function not found')
  requirePermission(caller, 'functions:invoke')
  if (!fn.is_active) throw new ZeroError('function_disabled', `The function "${name}" is disabled`)
  if (http === undefined)
    throw new ZeroError('not_found', `The function "${name}" has no HTTP trigger: add "http" to its config`)
  return { fn, caller, shared }
}

/** Sets the CORS headers (https://fetch.spec.whatwg.org/#http-cors-protocol). Returns true for a preflight, which needs no further response. */
function allowOrigin({ config }: PreparedFunction, { headers, method }: FastifyRequest, reply: FastifyReply): boolean {
  const { cors, methods } = config.http!
  const { origin } = headers
  if (cors === null || origin === undefined) return false
  void reply.header('vary', 'origin')
  const any = cors.origins.includes('*')
  if (!any && !cors.origins.includes(origin)) return false
  void reply.header('access-control-allow-origin', any ? '*' : origin)
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false
  void reply
    .header('access-control-allow-methods', methods.join(', '))
    .header('access-control-allow-headers', ['authorization', 'content-type', 'x-api-key', ...cors.headers].join(', '))
    .header('access-control-max-age', String(cors.max_age_seconds))
  return true
}

async function callFunction(app: App, call: Call, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { fn, caller } = call
  const data = requestData(call, request)
  const record = { method: data.method, path: data.path, query: data.query }
  if (/\brespond-async\b/.test(String(request.headers['prefer'] ?? ''))) {
    const timestamp = new Date(app.clock.now()).toISOString()
    const envelope = { id: `call_${randomUUID()}`, event: 'http.request', channel: 'functions', timestamp, data }
    const run_id = await app.store.functionRuns.enqueue(fn.id, 'http', envelope, caller?.cause)
    app.runs.queued()
    return reply.code(202).header('preference-applied', 'respond-async').send({ run_id, status: 'queued' })
  }
  let streamed: StreamHead | undefined
  const stream = createResponseStream(request, reply, (head, runId) => {
    streamed = head
    void reply.header('x-zerodb-run-id', runId)
    setHead(reply, head, call)
  })
  const invoking = app.runs.invoke({
    function: fn,
    trigger: 'http',
    event: 'http.request',
    data,
    record,
    caller,
    trace: caller?.trace,
    signal: stream.signal,
    receiver: stream,
    warningOf({ result }) {
      const { dropped } = splitHeaders(streamed ?? result, headerPolicy(call))
      return dropped.length === 0 ? null : `[dropped headers that a function cannot set here: ${dropped.join(', ')}]`
    },
  })
  const { run_id, outcome } = await invoking.catch((error) => {
    if (stream.isStarted) stream.end(new ZeroError('internal', undefined, { cause: error }))
    throw error
  })
  const error = outcome.status === 'ok' ? null : callerError(outcome, run_id, caller)
  if (stream.isStarted) {
    stream.end(error)
    return reply
  }
  void reply.header('x-zerodb-run-id', run_id)
  if (error !== null) throw error
  return send(reply, outcome.result!, call, request.method === 'HEAD')
}

/** Returns the error of a call for its caller. Callers without a key do not see the details of a failure. */
function callerError(outcome: Outcome, runId: string, caller: Caller | null): ZeroError {
  const refusal = refusalOf(outcome, runId)
  return caller === null ? new ZeroError(refusal.code, undefined, { runId }) : refusal
}

function requestData({ fn, caller, shared }: Call, request: FastifyRequest) {
  const { '*': rest = '' } = request.params as Record<string, string>
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => {
      if (HIDDEN_HEADERS.has(name)) return false
      // The caller's key is meant for this server only, and the cookies of a shared origin belong to others.
      if (caller !== null && (name === 'authorization' || name === 'x-api-key')) return false
      return !(shared && name === 'cookie')
    }),
  )
  // Not decoded: the signature of a webhook covers the URL as it was sent.
  const raw_url = request.originalUrl
  const at = raw_url.indexOf('?')
  return {
    method: methodOf(fn, request),
    path: `/${rest}`,
    query: request.query as Record<string, unknown>,
    raw_url,
    raw_query: at < 0 ? '' : raw_url.slice(at + 1),
    headers,
    ...bodyOf(fn, request),
  }
}

/** Returns the body as text if it is text, otherwise as bytes, and with `json` its value if it is valid JSON. */
function bodyOf(
  fn: PreparedFunction,
  request: FastifyRequest,
): { body: string | { $bytes: string } | null; json?: unknown } {
  const bytes = request.body as Buffer | undefined
  if (bytes === undefined || bytes.length === 0) return { body: null }
  const type = request.headers['content-type'] ?? ''
  if (!/^text\/|[/+]json|[/+]xml|x-www-form-urlencoded|^$/.test(type) || !isUtf8(bytes))
    return { body: { $bytes: bytes.toString('base64') } }
  const body = bytes.toString()
  if (!/[/+]json/.test(type)) return { body }
  try {
    return { body, json: withInputDefaults(fn, parseJson(body)) }
  } catch (error) {
    if (error instanceof ZeroError) throw error
    // The function sees the text, and from the missing `json` that it is not valid JSON.
    return { body }
  }
}

function headerPolicy({ shared, fn }: Call): HeaderPolicy {
  return { shared, cors: Boolean(fn.config.http?.cors) }
}

/** Sets status and headers. On a shared origin, a page from a function cannot run scripts of that origin or set cookies. */
function setHead(reply: FastifyReply, result: GuestResult | StreamHead, call: Call): void {
  void reply.header('x-content-type-options', 'nosniff')
  if (call.shared) void reply.header('content-security-policy', 'sandbox')
  if (result.kind === 'json') void reply.type('application/json; charset=utf-8')
  if (result.kind !== 'response') return
  void reply.code(result.status)
  for (const [name, value] of splitHeaders(result, headerPolicy(call)).passed) {
    const known = name === 'vary' ? reply.getHeader(name) : undefined
    void reply.header(name, known === undefined ? value : `${known}, ${value}`)
  }
}

function send(reply: FastifyReply, result: GuestResult, call: Call, head: boolean): FastifyReply {
  setHead(reply, result, call)
  const body = Buffer.from(result.body.buffer, result.body.byteOffset, result.body.byteLength)
  // The same length as the response to a GET.
  if (head && body.length > 0) void reply.header('content-length', body.length)
  // An empty body is sent without a content type.
  return head || body.length === 0 ? reply.send() : reply.send(body)
}
