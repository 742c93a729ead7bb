import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import multipart from '@fastify/multipart'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { App, Caller, Surface } from '../app.ts'
import { createAuthenticator } from '../auth/authenticate.ts'
import { ANONYMOUS, require as requirePermission } from '../auth/caller.ts'
import { ZeroError } from '../errors.ts'
import { parseJson, stringifyJson } from '../exact-json.ts'
import { OPERATIONS } from '../operations/index.ts'
import { admitPart, withWarnings } from '../operations/lib/input.ts'
import type { Operation, UploadPart } from '../operations/operation.ts'
import { packageVersion } from '../platform/package.ts'
import { type NamedField, ROUTE_ALIASES, renameFields, rewriteUrl } from './aliases.ts'
import { sendBytes } from './bytes.ts'
import { createClientAddress } from './client-address.ts'
import { answerClientError, rejectConnection } from './client-error.ts'
import { allowOrigins } from './cors.ts'
import { sendEvents } from './events.ts'
import { addFunctionRoutes } from './fn.ts'
import { addHealthRoutes } from './health.ts'
import { createHostCheck } from './host.ts'
import { answerOnce } from './idempotency.ts'
import { readRequest } from './input.ts'
import { openapiDocument } from './openapi.ts'
import { badPath, toBody, toProblem, toZeroError } from './problem.ts'
import { createRateLimiter } from './rate-limit.ts'
import { watchBodies } from './stalled-body.ts'
import { addSurface } from './surface.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name of the operation of the route. */
    operation?: string
  }
}

/** Streams end after this time; clients connect again, which checks their permissions again. */
const MAX_STREAM_MS = 3_600_000

export interface ServerOptions {
  /** A request is rejected if its incomplete body receives no data for this time. Default 30 s. */
  stalledBodyMs?: number
}

/** Creates the HTTP server with the routes of all operations, functions, health checks and surfaces. It does not listen yet. */
export async function createServer(
  app: App,
  surfaces: readonly Surface[] = [],
  { stalledBodyMs = 30_000 }: ServerOptions = {},
): Promise<FastifyInstance> {
  const authenticate = createAuthenticator(app)
  const checkHost = createHostCheck(app)
  const clientAddress = createClientAddress(app)
  const limitRate = createRateLimiter(app)
  const version = packageVersion()
  const server = fastify({
    bodyLimit: app.config.maxBodyBytes,
    trustProxy: app.config.trustedProxies.length > 0 ? app.config.trustedProxies : false,
    genReqId: (request) => (request.headers['x-request-id'] as string | undefined)?.slice(0, 100) || randomUUID(),
    rewriteUrl: (request) => rewriteUrl(request.url ?? '/'),
    routerOptions: { maxParamLength: 1024 },
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    // A URL that cannot be decoded fails before routing.
    frameworkErrors: (error, request, reply) =>
      fail(app, error.code === 'FST_ERR_BAD_URL' ? badPath(request.originalUrl) : error, request, reply),
    clientErrorHandler: (error, socket) => answerClientError(app, error, socket),
  })
  watchBodies(server.server, stalledBodyMs, (socket, answered) => {
    if (answered) return socket.destroy()
    const message = `The request body is incomplete, and no data arrived for ${stalledBodyMs / 1000} s`
    rejectConnection(app, new ZeroError('request_timeout', message), socket)
  })
  await server.register(multipart, {
    limits: { fileSize: app.config.maxUploadBytes, files: 10, fields: 100, fieldSize: app.config.maxBodyBytes },
  })

  server.setReplySerializer((answer) => stringifyJson(answer))
  allowOrigins(server, app.config.corsOrigins)

  // Many clients send JSON without a content type, or a JSON content type without a body.
  server.removeContentTypeParser(['application/json', 'text/plain'])
  server.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined)
    try {
      done(null, parseJson(body as string))
    } catch (error) {
      if (error instanceof ZeroError) return done(error, undefined)
      const type = request.headers['content-type'] ?? ''
      done(/json|^$|urlencoded/.test(type) ? (error as Error) : new ZeroError('unsupported_media_type'), undefined)
    }
  })

  // Open streams would keep the server from closing.
  const closing = new AbortController()
  server.addHook('preClose', async () => closing.abort())
  // Connections without a request, which browsers and connection pools open, would also keep the server from closing: Node counts them as active.
  const unused = new Set<Socket>()
  server.server.on('connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.server.on('request', ({ socket }) => unused.delete(socket))
  server.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy()
  })
  server.addHook('onResponse', async (request, reply) => {
    // The headers of the response may have announced a persistent connection.
    if (closing.signal.aborted) request.raw.socket.destroySoon()
    const { operation = 'none' } = request.routeOptions.config
    app.metrics.requests.observe({ operation, status: reply.statusCode }, reply.elapsedTime / 1000)
    const { id: request_id, method } = request
    const url = request.url.split('?')[0]
    const line = { request_id, method, url, operation, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }
    app.log.debug({ ...line, user_id: callers.get(request)?.user_id, trace: callers.get(request)?.trace }, 'request')
  })

  const routes: { method: string; pattern: RegExp }[] = []
  const callers = new WeakMap<FastifyRequest, Caller>()
  for (const operation of OPERATIONS) {
    for (const route of [operation.route, ...(ROUTE_ALIASES[operation.name] ?? [])]) {
      const [method, url] = route.split(' ') as [string, string]
      const config = { operation: operation.name }
      server.route({ method, url, config, onRequest: admit(operation), handler: handle(operation) })
      for (const each of method === 'GET' ? ['GET', 'HEAD'] : [method])
        routes.push({ method: each, pattern: new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`) })
    }
  }

  /** Returns the hook that checks rate limit and permission before the body is read. */
  function admit(operation: Operation) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const { permission } = operation
      const { 'content-encoding': encoding = 'identity' } = request.headers
      if (encoding !== 'identity')
        throw new ZeroError(
          'unsupported_media_type',
          `The content encoding "${encoding}" is not supported: send the body without content encoding`,
        )
      if (permission === 'public') checkHost(request.headers)
      const caller =
        permission === 'public' ? { ...ANONYMOUS, client: clientAddress(request) } : await authenticate(request.headers)
      limitRate(reply, caller.client === undefined ? `user ${caller.user_id}` : `client ${caller.client}`)
      if (permission !== 'public' && permission !== 'any') requirePermission(caller, permission)
      callers.set(request, caller)
    }
  }

  function handle(operation: Operation) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { input, caller, ...remarks } = readRequest(operation, callers.get(request)!, request)
      const setWarnings = () => {
        if (remarks.warnings.length > 0) void reply.header('x-zerodb-warnings', remarks.warnings.join('; '))
      }
      if (operation.kind === 'bytes') {
        const bytes = await operation.run(app, caller, input)
        setWarnings()
        return sendBytes(request, reply, bytes)
      }
      if (operation.kind === 'stream') {
        setWarnings()
        const stop = new AbortController()
        const signal = AbortSignal.any([stop.signal, closing.signal, AbortSignal.timeout(MAX_STREAM_MS)])
        const messages = await operation.run(app, caller, input, signal)
        // HEAD only needs the headers of the stream, which does not end by itself.
        if (request.method === 'HEAD') stop.abort()
        return sendEvents(reply, messages, () => stop.abort())
      }
      const parts = request.isMultipart() ? uploadParts(request, operation, remarks) : null
      const { status, body, isRepeated } = await answerOnce(app, operation, caller, request, async () => {
        const answer =
          operation.kind === 'upload'
            ? await operation.run(app, caller, input, parts)
            : await operation.run(app, caller, input)
        if (operation.status === 204) return { status: 204, body: null }
        const other = operation.kind === 'json' ? operation.otherStatus : undefined
        const usual = operation.status ?? 200
        const answered = other?.holds(answer as object) ? other.status : usual
        return { status: answered, body: withWarnings(answer, remarks) }
      })
      setWarnings()
      if (isRepeated) void reply.header('idempotency-replayed', 'true')
      return status === 204 ? reply.code(204).send() : reply.code(status).send(body)
    }
  }

  server.setErrorHandler((thrown, request, reply) => fail(app, thrown, request, reply))
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const methods = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
    if (methods.length > 0) void reply.header('allow', [...new Set(methods)].join(', '))
    fail(app, new ZeroError(methods.length > 0 ? 'method_not_allowed' : 'route_not_found'), request, reply)
  })

  const document = openapiDocument(version)
  const onRequest = async ({ headers }: FastifyRequest) => checkHost(headers)
  server.get('/openapi.json', { onRequest }, async () => document)
  server.get('/', { onRequest }, async () => ({
    name: 'zerodb-functions',
    version,
    api: '/api/v1',
    openapi: '/openapi.json',
    health: '/health',
  }))
  addHealthRoutes(server, app, { version, authenticate, checkHost })
  await addFunctionRoutes(server, app, { authenticate, checkHost, limitRate })
  for (const surface of surfaces)
    await addSurface(server, surface, authenticate, (request, reply, caller) => {
      callers.set(request, caller)
      limitRate(reply, `user ${caller.user_id}`)
    })
  return server
}

function fail(app: App, thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
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
  else void reply.send(toBody(error, request.id))
}

/**
 * Yields the parts of a multipart body while it arrives. Throws `too_large` for a file over the limit, and `validation_failed` for an unknown or
 * repeated field.
 */
async function* uploadParts(
  request: FastifyRequest,
  operation: Operation,
  remarks: { warnings: string[] },
): AsyncIterable<UploadPart> {
  const names = new Map<string, string>()
  for await (const part of withParserErrors(request.parts())) {
    if (part.type === 'field') {
      const [{ name }] = renameFields(operation.name, { [part.fieldname]: part.value }) as [NamedField]
      if (!admitPart(operation, name, part.fieldname, names.get(name), remarks.warnings)) continue
      names.set(name, part.fieldname)
      yield { kind: 'field', name, value: String(part.value) }
      continue
    }
    yield {
      kind: 'file',
      name: part.fieldname,
      file_name: (part.filename || 'file').slice(-255),
      content_type: part.mimetype,
      content: withParserErrors(part.file),
    }
    part.file.resume()
    if (part.file.truncated) throw new ZeroError('too_large')
  }
}

/** Converts errors of the multipart parser: a malformed body is the client's error. Errors about sizes pass unchanged. */
async function* withParserErrors<Item>(source: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* source
  } catch (error) {
    const { statusCode, message } = error as { statusCode?: number; message: string }
    throw statusCode === 413
      ? error
      : new ZeroError('invalid', `The multipart body is malformed: ${message}`, { cause: error })
  }
}
